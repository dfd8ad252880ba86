"""A workload: one layer's geometry and mask, counted for designs without encoding it.

Finding how many lanes fit an area takes many designs but no streams: what a lane stores and
issues follows from numbers per filter. They are counted once per format and dealt to lanes as
``Program`` deals them, so that the depths here are those of ``Program.buffers``.
"""

from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hw.deal import deal, ranks_by_entries, simd_blocks
from ..hw.design import Buffers, Design
from ..hw.feeder import address_layout
from ..hw.layout import Layout
from ..hw.program import Program, weight_words
from ..models.formats import Bitmap, Dense, IndexFormat, Relative
from ..models.formats.grouped import union_masks
from ..models.layer import LayerShape

__all__ = ["Bounds", "Load", "Workload", "formats_of"]

Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Bounds:
    """Cycles that a layer cannot do without, one bound at a time and together.

    Lanes with ports and two sets of accumulators are not held at the end of a tile: they can take
    a few cycles less (``sim.bound`` has what holds for them, too).

    Attributes
    ----------
    busiest_lane : int
        Entries of the busiest lane of each tile (bitmap: at least its index words).
    feed : int
        Feed steps.
    drain : int
        Lane groups x ``drain_cycles``.
    of_tile : int64 array (tiles,)
        The largest of the three in each tile.
    passes : int
        Position vectors: so often the weights of a tile are used.
    positions : int
        Output positions of the layer; 1: every weight is used once in all (FC layers).
    order_bits : int
        Bits of the table of feed steps that each tile has of its own; 0: one serves all tiles.
    """

    busiest_lane: int
    feed: int
    drain: int
    of_tile: Ints
    passes: int
    positions: int
    order_bits: int = 0

    @property
    def together(self) -> int:
        """Cycles that no schedule of these tiles can beat."""
        return int(self.of_tile.sum())

    @property
    def holding(self) -> str:
        """Name of the largest bound; of equal ones the first."""
        named = {"busiest_lane": self.busiest_lane, "feed": self.feed, "drain": self.drain}
        return max(named, key=lambda name: named[name])


class _FilterCounts(NamedTuple):
    """Of each index stream: its rank, entries, stored weights and index words, (blocks,)."""

    ranks: Ints
    entries: Ints
    weights: Ints
    words: Ints


@dataclass(frozen=True, eq=False)
class Load:
    """What the lanes of a design store and issue for a layer.

    Attributes
    ----------
    busiest : int64 array (tiles,)
        Entries of the busiest lane of each filter tile; in bitmaps, its index words if more.
    weight_words, index_words : int
        Words of the fullest lane over all tiles: the depth of the memories.
    tile_weight_words, tile_index_words : int64 array (tiles,)
        Words of the fullest lane of each tile.
    tile_bits : int64 array (tiles,)
        Stored bits of each tile, all lanes.
    order_words : int
        Words of the table of feed steps that each tile has of its own; 0: one serves all tiles.
    """

    busiest: Ints
    weight_words: int
    index_words: int
    tile_weight_words: Ints
    tile_index_words: Ints
    tile_bits: Ints
    order_words: int

    @property
    def tiles(self) -> int:
        """Filter tiles of all groups."""
        return self.busiest.size

    @property
    def reordered(self) -> bool:
        """Every tile has an order of its feed steps of its own."""
        return self.order_words > 0


