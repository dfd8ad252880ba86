"""The feeder of the timing contract (sparse family): when each window is fed, and when it waits.

A window starts once the one before is fed and the window that holds its place, ``run_ahead``
windows ago, is released. Only the windows that the lanes can still wait for are remembered: those
of the previous pass (a lane issues something in every pass), the current one, and the ones ahead.
"""

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design, broadcast_stages
from ..hw.layout import Layout

__all__ = ["FIRST_STEP", "STEP_TO_WINDOW", "Feeder", "release_to_step", "window_steps"]

FIRST_STEP = 4
STEP_TO_WINDOW = 1
_RELEASE_TO_STEP = 1


def window_steps(layout: Layout) -> NDArray[np.int64]:
    """Return the feed steps of each window of a pass, (windows,); the last may have fewer."""
    steps = np.full(layout.windows, layout.window_steps, np.int64)
    steps[-1] = layout.steps - layout.window_steps * (layout.windows - 1)
    return steps


def release_to_step(design: Design) -> int:
    """Return the cycles from the release of a window to the first step of the one in its place."""
    later = broadcast_stages(design.vector) - broadcast_stages(design.streams)
    return _RELEASE_TO_STEP + max(0, later)


class Feeder:
    """The feeder at work; windows of the current pass are counted from 0.

    Attributes
    ----------
    windows : int
        Windows of one pass.
    ahead : int
        Windows whose start is known beyond the last released one.
    """

    def __init__(self, layout: Layout, design: Design, passes: int) -> None:
        self.windows = layout.windows
        self.ahead = design.run_ahead
        self._steps = window_steps(layout)
        self._release_to_step = release_to_step(design)
        self._latency = STEP_TO_WINDOW + broadcast_stages(design.streams)
        self._steps_of: list[int] = self._steps.tolist()
        self._to_fed: list[int] = [steps - 1 + self._latency for steps in self._steps_of]
        self._starts: list[int] = []
        self._current = 0  # where the current pass begins in _starts
        self._unfinished = passes * self.windows  # windows from _starts[0] to the end of the run
        self._next_start = FIRST_STEP
        for _ in range(self.ahead):
            self._start(0)

    def fed(self, window: int) -> int:
        """Return the cycle from which a window can be read."""
        return self._starts[self._current + window] + self._to_fed[window]

    def fed_all(self) -> NDArray[np.int64]:
        """Return ``fed`` of every window of the current pass."""
        starts = self._starts[self._current : self._current + self.windows]
        return np.array(starts, np.int64) + self._steps + (self._latency - 1)

    def written(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return when each window of the current pass is written: first cycle, and one past."""
        starts = np.array(self._starts[self._current : self._current + self.windows], np.int64)
        return starts, starts + self._steps

    def release(self, cycle: int) -> None:
        """Note the cycle in which the slowest cluster releases the next window."""
        self._start(cycle + self._release_to_step)

    def waits_before(self, cycles: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many cycles the feeder waited for a release before each of ``cycles``.

        The count starts at some cycle not after the first window of the previous pass, so only
        differences mean something. No cycle may lie before that, nor after ``fed`` of a window
        that is not released: window w + run_ahead, the last one known when window w is released,
        starts after ``fed(w)``, so up to there all steps are known.
        """
        # After the last window of the run, the feeder has nothing to wait for.
        starts = np.array(self._starts[: self._unfinished], np.int64)
        steps = np.resize(self._steps, starts.size)
        waited = starts - (np.cumsum(steps) - steps)
        waiting_from = starts + steps
        waiting_from[-1] = np.iinfo(np.int64).max
        latest = np.searchsorted(starts, cycles, side="right") - 1
        return waited[latest] + np.maximum(0, cycles - waiting_from[latest])

    def next_pass(self) -> None:
        """Go on to the next pass; all windows of the current one are released."""
        del self._starts[: self._current]
        self._unfinished -= self._current
        self._current = self.windows

    def skip(self, passes: int, cycles: int) -> None:
        """Move on by passes that repeat what came before, ``cycles`` later."""
        self._starts = [start + cycles for start in self._starts]
        self._next_start += cycles
        self._unfinished -= passes * self.windows

    def clock(self) -> int:
        """Return the first cycle after the last step of the previous pass."""
        return self._starts[self._current - 1] + self._steps_of[-1]

    def pending(self, since: int) -> NDArray[np.int64]:
        """Return all that matters of the feeder from cycle ``since`` on, relative to ``clock``."""
        starts = np.array(self._starts, np.int64)
        fed = starts + np.resize(self._steps, starts.size) + (self._latency - 1)
        return np.where(fed > since, starts - self.clock(), np.iinfo(np.int64).min)

    def _start(self, earliest: int) -> None:
        start = max(self._next_start, earliest)
        steps = self._steps_of[len(self._starts) % self.windows]
        self._starts.append(start)
        self._next_start = start + steps
