"""The windows of sampled tiles: how many cycles each lane works in each of them.

Entries are counted, not modelled: in natural order they were counted beforehand, in balanced order
the steps are ordered here (``sim.fast.balance``). Of a long pass only a stretch is looked at, and
its mean is brought to that of the whole pass. What is spread over the windows are the zero words
that a bitmap decoder skips.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from .balance import Balanced
from .deal import side_by_side
from .lanes import Lanes
from .streams import Counts, Flags, Floats, Ints
from .stretch import Stretches
from .tiles import Tiles

__all__ = ["Edges", "Sample"]

_POOL = 1.5
"""Feed steps of a balanced stretch for each of its windows, where windows have several steps,"""
_POOL_WINDOWS, _POOL_MOST = 4, 96
"""or steps of so many windows; but so many at most."""
_EDGE = 16
"""Windows at the edges of a pass."""

Cycles = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Edges:
    """First and last windows of passes of which a stretch is looked at, in rows of their own.

    There are some where lanes wait for accumulators early in a pass, so that it takes longer than
    its windows at their pace.

    Attributes
    ----------
    tile : int64 array (edges,)
        Sampled tile of each.
    first, rows : int64 array (edges,)
        Its rows.
    share : float64 array (edges,)
        Windows that it has, the last one by its share.
    """

    tile: Ints
    first: Ints
    rows: Ints
    share: Floats

    @classmethod
    def none(cls) -> "Edges":
        """Return no edges."""
        none = np.zeros(0, np.int64)
        return cls(none, none, none, np.zeros(0))


@dataclass(frozen=True, eq=False)
class Sample:
    """Windows of sampled tiles, row after row.

    Attributes
    ----------
    work : float32 array (rows, streams)
        Cycles that each lane (SIMD group) works in a window.
    steps : float64 array (rows,)
        Feed steps of it.
    first, rows : int64 array (tiles,)
        Rows of each sampled tile.
    whole_pass : bool array (tiles,)
        They are all windows of its pass, not a stretch.
    edges : Edges
        The edges of long passes.
    """

    work: Cycles
    steps: Floats
    first: Ints
    rows: Ints
    whole_pass: Flags
    edges: Edges

    @classmethod
    def of(cls, tiles: Tiles) -> "Sample":
        """Return the windows of the sampled tiles."""
        lanes = Lanes.of(tiles)
        if tiles.pace.windows:
            sample = _Windows(tiles, lanes).sample()
        else:
            number = np.arange(lanes.weights.size)
            sample = cls(
                lanes.work.astype(np.float32), np.zeros(number.size), number,
                np.ones_like(number), number >= 0, Edges.none(),
            )  # fmt: skip
        sample._turn(lanes)
        return sample

    def _turn(self, lanes: Lanes) -> None:
        """Bring lanes that change places into the order of the drain."""
        tiles = np.append(np.arange(self.rows.size), self.edges.tile)
        first = np.append(self.first, self.edges.first)
        rows = np.append(self.rows, self.edges.rows)
        used = lanes.there.sum(axis=1)[tiles]
        backwards, turned = lanes.backwards[tiles], lanes.turned[tiles]
        for many in np.unique(used[backwards]).tolist():
            chosen = np.flatnonzero(backwards & (used == many))
            own = _rows_of(first[chosen], rows[chosen])
            self.work[own, :many] = self.work[own, many - 1 :: -1]
        for number in np.flatnonzero(turned).tolist():
            begin, many = int(first[number]), int(used[number])
            part = self.work[begin : begin + int(rows[number]), :many]
            part[:] = np.roll(part, -1, axis=1)


class _Windows:
    """The sampled tiles, stretches of steps and the windows that they make up."""

    def __init__(self, tiles: Tiles, lanes: Lanes) -> None:
        self._tiles, self._lanes = tiles, lanes
        run = tiles.run[tiles.sampled]
        self._many, self._each = tiles.design.streams, tiles.pace.window_steps
        self._steps, self._windows = tiles.steps[run], tiles.windows[run]
        self._dense = tiles.streams.dense[lanes.weights]
        self._width = tiles.streams.space.step_vectors[lanes.weights]
        self._stretch = tiles.stretch[run]
        self._balanced = (tiles.design.feed_order == "balanced") & ~self._dense
        # A pass is timed with its ends if it is short, or where lanes wait in it.
        waits = (tiles.pace.acc_sets == 1) | lanes.idle.any(axis=1)
        longest = np.where(waits, self._stretch, self._stretch // 2)
        self._whole_pass = (self._windows <= longest) | tiles.whole[run]
        self._edges = np.flatnonzero(waits & ~self._whole_pass)
        self._in_step = lanes.work / lanes.entry_cycles / self._steps[:, None]  # entries

    def sample(self) -> Sample:
        """Return all windows."""
        each, stretch, whole = self._each, self._stretch, self._whole_pass
        # What is looked at: steps to be balanced, or windows as they come.
        all_steps = whole & (self._steps <= 2 * stretch)
        pool = stretch
        if each > 1:
            most = np.maximum(_POOL * stretch, _POOL_MOST)
            pool = np.clip(_POOL_WINDOWS * each, _POOL * stretch, most).astype(np.int64)
        some_steps = np.minimum(self._steps, np.maximum(pool // each, 1) * each)
        fed = np.where(all_steps, self._steps, some_steps)
        windows = np.where(whole, self._windows, np.minimum(self._windows, stretch))
        rows = np.where(self._balanced, -(-fed // each), windows)
        first = np.cumsum(rows) - rows
        entries = np.empty((int(rows.sum()), self._many), np.float32)
        natural = np.flatnonzero(~self._balanced)
        if natural.size:
            entries[_rows_of(first[natural], rows[natural])] = self._in_order(
                Stretches.of(natural, rows[natural], self._windows[natural], each)
            )
        for size in np.unique(fed[self._balanced]).tolist():
            chosen = np.flatnonzero(self._balanced & (fed == size))
            entries[_rows_of(first[chosen], rows[chosen])] = self._in_balance(chosen, size)

        # A pass of more windows than were looked at goes through them again.
        count = np.where(whole, self._windows, rows)
        begin = np.cumsum(count) - count
        tile = np.repeat(np.arange(count.size), count)
        number = np.arange(tile.size) - begin[tile]
        if (count != rows).any():
            entries = entries[first[tile] + number % rows[tile]]
        # The last row is the last window of its pass; a balanced stretch ends with a full one.
        last = (number == count[tile] - 1) & (whole | ~self._balanced)[tile]
        steps = np.full(tile.size, float(each))
        steps[last] = (self._steps - each * (self._windows - 1))[tile[last]]
        dense = self._dense[tile]
        if dense.any():  # an entry at each position
            entries[dense] = (steps[dense] * self._width[tile[dense]])[:, None]
        return self._in_cycles(Sample(entries, steps, begin, count, whole, Edges.none()), tile)

    # ---- entries -----------------------------------------------------------------------------

    def _in_order(self, stretches: Stretches) -> Counts:
        """Return the entries of stretches in natural order, (rows, lanes)."""
        lanes, streams = self._lanes, self._tiles.streams
        tile, step = stretches.with_ends().steps()
        weights = lanes.weights[tile]
        column = lanes.first[tile] - streams.space.first_stream[weights]
        row = np.minimum(step, self._steps[tile]) * streams.space.streams[weights]
        before = side_by_side(streams.before, streams.first[weights] + column + row, self._many)
        inside = np.ones(tile.size, np.bool_)
        inside[np.cumsum(stretches.rows + 1) - 1] = False
        counts = (before[1:] - before[:-1])[inside[:-1]]
        there = lanes.there[stretches.tile]
        if not there.all():
            counts *= np.repeat(there, stretches.rows, axis=0)
        return counts

    def _in_balance(self, chosen: Ints, size: int) -> Cycles:
        """Return the entries of windows of so many steps of each tile, balanced, (rows, lanes)."""
        found = Balanced.of(self._tiles, self._lanes, chosen, size)
        entries = found.entries
        refused = np.flatnonzero(found.natural)
        if refused.size:
            sizes = np.full(refused.size, size)
            natural = Stretches.of(chosen[refused], sizes, self._steps[chosen[refused]], 1)
            rows = self._in_order(natural).reshape(refused.size, size, self._many)
            windows = np.rint(found.natural[refused] * (size / self._each)) * self._each
            fed = np.arange(size)[:, None] < windows
            entries[:, refused] = np.where(
                fed[:, :, None], rows.swapaxes(0, 1), entries[:, refused]
            )
        decoded = self._tiles.streams.relative_bits[self._lanes.weights[chosen]] > 0
        self._in_step[chosen] = np.where(
            decoded[:, None] & ~self._lanes.idle[chosen],
            found.in_pass / self._steps[chosen][:, None],
            self._in_step[chosen],
        )
        if self._each > 1:
            entries = np.add.reduceat(entries, np.arange(0, size, self._each), axis=0)
        return entries.swapaxes(0, 1).reshape(-1, self._many)

    # ---- cycles ------------------------------------------------------------------------------

    def _in_cycles(self, sample: Sample, tile: Ints) -> Sample:
        """Turn entries into cycles, as many in a pass as each lane works."""
        lanes, entries, begin = self._lanes, sample.work, sample.first
        in_all = np.add.reduceat(sample.steps, begin)
        wanted = self._in_step * in_all[:, None]
        counted = np.add.reduceat(entries, begin)
        missing = np.where(lanes.idle, 0, wanted - counted)
        edges = self._edge_rows(sample) if self._edges.size else None
        # Nothing is missing where all entries of a pass were counted.
        changed = np.abs(missing).max(axis=1) > 1e-3
        if changed.any():
            room = ((in_all * self._width)[:, None] - counted).astype(np.float64)
            rows = slice(None) if changed.all() else np.flatnonzero(changed[tile])
            entries[rows] = self._brought_to(
                missing, entries[rows], counted, room, tile[rows], sample.steps[rows]
            )
        each = np.where(lanes.idle, 0, lanes.entry_cycles).astype(np.float32)
        if (each != 1).any():
            entries *= each[tile]
        # A lane without a weight, or without a filter: one filler in the first window.
        filler = self._tiles.pace.entry_cycles
        whole = self._whole_pass
        entries[begin[whole]] += filler * lanes.idle[whole]
        if edges is None:
            return sample
        own, steps, found = edges
        own *= np.repeat(each[found.tile], found.rows, axis=0)
        own[found.first] += filler * lanes.idle[found.tile]
        return replace(
            sample,
            work=np.concatenate([entries, own]),
            steps=np.concatenate([sample.steps, steps]),
            edges=replace(found, first=found.first + len(entries)),
        )

    def _brought_to(
        self, missing: Floats, entries: Cycles, counted: Floats, room: Floats, tile: Ints,
        steps: Floats,
    ) -> Cycles:  # fmt: skip
        """Add what is missing to each lane of a tile: where there is room, in whole entries.

        What there is too much of is taken from where entries are.
        """
        new = np.maximum(missing, 0) / np.maximum(room, 1)
        kept = np.minimum(1 + missing / np.maximum(counted, 1e-9), 1) - new
        shares = kept.astype(np.float32)[tile]
        shares *= entries
        added = new.astype(np.float32)[tile]
        added *= (steps * self._width[tile]).astype(np.float32)[:, None]
        shares += added
        until = np.ascontiguousarray(shares.T)  # lane after lane: sums along memory are faster
        np.cumsum(until, axis=1, out=until)
        until += np.float32(0.5)
        np.floor(until, out=until)
        added[0] = until[:, 0]
        np.subtract(until[:, 1:].T, until[:, :-1].T, out=added[1:])
        return added

    def _edge_rows(self, sample: Sample) -> tuple[Cycles, Floats, Edges]:
        """Return entries and steps of the first and last windows of passes, to the right mean."""
        tile = self._edges
        rows = np.minimum(sample.rows[tile], _EDGE)
        own, number = Stretches.of(tile, rows, sample.rows[tile], 1).steps()
        place = sample.first[own] + number
        entries, steps = sample.work[place], sample.steps[place]
        begin = np.cumsum(rows) - rows
        seen = np.add.reduceat(steps, begin)
        wanted = self._in_step[tile] * seen[:, None]
        change = wanted / np.maximum(np.add.reduceat(entries, begin), 1e-9)
        entries *= np.repeat(change.astype(np.float32), rows, axis=0)
        return entries, steps, Edges(tile, begin, rows, seen / self._each)


def _rows_of(first: Ints, rows: Ints) -> Ints:
    """Return the rows of tiles, tile after tile."""
    begin = np.cumsum(rows) - rows
    return np.repeat(first - begin, rows) + np.arange(int(rows.sum()))
