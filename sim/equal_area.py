"""Equal area: as many lanes as a budget pays for, with the memories for what is really stored.

A *template* is a design whose number of lanes is still open. For a layer and a format, lanes are
worth having only if they save a filter tile, so the counts that matter are ``ceil(filters /
tiles)``; the largest count that fits is tried too. Formats are ranked by the bounds of
``Workload.bounds``; only the best two are simulated, with both lane counts, since the bounds do not
see how evenly lanes share a window.
"""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace

from ..errors import FitError
from ..hw.design import Buffers, Design
from ..models.formats import IndexFormat
from .bench import AreaLike, Bench
from .streaming import WeightSupply
from .workload import Bounds, Load, Workload, formats_of

__all__ = ["MAX_LANES", "EqualArea", "Fit", "Timed", "lane_counts", "widest"]

MAX_LANES = 256
"""Largest ``Design.lanes``."""

_FINALISTS = 2
"""Formats of a layer that are simulated, of those that fit."""


@dataclass(frozen=True, eq=False)
class Fit:
    """A design that fits the budget, for one or more layers.

    Attributes
    ----------
    design : Design
    buffers : Buffers
        They cover every layer.
    forms : tuple of IndexFormat
        Format of each layer.
    loads, bounds : tuple of Load, tuple of Bounds
        For each layer.
    area : AreaLike
    freq_hz : float
    limit : str
        What limits the frequency.
    least_s : float
        Seconds that the bounds leave for all layers together.
    """

    design: Design
    buffers: Buffers
    forms: tuple[IndexFormat, ...]
    loads: tuple[Load, ...]
    bounds: tuple[Bounds, ...]
    area: AreaLike
    freq_hz: float
    limit: str
    least_s: float


@dataclass(frozen=True, eq=False)
class Timed:
    """One layer on a design, timed.

    Attributes
    ----------
    fit : Fit
    cycles : int
        Simulated with all weights on chip.
    latency_s : float
        Seconds, with waits for streamed weights.
    bound : str
        ``busiest_lane``, ``feed`` or ``drain``, or ``streaming`` if the layer waits for weights.
    """

    fit: Fit
    cycles: int
    latency_s: float
    bound: str


