"""A quantized network: the steps that the integer reference, and the hardware, run.

Layers compute as ``Layer`` says. Every other step that changes a scale ends in the same way::

    y = clamp(zero_point + ((sum + 2**(shift - 1)) >> shift), low, high)

where ``sum`` is, with inputs ``x`` taken relative to their zero points,

- affine: ``x * multiplier + offset`` (per channel),
- average pooling: ``multiplier * sum(x)`` over the window,
- add: ``sum(x_i * multiplier_i)`` over the inputs.

Max pooling, concatenation and moves of data work on the integers as they are.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import Layer
from .operations import Window
from .scales import ActivationScale

__all__ = [
    "AddStep",
    "AffineStep",
    "AveragePoolStep",
    "ConcatStep",
    "LayerStep",
    "MaxPoolStep",
    "PadStep",
    "QuantizedNetwork",
    "ReshapeStep",
    "Rounding",
    "Step",
    "TransposeStep",
]


@dataclass(frozen=True, eq=False)
class Rounding:
    """How a step turns its sums into output integers (see the module).

    Attributes
    ----------
    shift : int64 array
        Right shift, broadcast against the sums without their batch.
    zero_point, low, high : int
        Of the output.
    """

    shift: NDArray[np.int64]
    zero_point: int
    low: int
    high: int

    def __call__(self, sums: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the outputs for `sums`."""
        scaled = (sums + (np.int64(1) << (self.shift - 1))) >> self.shift
        out: NDArray[np.int64] = np.clip(self.zero_point + scaled, self.low, self.high)
        return out


@dataclass(frozen=True, eq=False)
class Step:
    """One step on named integer tensors.

    Attributes
    ----------
    name : str
        Name of the node it comes from.
    inputs : tuple of str
        Tensors it reads.
    output : str
        Tensor it writes.
    out_shape : tuple of int
        Shape of the output, without the batch.
    """

    name: str
    inputs: tuple[str, ...]
    output: str
    out_shape: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class LayerStep(Step):
    """A layer."""

    layer: Layer


@dataclass(frozen=True, eq=False)
class MaxPoolStep(Step):
    """Maximum over a window; padding never wins."""

    window: Window


@dataclass(frozen=True, eq=False)
class AveragePoolStep(Step):
    """Mean over a window.

    Attributes
    ----------
    zero_point_in : int
        Of the input; padding holds it.
    multiplier : int64 array (out rows, out columns)
        Ratio of the scales over the positions that count, times ``2**shift``.
    """

    window: Window
    zero_point_in: int
    multiplier: NDArray[np.int64]
    rounding: Rounding


@dataclass(frozen=True, eq=False)
class AffineStep(Step):
    """Per-channel multiplication and addition; also a mere change of scale, or a clamp.

    Attributes
    ----------
    zero_point_in : int
        Of the input.
    multiplier, offset : int64 array
        Shaped to broadcast against the input without its batch; the multiplier is signed.
    """

    zero_point_in: int
    multiplier: NDArray[np.int64]
    offset: NDArray[np.int64]
    rounding: Rounding


@dataclass(frozen=True, eq=False)
class AddStep(Step):
    """Sum of the inputs, each with its own scale.

    Attributes
    ----------
    zero_points_in, multipliers : tuple of int
        One for each input.
    """

    zero_points_in: tuple[int, ...]
    multipliers: tuple[int, ...]
    rounding: Rounding


@dataclass(frozen=True, eq=False)
class ConcatStep(Step):
    """Inputs of one scale, one after the other along `axis` (batch is axis 0)."""

    axis: int


@dataclass(frozen=True, eq=False)
class ReshapeStep(Step):
    """The same values in ``out_shape``."""


@dataclass(frozen=True, eq=False)
class TransposeStep(Step):
    """Axes in another order; the batch stays first."""

    order: tuple[int, ...]


@dataclass(frozen=True, eq=False)
class PadStep(Step):
    """A border that holds `value`; `widths` before and after, for each axis."""

    widths: tuple[tuple[int, int], ...]
    value: int


@dataclass(frozen=True, eq=False)
class QuantizedNetwork:
    """A network in integers, from images to scores.

    Attributes
    ----------
    name : str
        Name of the network.
    input_name, output_name : str
        Tensors that hold the images and the scores.
    input_shape : tuple of int
        Shape of one image (without batch).
    input_scale, output_scale : ActivationScale
        Of these tensors.
    steps : tuple of Step
        In order of execution.
    source : {"q/dq", "post-training"}
        Whether the scales are the file's own or come from calibration.
    rounded_to_zero : mapping of str to int
        For each layer the weights that are kept but became 0.
    notes : tuple of str
        What a user should know, a line each.
    """

    name: str
    input_name: str
    output_name: str
    input_shape: tuple[int, ...]
    input_scale: ActivationScale
    output_scale: ActivationScale
    steps: tuple[Step, ...]
    source: Literal["q/dq", "post-training"]
    rounded_to_zero: Mapping[str, int]
    notes: tuple[str, ...] = ()

    @property
    def layers(self) -> tuple[Layer, ...]:
        """Layers in order of execution."""
        return tuple(step.layer for step in self.steps if isinstance(step, LayerStep))

    def layer(self, name: str) -> Layer:
        """Return the layer called `name`.

        Raises
        ------
        InputError
            If there is none; the message lists those that exist.
        """
        for layer in self.layers:
            if layer.name == name:
                return layer
        raise InputError(
            f"{self.name} has no layer {name!r}; its layers are"
            f" {', '.join(layer.name for layer in self.layers) or 'none'}"
        )
