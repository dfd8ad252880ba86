"""Events of the sparse family: what each index stream did, and the windows between the streams.

A lane waits for one thing after the other, in the order of the contract's Counters section, and
then issues a segment without a pause::

    issue before | weight_buffer | drain | window and feed | entry entry entry | ...
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...hw.design import CLUSTER_LANES
from ...hw.program import Program
from ..recorder import SparsePass
from .intervals import NOTHING, Intervals, Ints
from .lanes import Cause

__all__ = ["SparseEvents", "Windows"]


@dataclass(frozen=True, eq=False)
class Windows:
    """Windows of a run, in order.

    Attributes
    ----------
    number : int64 array (windows,)
        Counted over all passes.
    begin, end : int64 array (windows,)
        First cycle in which its steps are written, and the one after the last.
    fed : int64 array (windows,)
        Cycle from which it can be read.
    released : int64 array (windows, clusters)
        Cycle in which each cluster gives it back.
    """

    number: Ints
    begin: Ints
    end: Ints
    fed: Ints
    released: Ints

    @property
    def held(self) -> Intervals:
        """How long each takes a place of the ring, from its first step on; the kind is its row."""
        return Intervals.of(0, self.begin, self.released.max(axis=1, initial=-1) + 1,
                            np.arange(self.number.size))  # fmt: skip


@dataclass(frozen=True, eq=False)
class SparseEvents:
    """What the streams and windows of a run did, from the passes that were recorded.

    Parameters
    ----------
    program : Program
    passes : sequence of SparsePass
        Neighbours, and at least one.
    span : range
        Cycles that are wanted.
    cycles : int
        Of the run.
    """

    program: Program
    passes: Sequence[SparsePass]
    span: range
    cycles: int

    @cached_property
    def lanes(self) -> Intervals:
        """What each stream did; the kinds are causes."""
        parts = [*self._fill(), *self._end()]
        not_fed = []
        for one in self.passes:
            lane = _lanes(one)
            parts += [
                Intervals.of(lane, one.since, one.head, Cause.WEIGHT_BUFFER),
                Intervals.of(lane, one.head, one.freed, Cause.DRAIN),
                self._entries(one, lane),
            ]
            not_fed.append(Intervals.of(lane, one.freed, one.fed))
        parts.append(Intervals.joined(not_fed).split(self.waits, Cause.WINDOW, Cause.FEED))
        return Intervals.joined(parts)

    @cached_property
    def at_head(self) -> Intervals:
        """Cycles in which an entry stands at the head of each stream's FIFO."""
        return Intervals.joined(
            Intervals.of(_lanes(one), one.heads, one.issues + 1) for one in self.passes
        )

    @cached_property
    def last_issues(self) -> Ints | None:
        """When each stream issued its last entry of the run, None if that comes later."""
        last = self.passes[-1]
        return last.issues[last.work.last] if self._is_last else None

    @cached_property
    def windows(self) -> Windows:
        """The windows of the passes; there are none where lanes have ports."""
        begin, end, fed, past = (
            np.concatenate(parts)
            for parts in zip(
                *((*one.written, one.can_be_read[: one.written[0].size], _past(one))
                  for one in self.passes),
                strict=True,
            )
        )  # fmt: skip
        number = self.passes[0].number * (begin.size // len(self.passes)) + np.arange(begin.size)
        # released(w) = max(released(w - 1) + 1, fed(w), past(w)): on a clock that is a cycle slow
        # for each window, a running maximum.
        slow = np.maximum(past, fed[:, None]) - number[:, None]
        return Windows(
            number, begin, end, fed, np.maximum.accumulate(slow, axis=0) + number[:, None]
        )

    @cached_property
    def waits(self) -> Intervals:
        """Cycles in which the feeder waits for a release."""
        windows = self.windows
        if not windows.number.size:
            return NOTHING
        # Neighbours that are not told end before the span, or begin after it.
        first = windows.begin[0] if windows.number[0] == 0 else self.span.start - 1
        following = windows.end[-1] if self._is_last else self.span.stop
        return Intervals.of(0, np.append(first, windows.end), np.append(windows.begin, following))

    @property
    def _is_last(self) -> bool:
        """Whether the last pass of the run is told."""
        count = self.program.tiles * self.program.layout.position_tiles
        return self.passes[-1].number == count - 1

    def _fill(self) -> Iterator[Intervals]:
        """Yield the cycles before the first window is fed."""
        first_fed = self.passes[0].first_fed
        yield Intervals.of(np.arange(self.program.design.streams), 0, first_fed, Cause.FILL)

    def _end(self) -> Iterator[Intervals]:
        """Yield what comes after the last entries."""
        issued = self.last_issues
        if issued is None:
            return
        all_issued = issued.max() + 1
        stream = np.arange(issued.size)
        yield Intervals.of(stream, issued + 1, all_issued, Cause.IMBALANCE)
        yield Intervals.of(stream, all_issued, self.cycles, Cause.DRAIN)

    def _entries(self, one: SparsePass, lane: Ints) -> Intervals:
        """Return the entries of a pass, a cycle each."""
        tile = one.number // self.program.layout.position_tiles
        streams = self.program.streams[tile]
        filler = np.concatenate([stream.entry_is_filler for stream in streams])
        order = np.argsort(lane, kind="stable")  # as the entries stand in the streams
        count = one.work.entries[order]
        to_last = np.repeat(np.cumsum(count), count) - 1 - np.arange(filler.size)
        cycle = np.repeat(one.issues[order], count) - to_last
        kind = np.where(filler, Cause.FILLER, Cause.COMPUTE)
        return Intervals.of(np.repeat(lane[order], count), cycle, cycle + 1, kind)


def _lanes(one: SparsePass) -> Ints:
    """Return the stream of each segment of a pass."""
    return np.concatenate([turn.lanes for turns in one.work.turns for turn in turns])


def _past(one: SparsePass) -> Ints:
    """Return when the last stream of each cluster is past each window, (windows, clusters).

    That is the cycle before its first entry beyond the window stands at the head.
    """
    windows, streams = one.written[0].size, one.next_heads.size
    past = np.empty((windows, streams), np.int64)
    following = one.next_heads
    for window in reversed(range(windows)):
        past[window] = following - 1
        if one.work.turns[window]:
            first = one.work.turns[window][0]
            following = following.copy()
            following[first.lanes] = one.heads[first.start : first.stop]
    return np.maximum.reduceat(past, np.arange(0, streams, CLUSTER_LANES), axis=1)
