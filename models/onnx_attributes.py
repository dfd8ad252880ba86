"""Attributes of an ONNX node, with their defaults and implicit padding written out."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from onnx import NodeProto, helper

from ..errors import InputError
from .operations import Window

__all__ = ["NodeAttributes"]

Pair = tuple[int, int]


@dataclass(frozen=True)
class NodeAttributes:
    """Attributes of a node; one of another type than asked for raises `InputError`.

    Attributes
    ----------
    node : NodeProto
        The node.
    name : str
        Its name, or one made of its operator and place.
    """

    node: NodeProto
    name: str

    def has(self, name: str) -> bool:
        """Return whether the node gives an attribute."""
        return any(a.name == name for a in self.node.attribute)

    def integer(self, name: str, default: int) -> int:
        """Return an integer attribute."""
        return int(self._attribute(name, default, int))

    def number(self, name: str, default: float) -> float:
        """Return a real attribute."""
        return float(self._attribute(name, default, float))

    def text(self, name: str, default: str) -> str:
        """Return a string attribute."""
        value = self._attribute(name, default.encode(), bytes)
        return str(value.decode(errors="replace"))

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """Return a list of integers."""
        return tuple(int(value) for value in self._attribute(name, default, Sequence))

    def window(self, kernel: Pair, size: Pair) -> Window:
        """Return the window of a convolution or pooling over a map of `size`, rows and columns.

        Padding that the node leaves implicit (``auto_pad``, ``ceil_mode``) is written out. One
        spatial axis counts as the columns of a single row.
        """
        strides = _pair(self.integers("strides", (1, 1)), 1)
        dilation = _pair(self.integers("dilations", (1, 1)), 1)
        pads = self.integers("pads", (0, 0, 0, 0))
        begin, end = _pair(pads[: len(pads) // 2], 0), _pair(pads[len(pads) // 2 :], 0)
        if min(*kernel, *strides, *dilation) < 1 or min(*begin, *end) < 0:
            raise InputError(
                f"node {self.name} ({self.node.op_type}): kernel {kernel}, stride {strides} and"
                f" dilation {dilation} must be at least 1, pads {pads} at least 0"
            )
        reach = tuple(d * (k - 1) + 1 for d, k in zip(dilation, kernel, strict=True))
        auto = self.text("auto_pad", "NOTSET")
        starts, ends = list(begin), list(end)
        for axis in (0, 1):
            if auto.startswith("SAME"):
                windows = -(-size[axis] // strides[axis])
                total = max((windows - 1) * strides[axis] + reach[axis] - size[axis], 0)
                starts[axis] = total // 2 if auto == "SAME_UPPER" else total - total // 2
                ends[axis] = total - starts[axis]
            elif auto == "VALID":
                starts[axis] = ends[axis] = 0
            if self.integer("ceil_mode", 0):
                span = size[axis] + starts[axis] + ends[axis] - reach[axis]
                steps = -(-span // strides[axis])
                # The last window must start on the map or the padding before it.
                if steps * strides[axis] >= size[axis] + starts[axis]:
                    steps -= 1
                ends[axis] = max(ends[axis] + steps * strides[axis] - span, 0)
            if size[axis] + starts[axis] + ends[axis] < reach[axis]:
                raise InputError(
                    f"node {self.name} ({self.node.op_type}): kernel {kernel} with dilation"
                    f" {dilation} is larger than the padded map of {size[0]}x{size[1]}"
                )
        return Window(kernel, strides, (starts[0], starts[1], ends[0], ends[1]), dilation)

    def _attribute(self, name: str, default: Any, kind: type) -> Any:
        for attribute in self.node.attribute:
            if attribute.name == name:
                value = helper.get_attribute_value(attribute)
                if isinstance(value, kind) and not (kind is Sequence and isinstance(value, bytes)):
                    return value
                raise InputError(
                    f"node {self.name} ({self.node.op_type}): attribute {name!r} must be"
                    f" {KINDS[kind]}, not {attribute.AttributeType.Name(attribute.type)}"
                )
        return default


KINDS = {int: "an integer", float: "a number", bytes: "a string", Sequence: "a list of integers"}
"""What a type of attribute is called in a message."""


def _pair(values: tuple[int, ...], missing: int) -> Pair:
    """Return rows and columns; one value is that of the columns."""
    return (missing, values[0]) if len(values) == 1 else (values[0], values[1])
