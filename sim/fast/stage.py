"""The output stages of many sequences: ``sim.output_stage`` for some of them at a time."""

import numpy as np

from ...hw.design import Design
from .pace import Pace
from .streams import Floats, Ints

__all__ = ["Stages"]

_MORE = 8
"""Passes that room is made for at a time."""


class Stages:
    """The output stage of every sequence.

    Attributes
    ----------
    taken : float64 array (passes + 1, sequences)
        Cycle in which the last group of each pass was taken; row 0 is -1.
    """

    def __init__(self, design: Design, pace: Pace, sequences: int) -> None:
        first = np.arange(0, design.lanes, design.drain)
        last = np.minimum(first + design.drain, design.lanes) - 1
        group = design.simd_group
        self._first, self._last = first // group, last // group  # streams of each output group
        self._span = int((self._last - self._first).max())
        self._of_stream = ((np.arange(design.streams) + 1) * group - 1) // design.drain
        self._turns = np.arange(design.drain_groups) * float(pace.group_cycles)
        self._to_end = self._turns + (pace.group_cycles - 1)
        self._passes = np.zeros(sequences, np.int64)
        self.taken = np.full((1 + _MORE, sequences), np.nan)
        self.taken[0] = -1

    def take(self, sequences: Ints, ready: Floats) -> Floats:
        """Take the sums of a pass of some sequences.

        Parameters
        ----------
        sequences : int64 array (chosen,)
        ready : float64 array (chosen, streams)
            Cycle from which they can be taken.

        Returns
        -------
        float64 array (chosen, streams)
            Cycle in which those of a stream's last lane are taken.
        """
        slow = ready[:, self._first]
        for more in range(1, self._span + 1):
            np.maximum(slow, ready[:, np.minimum(self._first + more, self._last)], out=slow)
        slow = np.ceil(slow) - self._turns
        passes = self._passes[sequences] + 1
        self._passes[sequences] = passes
        slow[:, 0] = np.maximum(slow[:, 0], self.taken[passes - 1, sequences] + 1)
        ends = np.maximum.accumulate(slow, axis=1) + self._to_end
        if len(self.taken) <= int(passes.max()):
            room = np.full((_MORE, self._passes.size), np.nan)
            self.taken = np.vstack([self.taken, room])
        self.taken[passes, sequences] = ends[:, -1]
        of_stream: Floats = ends[:, self._of_stream]
        return of_stream
