"""From ONNX nodes to operations: one function per operator, any opset from 9 on.

A node that is not executed becomes ``Unsupported`` with the reason; only its shape matters then.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from math import inf, prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from onnx import TensorProto, helper

from ..errors import InputError
from .onnx_layers import finite
from .onnx_node import NodeView
from .operations import (
    Add,
    Affine,
    AveragePool,
    Clip,
    Concat,
    Dequantize,
    MaxPool,
    Operation,
    Pad,
    Quantize,
    Reshape,
    Softmax,
    Transpose,
    Unsupported,
    Window,
)
from .scales import ActivationScale

__all__ = ["is_alias", "operation"]

FLOAT_TYPES = (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.BFLOAT16, TensorProto.DOUBLE)


def is_alias(view: NodeView) -> bool:
    """Return whether a node hands on its first input unchanged (at inference, in float32)."""
    match view.node.op_type:
        case "Identity":
            return True
        case "Dropout":
            training = view.constant(2)
            return training is None or not training.any()
        case "Cast":
            return view.integer("to", 0) in FLOAT_TYPES
    return False


def operation(view: NodeView) -> Operation:
    """Return what a node computes; layers with weights are `onnx_layers`' business.

    Raises
    ------
    InputError
        If the node cannot be meant: a window larger than the map, a constant that is no number, a
        reshape to another number of values.
    """
    found = OPERATORS.get(view.node.op_type) if view.node.domain in ("", "ai.onnx") else None
    if found is None:
        return Unsupported("is an operator that bosquet does not execute")
    if view.shape is None or view.out_shape is None:
        return Unsupported("has an input or output of unknown shape")
    if view.shape[0] != view.out_shape[0]:
        return Unsupported("changes the batch")
    return found(view, view.shape)


def _relu(view: NodeView, shape: tuple[int, ...]) -> Operation:
    return Clip(0.0, inf)


def _clip(view: NodeView, shape: tuple[int, ...]) -> Operation:
    low, high = view.scalar(1, "min", -inf), view.scalar(2, "max", inf)
    if low is None or high is None:
        return Unsupported("has bounds that are not constant")
    return Clip(low, high)


def _batch_norm(view: NodeView, shape: tuple[int, ...]) -> Operation:
    values = [view.constant(index) for index in range(1, 5)]
    if view.integer("training_mode", 0) or any(value is None for value in values):
        return Unsupported("is executed only with constant statistics")
    gamma, beta, mean, variance = (
        finite(f"node {view.name}", value).astype(np.float64).reshape(-1)
        for value in values
        if value is not None
    )
    scale = gamma / np.sqrt(variance + view.number("epsilon", 1e-5))
    return Affine(scale, beta - mean * scale)


def _arithmetic(view: NodeView, shape: tuple[int, ...]) -> Operation:
    if len(view.activations) == len(view.node.input):
        shapes = {view.graph.shapes.get(name) for name in view.activations}
        if view.node.op_type not in ("Add", "Sum") or len(shapes) > 1:
            return Unsupported("combines activations in a way that bosquet does not execute")
        return Add()
    if len(view.node.input) != 2:
        return Unsupported("adds several constants")
    first = view.constant(0)
    constant = view.constant(1) if first is None else first
    assert constant is not None
    found = _per_channel(finite(f"node {view.name}", constant), shape)
    if found is None or view.out_shape != shape:
        return Unsupported("has a constant that is not one value per channel")
    values, axis = found
    one, zero = np.ones_like(values), np.zeros_like(values)
    match view.node.op_type, first is None:
        case (("Add" | "Sum"), _):
            return Affine(one, values, axis)
        case "Sub", True:
            return Affine(one, -values, axis)
        case "Sub", False:
            return Affine(-one, values, axis)
        case "Mul", _:
            return Affine(values, zero, axis)
        case "Div", True if values.all():
            return Affine(1 / values, zero, axis)
    return Unsupported("divides by an activation or by zero")


def _per_channel(
    constant: NDArray[Any], shape: tuple[int, ...]
) -> tuple[NDArray[np.float64], int] | None:
    """Return a constant as one value per index of one axis, and the axis."""
    rank = len(shape)
    sizes = (1,) * (rank - constant.ndim) + constant.shape
    axes = [axis for axis, size in enumerate(sizes) if size > 1]
    if len(sizes) > rank or len(axes) > 1 or rank < 2:
        return None
    # A single value works along any axis: take the channels of what a layer writes.
    axis = axes[0] if axes else (rank - 1 if rank == 3 else 1)
    if axis == 0 or sizes[axis] not in (1, shape[axis]):
        return None
    values = np.broadcast_to(constant.reshape(-1).astype(np.float64), (shape[axis],))
    return values, axis


def _map_size(shape: tuple[int, ...]) -> tuple[int, int] | None:
    return (shape[2], shape[3]) if len(shape) == 4 else None


def _pool(view: NodeView, shape: tuple[int, ...]) -> Operation:
    size, kernel = _map_size(shape), view.integers("kernel_shape", ())
    if size is None or len(kernel) != 2:
        return Unsupported("pools over other than two spatial axes")
    window = view.window((kernel[0], kernel[1]), size)
    if view.node.op_type == "MaxPool":
        return MaxPool(window)
    counted = (0, 0, 0, 0)
    if view.integer("count_include_pad", 0):
        # What ceil_mode adds at the end is padding too, but never counts.
        top, left, bottom, right = view.integers("pads", window.padding)
        counted = (top, left, bottom, right)
    return AveragePool(window, counted)


def _global_pool(view: NodeView, shape: tuple[int, ...]) -> Operation:
    size = _map_size(shape)
    if size is None:
        return Unsupported("pools over other than two spatial axes")
    return (MaxPool if view.node.op_type == "GlobalMaxPool" else AveragePool)(Window(size))


def _reduce_mean(view: NodeView, shape: tuple[int, ...]) -> Operation:
    size = _map_size(shape)
    if size is None or view.axes(1, "axes", len(shape)) != (2, 3):
        return Unsupported("takes the mean over other axes than rows and columns")
    return AveragePool(Window(size))


def _concat(view: NodeView, shape: tuple[int, ...]) -> Operation:
    axis = view.integer("axis", 1) % len(shape)
    if axis == 0 or len(view.activations) != len(view.node.input):
        return Unsupported("joins batches or constants")
    return Concat(axis)


def _reshape(view: NodeView, shape: tuple[int, ...]) -> Operation:
    if view.out_shape is not None and prod(view.out_shape) != prod(shape):
        raise InputError(
            f"node {view.name} ({view.node.op_type}): cannot turn {' x '.join(map(str, shape))}"
            f" into {' x '.join(map(str, view.out_shape))}; the model was exported for another"
            " input shape"
        )
    return Reshape()


def _transpose(view: NodeView, shape: tuple[int, ...]) -> Operation:
    order = view.integers("perm", tuple(range(len(shape)))[::-1])
    return Transpose(order) if order[0] == 0 else Unsupported("moves the batch")


def _pad(view: NodeView, shape: tuple[int, ...]) -> Operation:
    given = view.constant(1)
    pads = view.integers("pads", ()) if given is None else tuple(map(int, given))
    value = view.scalar(2, "value", 0.0)
    axes = view.constant(3)
    places = range(len(shape)) if axes is None else [int(axis) % len(shape) for axis in axes]
    if value is None or len(pads) != 2 * len(places) or min(pads, default=0) < 0:
        return Unsupported("has widths that are not constant, or negative")
    if view.text("mode", "constant") != "constant":
        return Unsupported(f"pads by {view.text('mode', 'constant')}")
    widths = [(0, 0)] * len(shape)
    for place, axis in enumerate(places):
        widths[axis] = (pads[place], pads[place + len(pads) // 2])
    return Pad(tuple(widths), value)


def _softmax(view: NodeView, shape: tuple[int, ...]) -> Operation:
    axis = view.integer("axis", 1 if view.opset < 13 else -1) % len(shape)
    if view.opset < 13 and prod(shape[axis + 1 :]) != 1:
        return Unsupported("normalises over several axes")
    return Softmax(axis)


def _quantize(view: NodeView, shape: tuple[int, ...]) -> Operation:
    scale, zero_point = view.constant(1), view.constant(2)
    if scale is None or scale.size != 1 or (zero_point is None and len(view.node.input) > 2):
        return Unsupported("quantizes an activation with other than one constant scale")
    kind = _integer_type(view)
    if kind not in INTEGER_TYPES:
        return Unsupported(f"quantizes to {kind}; bosquet executes {', '.join(INTEGER_TYPES)}")
    bits, offset = INTEGER_TYPES[kind]
    zero = 0 if zero_point is None else int(zero_point.reshape(()))
    made = ActivationScale(float(scale.reshape(())), zero - offset, bits)
    return (Quantize if view.node.op_type == "QuantizeLinear" else Dequantize)(made)


def _integer_type(view: NodeView) -> str:
    """Return the type of the integers that a node writes, or reads if it dequantizes."""
    zero_point = view.constant(2)
    if zero_point is not None:
        return str(zero_point.dtype.name)
    if view.node.op_type == "DequantizeLinear":
        for node in view.graph.nodes:
            if node.op_type == "QuantizeLinear" and view.node.input[0] in node.output:
                return _integer_type(replace(view, node=node))
        return "integers of unknown type"
    given = view.integer("output_dtype", TensorProto.UINT8)
    return str(helper.tensor_dtype_to_np_dtype(given).name)


INTEGER_TYPES = {
    "int4": (4, 0),
    "uint4": (4, 8),
    "int8": (8, 0),
    "uint8": (8, 128),
    "int16": (16, 0),
    "uint16": (16, 32768),
}
"""Types of quantized activations: bits, and what an unsigned one is shifted by."""

OPERATORS: Mapping[str, Callable[[NodeView, tuple[int, ...]], Operation]] = {
    "Add": _arithmetic,
    "AveragePool": _pool,
    "BatchNormalization": _batch_norm,
    "Clip": _clip,
    "Concat": _concat,
    "DequantizeLinear": _quantize,
    "Div": _arithmetic,
    "Flatten": _reshape,
    "GlobalAveragePool": _global_pool,
    "GlobalMaxPool": _global_pool,
    "MaxPool": _pool,
    "Mul": _arithmetic,
    "Pad": _pad,
    "QuantizeLinear": _quantize,
    "ReduceMean": _reduce_mean,
    "Relu": _relu,
    "Reshape": _reshape,
    "Softmax": _softmax,
    "Squeeze": _reshape,
    "Sub": _arithmetic,
    "Sum": _arithmetic,
    "Transpose": _transpose,
    "Unsqueeze": _reshape,
}
"""Operators that are executed, besides the layers."""
