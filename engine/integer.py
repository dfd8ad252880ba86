"""The integer reference: every output bit of a quantized layer or network.

This is the golden model of the RTL. A layer is computed from its ``Layer`` alone, zeros and all,
never from an encoding or a program, so that agreement proves these too. Arithmetic is exact:
sums are formed in int64, or in doubles where no partial sum can reach 2**53.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.layer import Layer
from ..models.quantized import (
    AddStep,
    AffineStep,
    AveragePoolStep,
    ConcatStep,
    LayerStep,
    MaxPoolStep,
    PadStep,
    QuantizedNetwork,
    ReshapeStep,
    Step,
    TransposeStep,
)
from .images import check_images
from .windows import convolve, windows

__all__ = ["IntegerRun", "layer_outputs", "run"]

EXACT_DOUBLE = 1 << 53
"""Integers up to this size are exact in a double."""

BATCH = 64
"""Images computed together."""


@dataclass(frozen=True, eq=False)
class IntegerRun:
    """What a quantized network computes on some images.

    Attributes
    ----------
    scores : float32 array (images, ...)
        Real values of the output, one row for each image.
    layer_inputs : mapping of str to int64 array (images, in, height, width)
        What each layer reads, by its name.
    """

    scores: NDArray[np.float32]
    layer_inputs: Mapping[str, NDArray[np.int64]]


def layer_outputs(layer: Layer, x: NDArray[np.int64]) -> NDArray[np.int64]:
    """Compute a layer.

    Parameters
    ----------
    layer : Layer
        The layer.
    x : int64 array (batch, in, height, width)
        Signed activations of ``layer.act_bits`` bits.

    Returns
    -------
    int64 array (batch, out, out rows, out columns)

    Raises
    ------
    InputError
        If `x` has another shape than the layer reads, or values that do not fit ``act_bits``.
    """
    shape = layer.shape
    expected = (shape.in_channels, shape.height, shape.width)
    if x.shape[1:] != expected:
        raise InputError(
            f"layer {layer.name}: activations must have shape (batch, {expected[0]},"
            f" {expected[1]}, {expected[2]}), not {x.shape}"
        )
    half = 1 << (layer.act_bits - 1)
    if x.size and not -half <= x.min() <= x.max() < half:
        raise InputError(
            f"layer {layer.name}: activations must be signed {layer.act_bits}-bit integers,"
            f" found {x.min()} to {x.max()}"
        )
    # Relative to its zero point, what padding holds is 0, and |x| is below 2 * half.
    relative = x.astype(np.int64) - layer.zero_point_in
    bound = int(np.abs(layer.weight).sum(axis=(1, 2, 3)).max()) * 2 * half
    if bound < EXACT_DOUBLE:
        sums = convolve(relative.astype(np.float64), layer.weight.astype(np.float64), shape)
    else:
        sums = convolve(relative, layer.weight, shape)
    total = sums.astype(np.int64) + layer.bias[:, None, None]
    return layer.requantization(total)


def run(network: QuantizedNetwork, images: NDArray[np.floating]) -> IntegerRun:
    """Compute a network.

    Parameters
    ----------
    network : QuantizedNetwork
        The network.
    images : float array (images, ...)
        Real-valued input, one row for each image.

    Raises
    ------
    InputError
        If the images have another shape than the network reads, or are not finite.
    """
    check_images(network.name, network.input_shape, images)
    scores: list[NDArray[np.float32]] = []
    inputs: dict[str, list[NDArray[np.int64]]] = {layer.name: [] for layer in network.layers}
    for start in range(0, len(images), BATCH):
        values = {network.input_name: network.input_scale.quantize(images[start : start + BATCH])}
        for step in network.steps:
            given = [values[name] for name in step.inputs]
            if isinstance(step, LayerStep):
                shape = step.layer.shape
                given = [given[0].reshape(-1, shape.in_channels, shape.height, shape.width)]
                inputs[step.layer.name].append(given[0])
            batch = len(values[network.input_name])
            values[step.output] = _outputs(step, given).reshape(batch, *step.out_shape)
        scores.append(network.output_scale.dequantize(values[network.output_name]))
    return IntegerRun(
        np.concatenate(scores), {name: np.concatenate(parts) for name, parts in inputs.items()}
    )


def _outputs(step: Step, inputs: list[NDArray[np.int64]]) -> NDArray[np.int64]:
    x = inputs[0]
    match step:
        case LayerStep():
            return layer_outputs(step.layer, x)
        case MaxPoolStep():
            lowest = np.iinfo(np.int64).min
            found: NDArray[np.int64] = windows(x, step.window, lowest).max(axis=(4, 5))
            return found
        case AveragePoolStep():
            relative = x - step.zero_point_in
            sums = windows(relative, step.window, 0).sum(axis=(4, 5))
            return step.rounding(sums * step.multiplier)
        case AffineStep():
            return step.rounding((x - step.zero_point_in) * step.multiplier + step.offset)
        case AddStep():
            terms = zip(inputs, step.zero_points_in, step.multipliers, strict=True)
            total = np.zeros_like(x)
            for value, zero_point, multiplier in terms:
                total += (value - zero_point) * multiplier
            return step.rounding(total)
        case ConcatStep():
            return np.concatenate(inputs, axis=step.axis)
        case TransposeStep():
            return x.transpose(step.order)
        case PadStep():
            return np.pad(x, step.widths, constant_values=step.value)
        case ReshapeStep():
            return x
    raise TypeError(f"no rule for {type(step).__name__}")
