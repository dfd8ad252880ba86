"""Cycles of the sparse family, predicted: sampled tiles are timed, the others follow by a formula.

Four kinds of sequences (``sim.fast.windows``) are timed together: whole runs; a few passes of each
sampled tile; where passes are long, a stretch of windows again and again, for their pace; and the
edges of such passes, where lanes wait for their accumulators. A pass takes what it took, or

    edges + pace x windows between them

and each tile of a stratum as much longer than the formula says as its sampled tile.
"""

from itertools import pairwise

import numpy as np

from ..feeder import FIRST_STEP
from ..output_stage import beat_latency
from .sample import Sample
from .streams import Flags, Floats, Ints
from .tiles import Tiles
from .windows import Sequences, Timed, timed

__all__ = ["sparse_cycles"]

_PASSES = (3, 12)
"""Fewest and most passes of a sampled tile that are timed; two of a pass of many windows."""
_EDGE_PASSES = 2
_WARM_UP = 8
"""Windows of a stretch before its pace is taken."""
_HEAD, _HEAD_WITHOUT_WORD = 4.0, 2.0
"""Cycle in which the first entry stands at a head: x(0) + 2, the decoder's first word read or not.

Windows come later than any of them; with ports the fewest steps of a lane are one."""


def sparse_cycles(tiles: Tiles) -> Floats:
    """Return the cycles of each run, (runs,)."""
    return _Prediction(tiles).cycles()


