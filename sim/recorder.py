"""What a simulation tells whoever records it: each pass or scan, as its recurrence has found it.

The exact simulators call these few methods, once for a pass, and never loop for them.
``UNRECORDED`` listens to nothing; ``sim.timeline`` makes events of what it hears. Cycles are those
of one run.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from .eie_scans import Scans
from .segments import Ints, Segments

__all__ = ["UNRECORDED", "DensePass", "DrainedPass", "EieScan", "Recorder", "SparsePass"]


@dataclass(frozen=True, eq=False)
class SparsePass:
    """One pass of the lanes of the sparse family.

    Attributes
    ----------
    number : int
        Of the pass in the run.
    work : Segments
        What the lanes issued.
    heads, since, head, freed, fed, issues : int64 array (segments,)
        Of the first entry of each segment: when it stood at the head; the cycle after the issue
        before it, if lanes wait for anything then; when it waited no more for the decoder, for the
        accumulators, for its window, in this order; and when the last entry was issued.
    first_fed : int
        Cycle in which the first window of the run can be read.
    written : pair of int64 array (windows,)
        First cycle in which each window of the pass is written, and the one after the last.
    can_be_read : int64 array (windows,)
        Cycle from which each window can be read.
    next_heads : int64 array (streams,)
        When the next entry of each stream stands at the head, or would if there were one.
    """

    number: int
    work: Segments
    heads: Ints
    since: Ints
    head: Ints
    freed: Ints
    fed: Ints
    issues: Ints
    first_fed: int
    written: tuple[Ints, Ints]
    can_be_read: Ints
    next_heads: Ints


@dataclass(frozen=True)
class DensePass:
    """One pass of the dense family: cycles in which its steps are issued.

    Attributes
    ----------
    number : int
    begin : int
        The first step.
    last : int
        The last step.
    """

    number: int
    begin: int
    last: int


@dataclass(frozen=True, eq=False)
class EieScan:
    """One scan of the EIE family.

    Attributes
    ----------
    image, tile : int
    columns : int64 array (non-zeros,)
        Input of each non-zero activation.
    first : int
        First slot.
    scans : Scans
        Of the image, from the first slot of each on.
    done : int64 array (lanes,)
        Cycle from which a PE is done.
    """

    image: int
    tile: int
    columns: Ints
    first: int
    scans: Scans
    done: Ints

    @property
    def last(self) -> int:
        """Last slot."""
        return self.first + self.scans.last[self.tile]

    @property
    def slots(self) -> Ints:
        """Slot of each non-zero, (non-zeros,)."""
        own: Ints = self.first + np.array(self.scans.slots[self.tile], np.int64)
        return own

    @property
    def pops(self) -> Ints:
        """When a PE reads the first entry of its columns, (columns, PEs): as many as it has."""
        own: Ints = self.first + self.scans.popped[self.tile].T.astype(np.int64)
        return own


@dataclass(frozen=True, eq=False)
class DrainedPass:
    """What the output stage did with a pass.

    Attributes
    ----------
    number : int
    ready : int64 array (lanes,)
        When the sums of each lane were ready.
    begins, ends : int64 array (groups,)
        When the stage began each group and took its sums.
    """

    number: int
    ready: Ints
    begins: Ints
    ends: Ints


class Recorder(Protocol):
    """Listens to a simulation."""

    def repeats(self, most: int, earliest: int, latest: int, cycles: int) -> int:
        """Return how many repetitions may be left out, told to nobody.

        Parameters
        ----------
        most : int
            So many follow.
        earliest : int
            Nothing of what follows happens before this cycle.
        latest : int
            What has happened so far was over by then.
        cycles : int
            One of them takes.
        """

    def sparse_pass(self, one: SparsePass) -> None:
        """Hear of a pass of sparse lanes."""

    def dense_passes(self, period: int, lasting: int, count: int) -> range:
        """Return which passes are wanted.

        Parameters
        ----------
        period : int
            Cycles from one pass to the next.
        lasting : int
            Cycles until nothing of a pass happens any more, at most.
        count : int
            Passes of the run.
        """

    def dense_pass(self, one: DensePass) -> None:
        """Hear of a pass of dense lanes."""

    def scan(self, one: EieScan) -> None:
        """Hear of a scan of the EIE family."""

    def drained(self, one: DrainedPass) -> None:
        """Hear of a pass of the output stage."""

    def beat(self, due: int, taken: int) -> None:
        """Hear of an output beat of a stream that is not always ready."""


class _Unrecorded:
    """Nothing is recorded, and all is left out that repeats."""

    def repeats(self, most: int, earliest: int, latest: int, cycles: int) -> int:
        return most

    def sparse_pass(self, one: SparsePass) -> None:
        pass

    def dense_passes(self, period: int, lasting: int, count: int) -> range:
        return range(0)

    def dense_pass(self, one: DensePass) -> None:
        pass

    def scan(self, one: EieScan) -> None:
        pass

    def drained(self, one: DrainedPass) -> None:
        pass

    def beat(self, due: int, taken: int) -> None:
        pass


UNRECORDED: Recorder = _Unrecorded()
"""The recorder of a simulation that nobody listens to."""
