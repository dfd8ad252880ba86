"""Equal area: as many lanes as a budget pays for, with the memories for what is really stored.

A *template* is a design whose number of lanes is still open. For a layer and a format, lanes are
worth having only if they save a filter tile, so the counts that matter are ``ceil(filters /
tiles)``. With all weights on chip the largest one that fits is taken. Where weights stream, fewer
lanes may be faster, since the smaller filter tiles stay in their rings from pass to pass: the best
two by the bounds of ``Workload.bounds`` are kept. Formats are ranked by these bounds, too; the best
two are predicted, since the bounds do not see how evenly lanes share a window, and what is
predicted to be fastest is simulated.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from ..errors import FitError
from ..hw.cuts import Shortage
from ..hw.design import Buffers, Design
from ..models.formats import IndexFormat
from .bench import AreaLike, Bench
from .lane_counts import OverBudgetError, lane_counts, widest
from .streaming import WeightSupply
from .workload import Bounds, Load, Workload, formats_of

__all__ = ["EqualArea", "Fit", "Timed"]

_FORMATS = 2
"""Formats of a layer whose cycles are predicted, of those that fit."""

_FINALISTS = 2
"""Fits that are simulated, of those that are predicted."""

_STREAMED_COUNTS, _STREAMED_KEPT = 8, 2
"""Lane counts of a format that are ranked where weights stream, and how many of them are kept."""

_SURELY_WAITING = 1.2
"""Latency, over that of the cycles, from which on no error of a prediction matters."""


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
        With all weights on chip; simulated, or predicted where many are compared.
    latency_s : float
        Seconds, with waits for streamed weights.
    bound : str
        ``busiest_lane``, ``feed`` or ``drain``; ``streaming`` if the layer waits for weights,
        ``weight_bandwidth`` if all are on chip and it reads them no faster (FC layers).
    """

    fit: Fit
    cycles: int
    latency_s: float
    bound: str

    @property
    def waiting(self) -> float:
        """Latency over what the cycles alone would take."""
        return self.latency_s * self.fit.freq_hz / self.cycles


