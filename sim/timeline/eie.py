"""Events of the EIE family: what each PE reads of each column, and the columns in its FIFO.

In a scan a PE works off its columns one after the other. It reads a column's entries without a
pause and issues each a cycle later; between two columns it may have nothing to do::

    ... entry entry | feed: nothing in its FIFO | weight_buffer: first entry read | entry ...

When it is done it waits for the other PEs (imbalance), then for the next scan (drain).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...hw.eie_program import EieProgram
from ..exact_eie import slot_to_fifo
from ..recorder import EieScan
from .intervals import Intervals, Ints
from .lanes import Cause

__all__ = ["EieEvents"]


@dataclass(frozen=True, eq=False)
class _Columns:
    """The columns that PEs work off in a scan, PE after PE, in order; arrays (columns,).

    ``first`` are first entries in ``fillers``, the flags of the entries of all PEs.
    """

    pe: Ints
    arrives: Ints
    pop: Ints
    count: Ints
    first: Ints
    fillers: Ints

    @classmethod
    def of(cls, program: EieProgram, scan: EieScan) -> "_Columns":
        """Return those of a scan."""
        pes = program.columns[scan.tile]
        counts = np.stack([pe.counts[scan.columns] for pe in pes])
        pe, which = np.nonzero(counts)
        of_pe = (counts > 0).sum(axis=1)
        turn = np.arange(pe.size) - (np.cumsum(of_pe) - of_pe)[pe]
        entries = np.array([one.filler.size for one in pes])
        starts = np.stack([one.starts[scan.columns] for one in pes])
        starts += (np.cumsum(entries) - entries)[:, None]
        return cls(
            pe,
            scan.slots[which] + slot_to_fifo(program.design),
            scan.pops[turn, pe],
            counts[pe, which],
            starts[pe, which],
            np.concatenate([one.filler for one in pes]).astype(np.int64),
        )

    @property
    def in_fifo(self) -> Intervals:
        """Cycles in which each column is in the FIFO of its PE."""
        return Intervals.of(self.pe, self.arrives, self.pop + 1)

    @property
    def reads(self) -> Intervals:
        """Cycles in which entries are read, one each; the kinds are causes."""
        which = np.repeat(np.arange(self.pe.size), self.count)
        entry = np.arange(which.size) - np.repeat(np.cumsum(self.count) - self.count, self.count)
        cycle = self.pop[which] + entry
        filler = self.fillers[self.first[which] + entry]
        kind = np.where(filler, Cause.FILLER, Cause.COMPUTE)
        return Intervals.of(self.pe[which], cycle, cycle + 1, kind)

    def waits(self, opened: int, done: Ints) -> Intervals:
        """Return what a PE waits for until it is done (lanes,), given when the scan opened."""
        free = np.full(done.size, opened)  # first cycle after the last issue
        free[self.pe] = self.pop + self.count + 1  # of several the last one stays
        since = np.empty_like(self.pop)
        since[1:] = (self.pop + self.count + 1)[:-1]
        since[np.flatnonzero(np.diff(self.pe, prepend=-1))] = opened
        return Intervals.joined(
            [
                Intervals.of(self.pe, since, self.pop, Cause.FEED),
                Intervals.of(
                    self.pe, np.maximum(since, self.pop), self.pop + 1, Cause.WEIGHT_BUFFER
                ),
                Intervals.of(np.arange(done.size), free, done, Cause.FEED),
            ]
        )


@dataclass(frozen=True, eq=False)
class EieEvents:
    """What the PEs of a run did, from the scans that were recorded.

    Parameters
    ----------
    program : EieProgram
    scans : sequence of EieScan
        Neighbours, and at least one.
    span : range
        Cycles that are wanted.
    cycles : int
        Of the run.
    """

    program: EieProgram
    scans: Sequence[EieScan]
    span: range
    cycles: int

    @cached_property
    def opened(self) -> Intervals:
        """Cycles in which each scan is open at the PEs; the kind is its number."""
        first, last, number = np.array(
            [
                (one.first, one.last, one.image * len(self.program.columns) + one.tile)
                for one in self.scans
            ]
        ).T
        to_fifo = slot_to_fifo(self.program.design)
        return Intervals(np.zeros_like(first), first + to_fifo, last + to_fifo, number)

    @cached_property
    def in_fifo(self) -> Intervals:
        """Cycles in which each column is in the FIFO of its PE."""
        return Intervals.joined(one.in_fifo for one in self._columns)

    @cached_property
    def reads(self) -> Intervals:
        """Cycles in which each PE reads an entry; it is issued in the cycle after."""
        return Intervals.joined(one.reads for one in self._columns)

    @cached_property
    def lanes(self) -> Intervals:
        """What each PE did; the kinds are causes."""
        pes = np.arange(self.program.design.lanes)
        parts = [self.reads.later(1)]
        since, before = self.span.start, Cause.DRAIN
        if self.opened.kind[0] == 0:
            since, before = 0, Cause.FILL
        for one, columns, opened in zip(
            self.scans, self._columns, self.opened.begin.tolist(), strict=True
        ):
            all_done = int(one.done.max())
            parts += [
                Intervals.of(pes, since, opened, before),
                columns.waits(opened, one.done),
                Intervals.of(pes, one.done, all_done, Cause.IMBALANCE),
            ]
            since, before = all_done, Cause.DRAIN
        parts.append(Intervals.of(pes, since, self.cycles, Cause.DRAIN))
        return Intervals.joined(parts)

    @cached_property
    def _columns(self) -> list[_Columns]:
        return [_Columns.of(self.program, one) for one in self.scans]
