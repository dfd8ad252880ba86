"""The filter tiles of all runs on a design: what their busiest lanes do, and which are sampled.

A pass is timed window by window (``sim.fast.windows``) for few tiles only. The tiles of a run, the
heaviest first, are cut into strata of about equal work; one tile of each is sampled, and the others
take as much longer than the formula of ``sim.fast.pace`` says as it does. A run with so little work
that all its windows can be timed is *whole*: all its tiles are sampled, in their order.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...hw.design import Design
from .deal import Streams
from .effort import Effort
from .pace import Pace
from .streams import Flags, Floats, Ints

__all__ = ["Tiles"]

_LANES_BESIDE = 8
"""A sampled tile takes the time of so many lanes, beside that of its own."""


@dataclass(frozen=True, eq=False)
class Tiles:
    """The tiles of some runs, by falling weight: run, number in its group, group.

    Attributes
    ----------
    design : Design
    pace : Pace
    streams : Streams
    weights : int64 array (runs,)
        Layer of ``streams`` that each run works on.
    positions : int64 array (runs,)
        Flat output positions.
    effort : Effort
        How much is looked at.
    """

    design: Design
    pace: Pace
    streams: Streams
    weights: Ints
    positions: Ints
    effort: Effort

    # ---- runs --------------------------------------------------------------------------------

    @cached_property
    def passes(self) -> Ints:
        """Passes of each tile of each run."""
        return -(-self.positions // self.design.vector)

    @cached_property
    def steps(self) -> Ints:
        """Feed steps of a pass of each run."""
        return self.streams.space.steps[self.weights]

    @cached_property
    def windows(self) -> Ints:
        """Windows of a pass of each run."""
        if not self.pace.windows:
            return np.ones_like(self.steps)
        return -(-self.steps // self.pace.window_steps)

    @cached_property
    def each(self) -> Ints:
        """Streams of a group of each run."""
        space = self.streams.space
        return (space.streams // space.groups)[self.weights]

    @cached_property
    def in_group(self) -> Ints:
        """Tiles of a group of each run."""
        return -(-self.each // self.design.streams)

    @cached_property
    def of_run(self) -> Ints:
        """Tiles of each run."""
        return self.in_group * self.streams.space.groups[self.weights]

    @cached_property
    def first(self) -> Ints:
        """First tile of each run."""
        first: Ints = np.cumsum(self.of_run) - self.of_run
        return first

    @cached_property
    def whole(self) -> Flags:
        """Runs of so few windows that all are timed."""
        return self.of_run * self.passes * self.windows <= 2 * self.stretch

    @cached_property
    def last_lanes(self) -> Ints:
        """Lanes with a filter in the last tile of each run."""
        last = self.each - (self.in_group - 1) * self.design.streams
        return last * self.design.simd_group - self.streams.space.missing[self.weights]

    # ---- tiles -------------------------------------------------------------------------------

    @cached_property
    def run(self) -> Ints:
        """Run of each tile."""
        return np.repeat(np.arange(self.of_run.size), self.of_run)

    @cached_property
    def used(self) -> Ints:
        """Streams of each tile."""
        (number, _), most = self._place, self.design.streams
        used: Ints = np.minimum(most, self.each[self.run] - number * most)
        return used

    @cached_property
    def stream(self) -> Ints:
        """First stream of each tile."""
        number, group = self._place
        behind = (group + 1) * self.each[self.run] - number * self.design.streams
        return self.streams.space.first_stream[self.weights[self.run]] + behind - self.used

    @cached_property
    def backwards(self) -> Flags:
        """Tiles whose last stream is that of lane 0, and so on."""
        number, group = self._place
        odd: Flags = (number + group) % 2 == 1
        return odd

    @cached_property
    def work(self) -> Floats:
        """Cycles that each stream keeps its lane busy in a pass, (streams,)."""
        streams = self.streams
        return np.maximum(self.pace.entry_cycles * streams.entries,
                          streams.entries + streams.skipped)  # fmt: skip

    @cached_property
    def entry_cycles(self) -> Floats:
        """Cycles of an entry of each stream; 1 where the decoder's are more in all, (streams,)."""
        streams, each = self.streams, self.pace.entry_cycles
        by_decoder = streams.entries + streams.skipped > each * streams.entries
        return np.where(by_decoder, 1.0, each)

    @cached_property
    def busiest(self) -> Floats:
        """Cycles that the busiest lane of each tile works in a pass."""
        # Tiles lie one behind the other, and behind the last stream there are zeros.
        begins, tile = np.unique(self.stream, return_inverse=True)
        busiest: Floats = np.maximum.reduceat(self.work, begins)[tile]
        return busiest

    @cached_property
    def share(self) -> Floats:
        """Windows of a pass of each tile, the last one by its share."""
        if not self.pace.windows:
            return np.ones(self.run.size)
        return (self.steps / self.pace.window_steps)[self.run]

    @cached_property
    def window_pace(self) -> Floats:
        """Cycles of a window of each tile where nothing fluctuates."""
        return self.pace.of_window(self.busiest, self.share)

    @cached_property
    def cycles(self) -> Floats:
        """Cycles of a pass of each tile where nothing fluctuates."""
        return self.with_pace(np.arange(self.run.size), self.window_pace)

    def with_pace(self, tiles: Ints, window_pace: Floats) -> Floats:
        """Return the cycles of a pass of some tiles at a given pace."""
        # Lane 0 has the lightest stream of the tile, or the heaviest one.
        last = np.where(self.backwards[tiles], self.used[tiles] - 1, 0)
        taken_first = self.work[self.stream[tiles] + last]
        idle = self.used[tiles] < self.design.streams
        return self.pace.of_pass(
            window_pace, self.busiest[tiles], taken_first, self.share[tiles], idle
        )

    # ---- strata ------------------------------------------------------------------------------

    @cached_property
    def stretch(self) -> Ints:
        """Windows that are looked at of a long pass of each run."""
        fewest, most = self.effort.windows
        return np.clip(self.effort.lane_windows // self._busy_lanes, fewest, most)

    @cached_property
    def strata(self) -> Ints:
        """Strata of each run that is not whole."""
        fewest, most = self.effort.strata
        looked_at = self.steps if self.design.feed_order == "balanced" else self.windows
        each = np.minimum(looked_at, self.stretch) * (self._busy_lanes + _LANES_BESIDE)
        wanted = np.clip(self.effort.sampled // each, fewest, most)
        return np.minimum(wanted, self.of_run)

    @cached_property
    def _busy_lanes(self) -> Ints:
        """Lanes (SIMD groups) that have a filter in a full tile of each run."""
        return np.minimum(self.each, self.design.streams)

    @cached_property
    def stratum_begin(self) -> Ints:
        """First tile of each stratum; every tile is one in a run that is whole.

        The heaviest tile may have a lane of its own kind, and the last one lanes without filters:
        each is a stratum if it takes half as much as one. The others are cut into equal work.
        """
        end = self.first + self.of_run
        until = np.append(0, np.cumsum(self.cycles))
        total = until[end] - until[self.first]
        alone = 2 * self.cycles * self.strata[self.run] > total[self.run]
        begin = self.first + alone[self.first]
        last = alone & (self.used < self.design.streams)
        rest_end = np.maximum(end - last[end - 1], begin)
        left = np.maximum(self.strata - (begin - self.first) - (end - rest_end), 1)
        rest = until[rest_end] - until[begin]
        number = np.arange(self.effort.strata[1])
        cuts = until[begin][:, None] + rest[:, None] * (number / left[:, None] - 1e-9)
        inner = np.where(number < left[:, None], np.searchsorted(until, cuts), begin[:, None])
        begins = np.column_stack([self.first, begin, rest_end, inner])
        begins = np.minimum(begins, (end - 1)[:, None])
        # As many tiles as strata, and whole runs: every tile by itself.
        single = (self.of_run <= self.strata) | self.whole
        return np.unique(np.append(begins[~single], np.flatnonzero(single[self.run])))

    @cached_property
    def stratum_run(self) -> Ints:
        """Run of each stratum."""
        return self.run[self.stratum_begin]

    @cached_property
    def sampled(self) -> Ints:
        """Tile in the middle of each stratum; of whole runs all, in their order."""
        begin, run = self.stratum_begin, self.stratum_run
        end = np.append(begin[1:], self.run.size)
        # Groups are outermost: tile n of a run is number n % in_group of its group.
        here = begin - self.first[run]
        number, group = here % self.in_group[run], here // self.in_group[run]
        groups = self.streams.space.groups[self.weights[run]]
        in_order = self.first[run] + number * groups + group
        middle: Ints = np.where(self.whole[run], in_order, (begin + end) // 2)
        return middle

    @cached_property
    def _place(self) -> tuple[Ints, Ints]:
        """Number in its group, and group, of each tile."""
        here = np.arange(self.run.size) - self.first[self.run]
        groups = self.streams.space.groups[self.weights[self.run]]
        number, group = here // groups, here % groups
        several = (groups > 1) & ~self.whole[self.run]
        if several.any():
            # Groups differ in weight: the heaviest tile of all of them first.
            each, lanes = self.each[self.run], self.design.streams
            until = np.append(0, np.cumsum(self.streams.kept))
            end = self.streams.space.first_stream[self.weights[self.run]] + (group + 1) * each
            end = end - number * lanes
            kept = until[end] - until[np.maximum(end - lanes, end - each + number * lanes)]
            order = np.lexsort((np.where(several, -kept, 0), self.run))
            number, group = number[order], group[order]
        return number, group
