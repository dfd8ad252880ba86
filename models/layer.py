"""A layer: its geometry, and, once quantized, the integers it computes with.

``LayerShape`` says what is computed (enough to count cycles, with a mask); ``Layer`` adds the
dense integer weights, the mask, the bias and the requantization. FC layers are convolutions
with a 1x1 kernel on a 1x1 map. The integer arithmetic, the same in the reference, the simulator
and the RTL, is::

    acc = sum(w * (x - zero_point_in))          # padding positions hold x = zero_point_in
    y   = clamp(zero_point_out + (((acc + bias) * multiplier + 2**(shift - 1)) >> shift), low, high)

with an arithmetic right shift, so that halves round up.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = [
    "MULTIPLIER_BITS",
    "SHIFT_BITS",
    "WEIGHT_CODES",
    "Layer",
    "LayerShape",
    "Requantization",
    "WeightCode",
]

MULTIPLIER_BITS = 16
"""Width of the unsigned requantization multiplier: its rounding error is below 2**-16 of y."""

SHIFT_BITS = 6
"""Width of the requantization shift: 1 <= shift <= 63."""

WeightCode = Literal["twos_complement", "zero_free"]

WEIGHT_CODES: tuple[WeightCode, ...] = ("twos_complement", "zero_free")
"""How b bits hold a weight: -2**(b-1) .. 2**(b-1) - 1, or +-1 .. +-2**(b-1) without a zero, the
levels of ADMM-NN (Ren et al., ASPLOS 2019, section 4.2) as sign and magnitude - 1."""


@dataclass(frozen=True)
class LayerShape:
    """Geometry of a convolution or fully connected layer.

    Attributes
    ----------
    name : str
        Name of the layer in its network.
    kind : {"conv", "fc"}
        FC layers have kernel, height and width 1.
    in_channels, out_channels : int
        Channels of the whole layer (all groups).
    kernel, stride, dilation : (int, int)
        Rows, columns.
    padding : (int, int, int, int)
        Top, left, bottom, right.
    groups : int
        Convolution groups; both channel counts are multiples of it.
    height, width : int
        Rows and columns of one input map, before padding.
    batch : int
        Images computed together.

    Raises
    ------
    InputError
        If a size is not positive, the channels do not divide into the groups, or the kernel is
        larger than the padded map.
    """

    name: str
    kind: Literal["conv", "fc"]
    in_channels: int
    out_channels: int
    kernel: tuple[int, int] = (1, 1)
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)
    groups: int = 1
    height: int = 1
    width: int = 1
    batch: int = 1

    def __post_init__(self) -> None:
        sizes = {
            "in_channels": self.in_channels,
            "out_channels": self.out_channels,
            "kernel": min(self.kernel),
            "stride": min(self.stride),
            "dilation": min(self.dilation),
            "groups": self.groups,
            "height": self.height,
            "width": self.width,
            "batch": self.batch,
        }
        for field, value in sizes.items():
            if value < 1:
                raise InputError(f"layer {self.name}: {field} must be at least 1, not {value}")
        if min(self.padding) < 0:
            raise InputError(f"layer {self.name}: padding must not be negative: {self.padding}")
        for field, value in (("in", self.in_channels), ("out", self.out_channels)):
            if value % self.groups:
                raise InputError(
                    f"layer {self.name}: {field}_channels must be a multiple of groups"
                    f" ({self.groups}), not {value}"
                )
        if self.out_height < 1 or self.out_width < 1:
            raise InputError(
                f"layer {self.name}: kernel {self.kernel} with dilation {self.dilation} is larger"
                f" than the padded map {self.padded_height}x{self.padded_width}"
            )

    @property
    def padded_height(self) -> int:
        """Rows of the map with its padding."""
        return self.height + self.padding[0] + self.padding[2]

    @property
    def padded_width(self) -> int:
        """Columns of the map with its padding."""
        return self.width + self.padding[1] + self.padding[3]

    @property
    def out_height(self) -> int:
        """Rows of an output map."""
        return (self.padded_height - self.dilation[0] * (self.kernel[0] - 1) - 1) // self.stride[
            0
        ] + 1

    @property
    def out_width(self) -> int:
        """Columns of an output map."""
        return (self.padded_width - self.dilation[1] * (self.kernel[1] - 1) - 1) // self.stride[
            1
        ] + 1

    @property
    def weight_shape(self) -> tuple[int, int, int, int]:
        """Shape of the weights, ``(out, in / groups, kh, kw)``."""
        return (self.out_channels, self.in_channels // self.groups, *self.kernel)

    @property
    def weights_per_filter(self) -> int:
        """K: weights of one filter, pruned ones included."""
        return (self.in_channels // self.groups) * self.kernel[0] * self.kernel[1]

    @property
    def weights(self) -> int:
        """All weights of the layer, pruned ones included."""
        return self.out_channels * self.weights_per_filter

    @property
    def positions(self) -> int:
        """Output positions of one channel over the whole batch."""
        return self.batch * self.out_height * self.out_width

    @property
    def macs(self) -> int:
        """Multiply-accumulates of the unpruned layer over the whole batch."""
        return self.positions * self.weights

    @property
    def features_in(self) -> int:
        """Input activations over the whole batch, without padding."""
        return self.batch * self.in_channels * self.height * self.width

    @property
    def features_out(self) -> int:
        """Output activations over the whole batch."""
        return self.batch * self.out_channels * self.out_height * self.out_width


@dataclass(frozen=True, eq=False)
class Requantization:
    """From accumulators to output activations, one rule everywhere (see the module).

    Attributes
    ----------
    multiplier : int64 array (out,)
        Unsigned, below ``2**MULTIPLIER_BITS``.
    shift : int64 array (out,)
        Right shift, 1 to ``2**SHIFT_BITS - 1``.
    zero_point : int
        Zero point of the output.
    low, high : int
        Clamp of the output; an activation function (ReLU, ReLU6) is folded into them.
    """

    multiplier: NDArray[np.int64]
    shift: NDArray[np.int64]
    zero_point: int
    low: int
    high: int

    def __call__(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Requantize ``acc + bias`` of shape (batch, out, h, w)."""
        multiplier = self.multiplier[:, None, None]
        shift = self.shift[:, None, None]
        scaled = (sums * multiplier + (np.int64(1) << (shift - 1))) >> shift
        outputs: NDArray[np.int64] = np.clip(self.zero_point + scaled, self.low, self.high)
        return outputs