@dataclass(frozen=True, eq=False)
class Workload:
    """One layer with one mask.

    Attributes
    ----------
    shape : LayerShape
        Geometry.
    mask : bool array (out, in / groups, kh, kw)
        True where a weight is kept.
    """

    shape: LayerShape
    mask: NDArray[np.bool_]
    _counts: dict[tuple[int, int, str, int, int], _FilterCounts] = field(
        default_factory=dict, init=False, repr=False
    )
    _loads: dict[tuple[object, ...], Load] = field(default_factory=dict, init=False, repr=False)
    _layouts: dict[tuple[int, int, int, str, str], tuple[Layout, int]] = field(
        default_factory=dict, init=False, repr=False
    )

    @cached_property
    def key(self) -> tuple[LayerShape, bytes]:
        """What tells two workloads apart."""
        return self.shape, blake2b(np.packbits(self.mask).tobytes(), digest_size=16).digest()

    @property
    def ratio(self) -> float:
        """Pruning ratio, all weights / kept weights; infinite if none is kept."""
        kept = int(np.count_nonzero(self.mask))
        return self.mask.size / kept if kept else float("inf")

    def usable_lanes(self, design: Design) -> int:
        """Lanes that can work at once: all with ports, else filters of one convolution group."""
        groups = 1 if design.delivery == "port" else self.shape.groups
        return self.shape.out_channels // groups

    def program(self, design: Design, form: IndexFormat) -> Program:
        """Lay the layer out for a design, streams and all."""
        return Program.plan(self, design, form)

    def load(self, design: Design, form: IndexFormat) -> Load:
        """Deal the filters to the lanes of a design and count."""
        layout, _ = self._layout(design)
        key = (
            design.lanes, design.family, layout.step_vectors, form.name, design.scan_bits,
            design.weight_bits, design.feed_order, design.simd_group, design.delivery,
            design.weights_per_row, layout.lane_filters,
        )  # fmt: skip
        if key not in self._loads:
            self._loads[key] = self._dealt(design, form, layout)
        return self._loads[key]

    def buffers(self, design: Design, load: Load) -> Buffers:
        """Return the memory depths that hold the whole layer."""
        layout, feature_words = self._layout(design)
        return Buffers(
            weight_words=load.weight_words,
            index_words=load.index_words,
            feature_words=feature_words,
            filter_words=load.tiles * design.drain_groups * layout.lane_filters,
            offset_words=self._offset_words(design, layout, load),
        )

    @staticmethod
    def _offset_words(design: Design, layout: Layout, load: Load) -> int:
        if design.family == "dense":
            return layout.taps
        return layout.steps * (load.tiles if load.reordered else 1)

    def bounds(self, design: Design, load: Load) -> Bounds:
        """Return the bounds of the whole layer."""
        layout, _ = self._layout(design)
        passes = layout.position_tiles
        each = layout.lane_filters
        group_cycles = design.vector if each > 1 else design.drain_cycles
        drain = np.full(load.tiles, design.drain_groups * group_cycles * passes)
        # The run ends with the last beat: lanes without a filter need not be visited any more.
        idle_lanes = (-self.usable_lanes(design) % (design.lanes * each)) // each
        last_groups = -(-(design.lanes - idle_lanes) // design.drain)
        drain[-1] -= (design.drain_groups - last_groups) * group_cycles
        feed = 0 if design.delivery == "port" else layout.steps * passes
        return Bounds(
            busiest_lane=int(load.busiest.sum()) * passes,
            feed=feed * load.tiles,
            drain=int(drain.sum()),
            of_tile=np.maximum(np.maximum(load.busiest * passes, feed), drain),
            passes=passes,
            positions=self.shape.positions,
            order_bits=load.order_words * address_layout(design, layout.feature_words).size,
        )

    def _layout(self, design: Design) -> tuple[Layout, int]:
        layout = Layout.of(self.shape, design)
        key = (design.vector, design.window, design.feed, design.delivery, layout.columns)
        if key not in self._layouts:
            self._layouts[key] = layout, layout.feature_words
        return self._layouts[key]

    def _filters(self, design: Design, form: IndexFormat, layout: Layout) -> _FilterCounts:
        # One channel block or several: the index space is the same only if both numbers are.
        key = (
            layout.step_vectors, layout.blocks, form.name, design.scan_bits, design.simd_group,
        )  # fmt: skip
        if key not in self._counts:
            filters = simd_blocks(self.shape, design)
            mask = union_masks(layout.to_index_space(self.mask), filters)
            entries = form.entry_counts(mask)
            if isinstance(form, Relative):
                words = form.words_of(entries, design.scan_bits)
            else:
                words = form.index_words(mask, design.scan_bits)
            self._counts[key] = _FilterCounts(
                ranks_by_entries(entries, mask, form), entries, form.weight_counts(mask), words
            )
        return self._counts[key]

    def _dealt(self, design: Design, form: IndexFormat, layout: Layout) -> Load:
        filters = self._filters(design, form, layout)
        streams = design.streams * layout.lane_filters
        assignment = deal(filters.ranks, self.shape, design, streams)
        # Filter -1, a lane without a filter: it stores nothing and issues one filler.
        weights = np.append(filters.weights, 0)[assignment]
        reordered = design.feed_order == "balanced" and not isinstance(form, Dense)
        words, fewest = filters.words, np.maximum(filters.entries, filters.words)
        if reordered:
            # Another order of the steps may save fillers, and the words that hold them.
            fewest = np.maximum(filters.weights, 1)
        if reordered and isinstance(form, Bitmap):
            # It decides in which word the last weight is: at worst in the very last.
            every = -(-layout.length // design.scan_bits)
            words = np.where(filters.weights > 0, every, words)
        words = np.append(words, 0)[assignment]
        at_least = np.append(fewest, 1)
        # Dense lanes work in step. Without an index there are no index words to fetch.
        indexed = design.family == "sparse"
        group_bits = design.simd_group * design.weight_bits
        tile_depths = [weight_words(most, layout, design) for most in weights.max(axis=1).tolist()]
        bits = weights.sum(axis=1) * group_bits + words.sum(axis=1) * (design.scan_bits + 1)
        return Load(
            busiest=at_least[assignment].max(axis=1),
            weight_words=weight_words(int(weights.sum(axis=0).max()), layout, design),
            index_words=max(1, int(words.sum(axis=0).max())) if indexed else 0,
            tile_weight_words=np.array(tile_depths, np.int64),
            tile_index_words=words.max(axis=1) * indexed,
            tile_bits=bits,
            order_words=layout.steps if reordered else 0,
        )


def formats_of(design: Design) -> tuple[IndexFormat, ...]:
    """Return the formats that a design reads."""
    if design.family == "dense":
        return (Dense(),)
    return (Dense(), Bitmap(), *(Relative(bits) for bits in design.index_bits))
