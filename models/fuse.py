"""Fusing: what is linear per channel becomes part of the layer, or of the like node, before it.

That is batch normalization after a convolution, a bias that is added by a node of its own, and
chains of such nodes. The mask stays that of the file: a channel scaled by 0 keeps its weights
stored.
"""

from dataclasses import replace

import numpy as np

from .network import Network, Node, QuantizedWeight, WeightLayer
from .operations import Affine, Weighted

__all__ = ["fuse"]


def fuse(network: Network) -> Network:
    """Return the network with every per-channel node fused into what is before it, if it can be."""
    layers = {layer.name: layer for layer in network.layers}
    nodes: dict[str, Node] = {}
    writers: dict[str, str] = {}
    for node in network.nodes:
        writer = nodes.get(writers.get(node.inputs[0], "")) if node.inputs else None
        if (
            writer is not None
            and isinstance(node.operation, Affine)
            and len(network.consumers[node.inputs[0]]) == 1
            and node.inputs[0] not in network.output_names
        ):
            merged: Node | None = None
            match writer.operation:
                case Weighted(name):
                    rank = len(network.shapes[node.inputs[0]])
                    layer = _scaled(layers[name], node.operation, rank)
                    if layer is not None:
                        layers[name], merged = layer, writer
                case Affine():
                    merged = _chained(writer, writer.operation, node.operation)
            if merged is not None:
                # It now writes what the fused node wrote.
                nodes[merged.name] = replace(merged, outputs=node.outputs)
                writers[node.outputs[0]] = merged.name
                continue
        nodes[node.name] = node
        writers.update(dict.fromkeys(node.outputs, node.name))
    return replace(network, nodes=tuple(nodes.values()), layers=tuple(layers.values()))


def _chained(writer: Node, first: Affine, second: Affine) -> Node | None:
    if first.axis != second.axis:
        return None
    both = Affine(
        first.scale * second.scale, first.offset * second.scale + second.offset, first.axis
    )
    return replace(writer, operation=both)


def _scaled(layer: WeightLayer, affine: Affine, rank: int) -> WeightLayer | None:
    """Return a layer with `affine` applied to its outputs, or None if that cannot be."""
    if affine.axis != (1 if layer.shape.kind == "conv" else rank - 1):
        return None
    quantized = layer.quantized
    if quantized is not None:
        if not (affine.scale > 0).all():
            return None  # the stored integers would change sign, or vanish
        quantized = QuantizedWeight(
            quantized.integers, quantized.scale * affine.scale, quantized.bits
        )
    weight = layer.weight
    if weight is not None:
        weight = (weight * affine.scale[:, None, None, None]).astype(np.float32)
    return replace(
        layer,
        weight=weight,
        bias=layer.bias * affine.scale + affine.offset,
        quantized=quantized,
    )