@dataclass(frozen=True, eq=False)
class Layer:
    """A quantized layer: dense integer weights, mask, bias and requantization.

    Attributes
    ----------
    shape : LayerShape
        Geometry.
    weight : int64 array (out, in / groups, kh, kw)
        Integers that ``weight_bits`` bits hold in the layer's code, zero wherever ``mask`` is
        False.
    mask : bool array (out, in / groups, kh, kw)
        True where a weight is kept (and stored, even if it was rounded to 0).
    bias : int64 array (out,)
        Added to the accumulator before requantization.
    requantization : Requantization
        Output scaling.
    zero_point_in : int
        Zero point of the input; padding positions hold it.
    weight_bits, act_bits : int
        Widths. Activations are signed ``act_bits`` integers (an unsigned tensor is shifted by
        ``2**(act_bits - 1)``, together with its zero point).
    weight_code : {"twos_complement", "zero_free"}
        Levels of the kept weights (``WEIGHT_CODES``); in the zero-free code none is 0.

    Raises
    ------
    InputError
        If a shape does not fit the geometry, a value does not fit its bits, or a pruned weight
        is not zero.
    """

    shape: LayerShape
    weight: NDArray[np.int64]
    mask: NDArray[np.bool_]
    bias: NDArray[np.int64]
    requantization: Requantization
    zero_point_in: int = 0
    weight_bits: int = 8
    act_bits: int = 8
    weight_code: WeightCode = "twos_complement"

    def __post_init__(self) -> None:
        name, expected = self.shape.name, self.shape.weight_shape
        for field, found in (("weight", self.weight.shape), ("mask", self.mask.shape)):
            if found != expected:
                raise InputError(f"layer {name}: {field} must have shape {expected}, not {found}")
        for field, found in (
            ("bias", self.bias.shape),
            ("requantization.multiplier", self.requantization.multiplier.shape),
            ("requantization.shift", self.requantization.shift.shape),
        ):
            if found != (self.shape.out_channels,):
                raise InputError(
                    f"layer {name}: {field} must have shape ({self.shape.out_channels},),"
                    f" not {found}"
                )
        for field, bits in (("weight_bits", self.weight_bits), ("act_bits", self.act_bits)):
            if not 2 <= bits <= 16:
                raise InputError(f"layer {name}: {field} must be between 2 and 16, not {bits}")
        self._check_weights()
        if not (
            (0 <= self.requantization.multiplier).all()
            and (self.requantization.multiplier < 1 << MULTIPLIER_BITS).all()
            and (self.requantization.shift >= 1).all()
            and (self.requantization.shift < 1 << SHIFT_BITS).all()
        ):
            raise InputError(
                f"layer {name}: requantization needs multipliers of {MULTIPLIER_BITS} bits and"
                f" shifts of 1 to {(1 << SHIFT_BITS) - 1}"
            )
        half = 1 << (self.act_bits - 1)
        for field, value in (
            ("zero_point_in", self.zero_point_in),
            ("requantization.zero_point", self.requantization.zero_point),
            ("requantization.low", self.requantization.low),
            ("requantization.high", self.requantization.high),
        ):
            if not -half <= value < half:
                raise InputError(
                    f"layer {name}: {field} must fit signed {self.act_bits} bits, not {value}"
                )

    def _check_weights(self) -> None:
        name = self.shape.name
        if self.weight_code not in WEIGHT_CODES:
            raise InputError(
                f"layer {name}: weight_code must be one of {', '.join(WEIGHT_CODES)}, not"
                f" {self.weight_code!r}"
            )
        limit = 1 << (self.weight_bits - 1)
        highest = limit if self.weight_code == "zero_free" else limit - 1
        if self.weight.size and not (-limit <= self.weight.min() <= self.weight.max() <= highest):
            raise InputError(
                f"layer {name}: weights must be {self.weight_bits}-bit signed integers, found"
                f" {self.weight.min()} to {self.weight.max()}"
            )
        if np.any(self.weight[~self.mask]):
            raise InputError(f"layer {name}: a pruned weight is not zero")
        if self.weight_code == "zero_free" and not np.all(self.weight[self.mask]):
            raise InputError(f"layer {name}: a kept weight is 0, which the zero-free code lacks")

    @property
    def name(self) -> str:
        """Name of the layer in its network."""
        return self.shape.name

    @cached_property
    def folded_bias(self) -> NDArray[np.int64]:
        """Bias with the input zero point folded in, ``bias - zero_point_in * sum(w)``, (out,)."""
        folded: NDArray[np.int64] = self.bias - self.zero_point_in * self.weight.sum(axis=(1, 2, 3))
        return folded

    @cached_property
    def accumulator_bits(self) -> int:
        """Signed bits that no partial sum of this layer, in any order, can exceed."""
        magnitude = np.abs(self.weight).sum(axis=(1, 2, 3)) << (self.act_bits - 1)
        bound = int((magnitude + np.abs(self.folded_bias)).max())
        return bound.bit_length() + 1

    @property
    def density(self) -> float:
        """Kept weights / all weights."""
        return float(self.mask.mean())

    def pruned(self, mask: NDArray[np.bool_]) -> "Layer":
        """Return the layer with only the weights of ``mask`` kept."""
        return replace(self, weight=np.where(mask, self.weight, 0), mask=mask)
