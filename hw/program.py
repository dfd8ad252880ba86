"""The program of a layer on a design: which filter each lane works on, and its encoded stream.

The ``Program`` is the one description of the work. The RTL runs its memory image
(``hw.image``), the simulator times it (``sim.exact``). Filters are dealt to lanes offline, by
their number of entries, so that the lanes of one tile have about equal work.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.formats import (
    Bitmap,
    Dense,
    IndexFormat,
    Relative,
    Stream,
    smallest,
    smallest_indexed,
)
from ..models.formats.grouped import union_masks
from ..models.layer import Layer, LayerShape
from .deal import deal, dealt_groups, ranks_by_entries, simd_blocks
from .design import Buffers, Design
from .layout import Layout
from .order import balanced_orders, reordered

__all__ = [
    "ABSENT",
    "COUNT_LIMIT",
    "MAX_LENGTH",
    "MAX_WINDOWS",
    "WINDOW_COUNT_BITS",
    "Masked",
    "Program",
    "accumulator_bits",
    "check_arithmetic",
    "check_format",
    "weight_words",
    "zeros_allowed",
]

WINDOW_COUNT_BITS = 13
"""Width of the running window numbers; they are compared modulo 2**13."""

MAX_WINDOWS = 1 << (WINDOW_COUNT_BITS - 2)
"""Windows of one tile: a lane's next entry may lie two tiles of windows ahead of the feeder."""

MAX_LENGTH = (1 << 16) - 1
"""Index positions of one filter."""

COUNT_LIMIT = (1 << 16) - 1

ABSENT = Stream(
    words=np.zeros(0, np.uint64),
    end=np.zeros(0, np.bool_),
    entry_positions=np.zeros(1, np.int64),
    entry_is_filler=np.ones(1, np.bool_),
)
"""What a lane without a filter issues in a tile: one filler, from no stored word."""


class Masked(Protocol):
    """Anything with a geometry and a mask: a quantized ``Layer``, or a layer of shapes only."""

    @property
    def shape(self) -> LayerShape:
        """Geometry of the layer."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Kept weights, (out, in / groups, kh, kw)."""


