"""Many sequences of windows timed at once: the timing contract, window by window.

A sequence is what one run, or one tile, does for some windows: rows of ``sim.fast.sample``, and the
passes they make up. Each step of the loop is one window of every sequence that is not done yet, a
few vector operations over (sequences, lanes). Times are cycles from the start of the sequence.

For lanes l and windows w, with E the cycle in which the next entry stands at a lane's head::

    W0(w)   = max(W0(w-1) + steps, released(w - run_ahead) + release_to_step)
    fed(w)  = W0(w) + steps - 1 + to_fed
    E(l, w) = max(E(l, w-1), fed(w)) + work(l, w)           if the lane has work in w
    released(w) = max(fed(w), max over l of E(l, w) - 1)

Where a pass ends, the output stage takes the sums; the first entry of the next pass (one set of
accumulators) or its last one (two) waits for that.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ...hw.design import Design
from ..feeder import FIRST_STEP
from .pace import Pace
from .sample import Sample
from .stage import Stages
from .streams import Flags, Floats, Ints

__all__ = ["Sequences", "Timed", "timed"]

_NEVER = -1e15


@dataclass(frozen=True, eq=False)
class Sequences:
    """What is timed.

    Attributes
    ----------
    first : int64 array (sequences,)
        First row of each.
    windows : int64 array (sequences,)
        Windows of a pass, or of the stretch that is gone through again and again.
    passes : int64 array (sequences,)
        Passes of each tile.
    length : int64 array (sequences,)
        Windows in all: after the passes of a tile, the rows of the next tile follow.
    ends : bool array (sequences,)
        Passes have ends, at which sums are taken.
    heads : float64 array (sequences,)
        Cycle in which the first entries stand at the heads of the lanes.
    """

    first: Ints
    windows: Ints
    passes: Ints
    length: Ints
    ends: Flags
    heads: Floats

    @classmethod
    def joined(cls, parts: Sequence["Sequences"]) -> "Sequences":
        """Return several lots one after the other."""
        return cls(*(np.concatenate([getattr(part, own.name) for part in parts])
                     for own in fields(cls)))  # fmt: skip

    def chosen(self, which: Ints) -> "Sequences":
        """Return some of them."""
        return Sequences(*(getattr(self, own.name)[which] for own in fields(self)))

    def rows(self, window: Ints) -> Ints:
        """Return the row of each sequence in each of its windows, (windows, sequences)."""
        tile, inside = np.divmod(window[:, None], self.passes * self.windows)
        rows = self.first + tile * self.windows + inside % self.windows
        return rows.astype(np.int64, copy=False)


@dataclass(frozen=True, eq=False)
class Timed:
    """When things happened.

    Attributes
    ----------
    released : float64 array (windows, sequences)
        Cycle in which each window is released.
    taken : float64 array (passes + 1, sequences)
        Cycle in which the last group of each pass is taken; row 0 is -1.
    """

    released: Floats
    taken: Floats


def timed(sequences: Sequences, sample: Sample, design: Design, pace: Pace) -> Timed:
    """Time sequences, made of the rows of a sample."""
    longest = np.argsort(-sequences.length, kind="stable")
    found = _Run(sequences.chosen(longest), sample, design, pace).timed()
    back = np.empty_like(longest)
    back[longest] = np.arange(longest.size)
    return Timed(found.released[:, back], found.taken[:, back])


class _Run:
    """All sequences at work, the longest first, so that those at work are always the first ones."""

    def __init__(self, sequences: Sequences, sample: Sample, design: Design, pace: Pace) -> None:
        self._pace, self._lanes = pace, design.streams
        many, windows = sequences.length.size, int(sequences.length.max())
        window = np.arange(windows)
        going = sequences.length > window[:, None]
        self._at_work = going.sum(axis=1).tolist()
        self._rows = np.minimum(sequences.rows(window), len(sample.work) - 1)
        ends = going & sequences.ends & ((window + 1)[:, None] % sequences.windows == 0)
        self._ends = _by_window(ends)
        self._waits = _waits_at(sample, pace.acc_sets)
        waiting = np.zeros(len(sample.work), np.bool_)
        waiting[np.flatnonzero(self._waits.any(axis=1))] = True
        self._waiting = _by_window(going & waiting[self._rows])
        self._steps = sample.steps[self._rows]
        # Side by side, to be taken at once: when a lane reads the window, and its work in it.
        reads = np.where(sample.work > 0, np.float32(0), np.float32(_NEVER))
        self._reads_and_work = np.hstack([reads, sample.work])
        self._taken = np.empty((many, 2 * self._lanes), np.float32)
        self._pairs = _Pairs(sample, many) if pace.entry_cycles == 1.5 else None

        self._heads = np.repeat(sequences.heads[:, None], self._lanes, axis=1)
        self._fed = sequences.heads.copy()  # with ports, operands are there from then on
        self._start = np.full(many, float(FIRST_STEP))
        self._released = np.full((windows, many), _NEVER)
        self._free = np.full((many, self._lanes), _NEVER)
        self._stages = Stages(design, pace, many)

    def timed(self) -> Timed:
        """Go through all windows."""
        for window, many in enumerate(self._at_work):
            self._window(window, many)
            ended = self._ends[window]
            if ended.size:
                pairs = self._pairs
                since = pairs.since_issue(ended) if pairs else self._pace.entry_cycles
                last_issue = self._heads[ended] - since
                taken = self._stages.take(ended, last_issue + self._pace.to_ready)
                self._free[ended] = taken + 1
        return Timed(self._released, self._stages.taken)

    def _window(self, window: int, many: int) -> None:
        pace, rows, waits = self._pace, self._rows[window, :many], self._waiting[window]
        heads, fed = self._heads[:many], self._fed[:many]
        if pace.windows:
            start = self._start[:many]
            if window >= pace.run_ahead:
                released = self._released[window - pace.run_ahead, :many]
                np.maximum(start, released + pace.release_to_step, out=start)
            start += self._steps[window, :many]
            np.add(start, pace.to_fed - 1, out=fed)
        taken = self._taken[:many]
        self._reads_and_work.take(rows, axis=0, out=taken, mode="clip")
        begin, work = taken[:, : self._lanes], taken[:, self._lanes :]
        begin += fed[:, None]
        if pace.acc_sets == 1 and waits.size:
            begin[waits] = np.maximum(begin[waits], self._until_free(waits, rows))
        if self._pairs:
            work += self._pairs.extra(rows, begin <= heads)
        np.maximum(heads, begin, out=heads)
        heads += work
        if pace.acc_sets == 2 and waits.size:
            # After a wait the next entry is already there, but for a FIFO of one.
            free = self._until_free(waits, rows) + (1 if self._pairs else pace.entry_cycles)
            if self._pairs:
                self._pairs.waited(waits, free > heads[waits])
            heads[waits] = np.maximum(heads[waits], free)
        released = self._released[window, :many]
        np.subtract(np.maximum.reduce(heads, axis=1), 1, out=released)
        np.maximum(released, fed, out=released)

    def _until_free(self, sequences: Ints, rows: Ints) -> Floats:
        """Return when accumulators are free for the lanes that wait for them in their rows."""
        return np.where(self._waits[rows[sequences]], self._free[sequences], _NEVER)


class _Pairs:
    """A FIFO of two: issue(e) >= issue(e - 2) + 3, so that entries come in pairs.

    Of two entries that follow each other without a wait, one comes a cycle after the other and
    the other two cycles after it: one and a half on average. The average is wrong by half a cycle
    where a window has an odd number of entries.
    """

    def __init__(self, sample: Sample, sequences: int) -> None:
        entries = (sample.work * np.float32(1 / 1.5) + np.float32(0.5)).astype(np.int32)
        self._odd = (entries & 1).astype(np.bool_)
        self._any = sample.work > 0
        # The next entry is the second of a pair: it comes a cycle after the last one.
        self._half = np.zeros((sequences, sample.work.shape[1]), np.bool_)

    def extra(self, rows: Ints, follows: Flags) -> NDArray[np.float32]:
        """Return by how much the entries of a window take longer than on average.

        Parameters
        ----------
        rows : int64 array (sequences,)
        follows : bool array (sequences, streams)
            The first of them does not wait.
        """
        half, odd = self._half[: rows.size], self._odd.take(rows, axis=0)
        second = follows & half
        np.copyto(half, second ^ odd, where=self._any.take(rows, axis=0))
        longer: NDArray[np.float32] = second.astype(np.float32)
        longer -= np.float32(0.5)
        longer *= odd
        return longer

    def waited(self, sequences: Ints, late: Flags) -> None:
        """Note that the last entries of some lanes waited."""
        self._half[sequences] |= late

    def since_issue(self, sequences: Ints) -> NDArray[np.float32]:
        """Return the cycles from the last issue to the next entry at the head."""
        return np.where(self._half[sequences], np.float32(1), np.float32(2))


def _by_window(flags: Flags) -> list[Ints]:
    """Return the sequences that are flagged in each window."""
    window, sequence = np.nonzero(flags)
    bounds = np.searchsorted(window, np.arange(len(flags) + 1)).tolist()
    return [sequence[low:high] for low, high in pairwise(bounds)]


def _waits_at(sample: Sample, acc_sets: int) -> Flags:
    """Return where a lane waits for its accumulators, (rows, streams).

    That is at its first entry of a pass with one set of them, at its last one with two.
    """
    edges = sample.edges
    first = np.append(sample.first[sample.whole_pass], edges.first)
    rows = np.append(sample.rows[sample.whole_pass], edges.rows)
    waits = np.zeros(sample.work.shape, np.bool_)
    if not first.size:
        return waits
    begin = np.cumsum(rows) - rows
    tile = np.repeat(np.arange(rows.size), rows)
    row = first[tile] + np.arange(tile.size) - begin[tile]
    busy = sample.work[row] > 0
    # The largest number of a row that is busy: with one set, rows are numbered backwards.
    number = row.astype(np.int32) if acc_sets == 2 else np.int32(len(waits)) - row.astype(np.int32)
    largest = np.maximum.reduceat(busy * number[:, None], begin)
    own, lane = np.nonzero(np.logical_or.reduceat(busy, begin))
    chosen = largest[own, lane]
    waits[chosen if acc_sets == 2 else len(waits) - chosen, lane] = True
    return waits
