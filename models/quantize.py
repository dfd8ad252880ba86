"""Post-training quantization of a float network, from the ranges of its activations.

Weights are symmetric per output channel, so that zero stays zero and the mask survives;
activations are asymmetric per tensor. The ranges come from running the float reference over
calibration images, which is not done here: this room does not run networks.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import WeightCode
from .lower import IntegerWeights, commuting, lower
from .network import Network, WeightLayer
from .operations import Add, Affine, AveragePool, Concat, Weighted
from .quantized import QuantizedNetwork
from .scales import ActivationScale

__all__ = ["calibrated_tensors", "quantize"]

BIAS_HEADROOM_BITS = 7
"""A bias may take this many bits more than a product of weight and activation.

The weights of an almost empty filter can be so small against its bias that the bias in their steps
would decide the accumulator's width; their step is made larger instead.
"""


_STEP_SHARES = tuple(np.linspace(0.3, 1.0, 29))
"""Steps that are tried for a filter's zero-free levels, of the one that reaches its largest."""


def quantize(
    network: Network,
    weight_bits: int,
    act_bits: int,
    ranges: Mapping[str, tuple[float, float]],
    weight_code: WeightCode = "twos_complement",
) -> QuantizedNetwork:
    """Quantize a float network.

    Parameters
    ----------
    network : Network
        With real weights, without Q/DQ nodes.
    weight_bits, act_bits : int
        Widths of weights and activations, 2 to 16.
    ranges : mapping of str to (float, float)
        Smallest and largest value of the tensors that `calibrated_tensors` names; more does no
        harm.
    weight_code : {"twos_complement", "zero_free"}
        Levels of the kept weights: 0 and +-1 .. +-2**(b-1) - 1, or +-1 .. +-2**(b-1) in a step
        that is the best for each output channel; then no kept weight becomes 0.

    Raises
    ------
    InputError
        If a width is out of range, a range is missing or not finite, the network cannot be
        executed or has its own quantization, or its weights are only a shape.
    """
    for name, bits in (("weight_bits", weight_bits), ("act_bits", act_bits)):
        if not 2 <= bits <= 16:
            raise InputError(f"{name} must be between 2 and 16, not {bits}")
    if network.is_quantized:
        raise InputError(
            f"{network.name} is quantized by its own Q/DQ nodes; leave out --weight-bits and"
            " --act-bits, or give the float model"
        )
    network.require_executable()
    scales = {}
    for tensor in calibrated_tensors(network):
        if tensor not in ranges:
            raise InputError(f"{network.name}: no calibrated range for tensor {tensor!r}")
        scales[tensor] = ActivationScale.from_range(*ranges[tensor], act_bits)
    rounded: dict[str, int] = {}

    def weights(layer: WeightLayer, scale_in: ActivationScale) -> IntegerWeights:
        integers = _LEVELS[weight_code](layer, scale_in, weight_bits)
        kept = layer.real_weight != 0
        rounded[layer.name] = int(np.count_nonzero(kept & (integers.weight == 0)))
        return integers

    lowered = lower(network, scales, weights)
    return QuantizedNetwork(
        network.name,
        network.input_name,
        lowered.output.tensor,
        network.input_shape[1:],
        lowered.input_scale,
        lowered.output.scale,
        lowered.steps,
        "post-training",
        rounded,
        (*network.notes, *lowered.notes),
    )


def calibrated_tensors(network: Network) -> tuple[str, ...]:
    """Return the tensors whose ranges quantization needs.

    A layer's output is taken behind its activation function: what that cuts off needs no codes.
    """
    written = [
        node.outputs[0]
        for node in network.nodes
        if isinstance(node.operation, Weighted | Add | Affine | AveragePool | Concat)
    ]
    return (network.input_name, *(_calibrated(network, tensor) for tensor in written))


def _calibrated(network: Network, tensor: str) -> str:
    found, clamp = tensor, (-np.inf, np.inf)
    for name, low, high in commuting(network, tensor):
        if (low, high) != clamp:
            found, clamp = name, (low, high)
    return found


def _with_zero(layer: WeightLayer, scale_in: ActivationScale, weight_bits: int) -> IntegerWeights:
    """Round to a symmetric range that the largest weight of each filter sets."""
    weight = layer.real_weight.astype(np.float64)
    limit = (1 << (weight_bits - 1)) - 1
    scale = _scales(np.abs(weight).max(axis=(1, 2, 3)) / limit, layer, scale_in, weight_bits)
    integers = np.rint(weight / scale[:, None, None, None]).astype(np.int64)
    bias = np.rint(layer.bias / (scale_in.scale * scale)).astype(np.int64)
    return IntegerWeights(np.clip(integers, -limit, limit), scale, bias, weight_bits)


def _zero_free(layer: WeightLayer, scale_in: ActivationScale, weight_bits: int) -> IntegerWeights:
    """Round to the nearest level, in the step of each filter with the least squared error."""
    weight = layer.real_weight.astype(np.float64)
    limit = 1 << (weight_bits - 1)
    widest = np.abs(weight).max(axis=(1, 2, 3)) / limit
    tried = [_zero_free_error(weight, widest * share, limit) for share in _STEP_SHARES]
    best = np.array(_STEP_SHARES)[np.argmin(tried, axis=0)]
    scale = _scales(widest * best, layer, scale_in, weight_bits)
    integers = _zero_free_levels(weight, scale, limit)
    bias = np.rint(layer.bias / (scale_in.scale * scale)).astype(np.int64)
    return IntegerWeights(integers, scale, bias, weight_bits, "zero_free")


def _zero_free_levels(
    weight: NDArray[np.float64], scale: NDArray[np.float64], limit: int
) -> NDArray[np.int64]:
    magnitude = np.rint(np.abs(weight) / scale[:, None, None, None])
    levels: NDArray[np.int64] = (np.sign(weight) * np.clip(magnitude, 1, limit)).astype(np.int64)
    return levels


def _zero_free_error(
    weight: NDArray[np.float64], scale: NDArray[np.float64], limit: int
) -> NDArray[np.float64]:
    """Return the squared error of each filter, 0 where it has no weight."""
    filled = np.where(scale > 0, scale, 1.0)
    restored = _zero_free_levels(weight, filled, limit) * filled[:, None, None, None]
    error: NDArray[np.float64] = ((weight - restored) ** 2).sum(axis=(1, 2, 3))
    return error


def _scales(
    steps: NDArray[np.float64], layer: WeightLayer, scale_in: ActivationScale, weight_bits: int
) -> NDArray[np.float64]:
    """Return the steps of the filters, as large as their biases need."""
    # A filter without weights has only its bias; it takes the step of the largest filter.
    scale = np.where(steps > 0, steps, steps.max()) if steps.any() else np.ones_like(steps)
    bias_limit = float(1 << (weight_bits + scale_in.bits + BIAS_HEADROOM_BITS))
    scales: NDArray[np.float64] = np.maximum(
        scale, np.abs(layer.bias) / (scale_in.scale * bias_limit)
    )
    return scales


_LEVELS = {"twos_complement": _with_zero, "zero_free": _zero_free}
