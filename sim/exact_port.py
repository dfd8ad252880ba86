"""Operands of lanes with ports of their own: always there, so that no lane waits for them.

It stands where the windows' ``Feeder`` stands in ``exact_sparse``: one window a pass, fed once and
for all when the first entry stands at the head of any lane's queue (until then counts as fill).
"""

import numpy as np
from numpy.typing import NDArray

__all__ = ["Ports"]


class Ports:
    """The ports at work.

    Parameters
    ----------
    first : int
        Cycle in which the first entry stands at the head of a queue.

    Attributes
    ----------
    windows : int
        Windows of one pass.
    ahead : int
        Windows whose start is known beyond the last released one.
    """

    windows, ahead = 1, 0

    def __init__(self, first: int) -> None:
        self._first = first
        self._clock = first

    def fed(self, window: int) -> int:
        """Return the cycle from which operands can be read."""
        return self._first

    def fed_all(self) -> NDArray[np.int64]:
        """Return ``fed`` of the only window of a pass."""
        return np.array([self._first], np.int64)

    def written(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return when each window of the current pass is written: there is none to write."""
        return np.zeros(0, np.int64), np.zeros(0, np.int64)

    def release(self, cycle: int) -> None:
        """Note the cycle in which every lane has got to the next pass."""
        self._clock = cycle

    def waits_before(self, cycles: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return how many cycles a feeder waited before each of ``cycles``: none."""
        return np.zeros_like(cycles)

    def next_pass(self) -> None:
        """Go on to the next pass."""

    def skip(self, passes: int, cycles: int) -> None:
        """Move on by passes that repeat what came before, ``cycles`` later."""
        self._clock += cycles

    def clock(self) -> int:
        """Return the cycle in which every lane had got to the present pass."""
        return self._clock

    def pending(self, since: int) -> NDArray[np.int64]:
        """Return all that matters of the ports from cycle ``since`` on: nothing."""
        return np.zeros(0, np.int64)