@dataclass(frozen=True, eq=False)
class Program:
    """One layer laid out for one design.

    Attributes
    ----------
    design : Design
    layout : Layout
    format : IndexFormat
        Index format of the layer (dense in the dense family).
    assignment : int64 array (tiles, lanes x Layout.lane_filters)
        Filters of each lane in each filter tile, those of lane 0 first, -1 where there is none.
        Tiles of one convolution group follow each other.
    orders : int64 array (tiles or 1, steps)
        Order in which the feed steps of each tile are fed; one row if all tiles have the same.
    streams : tuple of tuple of Stream
        Index stream of each SIMD group of filters in each filter tile, in that order.
    """

    design: Design
    layout: Layout
    format: IndexFormat
    assignment: NDArray[np.int64]
    orders: NDArray[np.int64]
    streams: tuple[tuple[Stream, ...], ...]

    @classmethod
    def plan(
        cls,
        layer: Masked,
        design: Design,
        form: IndexFormat | None = None,
        ranks: NDArray[np.int64] | None = None,
    ) -> "Program":
        """Lay a layer out for a design, in the given format or the smallest one.

        Parameters
        ----------
        layer : Masked
        design : Design
        form : IndexFormat, optional
        ranks : int64 array (blocks,), optional
            By which the blocks of ``simd_blocks`` are dealt to lanes, the heaviest highest;
            ``ranks_by_entries`` if not given.

        Raises
        ------
        FitError
            If the layer does not fit the design's counters, formats or buffers.
        """
        if design.family == "eie":
            from .eie_program import EieProgram  # here, since it is a Program itself

            return EieProgram.plan(layer, design, form, ranks)
        layout = Layout.of(layer.shape, design)
        name = layer.shape.name
        if layout.length > MAX_LENGTH:
            raise FitError(
                f"layer {name}: a filter has {layout.length} index positions; {design.name} counts"
                f" to {MAX_LENGTH}"
            )
        if layout.windows > MAX_WINDOWS and design.family == "sparse":
            raise FitError(
                f"layer {name}: a tile has {layout.windows} windows; {design.name} counts to"
                f" {MAX_WINDOWS}; a larger design.window helps"
            )
        filters = simd_blocks(layer.shape, design)
        mask = union_masks(layout.to_index_space(layer.mask), filters)
        chosen = form or cls.choose_format(mask, design, zeros_allowed(layer, design))
        check_format(name, chosen, design)
        own = ranks_by_entries(chosen.entry_counts(mask), mask, chosen) if ranks is None else ranks
        dealt = deal(own, layer.shape, design, design.streams * layout.lane_filters)
        assignment = np.where(dealt[:, :, None] >= 0, filters[dealt], -1).reshape(len(dealt), -1)
        if assignment.shape[0] > COUNT_LIMIT or layout.position_tiles > COUNT_LIMIT:
            raise FitError(
                f"layer {name}: {assignment.shape[0]} filter tiles of {layout.position_tiles}"
                f" vectors of positions; {design.name} counts to {COUNT_LIMIT} of each in a run"
            )
        orders = _orders(mask, dealt, layout, design, chosen)
        streams = []
        for tile, blocks in enumerate(dealt):
            there = blocks >= 0
            order = orders[tile % len(orders)]
            rows = reordered(mask[blocks[there]], order, layout.step_vectors)
            encoded = iter(chosen.encode_filters(rows, design.scan_bits))
            streams.append(tuple(next(encoded) if one else ABSENT for one in there.tolist()))
        program = cls(design, layout, chosen, assignment, orders, tuple(streams))
        program._check_buffers()
        return program

    @classmethod
    def smallest_format(cls, layer: Masked, design: Design) -> IndexFormat:
        """Return the format that ``plan`` takes for a layer if it is given none."""
        layout = Layout.of(layer.shape, design)
        mask = union_masks(layout.to_index_space(layer.mask), simd_blocks(layer.shape, design))
        return cls.choose_format(mask, design, zeros_allowed(layer, design))

    @staticmethod
    def choose_format(
        mask: NDArray[np.bool_], design: Design, zeros_allowed: bool = True
    ) -> IndexFormat:
        """Return the supported format that stores a mask (filters, length) in the fewest bits.

        The dense format stores zeros for what is pruned, which not every weight code has.
        """
        if design.family == "dense":
            return Dense()
        if not (zeros_allowed or mask.all()):
            return smallest_indexed(mask, design.weight_bits, design.scan_bits, design.index_bits)
        return smallest(mask, design.weight_bits, design.scan_bits, design.index_bits)

    @property
    def shape(self) -> LayerShape:
        """Geometry of the layer."""
        return self.layout.shape

    @property
    def tiles(self) -> int:
        """Filter tiles of all groups."""
        return len(self.assignment)

    @property
    def groups(self) -> int:
        """Groups of tiles: convolution groups, or one where lanes read for themselves."""
        return dealt_groups(self.shape, self.design)

    @property
    def tiles_per_group(self) -> int:
        """Filter tiles of one group."""
        return self.tiles // self.groups

    def order_of(self, tile: int) -> NDArray[np.int64]:
        """Return the order in which the feed steps of a tile are fed."""
        own: NDArray[np.int64] = self.orders[tile % len(self.orders)]
        return own

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yield the tile and the first output position of each pass, in order."""
        for tile in range(self.tiles):
            for vector in range(self.layout.position_tiles):
                yield tile, vector * self.design.vector

    def with_features(self, layer: Layer, features: NDArray[np.int64]) -> "Program":
        """Return the program for activations (batch, in, h, w), if it depends on them."""
        return self.with_active(features != layer.zero_point_in)

    def with_active(self, active: NDArray[np.bool_]) -> "Program":
        """Return the program for activations (batch, in, h, w) of which only these are not zero.

        Only the EIE family takes fewer cycles for it.
        """
        return self

    @property
    def last_tile_lanes(self) -> int:
        """Lanes that have a filter in the last tile of a group."""
        return int((self.first_filters[self.tiles_per_group - 1] >= 0).sum())

    @property
    def first_filters(self) -> NDArray[np.int64]:
        """First filter of each lane in each tile, (tiles, lanes), -1: it has none."""
        return self.assignment[:, :: self.layout.lane_filters]

    @property
    def group_cycles(self) -> int:
        """Cycles the output stage spends on a group of lanes."""
        if self.layout.columns == "filters":
            return self.design.vector
        return self.design.drain_cycles

    @cached_property
    def kept_weights(self) -> int:
        """Weights that are stored and multiplied, those included that a format or group adds."""
        return self.design.simd_group * int(self.stored_weights.sum())

    @cached_property
    def stored_weights(self) -> NDArray[np.int64]:
        """Weights of each index stream in each filter tile, (tiles, streams)."""
        return np.array([[s.weights for s in lanes] for lanes in self.streams], np.int64)

    @cached_property
    def index_words(self) -> NDArray[np.int64]:
        """Index words of each index stream in each filter tile, (tiles, streams)."""
        return np.array([[s.words.size for s in lanes] for lanes in self.streams], np.int64)

    @property
    def filter_weights(self) -> int:
        """Weights that are stored for a filter: those of lanes without one do not count."""
        lanes = (self.assignment >= 0).reshape(self.tiles, -1, self.design.simd_group).sum(axis=2)
        return int((lanes * self.stored_weights).sum())

    @cached_property
    def buffers(self) -> Buffers:
        """Memory depths this program needs."""
        weights, words = self.stored_weights.sum(axis=0), self.index_words.sum(axis=0)
        return Buffers(
            weight_words=weight_words(int(weights.max()), self.layout, self.design),
            index_words=0 if self.design.family == "dense" else max(1, int(words.max())),
            feature_words=self.layout.feature_words,
            filter_words=self.tiles * self.design.drain_groups * self.layout.lane_filters,
            offset_words=self.layout.taps if self.design.family == "dense" else self.orders.size,
        )

    def _check_buffers(self) -> None:
        have = self.design.buffers
        if have is None:
            return
        need = self.buffers
        for field in (
            "weight_words",
            "index_words",
            "feature_words",
            "filter_words",
            "offset_words",
        ):
            if getattr(need, field) > getattr(have, field):
                raise FitError(
                    f"layer {self.shape.name}: needs {getattr(need, field)} words in"
                    f" design.buffers.{field}; {self.design.name} has {getattr(have, field)}"
                )


def _orders(
    mask: NDArray[np.bool_],
    dealt: NDArray[np.int64],
    layout: Layout,
    design: Design,
    form: IndexFormat,
) -> NDArray[np.int64]:
    """Return the orders of the feed steps of a mask (blocks, length) dealt to (tile, stream)."""
    natural = np.arange(layout.steps)[None]
    if design.feed_order == "natural" or isinstance(form, Dense):
        return natural
    with_filter = dealt >= 0
    in_steps = mask.reshape(len(mask), layout.steps, -1).sum(axis=2)
    counts = np.where(with_filter[:, :, None], in_steps[dealt], 0)
    orders = balanced_orders(counts.transpose(0, 2, 1))
    if isinstance(form, Relative):
        # Fillers depend on the order: it must not cost memory.
        words = form.index_words(mask, design.scan_bits)
        for tile, lanes in enumerate(dealt):
            own = lanes[lanes >= 0]
            rows = reordered(mask[own], orders[tile], layout.step_vectors)
            if (form.index_words(rows, design.scan_bits) > words[own]).any():
                orders[tile] = natural
    return orders


def zeros_allowed(layer: Masked, design: Design) -> bool:
    """Return whether a stored weight of a layer can be 0."""
    if not isinstance(layer, Layer) or layer.weight_code == "twos_complement":
        return True
    return "twos_complement" in design.weight_codes and layer.weight_bits < design.weight_bits


def check_arithmetic(layer: Layer, design: Design) -> None:
    """Refuse a layer whose numbers do not fit the design's widths.

    Raises
    ------
    FitError
        If a weight, an activation or any partial sum could exceed its register.
    """
    for field, need in (
        ("weight_bits", layer.weight_bits),
        ("act_bits", layer.act_bits),
        ("acc_bits", accumulator_bits(layer, design)),
    ):
        have = getattr(design, field)
        if need > have:
            raise FitError(f"layer {layer.name}: needs {field} = {need}; {design.name} has {have}")


def accumulator_bits(layer: Layer, design: Design) -> int:
    """Return the signed bits that no partial sum exceeds.

    The EIE array multiplies ``x - zero_point_in`` and adds the bias as it is.
    """
    if design.family != "eie":
        return layer.accumulator_bits
    half = 1 << (layer.act_bits - 1)
    largest = max(half + layer.zero_point_in, half - 1 - layer.zero_point_in)
    sums = np.abs(layer.weight).sum(axis=(1, 2, 3)) * largest
    return int((sums + np.abs(layer.bias)).max()).bit_length() + 1


def check_format(name: str, form: IndexFormat, design: Design) -> None:
    """Refuse a format of layer ``name`` that a design does not read.

    Raises
    ------
    FitError
    """
    if design.family == "dense" and not isinstance(form, Dense):
        raise FitError(f"layer {name}: {design.name} reads the dense format only, not {form.name}")
    if isinstance(form, Relative) and form.index_bits not in design.index_bits:
        raise FitError(
            f"layer {name}: {design.name} unpacks relative indices of"
            f" {', '.join(map(str, design.index_bits))} bits, not {form.index_bits}"
        )
    if not isinstance(form, Relative | Bitmap | Dense):
        raise FitError(f"layer {name}: {design.name} cannot read the format {form.name}")


def weight_words(weights: int, layout: Layout, design: Design) -> int:
    """Return the words that hold so many weights of a filter stream, and at least one.

    A row of the dense array that reads V weights per cycle has words of V: those of its V filters,
    or V consecutive ones of its one filter, so that no part of the memory is left unused.
    """
    per_word = design.weights_per_row // layout.lane_filters
    return max(1, -(-weights // max(1, per_word)))
