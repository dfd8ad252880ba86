"""A network: nodes in order of execution, the shape of every tensor, and its weight layers.

This is a float network, or a quantized one whose quantization is still written as Q/DQ nodes, as
a file holds it; ``quantized.QuantizedNetwork`` is what the hardware runs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import LayerShape
from .operations import Operation, Quantize, Unsupported

__all__ = ["Network", "Node", "QuantizedWeight", "WeightLayer"]


@dataclass(frozen=True)
class Node:
    """One operation on named tensors.

    Attributes
    ----------
    name : str
        Name of the node in the file, or one made of its operator and place.
    op : str
        Operator as the file calls it.
    inputs, outputs : tuple of str
        Activation tensors; constants are part of the operation.
    operation : Operation
        What is computed.
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    operation: Operation


@dataclass(frozen=True, eq=False)
class QuantizedWeight:
    """The integers that a Q/DQ model stores for a weight.

    Attributes
    ----------
    integers : int64 array (out, in / groups, kh, kw)
        Weights, zero point subtracted.
    scale : float64 array (out,)
        Real value of one step, per output channel.
    bits : int
        Signed width that holds every value of the stored type.
    """

    integers: NDArray[np.int64]
    scale: NDArray[np.float64]
    bits: int


@dataclass(frozen=True, eq=False)
class WeightLayer:
    """A layer with weights: geometry, mask, and the weights if the file has real ones.

    Attributes
    ----------
    shape : LayerShape
        Geometry.
    mask : bool array (out, in / groups, kh, kw)
        False where the file's weight is zero. All True (and without memory) for a layer whose
        weights are only a shape.
    weight : float32 array (out, in / groups, kh, kw) or None
        None if the file fills the tensor with one constant: it has no real weights.
    bias : float64 array (out,)
        Zeros if the layer has none.
    quantized : QuantizedWeight or None
        The file's own integers, if it is a Q/DQ model.
    node : str
        Name of the node in the file.
    """

    shape: LayerShape
    mask: NDArray[np.bool_]
    weight: NDArray[np.float32] | None
    bias: NDArray[np.float64]
    quantized: QuantizedWeight | None = None
    node: str = ""

    @property
    def name(self) -> str:
        """Name of the layer in its network."""
        return self.shape.name

    @cached_property
    def density(self) -> float:
        """Kept weights / all weights."""
        return 1.0 if self.weight is None else float(self.mask.mean())

    @property
    def real_weight(self) -> NDArray[np.float32]:
        """The weights, for whoever cannot do without.

        Raises
        ------
        InputError
            If the file holds no real weights for this layer.
        """
        if self.weight is None:
            raise InputError(
                f"layer {self.name}: its weights are one constant (no real weights), so it has"
                " cycles, not outputs; give a network with weights"
            )
        return self.weight


@dataclass(frozen=True, eq=False)
class Network:
    """A network as it was read, constants folded.

    Attributes
    ----------
    name : str
        Name of the bundled network, or of the file without its ending.
    input_name, output_names : str, tuple of str
        Tensors; the scores are the first output.
    input_shape : tuple of int
        Of one run, batch first.
    nodes : tuple of Node
        In order of execution.
    shapes : mapping of str to tuple of int
        Shape of every activation tensor, batch first.
    layers : tuple of WeightLayer
        Layers with weights, in order of execution.
    notes : tuple of str
        What a user should know about the network, a line each.
    """

    name: str
    input_name: str
    input_shape: tuple[int, ...]
    output_names: tuple[str, ...]
    nodes: tuple[Node, ...]
    shapes: Mapping[str, tuple[int, ...]]
    layers: tuple[WeightLayer, ...]
    notes: tuple[str, ...] = ()

    @cached_property
    def unsupported(self) -> tuple[str, ...]:
        """Nodes that pass through and cannot be executed, as ``name (Operator)``."""
        return tuple(
            f"{node.name} ({node.op})"
            for node in self.nodes
            if isinstance(node.operation, Unsupported)
        )

    def require_executable(self) -> None:
        """Refuse a network that holds nodes bosquet does not execute.

        Raises
        ------
        InputError
            For the first such node, by name, with the reason and the names of the others.
        """
        for node in self.nodes:
            if isinstance(node.operation, Unsupported):
                others = ", ".join(self.unsupported[1:])
                raise InputError(
                    f"{self.name}: node {node.name} ({node.op}) {node.operation.reason}, so only"
                    " cycles and break-even can be had"
                    + (f"; the same for {others}" if others else "")
                )

    @property
    def synthetic_weights(self) -> tuple[str, ...]:
        """Layers whose weights are one constant: no real weights there."""
        return tuple(layer.name for layer in self.layers if layer.weight is None)

    @cached_property
    def has_zeros(self) -> bool:
        """Whether any weight is zero, so that there is a mask to work with."""
        return any(layer.density < 1 for layer in self.layers)

    @cached_property
    def is_quantized(self) -> bool:
        """Whether the network carries its own quantization of activations, as Q/DQ nodes."""
        return any(isinstance(node.operation, Quantize) for node in self.nodes)

    @property
    def parameters(self) -> int:
        """All weights, pruned ones included, without biases."""
        return sum(layer.shape.weights for layer in self.layers)

    @property
    def macs(self) -> int:
        """Multiply-accumulates of one run, unpruned."""
        return sum(layer.shape.macs for layer in self.layers)

    def layer(self, name: str) -> WeightLayer:
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

    @cached_property
    def consumers(self) -> Mapping[str, tuple[Node, ...]]:
        """Nodes that read a tensor, in order; a tensor that nobody reads is not listed."""
        found: dict[str, tuple[Node, ...]] = {}
        for node in self.nodes:
            for tensor in dict.fromkeys(node.inputs):
                found[tensor] = (*found.get(tensor, ()), node)
        return found
