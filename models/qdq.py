"""Q/DQ models: quantized networks whose integers and scales are the file's own."""

from dataclasses import replace

import numpy as np

from ..errors import InputError
from .lower import IntegerWeights, lower
from .network import Network, WeightLayer
from .operations import Clip, Dequantize, Quantize
from .quantized import QuantizedNetwork
from .scales import ActivationScale

__all__ = ["float_form", "quantized_from_qdq"]


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


def float_form(network: Network) -> Network:
    """Return a Q/DQ model as a float network that can be quantized anew.

    Its weights are the real values of the stored integers. A quantization becomes the clamp that
    it also is, because some files leave the activation function to it.
    """
    renamed: dict[str, str] = {}
    nodes = []
    for node in network.nodes:
        inputs = tuple(renamed.get(tensor, tensor) for tensor in node.inputs)
        match node.operation:
            case Dequantize():
                renamed[node.outputs[0]] = inputs[0]
            case Quantize(scale):
                low, high = (
                    scale.scale * (bound - scale.zero_point) for bound in (scale.low, scale.high)
                )
                nodes.append(replace(node, op="Clip", inputs=inputs, operation=Clip(low, high)))
            case _:
                nodes.append(replace(node, inputs=inputs))
    return replace(
        network,
        nodes=tuple(nodes),
        output_names=tuple(renamed.get(tensor, tensor) for tensor in network.output_names),
        layers=tuple(replace(layer, quantized=None) for layer in network.layers),
        notes=(
            *network.notes,
            f"{network.name}: quantized anew from the real values of its own integers",
        ),
    )
