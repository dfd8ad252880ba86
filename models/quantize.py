"""Post-training quantization of a float network, from the ranges of its activations.

Weights are symmetric per output channel, so that zero stays zero and the mask survives;
activations are asymmetric per tensor. The ranges come from running the float reference over
calibration images, which is not done here: this room does not run networks.
"""

from collections.abc import Mapping

import numpy as np

from ..errors import InputError
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


def quantize(
    network: Network,
    weight_bits: int,
    act_bits: int,
    ranges: Mapping[str, tuple[float, float]],
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
        integers = _integer_weights(layer, scale_in, weight_bits)
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


def _integer_weights(
    layer: WeightLayer, scale_in: ActivationScale, weight_bits: int
) -> IntegerWeights:
    weight = layer.real_weight.astype(np.float64)
    limit = (1 << (weight_bits - 1)) - 1
    steps = np.abs(weight).max(axis=(1, 2, 3)) / limit
    # A filter without weights has only its bias; it takes the step of the largest filter.
    scale = np.where(steps > 0, steps, steps.max()) if steps.any() else np.ones_like(steps)
    bias_limit = float(1 << (weight_bits + scale_in.bits + BIAS_HEADROOM_BITS))
    scale = np.maximum(scale, np.abs(layer.bias) / (scale_in.scale * bias_limit))
    integers = np.rint(weight / scale[:, None, None, None]).astype(np.int64)
    bias = np.rint(layer.bias / (scale_in.scale * scale)).astype(np.int64)
    return IntegerWeights(np.clip(integers, -limit, limit), scale, bias, weight_bits)
