"""An ONNX node in its folded graph: attributes, constant inputs, shapes."""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .onnx_attributes import NodeAttributes
from .onnx_fold import FoldedGraph

__all__ = ["NodeView"]


@dataclass(frozen=True)
class NodeView(NodeAttributes):
    """A node in its folded graph.

    Attributes
    ----------
    graph : FoldedGraph
        Where it stands.
    opset : int
        Operator set that the graph is written in.
    """

    graph: FoldedGraph
    opset: int

    @property
    def activations(self) -> tuple[str, ...]:
        """Inputs that are not constant."""
        return tuple(n for n in self.node.input if n and n not in self.graph.constants)

    @property
    def shape(self) -> tuple[int, ...] | None:
        """Shape of the first activation, if known."""
        return self.graph.shapes.get(self.activations[0]) if self.activations else None

    @property
    def out_shape(self) -> tuple[int, ...] | None:
        """Shape of the first output, if known."""
        return self.graph.shapes.get(self.node.output[0])

    def constant(self, index: int) -> NDArray[Any] | None:
        """Return the input at `index` if it is given and constant."""
        if index >= len(self.node.input):
            return None
        return self.graph.constants.get(self.node.input[index])

    def scalar(self, index: int, attribute: str, default: float) -> float | None:
        """Return a number given as an input or, in older opsets, as an attribute.

        None if it is an input that is not constant.
        """
        if index < len(self.node.input) and self.node.input[index]:
            value = self.constant(index)
            return float(value.reshape(())) if value is not None and value.size == 1 else None
        return self.number(attribute, default)

    def axes(self, index: int, attribute: str, rank: int) -> tuple[int, ...] | None:
        """Return axes given as an input or an attribute, none negative; None if not given."""
        value = self.constant(index)
        if value is None and not self.has(attribute):
            return None
        given = (
            self.integers(attribute, ()) if value is None else map(int, np.atleast_1d(value).flat)
        )
        return tuple(sorted(axis % rank for axis in given))
