"""The runs of a layer on a design: one, or as many parts as its buffers make necessary.

A layer that fits is one run. Otherwise it is halved where it does not fit: too many weights, and
the filters are cut (whole tiles of lanes); too many activations, and groups, images, rows, then
columns are. If one filter tile at one vector of positions is still too much, the input channels
are cut, and the lanes keep their sums from run to run. A fixed rule, which asks for few runs; it
does not look for the fewest.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, fields, replace
from itertools import product

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.formats import IndexFormat
from ..models.formats.grouped import union_masks
from ..models.layer import Layer, LayerShape
from .deal import simd_blocks
from .design import Buffers, Design
from .layout import Layout
from .part import Part
from .program import MAX_LENGTH, MAX_WINDOWS, Masked, Program

__all__ = ["Run", "Schedule", "covering_buffers"]

_WEIGHT_BUFFERS = ("weight_words", "index_words", "filter_words", "offset_words")
_COUNTERS = ("length", "windows")


@dataclass(frozen=True, eq=False)
class Run:
    """One start of the accelerator.

    Attributes
    ----------
    part : Part
        Of the layer.
    layer : Masked
        The part as a layer.
    program : Program
    accumulate : bool
        It goes on from the sums of the run before.
    counts : bool
        Its outputs are those of the layer; otherwise the run after it goes on from its sums.
    """

    part: Part
    layer: Masked
    program: Program
    accumulate: bool
    counts: bool


@dataclass(frozen=True, eq=False)
class Schedule:
    """The runs of one layer, in order.

    Attributes
    ----------
    layer : Masked
    design : Design
    runs : tuple of Run
    """

    layer: Masked
    design: Design
    runs: tuple[Run, ...]

    @classmethod
    def plan(cls, layer: Masked, design: Design, form: IndexFormat | None = None) -> "Schedule":
        """Cut a layer into runs that fit the buffers of a design; without buffers all fits.

        Raises
        ------
        FitError
            If the layer does not fit the design's counters or formats, or not even one filter tile
            of one vector of positions and one input channel fits its buffers.
        """
        shape = layer.shape
        cuts = _Cuts.none(shape)
        while True:
            runs = []
            for part in cuts.parts(shape):
                short = _too_long(part.shape_of(shape), design)
                if not short:
                    piece = part.of(layer)
                    free = replace(design, buffers=None)
                    program = Program.plan(piece, free, form, _chain_work(part, layer, design))
                    short = _lacking(program.buffers, design.buffers)
                if short:
                    break
                runs.append(
                    Run(part, piece, replace(program, design=design),
                        not part.first_of_chain(), part.last_of_chain(shape))
                )  # fmt: skip
            else:
                return cls(layer, design, tuple(runs))
            cuts = cuts.finer(short, shape, design)

    @classmethod
    def of(cls, program: Program, layer: Masked) -> "Schedule":
        """Return the one run of a program that is there already."""
        run = Run(Part.whole(layer.shape), layer, program, accumulate=False, counts=True)
        return cls(layer, program.design, (run,))

    def with_features(self, features: NDArray[np.int64]) -> "Schedule":
        """Return the schedule for activations (batch, in, h, w), if its timing depends on them."""
        runs = []
        for run, inputs in zip(self.runs, self.inputs(features), strict=True):
            assert isinstance(run.layer, Layer)
            runs.append(replace(run, program=run.program.with_features(run.layer, inputs)))
        return replace(self, runs=tuple(runs))

    @property
    def buffers(self) -> Buffers:
        """Memory depths that all runs together need."""
        needed = self.runs[0].program.buffers
        for run in self.runs[1:]:
            needed = needed.covering(run.program.buffers)
        return needed

    def inputs(self, features: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Yield the activations of each run, given those of the layer (batch, in, h, w)."""
        for run in self.runs:
            yield run.part.inputs(self.layer.shape, features)

    def assembled(self, outputs: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Return the outputs of the layer, given those of each run."""
        shape = self.layer.shape
        whole = np.zeros((shape.batch, shape.out_channels, shape.out_height, shape.out_width),
                         np.int64)  # fmt: skip
        for run, part in zip(self.runs, outputs, strict=True):
            if run.counts:
                run.part.place(shape, whole, part)
        return whole


def covering_buffers(layers: Iterable[Masked], design: Design) -> Buffers:
    """Return the smallest buffers that hold any one of some layers.

    Raises
    ------
    FitError
        If a layer does not fit the design's counters or formats.
    """
    free = replace(design, buffers=None)
    first, *others = (Schedule.plan(layer, free).buffers for layer in layers)
    for other in others:
        first = first.covering(other)
    return first


@dataclass(frozen=True)
class _Cuts:
    """Most of each that a part may have."""

    images: int
    groups: int
    filters: int
    channels: int
    rows: int
    columns: int

    @classmethod
    def none(cls, shape: LayerShape) -> "_Cuts":
        whole = Part.whole(shape)
        return cls(*(len(getattr(whole, field.name)) for field in fields(Part)))

    def parts(self, shape: LayerShape) -> Iterator[Part]:
        """Yield the parts; those of a chain follow each other."""
        whole = Part.whole(shape)
        order = ("groups", "filters", "images", "rows", "columns", "channels")
        pieces = [list(_pieces(getattr(whole, name), getattr(self, name))) for name in order]
        for chosen in product(*pieces):
            yield Part(**dict(zip(order, chosen, strict=True)))

    def finer(self, short: str, shape: LayerShape, design: Design) -> "_Cuts":
        """Halve what a part has too much of."""
        of_these_images = Layout.of(replace(shape, batch=self.images), design)
        tile_filters = design.lanes * of_these_images.lane_filters
        if short in _WEIGHT_BUFFERS:
            if self.groups > 1:
                return replace(self, groups=-(-self.groups // 2))
            if self.filters > tile_filters:
                tiles = -(-self.filters // tile_filters)
                return replace(self, filters=-(-tiles // 2) * tile_filters)
        elif short == "feature_words":
            for name in ("groups", "images", "rows", "columns"):
                most = getattr(self, name)
                if most > 1:
                    return replace(self, **{name: -(-most // 2)})
        if design.family == "eie":
            raise FitError(
                f"layer {shape.name}: not even one filter per lane of one image fits"
                f" design.buffers.{short} of {design.name}, which cannot go on from the sums of a"
                " part of the inputs; make it larger"
            )
        if self.channels > 1:
            # The sums of a chain stay in the lanes: one filter tile at one vector of positions.
            one_pixel = shape.padded_height == shape.padded_width == 1
            own_filters = of_these_images.columns == "filters"
            return _Cuts(
                min(self.images, design.vector) if one_pixel and not own_filters else 1,
                1,
                min(self.filters, tile_filters),
                _half(self.channels, design.feed),
                1,
                min(self.columns, design.vector),
            )
        if short in _COUNTERS:
            raise FitError(
                f"layer {shape.name}: one input channel of a filter has too many weights for"
                f" {design.name}, which counts to {MAX_LENGTH} positions in {MAX_WINDOWS} windows"
            )
        raise FitError(
            f"layer {shape.name}: not even one filter tile of one input channel at one vector of"
            f" positions fits design.buffers.{short} of {design.name}; make it larger"
        )


def _half(channels: int, feed: int) -> int:
    """Halve a number of channels, into whole feed steps where it has several."""
    steps = -(-channels // (2 * feed)) * feed
    return steps if steps < channels else -(-channels // 2)


def _pieces(whole: range, most: int) -> Iterator[range]:
    """Cut a range into equal pieces of at most so many."""
    for start in range(0, len(whole), most):
        yield whole[start : start + most]


def _too_long(shape: LayerShape, design: Design) -> str | None:
    """Name the counter of index positions that a filter exceeds; EIE PEs count other things."""
    if design.family == "eie":
        return None
    layout = Layout.of(shape, design)
    if layout.length > MAX_LENGTH:
        return "length"
    return "windows" if design.family == "sparse" and layout.windows > MAX_WINDOWS else None


def _chain_work(part: Part, layer: Masked, design: Design) -> NDArray[np.int64] | None:
    """Return the kept weights of a chain's blocks of filters, None if the part is no chain.

    The sums of a filter stay in its lane, so that all parts of a chain deal filters alike.
    """
    chain = replace(part, channels=Part.whole(layer.shape).channels)
    if chain == part:
        return None
    mask = layer.mask[chain.filters_of(layer.shape)].reshape(len(part.filters), -1)
    blocks = simd_blocks(chain.shape_of(layer.shape), design)
    work: NDArray[np.int64] = union_masks(mask, blocks).sum(axis=1)
    return work


def _lacking(need: Buffers, have: Buffers | None) -> str | None:
    """Name the first buffer that is too small."""
    if have is None:
        return None
    for field in fields(Buffers):
        if getattr(need, field.name) > getattr(have, field.name):
            return field.name
    return None
