"""How a layer is cut into parts, and how it is cut finer where a part does not fit.

Where a part has too many weights, filters are cut (whole tiles of lanes); too many activations,
and groups, images, rows, then columns are. If one filter tile at one vector of positions is still
too much, input channels are cut, and the lanes keep their sums from part to part.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import product
from typing import Literal

from ..errors import FitError
from ..models.layer import LayerShape
from .design import Buffers, Design
from .layout import Layout
from .part import Part
from .program import COUNT_LIMIT, MAX_LENGTH, MAX_WINDOWS

__all__ = ["Cuts", "Shortage", "pieces"]

_WEIGHT_BUFFERS = ("weight_words", "index_words", "filter_words", "offset_words")
_COUNTERS = ("length", "windows")
_POSITIONS = {
    "feature_words": ("groups", "images", "rows", "columns"),
    "position_tiles": ("images", "rows", "columns"),
}
"""What is cut, in this order, where positions are too many."""


@dataclass(frozen=True)
class Shortage:
    """What is too small for a part.

    Attributes
    ----------
    name : str
        A field of ``Buffers``, or what a counter counts: ``length``, ``windows``,
        ``position_tiles``.
    need, have : int
    """

    name: str
    need: int
    have: int

    @classmethod
    def of_buffers(cls, need: Buffers, have: Buffers | None) -> "Shortage | None":
        """Return the first buffer that is too small, None if all are large enough."""
        if have is not None:
            for field in fields(Buffers):
                lacks = getattr(need, field.name), getattr(have, field.name)
                if lacks[0] > lacks[1]:
                    return cls(field.name, *lacks)
        return None

    @classmethod
    def of_counters(cls, shape: LayerShape, design: Design) -> "Shortage | None":
        """Return the counter of index positions that a filter exceeds.

        EIE PEs count other things.
        """
        if design.family == "eie":
            return None
        layout = Layout.of(shape, design)
        if layout.length > MAX_LENGTH:
            return cls("length", layout.length, MAX_LENGTH)
        if design.family == "sparse" and layout.windows > MAX_WINDOWS:
            return cls("windows", layout.windows, MAX_WINDOWS)
        return None

    @classmethod
    def of_positions(cls, shape: LayerShape, design: Design) -> "Shortage | None":
        """Return the counter of position vectors, if the output has more than it counts."""
        if design.family != "eie":
            vectors = Layout.of(shape, design).position_tiles
            if vectors > COUNT_LIMIT:
                return cls("position_tiles", vectors, COUNT_LIMIT)
        return None


@dataclass(frozen=True)
class Cuts:
    """Most of each that a part may have, and which parts follow each other.

    Attributes
    ----------
    images, groups : int
    filters, channels : int
        Within each convolution group.
    rows, columns : int
        Of the output.
    inner : {"positions", "filters"}
        What changes from a part to the next one first: images, rows and columns, so that weights
        stay in their buffers, or filters, so that activations stay.
    """

    images: int
    groups: int
    filters: int
    channels: int
    rows: int
    columns: int
    inner: Literal["positions", "filters"] = "positions"

    @classmethod
    def none(cls, shape: LayerShape) -> "Cuts":
        """Return the cuts that leave a layer whole."""
        whole = Part.whole(shape)
        return cls(
            images=len(whole.images),
            groups=len(whole.groups),
            filters=len(whole.filters),
            channels=len(whole.channels),
            rows=len(whole.rows),
            columns=len(whole.columns),
        )

    def parts(self, shape: LayerShape) -> Iterator[Part]:
        """Yield the parts; those of a chain follow each other."""
        whole = Part.whole(shape)
        positions = ("images", "rows", "columns")
        inner = (
            (("filters",), positions) if self.inner == "positions" else (positions, ("filters",))
        )
        order = ("groups", *inner[0], *inner[1], "channels")
        ranges = [list(pieces(getattr(whole, name), getattr(self, name))) for name in order]
        for chosen in product(*ranges):
            yield Part(**dict(zip(order, chosen, strict=True)))

    def finer(self, shortage: Shortage, shape: LayerShape, design: Design) -> "Cuts":
        """Halve what a part has too much of.

        Raises
        ------
        FitError
            If it cannot be cut any further.
        """
        short = shortage.name
        of_these_images = Layout.of(replace(shape, batch=self.images), design)
        tile_filters = design.lanes * of_these_images.lane_filters
        if short in _WEIGHT_BUFFERS:
            if self.groups > 1:
                return replace(self, groups=-(-self.groups // 2))
            if self.filters > tile_filters:
                tiles = -(-self.filters // tile_filters)
                return replace(self, filters=-(-tiles // 2) * tile_filters)
        elif short in _POSITIONS:
            for name in _POSITIONS[short]:
                most = getattr(self, name)
                if most > 1:
                    return replace(self, **{name: -(-most // 2)})
        if design.family == "eie":
            raise FitError(
                f"layer {shape.name}: not even one filter per lane of one image fits"
                f" design.buffers.{short} of {design.name}, which cannot go on from the sums of a"
                f" part of the inputs; {shortage.need} words needed, {shortage.have}"
                " there; make it larger"
            )
        if self.channels > 1:
            # The sums of a chain stay in the lanes: one filter tile at one vector of positions.
            one_pixel = shape.padded_height == shape.padded_width == 1
            own_filters = of_these_images.columns == "filters"
            return Cuts(
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
            f" positions fits design.buffers.{short} of {design.name}:"
            f" {shortage.need} words needed, {shortage.have} there; make it larger"
        )


def _half(channels: int, feed: int) -> int:
    """Halve a number of channels, into whole feed steps where it has several."""
    steps = -(-channels // (2 * feed)) * feed
    return steps if steps < channels else -(-channels // 2)


def pieces(whole: range, most: int) -> Iterator[range]:
    """Cut a range into equal pieces of at most so many."""
    for start in range(0, len(whole), most):
        yield whole[start : start + most]
