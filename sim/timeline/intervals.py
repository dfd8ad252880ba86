"""Spans of cycles on tracks: what a lane, a port or a stage did from one cycle up to another.

They are columns of numbers, not objects: a trace has hundreds of thousands of them.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = ["NOTHING", "Intervals", "Ints"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Intervals:
    """Spans of cycles, each on a track and of a kind.

    Attributes
    ----------
    track, begin, end, kind : int64 array (intervals,)
        A span goes from cycle ``begin`` up to the one before ``end``.
    """

    track: Ints
    begin: Ints
    end: Ints
    kind: Ints

    @classmethod
    def of(
        cls, track: ArrayLike, begin: ArrayLike, end: ArrayLike, kind: ArrayLike = 0
    ) -> "Intervals":
        """Return the spans that are not empty; what is one number holds for all."""
        columns = np.broadcast_arrays(
            *(np.asarray(one, np.int64) for one in (track, begin, end, kind))
        )
        some = columns[1] < columns[2]
        return cls(*(column[some] for column in columns))

    @classmethod
    def joined(cls, parts: Iterable["Intervals"]) -> "Intervals":
        """Return the spans of several together."""
        each = [*parts, NOTHING]
        return cls(*(np.concatenate([getattr(one, name) for one in each]) for name in _COLUMNS))

    def __len__(self) -> int:
        return self.begin.size

    @property
    def cycles(self) -> Ints:
        """Cycles of each span."""
        return self.end - self.begin

    def later(self, cycles: int) -> "Intervals":
        """Return the spans so many cycles later."""
        return Intervals(self.track, self.begin + cycles, self.end + cycles, self.kind)

    def within(self, span: range) -> "Intervals":
        """Return what lies within a span of cycles."""
        begin, end = np.maximum(self.begin, span.start), np.minimum(self.end, span.stop)
        return Intervals.of(self.track, begin, end, self.kind)

    def of_kinds(self, kinds: Sequence[int]) -> "Intervals":
        """Return the spans of some kinds."""
        some = np.isin(self.kind, kinds)
        return Intervals(*(getattr(self, name)[some] for name in _COLUMNS))

    def sorted(self) -> "Intervals":
        """Return the spans in order of track and time."""
        order = np.lexsort((self.begin, self.track))
        return Intervals(*(getattr(self, name)[order] for name in _COLUMNS))

    def merged(self) -> "Intervals":
        """Return the spans in order of track and time, those that touch and are alike as one."""
        ordered = self.sorted()
        track, begin, end, kind = (getattr(ordered, name) for name in _COLUMNS)
        opens = np.ones(begin.size, np.bool_)
        opens[1:] = (np.diff(track) != 0) | (begin[1:] != end[:-1]) | (np.diff(kind) != 0)
        first = np.flatnonzero(opens)
        last = np.append(first[1:], begin.size)[: first.size] - 1
        return Intervals(track[first], begin[first], end[last], kind[first])

    def by_track(self, count: int) -> "list[Intervals]":
        """Return the spans of each of so many tracks, given spans in order of tracks."""
        edges = np.searchsorted(self.track, np.arange(count + 1)).tolist()
        columns = [getattr(self, name) for name in _COLUMNS]
        return [
            Intervals(*(column[first:stop] for column in columns))
            for first, stop in pairwise(edges)
        ]

    def split(self, others: "Intervals", inside: int, outside: int) -> "Intervals":
        """Return the spans cut at the edges of others, in order and apart from each other.

        What lies within one of them gets the kind ``inside``, the rest ``outside``.
        """
        edges = np.stack([others.begin, others.end], axis=1).ravel()
        first = np.searchsorted(edges, self.begin, side="right")  # the edge behind the begin
        pieces = np.searchsorted(edges, self.end, side="left") - first + 1
        which = np.repeat(np.arange(len(self)), pieces)
        edge = np.arange(which.size) - np.repeat(np.cumsum(pieces) - pieces, pieces) + first[which]
        padded = np.append(edges, 0)
        begin = np.where(edge == first[which], self.begin[which], padded[edge - 1])
        final = edge == (first + pieces - 1)[which]
        end = np.where(final, self.end[which], padded[np.minimum(edge, edges.size)])
        return Intervals.of(self.track[which], begin, end, np.where(edge % 2, inside, outside))

    def gaps(self, span: range, kind: int) -> "Intervals":
        """Return what is left of a span, given spans of one track, in order and apart."""
        return Intervals.of(
            0, np.append(span.start, self.end), np.append(self.begin, span.stop), kind
        )


_COLUMNS = ("track", "begin", "end", "kind")
_NONE = np.zeros(0, np.int64)

NOTHING = Intervals(_NONE, _NONE, _NONE, _NONE)
"""No span at all."""
