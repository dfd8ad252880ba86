"""The output stage of the timing contract: when each lane's sums are taken, when beats leave.

It visits the lanes in groups of ``drain``, always in the same order. With D cycles a group
(``drain_cycles``, or V where each column has a filter of its own), group g of a pass begins at
``max(begin(g - 1) + D, ready(g))``. Seen on a clock that is D g slow, ``begin(g) - D g`` is a
running maximum.
"""

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design

__all__ = [
    "OutputStage",
    "beat_latency",
    "beats_per_tile",
    "groups_with_filters",
    "last_group",
]

_BEAT_LATENCY = 7  # from the begin of a group to its first beat, without the group multiplexer
_GROUPS_PER_MUX_STAGE = 16


class OutputStage:
    """The output stage at work, one call a pass.

    Parameters
    ----------
    design : Design
    group_cycles : int, optional
        ``Program.group_cycles``; None: the design's ``drain_cycles``.

    Attributes
    ----------
    end : int
        Cycle in which the last group so far was taken, -1 before the first.
    begins, ends : int64 array (groups,)
        First and last cycle of each group of the last pass.
    steady : bool
        Nothing but ``end`` of what it did matters for what it will do.
    """

    steady = True

    def __init__(self, design: Design, group_cycles: int | None = None) -> None:
        self._design = design
        self._lanes = design.lanes
        self._drain = design.drain
        self._group_cycles = group_cycles or design.drain_cycles
        self._first_lanes = np.arange(0, design.lanes, design.drain)
        self._turns = np.arange(design.drain_groups, dtype=np.int64) * self._group_cycles
        self.begins = np.zeros(design.drain_groups, np.int64)
        self.ends = self.begins
        self.end = -1

    def take(self, ready: NDArray[np.int64]) -> NDArray[np.int64]:
        """Visit all groups of a pass.

        Parameters
        ----------
        ready : int64 array (lanes,)
            Cycle from which the sums of each lane can be taken.

        Returns
        -------
        int64 array (lanes,)
            Cycle in which they are taken.
        """
        slow = np.maximum.reduceat(ready, self._first_lanes) - self._turns
        slow[0] = max(int(slow[0]), self.end + 1)
        self.begins = np.maximum.accumulate(slow) + self._turns
        self.ends = self.begins + (self._group_cycles - 1)
        self.end = int(self.ends[-1])
        return np.repeat(self.ends, self._drain)[: self._lanes]

    def cycles(self, last: int) -> int:
        """Return the cycles of the run, given the last group of the last pass with a filter."""
        return int(self.begins[last]) + self.cycles_after_last_begin

    @property
    def cycles_after_last_begin(self) -> int:
        """Cycles from the begin of the last group with a filter to the end of the run."""
        return self._group_cycles - 1 + beat_latency(self._design) + 1

    @property
    def group_cycles(self) -> int:
        """Cycles that a group takes."""
        return self._group_cycles


def last_group(assignment: NDArray[np.int64], design: Design) -> int:
    """Return the last group with a filter, given the filter of each lane (-1: none)."""
    return int(np.flatnonzero(assignment >= 0)[-1]) // design.drain


def beats_per_tile(assignment: NDArray[np.int64], design: Design) -> NDArray[np.int64]:
    """Return the beats of one pass of each tile: none for a group without any filter.

    Parameters
    ----------
    assignment : int64 array (tiles, lanes)
        Filter of each lane, -1 where there is none.
    """
    used = groups_with_filters(assignment, design)
    beats: NDArray[np.int64] = used.sum(axis=1, dtype=np.int64) * design.drain_cycles
    return beats


def groups_with_filters(assignment: NDArray[np.int64], design: Design) -> NDArray[np.bool_]:
    """Return which groups of each tile have a filter, (tiles, groups)."""
    first_lanes = np.arange(0, design.lanes, design.drain)
    used: NDArray[np.bool_] = np.logical_or.reduceat(assignment >= 0, first_lanes, axis=1)
    return used


def beat_latency(design: Design) -> int:
    """Return the cycles from the begin of a group to its first beat."""
    return _BEAT_LATENCY + (1 if design.drain_groups <= _GROUPS_PER_MUX_STAGE else 2)
