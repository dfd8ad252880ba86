"""Speedup with as many multipliers instead of as much area: what many papers report.

It flatters sparse hardware, whose lanes are larger, so it is told with the ratio of the areas, and
with what it is bound by: most often the feed, where skipped weights still take their turn.
"""

from dataclasses import dataclass, replace
from typing import Any

from ..errors import FitError
from ..hw.design import Design
from .equal_area import EqualArea, Timed
from .lane_counts import MAX_LANES
from .workload import Workload

__all__ = ["FixedMacs"]


@dataclass(frozen=True, eq=False)
class FixedMacs:
    """A sparse design with no more multipliers than a dense one, on the same layer.

    Attributes
    ----------
    dense, sparse : Timed
    """

    dense: Timed
    sparse: Timed

    @classmethod
    def of(
        cls, dense: Timed, template: Design, workload: Workload, area: EqualArea
    ) -> "FixedMacs | None":
        """Give a template as many lanes as there are multipliers for, and the best format.

        None where the template has no such number of lanes.

        Parameters
        ----------
        dense : Timed
        template : Design
        workload : Workload
        area : EqualArea
            Whose bench, formats and bandwidth count, not the budget.
        """
        group = template.simd_group
        macs = dense.fit.design.lanes * dense.fit.design.vector
        most = min(MAX_LANES, workload.usable_lanes(template), macs // template.vector)
        lanes = most - most % group
        if lanes < max(template.drain, group):
            return None
        design = replace(template, lanes=lanes)
        unbounded = EqualArea(area.bench, float("inf"), area.supply)
        predicted: list[Timed] = []
        for form in area.formats(design):
            try:
                fit = unbounded.at(design, (workload,), (form,))
            except FitError:  # such as rings that are too small for this format
                continue
            predicted.append(unbounded.timed_nearly(fit, 0, workload))
        if not predicted:
            return None
        best = min(predicted, key=lambda run: run.latency_s)
        return cls(dense, unbounded.timed(best.fit, 0, workload))

    @property
    def speedup(self) -> float:
        """In time."""
        return self.dense.latency_s / self.sparse.latency_s

    @property
    def area_ratio(self) -> float:
        """Area of the sparse design over that of the dense one."""
        return self.sparse.fit.area.total_um2 / self.dense.fit.area.total_um2

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        dense, sparse = self.dense.fit.design, self.sparse.fit.design
        return {
            "macs_dense": dense.lanes * dense.vector,
            "macs_sparse": sparse.lanes * sparse.vector,
            "speedup": self.speedup,
            "speedup_cycles": self.dense.cycles / self.sparse.cycles,
            "area_ratio": self.area_ratio,
            "lanes": sparse.lanes,
            "vector": sparse.vector,
            "feed": sparse.feed,
            "format": self.sparse.fit.forms[0].name,
            "bound": self.sparse.bound,
        }