class EqualArea:
    """Designs of at most one area, on one bench.

    Parameters
    ----------
    bench : Bench
    budget_um2 : float
        Area that a design may have.
    supply : WeightSupply
        The same for all designs.
    formats : tuple of str
        Names of the index formats that sparse designs may use; none: all that they read.
    """

    def __init__(
        self,
        bench: Bench,
        budget_um2: float,
        supply: WeightSupply,
        formats: tuple[str, ...] = (),
    ) -> None:
        self.bench = bench
        self.budget_um2 = budget_um2
        self.supply = supply
        self._formats = formats
        self._candidates: dict[tuple[Design, object], list[list[Fit]] | FitError] = {}

    def formats(self, design: Design) -> tuple[IndexFormat, ...]:
        """Return the formats that a design may use.

        Raises
        ------
        FitError
            If it reads none of those that are allowed.
        """
        read = formats_of(design)
        if design.family != "sparse" or not self._formats:
            return read
        allowed = tuple(form for form in read if form.name in self._formats)
        if not allowed:
            raise FitError(
                f"{design.name} reads none of the formats {', '.join(self._formats)}; it reads"
                f" {', '.join(form.name for form in read)}"
            )
        return allowed

    def at(
        self, design: Design, workloads: Sequence[Workload], forms: Sequence[IndexFormat]
    ) -> Fit:
        """Return the fit of a design.

        Raises
        ------
        FitError
            If its area is above the budget, too little is left for streaming, or a layer is beyond
            its counters.
        """
        for workload in workloads:
            _check_counters(workload, design)
        loads = tuple(w.load(design, form) for w, form in zip(workloads, forms, strict=True))
        whole = [w.buffers(design, load) for w, load in zip(workloads, loads, strict=True)]
        buffers = self.supply.buffers(design, loads, whole)
        area = self.bench.area(design, buffers)
        if area.total_um2 > self.budget_um2 * (1 + 1e-12):
            raise OverBudgetError(
                f"{design.name} needs {area.total_um2:.0f} um2 for {workloads[0].shape.name} in"
                f" the format {forms[0].name}; the budget is {self.budget_um2:.0f} um2",
                area.total_um2 / self.budget_um2,
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
                self.supply.least_s(b.together, frequency.freq_hz, load, b, buffers)
                for load, b in zip(loads, bounds, strict=True)
            ),
        )

    def candidates(self, template: Design, workload: Workload) -> list[list[Fit]]:
        """Return the fits of each format of a layer; the fastest by its bounds first, twice.

        One of each format, or a few where weights stream.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        key = template, workload.key
        if key not in self._candidates:
            try:
                self._candidates[key] = self._fitting(template, workload)
            except FitError as error:
                self._candidates[key] = error
        found = self._candidates[key]
        if isinstance(found, FitError):
            raise found.with_traceback(None)
        return found

    def _fitting(self, template: Design, workload: Workload) -> list[list[Fit]]:
        counts = lane_counts([workload], template)
        found: list[list[Fit]] = []
        reason: FitError | None = None
        streams = self.supply.on_chip < 1
        ranked, kept = (_STREAMED_COUNTS, _STREAMED_KEPT) if streams else (1, 1)
        for form in self._worth_trying(template, workload, counts):

            def fit(lanes: int, form: IndexFormat = form) -> Fit:
                return self.at(_with_lanes(template, lanes), (workload,), (form,))

            try:
                found.append(sorted(widest(counts, fit, ranked), key=_rank)[:kept])
            except FitError as error:
                reason = reason or error
        if reason is not None and not found:
            raise reason
        return sorted(found, key=lambda fits: _rank(fits[0]))

    def _worth_trying(
        self, template: Design, workload: Workload, counts: Sequence[int]
    ) -> list[IndexFormat]:
        """Return the formats that no other one beats in memory and entries at once."""
        needs: dict[IndexFormat, tuple[int, int, int]] = {}
        fewest = replace(template, lanes=counts[-1]) if counts else template
        for form in self.formats(template):
            load = workload.load(fewest, form)
            need = load.weight_words, load.index_words, int(load.busiest.sum())
            if not any(_beats(other, need) for other in needs.values()):
                needs = {kept: other for kept, other in needs.items() if not _beats(need, other)}
                needs[form] = need
        return list(needs)

    def promised_s(self, seconds: float, area: AreaLike) -> float:
        """Return the seconds that would be left of some if the rest of the budget were lanes.

        Lanes are worth having by the tile, so that a better template may show in nothing but area
        that is left over; this leads a search to it.
        """
        lanes_um2 = area.pe_share * area.total_um2
        return seconds * lanes_um2 / (lanes_um2 + max(0.0, self.budget_um2 - area.total_um2))

    def timed(self, fit: Fit, number: int, workload: Workload) -> Timed:
        """Simulate one layer of a fit."""
        cycles = self.bench.cycles(workload, fit.design, fit.forms[number])
        return self._timed(fit, number, cycles)

    def timed_undelayed(self, fit: Fit, number: int, workload: Workload) -> Timed:
        """Simulate one layer of a fit, as if its decoders never kept a lane waiting."""
        cycles = self.bench.cycles_undelayed(workload, fit.design, fit.forms[number])
        return self._timed(fit, number, cycles)

    def timed_nearly(self, fit: Fit, number: int, workload: Workload) -> Timed:
        """Predict one layer of a fit."""
        cycles = self.bench.cycles_predicted(workload, fit.design, fit.forms[number])
        return self._timed(fit, number, cycles)

    def predicted(self, template: Design, workload: Workload) -> list[Timed]:
        """Predict a layer in its two best formats; the fastest first.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        fits = [fit for fits in self.candidates(template, workload)[:_FORMATS] for fit in fits]
        return sorted((self.timed_nearly(fit, 0, workload) for fit in fits), key=_latency_s)

    def shortlist(self, template: Design, workload: Workload) -> list[Timed]:
        """Simulate the two best fits of a layer, decoders undelayed; the fastest first.

        Not where both wait for weights whatever their cycles are: they are ranked as they stand.

        Raises
        ------
        FitError
            If no lane fits in any format.
        """
        finalists = self.predicted(template, workload)[:_FINALISTS]
        if all(timed.waiting > _SURELY_WAITING for timed in finalists):
            return finalists
        simulated = (self.timed_undelayed(timed.fit, 0, workload) for timed in finalists)
        return sorted(simulated, key=_latency_s)

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
        streamed = load.weight_words > fit.buffers.weight_words
        waiting = "streaming" if streamed else "weight_bandwidth"
        return Timed(fit, cycles, latency_s, waiting if waits else bounds.holding)


@lru_cache(maxsize=1 << 14)
def _check_counters(workload: Workload, design: Design) -> None:
    short = Shortage.of_counters(workload.shape, design)
    short = short or Shortage.of_positions(workload.shape, design)
    if short is not None:
        raise FitError(
            f"layer {workload.shape.name} has {short.need} {short.name.replace('_', ' ')};"
            f" {design.name} counts to {short.have} in a run"
        )


def _with_lanes(template: Design, lanes: int) -> Design:
    return replace(template, lanes=lanes)


def _beats(one: tuple[int, ...], other: tuple[int, ...]) -> bool:
    return one != other and all(a <= b for a, b in zip(one, other, strict=True))


def _latency_s(timed: Timed) -> float:
    return timed.latency_s


def _rank(fit: Fit) -> tuple[float, float]:
    return fit.least_s, fit.area.total_um2
