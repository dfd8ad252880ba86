"""Q/DQ models: quantized networks whose integers and scales are the file's own."""

import numpy as np

from ..errors import InputError
from .lower import IntegerWeights, lower
from .network import Network, WeightLayer
from .quantized import QuantizedNetwork
from .scales import ActivationScale

__all__ = ["quantized_from_qdq"]


def quantized_from_qdq(network: Network) -> QuantizedNetwork:
    """Return the quantized network that a Q/DQ model describes.

    Weights are the stored integers, less their zero point; the bias is the stored one, in steps of
    input scale times weight scale.

    Raises
    ------
    InputError
        If the network has no quantization of its own, a layer has float weights, an activation
        has no scale, or a node cannot be executed.
    """
    if not network.is_quantized:
        raise InputError(
            f"{network.name} has no Q/DQ nodes: quantize it with --weight-bits and --act-bits"
        )
    lowered = lower(network, {}, _stored)
    return QuantizedNetwork(
        network.name,
        network.input_name,
        lowered.output.tensor,
        network.input_shape[1:],
        lowered.input_scale,
        lowered.output.scale,
        lowered.steps,
        "q/dq",
        {layer.name: 0 for layer in network.layers},
        (*network.notes, *lowered.notes),
    )


def _stored(layer: WeightLayer, scale_in: ActivationScale) -> IntegerWeights:
    stored = layer.quantized
    if stored is None:
        raise InputError(
            f"layer {layer.name}: float weights in a quantized model; quantize its weights too,"
            " with one scale per output channel or one for all"
        )
    bias = np.rint(layer.bias / (scale_in.scale * stored.scale)).astype(np.int64)
    return IntegerWeights(stored.integers, stored.scale, bias, stored.bits)