class EqualArea:
    """Designs of at most one area, on one bench.

    Parameters
    ----------
    bench : Bench
    budget_um2 : float
        Area that a design may have.
    supply : WeightSupply
        The same for all designs.
    """

    def __init__(self, bench: Bench, budget_um2: float, supply: WeightSupply) -> None:
        self.bench = bench
        self.budget_um2 = budget_um2
        self.supply = supply

    def at(
        self, design: Design, workloads: Sequence[Workload], forms: Sequence[IndexFormat]
    ) -> Fit:
        """Return the fit of a design.

        Raises
        ------
        FitError
            If its area is above the budget, or two tiles of streamed weights do not fit.
        """
        loads = tuple(w.load(design, form) for w, form in zip(workloads, forms, strict=True))
        weight_words, index_words = self.supply.words(design, loads)
        cover = workloads[0].buffers(design, loads[0])
        for workload, load in zip(workloads[1:], loads[1:], strict=True):
            cover = cover.covering(workload.buffers(design, load))
        buffers = replace(cover, weight_words=weight_words, index_words=index_words)
        area = self.bench.area(design, buffers)
        if area.total_um2 > self.budget_um2 * (1 + 1e-12):
            raise FitError(
                f"{design.name} needs {area.total_um2:.0f} um2 for {workloads[0].shape.name} in"
                f" the format {forms[0].name}; the budget is {self.budget_um2:.0f} um2"
            )
        frequency = self.bench.frequency(design, buffers)
        bounds = tuple(w.bounds(design, load) for w, load in zip(workloads, loads, strict=True))
        return Fit(
            design=design,
            buffers=buffers,
            forms=tuple(forms),
            loads=loads,
            bounds=bounds,
            area=area,
            freq_hz=frequency.freq_hz,
            limit=frequency.limit,
            least_s=sum(
                self.supply.latency_s(b.together, frequency.freq_hz, load, b, buffers)
                for load, b in zip(loads, bounds, strict=True)
            ),
        )

    def candidates(self, template: Design, workload: Workload) -> list[list[Fit]]:
        """Return the fits of each format of a layer; the fastest by its bounds first, twice.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        counts = lane_counts([workload], template)
        found: list[list[Fit]] = []
        reason: FitError | None = None
        for form in formats_of(template):

            def fit(lanes: int, form: IndexFormat = form) -> Fit:
                return self.at(replace(template, lanes=lanes), (workload,), (form,))

            try:
                found.append(sorted(widest(counts, fit), key=_rank))
            except FitError as error:
                reason = reason or error
        if reason is not None and not found:
            raise reason
        return sorted(found, key=lambda fits: _rank(fits[0]))

    def least_s(self, fit: Fit, number: int) -> float:
        """Return the seconds that the bounds leave for one layer of a fit."""
        load, bounds = fit.loads[number], fit.bounds[number]
        return self.supply.latency_s(bounds.together, fit.freq_hz, load, bounds, fit.buffers)

    def timed(self, fit: Fit, number: int, workload: Workload) -> Timed:
        """Simulate one layer of a fit."""
        cycles = self.bench.cycles(workload, fit.design, fit.forms[number])
        return self._timed(fit, number, cycles)

    def timed_undelayed(self, fit: Fit, number: int, workload: Workload) -> Timed:
        """Simulate one layer of a fit, as if its decoders never kept a lane waiting."""
        cycles = self.bench.cycles_undelayed(workload, fit.design, fit.forms[number])
        return self._timed(fit, number, cycles)

    def shortlist(self, template: Design, workload: Workload) -> list[Timed]:
        """Simulate the two best formats of a layer, decoders undelayed; the fastest first.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        finalists = self.candidates(template, workload)[:_FINALISTS]
        return sorted(
            (self.timed_undelayed(fit, 0, workload) for fits in finalists for fit in fits),
            key=lambda timed: timed.latency_s,
        )

    def fastest(self, template: Design, workload: Workload) -> Timed:
        """Return a layer on its best number of lanes in its best format, simulated exactly.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        best: Timed | None = None
        for quick in self.shortlist(template, workload):
            if best is None or quick.latency_s < best.latency_s:
                exact = self.timed(quick.fit, 0, workload)
                if best is None or exact.latency_s < best.latency_s:
                    best = exact
        assert best is not None
        return best

    def _timed(self, fit: Fit, number: int, cycles: int) -> Timed:
        load, bounds = fit.loads[number], fit.bounds[number]
        latency_s = self.supply.latency_s(cycles, fit.freq_hz, load, bounds, fit.buffers)
        waits = latency_s > cycles / fit.freq_hz * (1 + 1e-9)
        return Timed(fit, cycles, latency_s, "streaming" if waits else bounds.holding)


def lane_counts(workloads: Iterable[Workload], template: Design) -> list[int]:
    """Return the lane counts that save some layer a filter tile, the largest first."""
    counts: set[int] = set()
    for workload in workloads:
        filters = workload.usable_lanes(template)
        fewest_tiles = -(-filters // MAX_LANES)
        counts.update(-(-filters // tiles) for tiles in range(fewest_tiles, filters + 1))
    return sorted((lanes for lanes in counts if lanes >= template.drain), reverse=True)


def widest(counts: Sequence[int], fit: Callable[[int], Fit], also: int = 1) -> list[Fit]:
    """Find the largest numbers of lanes that fit.

    Every count is tried from the top: fewer lanes may need more area, since memories come in whole
    words of whole lanes.

    Parameters
    ----------
    counts : sequence of int
        Lane counts to try, descending.
    fit : callable
        From lanes to a fit; raises FitError.
    also : int
        How many to return.

    Returns
    -------
    list of Fit
        The largest counts that fit.

    Raises
    ------
    FitError
        If none fits.
    """
    if not counts:
        raise FitError("no lane count is large enough for the lanes drained together")
    found: list[Fit] = []
    reason: FitError | None = None
    for lanes in counts:
        try:
            found.append(fit(lanes))
        except FitError as error:
            reason = error
        if len(found) == also:
            break
    if not found and reason is not None:
        raise reason
    return found


def _rank(fit: Fit) -> tuple[float, float]:
    return fit.least_s, fit.area.total_um2
