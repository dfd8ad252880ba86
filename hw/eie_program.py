"""The program of an FC layer on the EIE array: the filters of each PE, and its weight columns.

Filter after filter is dealt to the PEs, the heaviest first, forwards and backwards in turn, so that
all have about equal work. ``acc_rows`` filters of each PE make a *row tile*: so many sums are held
at once, and the activations are scanned once for each.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.formats import IndexFormat, Relative
from ..models.formats.csc import Columns
from ..models.layer import Layer, LayerShape
from .deal import ranks_by_work
from .design import Buffers, Design
from .eie_words import entry_layout, pointer_layout
from .layout import Layout
from .program import COUNT_LIMIT, Masked, Program
from .weights import stored, stored_code

__all__ = ["EieProgram", "check_counts", "check_layer"]

_ADDRESS_LIMIT = 1 << 24
"""Words that a load stream can address (``hw.loader``)."""


@dataclass(frozen=True, eq=False)
class EieProgram(Program):
    """One FC layer laid out for the EIE array; a tile of ``assignment`` is a row of accumulators.

    Attributes
    ----------
    columns : tuple of tuple of Columns
        Entries of each PE in each row tile; their rows count from the tile's first.
    entry_counts : int32 array (in, row tiles, PEs)
        Entries of each PE in each column.
    filler_counts : int64 array (in, row tiles)
        Fillers of all PEs in each column.
    active : bool array (batch, in)
        Activations that are not at the zero point; the others are skipped.
    """

    columns: tuple[tuple[Columns, ...], ...]
    entry_counts: NDArray[np.int32]
    filler_counts: NDArray[np.int64]
    active: NDArray[np.bool_]

    @classmethod
    def plan(
        cls,
        layer: Masked,
        design: Design,
        form: IndexFormat | None = None,
        ranks: NDArray[np.int64] | None = None,
    ) -> "EieProgram":
        """Lay a layer out, as if no activation were zero; ``with_active`` tells which are.

        Raises
        ------
        FitError
            If it is no FC layer, or does not fit the design's counters, format or buffers.
        """
        shape, index_bits = layer.shape, design.index_bits[0]
        check_layer(shape, design, form)
        mask = layer.mask.reshape(shape.out_channels, shape.in_channels)
        by_work = ranks_by_work(mask.sum(axis=1), mask) if ranks is None else ranks
        assignment = _deal(by_work, design.lanes)
        columns = []
        for first in range(0, len(assignment), design.acc_rows):
            rows = assignment[first : first + design.acc_rows]
            kept = mask[rows] & (rows >= 0)[:, :, None]  # (rows, lanes, in)
            columns.append(
                tuple(Columns.encode(kept[:, pe], index_bits) for pe in range(design.lanes))
            )
        program = cls(
            design=design,
            layout=Layout(shape, shape.batch, design.feed, design.feed),  # images: one vector
            format=Relative(index_bits),
            assignment=assignment,
            orders=np.zeros((1, 1), np.int64),
            streams=(),
            columns=tuple(columns),
            entry_counts=_entry_counts(columns),
            filler_counts=_filler_counts(columns, shape.in_channels),
            active=np.ones((shape.batch, shape.in_channels), np.bool_),
        )
        check_counts(shape, design, program.buffers.weight_words)
        program._check_buffers()
        return program

    def with_active(self, active: NDArray[np.bool_]) -> "EieProgram":
        """Return the program for activations (batch, in, 1, 1) of which only these are not zero."""
        return replace(self, active=active.reshape(self.active.shape))

    def with_columns(self, columns: Sequence[Sequence[Columns]]) -> "EieProgram":
        """Return the program with other entries in the columns of its PEs."""
        return replace(
            self,
            columns=tuple(map(tuple, columns)),
            entry_counts=_entry_counts(columns),
            filler_counts=_filler_counts(columns, self.shape.in_channels),
        )

    def passes(self) -> Iterator[tuple[int, int]]:
        """Yield the row of accumulators and the image of each pass, in order."""
        for image in range(self.shape.batch):
            for row in range(self.tiles):
                yield row, image

    @property
    def words(self) -> int:
        """Words of the activations of an image."""
        return -(-self.shape.in_channels // self.design.feed)

    @cached_property
    def kept_weights(self) -> int:
        """Weights that are stored."""
        return sum(int((~pe.filler).sum()) for tile in self.columns for pe in tile)

    @property
    def filter_weights(self) -> int:
        """Weights that are stored for a filter: all."""
        return self.kept_weights

    @cached_property
    def buffers(self) -> Buffers:
        """Memory depths this program needs; there are no offsets."""
        entries = np.array([[pe.codes.size for pe in tile] for tile in self.columns])
        return Buffers(
            weight_words=max(1, int(entries.sum(axis=0).max())),
            index_words=len(self.columns) * self.words * self.design.feed,
            feature_words=self.shape.batch * self.words,
            filter_words=self.tiles * self.design.drain_groups,
            offset_words=1,
        )

    def registers(self, layer: Layer) -> dict[str, int]:
        """Return the layer registers, in register order."""
        scale = layer.requantization
        return {
            "words": self.words,
            "tiles_per_group": self.tiles,
            "groups": self.shape.batch,
            "last_tile_lanes": self.last_tile_lanes,
            "weight_code": stored_code(layer, self),
            "zero_point_in": layer.zero_point_in,
            "zero_point": scale.zero_point,
            "low": scale.low,
            "high": scale.high,
        }

    def pointer_words(self, weight_words: int) -> list[list[int]]:
        """Return the column pointers of each PE, all row tiles."""
        start_bits = pointer_layout(weight_words)["start"].width
        missing = self.words * self.design.feed - self.shape.in_channels
        pointers = []
        for pe in range(self.design.lanes):
            words: list[int] = []
            before = 0
            for tile in self.columns:
                own = tile[pe]
                occupied = (own.counts > 0).astype(np.int64)
                words += (((before + own.starts) * occupied) | occupied << start_bits).tolist()
                words += [0] * missing
                before += own.codes.size
            pointers.append(words)
        return pointers

    def entry_words(self, layer: Layer) -> list[list[int]]:
        """Return the entries of each PE, all row tiles."""
        design, entry = self.design, entry_layout(self.design)
        weights = layer.weight.reshape(self.shape.out_channels, self.shape.in_channels)
        bits = stored(weights, stored_code(layer, self), design) & ((1 << design.weight_bits) - 1)
        words = []
        for pe in range(design.lanes):
            own: list[int] = []
            for number, tile in enumerate(self.columns):
                columns = tile[pe]
                filters = self.assignment[number * design.acc_rows :][: design.acc_rows, pe]
                rows = np.where(columns.filler, 0, columns.rows)
                weight = np.where(columns.filler, 0, bits[filters[rows], columns.columns])
                end = columns.end.astype(np.int64)
                own += (
                    weight | columns.codes << entry["code"].offset | end << entry["end"].offset
                ).tolist()
            words.append(own)
        return words

    def feature_words(self, features: NDArray[np.int64], fill: int) -> NDArray[np.int64]:
        """Lay activations (batch, in, 1, 1) out as (words of all images, feed)."""
        batch, inputs = self.active.shape
        padded = np.full((batch, self.words * self.design.feed), fill, np.int64)
        padded[:, :inputs] = features.reshape(batch, inputs)
        return padded.reshape(-1, self.design.feed)


def _entry_counts(columns: Sequence[Sequence[Columns]]) -> NDArray[np.int32]:
    counts = np.array([[pe.counts for pe in tile] for tile in columns], np.int32)
    return np.ascontiguousarray(counts.transpose(2, 0, 1))


def _filler_counts(columns: Sequence[Sequence[Columns]], inputs: int) -> NDArray[np.int64]:
    fillers = [np.concatenate([pe.columns[pe.filler] for pe in tile]) for tile in columns]
    return np.stack([np.bincount(own, minlength=inputs) for own in fillers], axis=1)


def check_layer(shape: LayerShape, design: Design, form: IndexFormat | None = None) -> None:
    """Refuse a layer that an EIE array does not run, or a format that it does not read.

    Raises
    ------
    FitError
    """
    if shape.kind != "fc" or shape.groups > 1:
        what = f"has {shape.groups} groups" if shape.kind == "fc" else "is a convolution"
        raise FitError(
            f"layer {shape.name}: {what}; {design.name} runs ungrouped FC layers only, the sparse"
            " and dense families run every layer"
        )
    own = Relative(design.index_bits[0])
    if form is not None and form != own:
        raise FitError(
            f"layer {shape.name}: {design.name} reads the format {own.name} only, not {form.name}"
        )


def check_counts(shape: LayerShape, design: Design, entries: int) -> None:
    """Refuse a layer that the counters of a design cannot count.

    Parameters
    ----------
    shape : LayerShape
    design : Design
    entries : int
        Of the fullest PE.

    Raises
    ------
    FitError
    """
    words = -(-shape.in_channels // design.feed)
    rows = -(-shape.out_channels // design.lanes)
    pointers = -(-rows // design.acc_rows) * words * design.feed
    for what, found, limit in (
        ("words of activations", words, COUNT_LIMIT),
        ("filters per lane", rows, COUNT_LIMIT),
        ("images", shape.batch, COUNT_LIMIT),
        ("column pointers", pointers, _ADDRESS_LIMIT),
        ("entries in a lane", entries, _ADDRESS_LIMIT),
    ):
        if found > limit:
            raise FitError(f"layer {shape.name}: {found} {what}; {design.name} counts to {limit}")


def _deal(ranks: NDArray[np.int64], lanes: int) -> NDArray[np.int64]:
    """Deal filters to (row, lane), -1 where there is none; the last row fills its first lanes."""
    by_work = np.argsort(-ranks, kind="stable")
    dealt = np.full((-(-ranks.size // lanes), lanes), -1, np.int64)
    dealt.flat[: ranks.size] = by_work
    whole = dealt[: ranks.size // lanes]
    whole[1::2] = whole[1::2, ::-1]
    return dealt
