"""What the index streams of layers hold, counted once for an index space.

Where a weight lies in a stream depends on few fields of a design: how many vectors a feed step
brings, whether lanes read through ports, and how many lanes share a stream. For each such *index
space* the masks are counted once: what each stream keeps in each feed step, and for each format
its entries, index words and the zero words that its decoder skips. All designs of that space are
predicted from these counts; no mask is looked at again.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...hw.deal import deal, dealt_groups, ranks_by_work, simd_blocks
from ...hw.design import Design
from ...hw.layout import Layout
from ...hw.program import Masked
from ...models.formats import WORD_BITS, Bitmap, IndexFormat, Relative
from ...models.formats.grouped import union_masks

__all__ = [
    "Counts",
    "Flags",
    "Floats",
    "FormatCounts",
    "IndexSpace",
    "Ints",
    "PackedSteps",
    "space_key",
]

Flags = NDArray[np.bool_]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Counts = NDArray[np.uint16]


def space_key(design: Design) -> tuple[str, int, int]:
    """Return what two designs have in common that lay out weights alike."""
    return design.delivery, design.feed, design.simd_group


class FormatCounts(NamedTuple):
    """Streams in one format, (streams,) each.

    Attributes
    ----------
    entries : int64 array
        Entries of a stream, fillers included.
    stored : int64 array
        Weights that it stores.
    words : int64 array
        Index words.
    skipped : int64 array
        All-zero index words that the decoder skips, a cycle each.
    """

    entries: Ints
    stored: Ints
    words: Ints
    skipped: Ints

    @classmethod
    def of(cls, mask: Flags, form: IndexFormat, scan_bits: int) -> "FormatCounts":
        """Count the streams of a mask (streams, length)."""
        entries = form.entry_counts(mask)
        words = form.index_words(mask, scan_bits)
        skipped = np.zeros_like(entries)
        if isinstance(form, Bitmap):
            filled = np.zeros((len(mask), -(-mask.shape[1] // scan_bits) * scan_bits), np.bool_)
            filled[:, : mask.shape[1]] = mask
            with_weight = filled.reshape(len(mask), -1, scan_bits).any(axis=2).sum(axis=1)
            skipped = words - np.maximum(with_weight, 1)
        return cls(entries, form.weight_counts(mask), words, skipped)

    @classmethod
    def joined(cls, parts: Sequence["FormatCounts"]) -> "FormatCounts":
        """Return the counts of several layers one after the other."""
        return cls(*map(np.concatenate, zip(*parts, strict=True)))

    def stored_bits(self, design: Design) -> int:
        """Return the bits of both streams of all, as ``IndexFormat.stored_bits`` counts them."""
        index_bits = int(self.words.sum()) * (design.scan_bits + 1)
        return index_bits + int(self.stored.sum()) * design.weight_bits


class PackedSteps(NamedTuple):
    """What a feed step holds of a stream, in one number of 16 bits each.

    Attributes
    ----------
    kept : array
        Kept weights, 0 to 16.
    first, last : array
        First and last kept position of the step; 0, if none is kept.
    inside : array
        Fillers between kept positions of the step, 0 to 4: the code of a filler is at least 3.
    """

    kept: Counts
    first: Counts
    last: Counts
    inside: Counts

    @classmethod
    def of(cls, mask: Flags, steps: int, filler_code: int) -> "PackedSteps":
        """Look at the steps of the streams of a mask (streams, length)."""
        in_step = mask.reshape(len(mask), steps, -1)
        width = in_step.shape[2]
        kept = in_step.view(np.uint8).sum(axis=2, dtype=np.uint16)
        last = np.where(kept > 0, width - 1 - in_step[:, :, ::-1].argmax(axis=2), 0)
        inside = np.zeros(kept.shape)
        if width - 2 >= filler_code:
            place = np.flatnonzero(mask)
            step = place // width
            same = np.diff(step, prepend=-1) == 0
            fillers = np.where(same, (np.diff(place, prepend=-1) - 1) // filler_code, 0)
            inside = np.bincount(step, weights=fillers, minlength=kept.size).reshape(kept.shape)
        return cls(*(part.astype(np.uint16)
                     for part in (kept, in_step.argmax(axis=2), last, inside)))  # fmt: skip

    @property
    def packed(self) -> Counts:
        """All in one number."""
        numbers = self.kept | self.first << 5 | self.last << 9 | self.inside << 13
        return numbers.astype(np.uint16, copy=False)

    @classmethod
    def unpacked(cls, numbers: Counts) -> "PackedSteps":
        """Take numbers apart."""
        parts = (numbers & 31, numbers >> 5 & 15, numbers >> 9 & 15, numbers >> 13)
        return cls(*(part.astype(np.uint16, copy=False) for part in parts))


@dataclass(frozen=True, eq=False)
class IndexSpace:
    """The weights of some layers in one index space; streams of all layers one after the other.

    Attributes
    ----------
    design : Design
        One of the designs that lay weights out like this.
    layers : tuple of Masked
    """

    design: Design
    layers: tuple[Masked, ...]
    _formats: dict[tuple[str, int], list[FormatCounts]] = field(default_factory=dict, init=False)

    # ---- layers ------------------------------------------------------------------------------

    @cached_property
    def layouts(self) -> tuple[Layout, ...]:
        """Layout of each layer."""
        return tuple(Layout.of(layer.shape, self.design) for layer in self.layers)

    @cached_property
    def steps(self) -> Ints:
        """Feed steps of a pass of each layer."""
        return np.array([layout.steps for layout in self.layouts])

    @cached_property
    def step_vectors(self) -> Ints:
        """Index positions of a feed step of each layer."""
        return np.array([layout.step_vectors for layout in self.layouts])

    @cached_property
    def groups(self) -> Ints:
        """Groups of each layer that are dealt to lanes apart."""
        return np.array([dealt_groups(layer.shape, self.design) for layer in self.layers])

    @cached_property
    def missing(self) -> Ints:
        """Filters that the last stream of each group lacks, of each layer."""
        return np.array(
            [-(layer.shape.out_channels // layer.shape.groups) % self.design.simd_group
             for layer in self.layers]
        )  # fmt: skip

    @cached_property
    def streams(self) -> Ints:
        """Streams of each layer.

        Raises
        ------
        FitError
            If streams with too few filters would lie in the middle of a tile (``hw.deal``).
        """
        counts = []
        for layer in self.layers:
            blocks = len(simd_blocks(layer.shape, self.design))
            deal(np.zeros(blocks, np.int64), layer.shape, self.design)
            counts.append(blocks)
        return np.array(counts)

    @cached_property
    def first_stream(self) -> Ints:
        """Number of the first stream of each layer."""
        first: Ints = np.cumsum(self.streams) - self.streams
        return first

    @cached_property
    def ranks(self) -> tuple[Ints, ...]:
        """Rank of each stream of each layer among those with as many entries (``hw.deal``)."""
        return tuple(
            ranks_by_work(np.zeros(blocks, np.int64), self.mask(layer))
            for layer, blocks in enumerate(self.streams.tolist())
        )

    # ---- steps -------------------------------------------------------------------------------

    def mask(self, layer: int) -> Flags:
        """Return the positions that each stream of a layer keeps, (streams, length)."""
        own = self.layers[layer]
        mask = self.layouts[layer].to_index_space(own.mask)
        return union_masks(mask, simd_blocks(own.shape, self.design))

    @cached_property
    def kept(self) -> tuple[Counts, ...]:
        """Kept weights in each feed step of each layer, (steps, streams)."""
        return tuple(
            self.mask(number).view(np.uint8)
            .reshape(int(self.streams[number]), layout.steps, -1)
            .sum(axis=2, dtype=np.uint16).T
            for number, layout in enumerate(self.layouts)
        )  # fmt: skip

    @cached_property
    def by_weight(self) -> Ints:
        """Feed steps by the weights that all streams keep in them, of one layer after the other."""
        return np.concatenate(
            [np.argsort(kept.sum(axis=1, dtype=np.int64), kind="stable") for kept in self.kept]
        )

    @cached_property
    def first_step(self) -> Ints:
        """Where each layer begins in ``by_weight``."""
        first: Ints = np.cumsum(self.steps) - self.steps
        return first

    def entries(self, layer: int, form: Relative) -> Counts:
        """Return the entries in each feed step of a layer, in natural order, (steps, streams)."""
        steps, width = self.layouts[layer].steps, self.layouts[layer].step_vectors
        encoded = form.encode_filters(self.mask(layer), WORD_BITS[0])
        first = np.arange(len(encoded)) * steps
        places = [at + one.entry_positions // width for at, one in zip(first, encoded, strict=True)]
        counts = np.bincount(np.concatenate(places), minlength=len(encoded) * steps)
        return counts.reshape(-1, steps).T.astype(np.uint16)

    def packed(self, layer: int, form: Relative) -> Counts:
        """Return ``PackedSteps`` of a layer, (steps, streams)."""
        steps = self.layouts[layer].steps
        return PackedSteps.of(self.mask(layer), steps, form.filler_code).packed.T

    # ---- formats -----------------------------------------------------------------------------

    def counts(self, form: IndexFormat, scan_bits: int) -> list[FormatCounts]:
        """Return the streams of each layer in a format; counted when first asked for."""
        key = form.name, scan_bits
        if key not in self._formats:
            self._formats[key] = list(self._counted(form, scan_bits))
        return self._formats[key]

    def _counted(self, form: IndexFormat, scan_bits: int) -> Iterator[FormatCounts]:
        for layer in range(len(self.layers)):
            yield FormatCounts.of(self.mask(layer), form, scan_bits)
