"""Scales: how real numbers map to integers, and how one integer scale is turned into another.

An activation is ``real = scale * (integer - zero_point)``. Going from one scale to another is a
multiplication by a real ratio, which the hardware does as ``(value * multiplier) >> shift`` with a
multiplier of ``MULTIPLIER_BITS`` bits: ``fixed_point`` finds both.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import MULTIPLIER_BITS, SHIFT_BITS, Requantization

__all__ = ["ActivationScale", "fixed_point", "requantization_from_scales"]

SHIFT_MAX = (1 << SHIFT_BITS) - 1
"""Largest shift that the requantization can hold."""


@dataclass(frozen=True)
class ActivationScale:
    """Per-tensor scale of an activation, in signed integers of ``bits`` bits.

    Unsigned tensors of a file are shifted by ``2**(bits - 1)`` when read, values and zero point.

    Attributes
    ----------
    scale : float
        Real value of one step, positive.
    zero_point : int
        The integer that stands for 0.
    bits : int
        Width, 2 to 16.

    Raises
    ------
    InputError
        If the scale is not a positive number, the width is not 2 to 16 bits, or the zero point
        does not fit it.
    """

    scale: float
    zero_point: int
    bits: int = 8

    def __post_init__(self) -> None:
        if not 2 <= self.bits <= 16:
            raise InputError(f"activations must have between 2 and 16 bits, not {self.bits}")
        if not (np.isfinite(self.scale) and self.scale > 0):
            raise InputError(f"an activation scale must be positive and finite, not {self.scale}")
        if not self.low <= self.zero_point <= self.high:
            raise InputError(
                f"a zero point must fit signed {self.bits} bits, not {self.zero_point}"
            )

    @classmethod
    def from_range(cls, low: float, high: float, bits: int) -> "ActivationScale":
        """Return the asymmetric scale that covers low to high (widened to hold 0) in `bits`.

        Raises
        ------
        InputError
            If the range is not finite or ends before it starts, or `bits` is not 2 to 16.
        """
        if not (np.isfinite(low) and np.isfinite(high) and low <= high):
            raise InputError(f"an activation range must be finite and ordered, not {low}..{high}")
        if not 2 <= bits <= 16:
            raise InputError(f"activations must have between 2 and 16 bits, not {bits}")
        low, high = min(low, 0.0), max(high, 0.0)
        half = 1 << (bits - 1)
        # A tensor that is always 0 has no range; any scale represents it. The scale is a float32,
        # as in ONNX, so that a Q/DQ file written from it means the same.
        # Below the smallest normal float32 a scale would have lost its digits.
        step = (high - low) / (2 * half - 1)
        scale = float(np.float32(max(step, float(np.finfo(np.float32).tiny)))) if step else 1.0
        return cls(scale, int(np.clip(round(-low / scale) - half, -half, half - 1)), bits)

    @property
    def low(self) -> int:
        """Smallest integer."""
        return -(1 << (self.bits - 1))

    @property
    def high(self) -> int:
        """Largest integer."""
        return (1 << (self.bits - 1)) - 1

    def quantize(self, values: NDArray[Any]) -> NDArray[np.int64]:
        """Return the integers of real `values`, in float32 and to nearest even as ONNX does."""
        steps = np.rint(np.asarray(values, np.float32) / np.float32(self.scale))
        shifted = np.clip(steps.astype(np.float64) + self.zero_point, self.low, self.high)
        integers: NDArray[np.int64] = shifted.astype(np.int64)
        return integers

    def dequantize(self, integers: NDArray[np.int64]) -> NDArray[np.float32]:
        """Return the real values that `integers` stand for."""
        steps = (integers - self.zero_point).astype(np.float32)
        real: NDArray[np.float32] = steps * np.float32(self.scale)
        return real

    def clamp(self, low: float, high: float) -> tuple[int, int]:
        """Return the integers between which a real clamp of low to high keeps a value."""
        bounds = np.clip(np.rint(np.array([low, high]) / self.scale), -(2**20), 2**20)
        first, last = np.clip(bounds + self.zero_point, self.low, self.high)
        return int(first), int(last)


def fixed_point(
    where: str, ratio: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Write each ratio as ``multiplier * 2**-shift``, normalised to MULTIPLIER_BITS bits.

    Parameters
    ----------
    where : str
        The layer or node, for the message.
    ratio : float64 array
        Not negative. Below ``2**-(SHIFT_MAX - MULTIPLIER_BITS + 1)`` the multiplier loses bits,
        which changes a 48-bit sum by less than half a step.

    Returns
    -------
    multiplier, shift : int64 arrays
        Below ``2**MULTIPLIER_BITS``; 1 to SHIFT_MAX.

    Raises
    ------
    InputError
        If a ratio is negative, not finite, or ``2**(MULTIPLIER_BITS - 1)`` and more.
    """
    if not (np.isfinite(ratio).all() and (ratio >= 0).all()):
        raise InputError(f"{where}: a requantization ratio must be finite and not negative")
    _, exponent = np.frexp(ratio)
    shift = np.clip(MULTIPLIER_BITS - exponent, 1, SHIFT_MAX).astype(np.int64)
    multiplier = np.rint(np.ldexp(ratio, shift))
    overflow = (multiplier >= 1 << MULTIPLIER_BITS) & (shift > 1)
    shift -= overflow
    multiplier = np.where(overflow, np.rint(np.ldexp(ratio, shift)), multiplier)
    if (multiplier >= 1 << MULTIPLIER_BITS).any():
        raise InputError(
            f"{where}: requantization ratio (input scale x weight scale / output scale) must be"
            f" below {1 << (MULTIPLIER_BITS - 1)}, not {ratio.max():g}; check the output scale"
        )
    return multiplier.astype(np.int64), np.where(ratio == 0, 1, shift)


def requantization_from_scales(
    where: str,
    scale_in: float,
    scale_weight: NDArray[np.float64],
    out: ActivationScale,
    bounds: tuple[int, int],
) -> Requantization:
    """Return the requantization of a layer from its scales.

    Parameters
    ----------
    where : str
        The layer, for the message.
    scale_in : float
        Scale of the input activations.
    scale_weight : float64 array (out,)
        Scale of the weights of each output channel.
    out : ActivationScale
        Scale of the output.
    bounds : (int, int)
        Clamp of the output, in integers; an activation function is folded into it.

    Raises
    ------
    InputError
        If a scale is out of range (see `fixed_point`).
    """
    multiplier, shift = fixed_point(where, scale_in * scale_weight / out.scale)
    return Requantization(multiplier, shift, out.zero_point, *bounds)
