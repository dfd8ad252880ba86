"""A part of a layer: what one run of the accelerator computes when the whole does not fit.

A part takes some images, convolution groups, filters, output rows and columns, and input channels.
It is a layer itself, with the padding that is left to it and the halo of rows and columns that its
outputs read, so that all that works for layers works for parts.

Parts that differ in input channels only form a chain: each goes on from the sums of the one before,
and the outputs of the last one count. So the last one has the bias of the whole filter.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.layer import Layer, LayerShape, Requantization
from .program import Masked

__all__ = ["MaskedPart", "Part"]

Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class MaskedPart:
    """Geometry and mask of a part of a layer of which only these are known."""

    shape: LayerShape
    mask: NDArray[np.bool_]


@dataclass(frozen=True)
class Part:
    """A part of a layer.

    Attributes
    ----------
    images, groups : range
    filters, channels : range
        Within each convolution group.
    rows, columns : range
        Of the output.
    """

    images: range
    groups: range
    filters: range
    channels: range
    rows: range
    columns: range

    @classmethod
    def whole(cls, shape: LayerShape) -> "Part":
        """Return the part that is all of a layer."""
        return cls(
            range(shape.batch),
            range(shape.groups),
            range(shape.out_channels // shape.groups),
            range(shape.in_channels // shape.groups),
            range(shape.out_height),
            range(shape.out_width),
        )

    @property
    def weights(self) -> tuple[range, ...]:
        """What decides which weights it has."""
        return self.groups, self.filters, self.channels

    @property
    def features(self) -> tuple[range, ...]:
        """What decides which activations it reads."""
        return self.images, self.groups, self.channels, self.rows, self.columns

    def first_of_chain(self) -> bool:
        """Return whether no part before it has channels of the same outputs."""
        return self.channels.start == 0

    def last_of_chain(self, shape: LayerShape) -> bool:
        """Return whether no part after it has channels of the same outputs."""
        return self.channels.stop == shape.in_channels // shape.groups

    def shape_of(self, shape: LayerShape) -> LayerShape:
        """Return the geometry of the part.

        Raises
        ------
        FitError
            If its outputs see nothing but padding.
        """
        top, bottom, above, below = self._axis(shape, 0)
        left, right, before, after = self._axis(shape, 1)
        if top >= bottom or left >= right:
            raise FitError(
                f"layer {shape.name}: padding {shape.padding} is wider than the kernel"
                f" {shape.kernel}, so that it cannot be cut into rows and columns"
            )
        return replace(
            shape,
            in_channels=len(self.groups) * len(self.channels),
            out_channels=len(self.groups) * len(self.filters),
            groups=len(self.groups),
            height=bottom - top,
            width=right - left,
            padding=(above, before, below, after),
            batch=len(self.images),
        )

    def of(self, layer: Masked) -> Masked:
        """Return the part of a layer; of a quantized one a quantized part."""
        if self == Part.whole(layer.shape):
            return layer
        shape, filters = self.shape_of(layer.shape), self.filters_of(layer.shape)
        channels = slice(self.channels.start, self.channels.stop)
        mask = layer.mask[filters, channels]
        if not isinstance(layer, Layer):
            return MaskedPart(shape, mask)
        weight = layer.weight[filters, channels]
        scale = layer.requantization
        # The host folds the input zero point into the bias: each part's weights into its own.
        folded = layer.folded_bias[filters] * self.last_of_chain(layer.shape)
        return replace(
            layer,
            shape=shape,
            weight=weight,
            mask=mask,
            bias=folded + layer.zero_point_in * weight.sum(axis=(1, 2, 3)),
            requantization=Requantization(
                scale.multiplier[filters], scale.shift[filters],
                scale.zero_point, scale.low, scale.high,
            ),
        )  # fmt: skip

    def inputs(self, shape: LayerShape, features: NDArray[Scalar]) -> NDArray[Scalar]:
        """Return the activations it reads, of those of the layer (batch, in, h, w)."""
        return features[np.ix_(*self.reads(shape))]

    def outputs(self, shape: LayerShape, outputs: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return what it computes, of the outputs of the layer (batch, out, h, w)."""
        return outputs[np.ix_(*self.writes(shape))]

    def place(self, shape: LayerShape, outputs: NDArray[np.int64], part: NDArray[np.int64]) -> None:
        """Put what it computes in its place in the outputs of the layer."""
        outputs[np.ix_(*self.writes(shape))] = part

    def reads(self, shape: LayerShape) -> tuple[Sequence[int], ...]:
        """Return images, channels, rows and columns of the layer's activations that it reads."""
        top, bottom, _, _ = self._axis(shape, 0)
        left, right, _, _ = self._axis(shape, 1)
        each = shape.in_channels // shape.groups
        channels = [group * each + one for group in self.groups for one in self.channels]
        return self.images, channels, range(top, bottom), range(left, right)

    def writes(self, shape: LayerShape) -> tuple[Sequence[int], ...]:
        """Return images, channels, rows and columns of the layer's outputs that it computes."""
        return self.images, self.filters_of(shape), self.rows, self.columns

    def filters_of(self, shape: LayerShape) -> list[int]:
        """Return its filters, as numbers within the layer."""
        each = shape.out_channels // shape.groups
        return [group * each + one for group in self.groups for one in self.filters]

    def _axis(self, shape: LayerShape, axis: int) -> tuple[int, int, int, int]:
        """Return first and end of the rows (columns) it reads, and the padding on both sides."""
        outputs = (self.rows, self.columns)[axis]
        size, padding = (shape.height, shape.width)[axis], shape.padding[axis]
        if len(outputs) == (shape.out_height, shape.out_width)[axis]:
            return 0, size, padding, shape.padding[axis + 2]
        stride, dilation = shape.stride[axis], shape.dilation[axis]
        first = outputs.start * stride - padding
        end = (outputs.stop - 1) * stride + dilation * (shape.kernel[axis] - 1) + 1 - padding
        return max(first, 0), min(end, size), max(-first, 0), max(end - size, 0)
