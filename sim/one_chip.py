"""One chip: a single design for a whole network, of the area of the dense baseline.

Both sides get one design each, chosen for the sum of the seconds of all layers, with memories that
cover every layer. The sparse chip reads each layer in its best format, dense included. FC layers
run on the vector arrays of both sides.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import FitError
from ..hw.design import Design
from ..models.formats import IndexFormat
from .dense_baseline import FrozenBaseline, design_json
from .equal_area import EqualArea, Fit, Timed
from .lane_counts import lane_counts, widest
from .optimizer import Progress, Score, optimize
from .search_space import SearchSpace
from .workload import Workload

__all__ = ["Chip", "ChipGoal", "OneChip", "best_chip", "one_chip"]

_LANE_COUNTS = 6
"""Lane counts below the largest that fits that are compared by their bounds: the layers of a
network fill different numbers of lanes well."""

_FINALISTS = 2
"""Lane counts whose cycles are predicted, of those."""


@dataclass(frozen=True, eq=False)
class Chip:
    """A design at work on every layer of a network.

    Attributes
    ----------
    fit : Fit
    layers : tuple of Timed
        In the order of the network.
    """

    fit: Fit
    layers: tuple[Timed, ...]

    @property
    def latency_s(self) -> float:
        """Seconds of all layers."""
        return sum(layer.latency_s for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Return the design and its time."""
        return {**design_json(self.fit), "latency_s": self.latency_s}


@dataclass(frozen=True, eq=False)
class ChipGoal:
    """Short total time of the layers of a network within one area.

    Attributes
    ----------
    area : EqualArea
    workloads : tuple of Workload
    """

    area: EqualArea
    workloads: tuple[Workload, ...]

    def least(self, template: Design) -> Score:
        """Return the score by the bounds alone."""
        fit = self.fits(template)[0]
        return self._score(fit, fit.least_s)

    def predicted(self, template: Design) -> Score:
        """Return the score of the best fit by the fast tier."""
        fit = self.best_fit(template)
        return self._score(fit, self.predicted_s(fit))

    def simulated(self, template: Design) -> Score:
        """Return the score of the best fit by simulation; of FC layers, slow to simulate, not."""
        fit = self.best_fit(template)
        seconds = sum(
            (self.area.timed_nearly if w.shape.kind == "fc" else self.area.timed_undelayed)(
                fit, number, w
            ).latency_s
            for number, w in enumerate(self.workloads)
        )

        return self._score(fit, seconds)

    def predicted_s(self, fit: Fit) -> float:
        """Return the seconds of all layers by the fast tier."""
        timed = (self.area.timed_nearly(fit, n, w) for n, w in enumerate(self.workloads))
        return sum(one.latency_s for one in timed)

    def best_fit(self, template: Design) -> Fit:
        """Return the fit that is predicted to be fastest."""
        return min(self.fits(template)[:_FINALISTS], key=self.predicted_s)

    def fits(self, template: Design) -> list[Fit]:
        """Return the template with several numbers of lanes; the fastest by its bounds first.

        Raises
        ------
        FitError
            If not even one lane fits.
        """
        counts = lane_counts(self.workloads, template)
        found = widest(counts, lambda lanes: self._smallest(template, lanes), _LANE_COUNTS)
        return sorted((self._quickened(fit) for fit in found), key=lambda fit: fit.least_s)

    def _score(self, fit: Fit, seconds: float) -> Score:
        return Score(0, seconds, self.area.promised_s(seconds, fit.area))

    def _smallest(self, template: Design, lanes: int) -> Fit:
        """Return a design with every layer in the format that needs the least memory."""
        design = replace(template, lanes=lanes)

        def smallest(workload: Workload) -> IndexFormat:
            def lane_bits(form: IndexFormat) -> int:
                load = workload.load(design, form)
                index_bits = load.index_words * (design.scan_bits + 1)
                return load.weight_words * design.weight_bits + index_bits

            return min(self.area.formats(design), key=lane_bits)

        forms = [smallest(workload) for workload in self.workloads]
        return self.area.at(design, self.workloads, forms)

    def _quickened(self, fit: Fit) -> Fit:
        """Change the format of layers, one by one, where that is faster and still fits."""
        for number in range(len(self.workloads)):
            for form in self.area.formats(fit.design):
                forms = (*fit.forms[:number], form, *fit.forms[number + 1 :])
                try:
                    other = self.area.at(fit.design, self.workloads, forms)
                except FitError:
                    continue
                if other.least_s < fit.least_s:
                    fit = other
        return fit


@dataclass(frozen=True, eq=False)
class OneChip:
    """The best dense and the best sparse chip of one area.

    Attributes
    ----------
    baseline : FrozenBaseline
    dense, sparse : Chip
    names : tuple of str
        Names of the layers.
    """

    baseline: FrozenBaseline
    dense: Chip
    sparse: Chip | None
    names: tuple[str, ...]
    reason: str | None = None

    @property
    def speedup(self) -> float | None:
        """Sum of dense seconds / sum of sparse seconds, None if no sparse chip fits."""
        return self.dense.latency_s / self.sparse.latency_s if self.sparse else None

    def to_json(self) -> dict[str, Any]:
        """Return both chips and the seconds of each layer."""
        sparse = self.sparse.layers if self.sparse else (None,) * len(self.names)
        return {
            "accounting": "one_chip",
            "reason": self.reason,
            "dense": self.dense.to_json(),
            "sparse": self.sparse.to_json() if self.sparse else None,
            "layers": [
                {
                    "name": name,
                    "format": self.sparse.fit.forms[number].name if self.sparse else None,
                    "latency_s_dense": on_dense.latency_s,
                    "latency_s_sparse": on_sparse.latency_s if on_sparse else None,
                    "speedup": on_dense.latency_s / on_sparse.latency_s if on_sparse else None,
                    "bound": on_sparse.bound if on_sparse else None,
                }
                for number, (name, on_dense, on_sparse) in enumerate(
                    zip(self.names, self.dense.layers, sparse, strict=True)
                )
            ],
        }


def best_chip(
    area: EqualArea,
    workloads: Sequence[Workload],
    space: SearchSpace,
    starts: Sequence[Design],
    progress: Progress,
) -> Chip:
    """Choose one design for all layers.

    Raises
    ------
    BosquetError
        If none fits.
    """
    goal = ChipGoal(area, tuple(workloads))
    fit = goal.best_fit(optimize(space, starts, goal, progress)[0])
    return Chip(fit, tuple(area.timed(fit, n, w) for n, w in enumerate(workloads)))


def one_chip(
    baseline: FrozenBaseline,
    workloads: Sequence[Workload],
    space: SearchSpace,
    progress: Progress,
) -> OneChip:
    """Compare the best dense and the best sparse chip within the area of the baseline.

    Raises
    ------
    BosquetError
        If the area of a design is not known.
    """
    area = baseline.equal_area
    names = tuple(workload.shape.name for workload in workloads)
    frozen = Chip(baseline.layers[0].fit, baseline.layers)
    try:
        starts = space.starts("dense", baseline.design)
        dense = best_chip(area, workloads, space, starts, progress)
    except FitError:
        dense = frozen
    dense = min(dense, frozen, key=lambda chip: chip.latency_s)
    try:
        starts = space.starts("sparse", baseline.design)
        sparse = best_chip(area, workloads, space, starts, progress)
    except FitError as error:
        return OneChip(baseline, dense, None, names, f"no sparse chip fits: {error}")
    return OneChip(baseline, dense, sparse, names)
