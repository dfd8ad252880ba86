"""The output stage when the output stream is not always ready: a beat every ``period`` cycles.

The stage holds as a whole while a beat waits to be taken. Counted in the cycles in which it moves
on (*steps*), everything happens as in the ``ideal`` environment; what has to be found is the cycle
of each step. A step in which a beat is due takes place when the stream takes it::

    cycle(k) = max(cycle(k - 1) + 1, cycle of the last beat taken + period)     a beat is due
    cycle(k) = cycle(k - 1) + 1                                                 otherwise

and a group begins in the first step whose cycle is not before all its lanes are ready.
"""

from collections import deque
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design
from .output_stage import OutputStage, beat_latency
from .recorder import UNRECORDED, Recorder

__all__ = ["StalledOutputStage"]


class StalledOutputStage(OutputStage):
    """The output stage at work, one call a pass.

    Parameters
    ----------
    design : Design
    period : int
        Cycles from one output beat to the next at least.
    sends : callable
        From the number of a pass to the groups that have a filter, and so send beats.
    group_cycles : int, optional
        As of ``OutputStage``.
    recorder : Recorder, optional

    Attributes
    ----------
    last_beat : int
        Cycle in which the last beat due so far is taken, -1 before the first.
    """

    steady = False

    def __init__(
        self,
        design: Design,
        period: int,
        sends: Callable[[int], NDArray[np.bool_]],
        group_cycles: int | None = None,
        recorder: Recorder = UNRECORDED,
    ) -> None:
        super().__init__(design, group_cycles)
        self._period = period
        self._sends = sends
        self._recorder = recorder
        self._pass = 0
        self._latency = beat_latency(design)
        self._step, self._cycle = -1, -1  # the last step that was looked at, and its cycle
        self._due: deque[int] = deque()  # steps of the beats on their way
        self.last_beat = -1

    def take(self, ready: NDArray[np.int64]) -> NDArray[np.int64]:
        """Visit all groups of a pass."""
        sends = self._sends(self._pass)
        self._pass += 1
        begins = np.empty(self._turns.size, np.int64)
        ends = np.empty_like(begins)
        latest = np.maximum.reduceat(ready, self._first_lanes)
        for group in range(begins.size):
            self._advance(self._step + 1)
            self._await(int(latest[group]))
            begins[group] = self._cycle
            first = self._step
            if sends[group]:
                self._due.extend(range(first + self._latency,
                                       first + self._latency + self._group_cycles))  # fmt: skip
            self._advance(first + self._group_cycles - 1)
            ends[group] = self._cycle
        self.begins, self.ends, self.end = begins, ends, int(ends[-1])
        return np.repeat(ends, self._drain)[: self._lanes]

    def cycles(self, last: int) -> int:
        """Return the cycles of the run, once all passes are taken."""
        if self._due:
            self._advance(self._due[-1])
        return self.last_beat + 1

    def _advance(self, step: int) -> None:
        """Go on to a step."""
        while self._due and self._due[0] <= step:
            due = self._due.popleft()
            comes = cycle = self._cycle + due - self._step
            if self.last_beat >= 0:
                cycle = max(cycle, self.last_beat + self._period)
            self._recorder.beat(comes, cycle)
            self._step, self._cycle, self.last_beat = due, cycle, cycle
        self._cycle += step - self._step
        self._step = step

    def _await(self, cycle: int) -> None:
        """Go on to the first step that is not before a cycle."""
        while self._cycle < cycle:
            ahead = cycle - self._cycle
            if self._due:
                ahead = min(ahead, self._due[0] - self._step)
            self._advance(self._step + ahead)