class _Prediction:
    """Strata of runs that are not whole, and what their sampled tiles take."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles, self._sample = tiles, Sample.of(tiles)
        run = tiles.stratum_run
        whole = tiles.whole[run]
        leads = np.diff(run, prepend=-1) != 0  # first stratum of its run
        self._runs = np.flatnonzero(whole & leads)
        self._strata = np.flatnonzero(~whole)
        self._leads = np.flatnonzero(leads[self._strata])
        self._run = run[self._strata]
        self._tile = tiles.sampled[self._strata]
        in_view = self._sample.whole_pass[self._strata]
        self._passes, self._stretches = np.flatnonzero(in_view), np.flatnonzero(~in_view)
        edges = np.zeros(run.size, np.bool_)
        edges[self._sample.edges.tile] = True
        self._with_edges = np.flatnonzero(edges[self._strata])

    def cycles(self) -> Floats:
        """Return the cycles of each run."""
        tiles, pace = self._tiles, self._tiles.pace
        lots = [self._whole_runs(), self._few_passes(), self._paces(), self._edges()]
        time = timed(Sequences.joined(lots), self._sample, tiles.design, pace)
        ends = np.cumsum([0, *(lot.first.size for lot in lots)]).tolist()
        runs, passes, paces, edges = (
            Timed(time.released[:, low:high], time.taken[:, low:high])
            for low, high in pairwise(ends)
        )
        taken = np.empty(tiles.of_run.size)
        if self._runs.size:
            run = tiles.stratum_run[self._runs]
            taken[run] = runs.taken[tiles.of_run[run] * tiles.passes[run], np.arange(run.size)]
        if self._strata.size:
            run = self._run[self._leads]
            taken[run] = self._of_strata(lots[1], passes, lots[2], paces, edges)
        # Behind the last lane with a filter, the output stage has nothing to send.
        idle = pace.groups - 1 - (tiles.last_lanes - 1) // tiles.design.drain
        cycles: Floats = taken - idle * pace.group_cycles + beat_latency(tiles.design) + 1
        return cycles

    # ---- what is timed -----------------------------------------------------------------------

    def _whole_runs(self) -> Sequences:
        tiles, run = self._tiles, self._tiles.stratum_run[self._runs]
        passes, windows = tiles.passes[run], tiles.windows[run]
        length = tiles.of_run[run] * passes * windows
        return self._sequences(self._runs, windows, passes, length, windows > 0)

    def _few_passes(self) -> Sequences:
        few, many = _PASSES
        windows = self._tiles.windows[self._run[self._passes]]
        stretch = self._tiles.stretch[self._run[self._passes]]
        passes = np.where(2 * windows > stretch, 2, np.clip(stretch // windows, few, many))
        strata = self._strata[self._passes]
        return self._sequences(strata, windows, passes, passes * windows, windows > 0)

    def _paces(self) -> Sequences:
        strata = self._strata[self._stretches]
        rows = self._sample.rows[strata]
        length = rows + np.minimum(rows, _WARM_UP)
        return self._sequences(strata, rows, np.full_like(rows, 2), length, rows < 0)

    def _edges(self) -> Sequences:
        edges = self._sample.edges
        passes = np.full_like(edges.rows, _EDGE_PASSES)
        return Sequences(
            edges.first, edges.rows, passes, passes * edges.rows, edges.rows > 0,
            self._heads(edges.tile),
        )  # fmt: skip

    def _sequences(
        self, strata: Ints, windows: Ints, passes: Ints, length: Ints, ends: Flags
    ) -> Sequences:
        first = self._sample.first[strata]
        return Sequences(first, windows, passes, length, ends, self._heads(strata))

    def _heads(self, strata: Ints) -> Floats:
        tiles = self._tiles
        weights = tiles.weights[tiles.stratum_run[strata]]
        return np.where(tiles.streams.dense[weights], _HEAD_WITHOUT_WORD, _HEAD)

    # ---- what it tells -----------------------------------------------------------------------

    def _of_strata(
        self, few: Sequences, passes: Timed, stretch: Sequences, paces: Timed, edges: Timed
    ) -> Floats:
        """Return the cycle in which the last sums of each run in strata are taken."""
        tiles = self._tiles
        in_all = tiles.passes[self._run]
        steady, first_tile, late = (np.empty(self._run.size) for _ in range(3))
        each = np.arange(few.first.size)
        half = (few.passes + 1) // 2
        last = passes.taken[few.passes, each]
        own = (last - passes.taken[half, each]) / (few.passes - half)
        wanted = in_all[self._passes]
        seen = np.minimum(wanted, few.passes)
        steady[self._passes] = own
        first_tile[self._passes] = passes.taken[seen, each] + (wanted - seen) * own
        late[self._passes] = last - passes.released[few.length - 1, each]

        steady[self._stretches], opening, late[self._stretches] = self._long_passes(
            stretch, paces, edges
        )
        more = in_all[self._stretches] - 1
        first_tile[self._stretches] = opening + more * steady[self._stretches]

        of_strata = np.add.reduceat(tiles.cycles, tiles.stratum_begin)[self._strata]
        others = in_all * of_strata * steady / tiles.cycles[self._tile]
        # The first tile starts from an empty array. Sums are taken so long after (or, of a light
        # tile, before) the last window of their pass is released.
        start = (first_tile - in_all * steady - late)[self._leads]
        ends = np.append(self._leads[1:], self._run.size) - 1
        taken: Floats = np.add.reduceat(others, self._leads) + start + late[ends]
        return taken

    def _long_passes(
        self, stretch: Sequences, paces: Timed, edges: Timed
    ) -> tuple[Floats, Floats, Floats]:
        """Return the cycles of long passes, when the first one is taken, and how late they are."""
        tiles, pace = self._tiles, self._tiles.pace
        tile = self._tile[self._stretches]
        each = np.arange(tile.size)
        last = paces.released[stretch.length - 1, each]
        before = paces.released[stretch.length - 1 - stretch.windows, each]
        window_pace = (last - before) / stretch.windows
        steady = tiles.with_pace(tile, window_pace)
        share = tiles.share[tile]
        opening = (
            FIRST_STEP + pace.window_steps + pace.to_fed + window_pace * (share - 1)
            + tiles.busiest[tile] / share + pace.to_ready + pace.drain - 3
        )  # fmt: skip
        late = np.full(tile.size, float(pace.to_ready + pace.drain - 1))
        if self._with_edges.size:
            own = np.searchsorted(self._stretches, self._with_edges)
            between = window_pace[own] * (share[own] - self._sample.edges.share)
            taken = edges.taken
            steady[own] = (taken[_EDGE_PASSES] - taken[1]) / (_EDGE_PASSES - 1) + between
            opening[own] = taken[1] + between
            last_row = _EDGE_PASSES * self._sample.edges.rows - 1
            late[own] = taken[_EDGE_PASSES] - edges.released[last_row, np.arange(own.size)]
        return steady, opening, late
