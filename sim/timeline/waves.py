"""Waves: the value of one signal from cycle to cycle, as the cycles in which it changes."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from operator import xor

import numpy as np

from .intervals import Intervals, Ints

__all__ = ["Wave"]


@dataclass(frozen=True, eq=False)
class Wave:
    """The values of a signal; in all cycles before the first change it has the value ``before``.

    Attributes
    ----------
    cycles : int64 array (changes,)
        When it changes, ascending.
    values : sequence of int or str
        What to; a signal has numbers or words.
    before : int or str
    """

    cycles: Ints
    values: Sequence[int | str]
    before: int | str = 0

    @classmethod
    def joined(cls, parts: Sequence["Wave"]) -> "Wave":
        """Return waves one after the other, each of which changes in its first cycle."""
        values = [value for one in parts for value in one.values]
        return cls(np.concatenate([one.cycles for one in parts]), values)

    @classmethod
    def level(cls, spans: Intervals) -> "Wave":
        """Return a wave that is 1 in some spans of cycles, which may touch or overlap."""
        step = np.repeat([1, -1], len(spans))
        cycles, each = np.unique(np.append(spans.begin, spans.end), return_inverse=True)
        high = np.cumsum(np.bincount(each, step, cycles.size)) > 0
        return cls(cycles, high.astype(int).tolist())

    @classmethod
    def strobe(cls, cycles: Ints) -> "Wave":
        """Return a wave that is 1 in some cycles."""
        return cls.level(Intervals.of(0, cycles, cycles + 1))

    @classmethod
    def bits(cls, spans: Intervals) -> "Wave":
        """Return a wave in which each track is a bit, 1 in its spans."""
        spans = spans.merged()
        cycles = np.append(spans.begin, spans.end)
        order = np.argsort(cycles, kind="stable")
        flips = [1 << bit for bit in np.tile(spans.track, 2)[order].tolist()]
        return cls._last_of_each(cycles[order], list(accumulate(flips, xor)))

    @classmethod
    def count(cls, cycles: Ints, first: int, modulus: int) -> "Wave":
        """Return a wave that goes up by one in each of some cycles, from ``first`` on."""
        values = (first + 1 + np.arange(cycles.size)) % modulus
        return cls(cycles, values.tolist(), first % modulus)

    @classmethod
    def balance(cls, spans: Intervals, weight: int = 1) -> "Wave":
        """Return a wave that says how many of some spans there are, times a weight."""
        step = np.repeat([weight, -weight], len(spans))
        cycles, each = np.unique(np.append(spans.begin, spans.end), return_inverse=True)
        return cls(cycles, np.cumsum(np.bincount(each, step, cycles.size)).astype(int).tolist())

    @classmethod
    def kinds(cls, spans: Intervals, names: Sequence[int | str], before: int | str) -> "Wave":
        """Return a wave that says the kind of the span in each cycle; the spans leave no gap."""
        return cls(spans.begin, [names[kind] for kind in spans.kind.tolist()], before)

    def inverted(self) -> "Wave":
        """Return 1 where this one is 0."""
        return Wave(self.cycles, [1 - int(value) for value in self.values], 1 - int(self.before))

    def within(self, span: range) -> "Wave":
        """Return the wave of some cycles, with a change in the first of them."""
        first, stop = np.searchsorted(self.cycles, [span.start + 1, span.stop]).tolist()
        opening = self.values[first - 1] if first else self.before
        return Wave(
            np.append(span.start, self.cycles[first:stop]), [opening, *self.values[first:stop]]
        )

    def at(self, cycles: Ints) -> list[int | str]:
        """Return the values in some cycles, none of them before the first change."""
        places = np.searchsorted(self.cycles, cycles, side="right") - 1
        return [self.values[place] for place in places.tolist()]

    def later(self, cycles: int) -> "Wave":
        """Return the wave so many cycles later."""
        return Wave(self.cycles + cycles, self.values, self.before)

    @classmethod
    def _last_of_each(cls, cycles: Ints, values: list[int]) -> "Wave":
        """Return the wave of changes of which several may be in one cycle: the last one counts."""
        last = np.flatnonzero(np.diff(cycles, append=np.iinfo(np.int64).max))
        return cls(cycles[last], [values[place] for place in last.tolist()])
