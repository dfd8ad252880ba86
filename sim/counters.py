"""The counters of one run: where every lane-cycle went.

The same names in the simulator, the RTL's registers, the reports and JSON. Each lane-cycle is
either ``compute`` or has exactly one stall cause, so that they add up to lanes x cycles.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

__all__ = ["STALLS", "Counters"]

STALLS = (
    "imbalance",
    "window",
    "feed",
    "filler",
    "weight_buffer",
    "dram",
    "drain",
    "fill",
)
"""Every cause a lane can have for not issuing a weight; ARCHITECTURE.md says when each applies."""


@dataclass(frozen=True)
class Counters:
    """What a run of one layer counts.

    Attributes
    ----------
    lanes : int
        Lanes of the design.
    cycles : int
        Cycles from the one after ``start`` up to the last output beat.
    compute : int
        Lane-cycles that issue a weight.
    stalls : mapping of str to int
        Lane-cycles of each cause in ``STALLS``.
    output_beats : int
        Beats of the output stream.
    """

    lanes: int
    cycles: int
    compute: int
    stalls: Mapping[str, int]
    output_beats: int

    @classmethod
    def total(cls, runs: Sequence["Counters"]) -> "Counters":
        """Return what runs of one design count together."""
        return cls(
            runs[0].lanes,
            sum(run.cycles for run in runs),
            sum(run.compute for run in runs),
            {cause: sum(run.stalls[cause] for run in runs) for cause in STALLS},
            sum(run.output_beats for run in runs),
        )

    def __post_init__(self) -> None:
        counted = self.compute + sum(self.stalls.values())
        if (
            set(self.stalls) != set(STALLS)
            or min(self.compute, *self.stalls.values()) < 0
            or counted != self.lane_cycles
        ):
            raise RuntimeError(
                f"bug in bosquet, please report it: {self.compute} compute and stalls"
                f" {dict(self.stalls)} are not {self.lanes} lanes x {self.cycles} cycles"
            )

    @property
    def lane_cycles(self) -> int:
        """Lanes x cycles."""
        return self.lanes * self.cycles

    @property
    def utilization(self) -> float:
        """Share of the lane-cycles that issue a weight, 0 to 1."""
        return self.compute / self.lane_cycles

    def stall_share(self, cause: str) -> float:
        """Return the share of the lane-cycles lost to one cause of ``STALLS``, 0 to 1."""
        return self.stalls[cause] / self.lane_cycles
