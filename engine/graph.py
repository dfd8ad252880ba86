"""The float reference: a network executed in float32, node by node.

It gives the activation ranges for calibration and the float scores that quantized ones are
compared with. Clear rather than fast.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from ..models.network import Network, Node
from ..models.operations import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Dequantize,
    MaxPool,
    Pad,
    Quantize,
    Reshape,
    Softmax,
    Transpose,
    Weighted,
)
from .images import check_images
from .windows import convolve, windows

__all__ = ["activation_ranges", "float_scores", "tensors"]

BATCH = 64
"""Images computed together."""

Values = NDArray[np.float32]


def float_scores(network: Network, images: NDArray[np.floating]) -> Values:
    """Return the first output of a network, one row for each image.

    Raises
    ------
    InputError
        See `tensors`.
    """
    check_images(network.name, network.input_shape[1:], images)
    wanted = network.output_names[0]
    scores = []
    for start in range(0, len(images), BATCH):
        for name, values in tensors(network, images[start : start + BATCH]):
            if name == wanted:
                scores.append(values)
    return np.concatenate(scores)


def activation_ranges(
    network: Network, images: NDArray[np.floating]
) -> dict[str, tuple[float, float]]:
    """Return the smallest and largest value of every tensor over `images`.

    Raises
    ------
    InputError
        See `tensors`.
    """
    check_images(network.name, network.input_shape[1:], images)
    ranges: dict[str, tuple[float, float]] = {}
    for start in range(0, len(images), BATCH):
        for name, values in tensors(network, images[start : start + BATCH]):
            low, high = ranges.get(name, (np.inf, -np.inf))
            ranges[name] = (min(low, float(values.min())), max(high, float(values.max())))
    return ranges


def tensors(network: Network, images: NDArray[np.floating]) -> Iterator[tuple[str, Values]]:
    """Execute a network and yield each tensor, the input first, as soon as it is known.

    Parameters
    ----------
    network : Network
        With real weights.
    images : float array (images, ...)
        Real-valued input, one row for each image.

    Raises
    ------
    InputError
        If the images have another shape than the network reads or are not finite, a node cannot
        be executed, or a layer has no real weights.
    """
    network.require_executable()
    check_images(network.name, network.input_shape[1:], images)
    values = {network.input_name: np.asarray(images, np.float32)}
    yield network.input_name, values[network.input_name]
    last_use = {name: node.name for node in network.nodes for name in node.inputs}
    for node in network.nodes:
        inputs = [values[name] for name in node.inputs]
        made = _output(network, node, inputs)
        output = node.outputs[0]
        values[output] = made.reshape(len(images), *network.shapes[output][1:])
        yield output, values[output]
        for name in node.inputs:
            if last_use[name] == node.name:
                values.pop(name, None)


def _output(network: Network, node: Node, inputs: list[Values]) -> Values:
    x = inputs[0]
    made: Values
    match node.operation:
        case Weighted(name):
            layer = network.layer(name)
            shape = layer.shape
            maps = x.reshape(-1, shape.in_channels, shape.height, shape.width)
            sums = convolve(maps, layer.real_weight, shape)
            return sums + layer.bias.astype(np.float32)[:, None, None]
        case MaxPool(window):
            made = windows(x, window, -np.inf).max(axis=(4, 5))
        case AveragePool(window):
            sums = windows(x, window, 0).sum(axis=(4, 5))
            made = sums / node.operation.counts(x.shape[2], x.shape[3]).astype(np.float32)
        case Affine(scale, offset, axis):
            along = (slice(None), *[None] * (x.ndim - axis - 1))
            made = x * scale[along].astype(np.float32) + offset[along].astype(np.float32)
        case Clip(low, high):
            made = np.clip(x, np.float32(low), np.float32(high))
        case Add():
            made = np.sum(inputs, axis=0, dtype=np.float32)
        case Concat(axis):
            made = np.concatenate(inputs, axis)
        case Transpose(order):
            made = x.transpose(order)
        case Pad(widths, value):
            made = np.pad(x, widths, constant_values=value)
        case Softmax(axis):
            powers = np.exp(x - x.max(axis=axis, keepdims=True))
            made = powers / powers.sum(axis=axis, keepdims=True)
        case Quantize(scale):
            made = scale.quantize(x).astype(np.float32)
        case Dequantize(scale):
            made = scale.dequantize(np.rint(x).astype(np.int64))
        case Reshape():
            made = x
        case _:
            raise TypeError(f"no rule for {type(node.operation).__name__}")
    return made
