"""Weight layers of an ONNX graph: Conv, Gemm and MatMul nodes with a constant weight."""

import re
from collections.abc import Container
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import LayerShape
from .network import QuantizedWeight, WeightLayer
from .onnx_fold import StoredIntegers, is_filled
from .onnx_node import NodeView

__all__ = ["LAYER_OPERATORS", "NotALayer", "finite", "layer_name", "unique", "weight_layer"]

LAYER_OPERATORS = ("Conv", "Gemm", "MatMul")
"""Operators that make a layer when their weight is constant."""

WEIGHT_NAME = re.compile(
    r"^(?P<module>.+?)"
    r"(\.parametrizations\.weight\.original|[._](weight|kernel|w)(_orig|_v|_quantized|_\d+)*)$"
)
"""How exporters name the weight of a module: PyTorch (pruned, parametrized), Keras, Caffe2."""


class NotALayer(Exception):  # noqa: N818
    """A Conv, Gemm or MatMul node that does not make a weight layer; the message says why."""


@dataclass(frozen=True)
class _Matrix:
    """Weights and bias as the file has them, weights in ``(out, in / groups, kh, kw)``."""

    weight: NDArray[Any]
    bias: NDArray[Any] | None
    stored: StoredIntegers | None


def layer_name(view: NodeView) -> str:
    """Return the name of a layer: that of its module in the framework, else of its node."""
    weight = view.node.input[1]
    for origin in (*view.graph.origins.get(weight, ()), weight):
        if match := WEIGHT_NAME.match(origin):
            return match["module"].replace(":", "_")
    parts = [part for part in view.name.split("/") if part]
    if len(parts) > 1 and re.fullmatch(rf"{view.node.op_type}(_\d+)?", parts[-1]):
        parts.pop()
    return parts[-1].replace(":", "_")


def weight_layer(view: NodeView, name: str) -> WeightLayer:
    """Return the layer of a Conv, Gemm or MatMul node.

    Raises
    ------
    NotALayer
        If the weight is not constant or the node computes something else than a layer does.
    InputError
        If the input's shape is not known or does not fit the weights, or weights or bias hold
        NaN or Inf.
    """
    if view.constant(1) is None or len(view.activations) != 1:
        raise NotALayer("is executed only with a constant weight")
    if view.shape is None:
        raise InputError(
            f"layer {name}: the shape of its input {view.activations[0]!r} is not known; give the"
            " input's shape (--input-shape), or export the model with static shapes"
        )
    shape = (_conv_shape if view.node.op_type == "Conv" else _fc_shape)(view, view.shape, name)
    matrix = (_conv_matrix if view.node.op_type == "Conv" else _fc_matrix)(view)
    if matrix.weight.shape != shape.weight_shape:
        raise InputError(
            f"layer {name}: an input of shape {view.shape} needs weights {shape.weight_shape},"
            f" not {matrix.weight.shape}"
        )
    bias = np.zeros(shape.out_channels)
    if matrix.bias is not None:
        bias = bias + finite(f"layer {name}: bias", matrix.bias).astype(np.float64).reshape(-1)
    if is_filled(matrix.weight):
        everywhere = np.broadcast_to(np.True_, shape.weight_shape)
        return WeightLayer(shape, everywhere, None, bias, node=view.name)
    weight = finite(f"layer {name}: weight", matrix.weight)
    stored = matrix.stored
    quantized = None
    if stored is not None and (stored.scale.size == 1 or stored.axis % stored.integers.ndim == 0):
        scale = np.broadcast_to(stored.scale, (shape.out_channels,))
        if (scale > 0).all():
            quantized = QuantizedWeight(
                stored.integers.reshape(shape.weight_shape), scale, stored.bits
            )
    kept = weight != 0 if quantized is None else quantized.integers != 0
    return WeightLayer(
        shape, kept, weight.astype(np.float32, copy=False), bias, quantized, view.name
    )


def finite(where: str, array: NDArray[Any]) -> NDArray[Any]:
    """Return an array that must hold numbers only.

    Raises
    ------
    InputError
        If it holds NaN or Inf; the message says how many.
    """
    # A filled tensor of any size is one value.
    values = array.reshape(-1)[:1] if is_filled(array) else array
    with np.errstate(over="ignore"):
        bad = ~np.isfinite(values.astype(np.float32, copy=False))
    if bad.any():
        raise InputError(
            f"{where}: {np.isnan(values).sum()} NaN and"
            f" {(bad & ~np.isnan(values)).sum()} infinite values of {values.size};"
            " weights must be finite"
        )
    return array


def _conv_shape(view: NodeView, shape: tuple[int, ...], name: str) -> LayerShape:
    weight = view.graph.constants[view.node.input[1]]
    if len(shape) not in (3, 4) or weight.ndim != len(shape):
        raise NotALayer(f"is executed over one or two spatial axes, not {len(shape) - 2}")
    size, kernel = ((1, *s[2:])[-2:] for s in (shape, weight.shape))
    window = view.window((kernel[0], kernel[1]), (size[0], size[1]))
    return LayerShape(
        name,
        "conv",
        shape[1],
        weight.shape[0],
        window.kernel,
        window.stride,
        window.padding,
        window.dilation,
        view.integer("group", 1),
        size[0],
        size[1],
        shape[0],
    )


def _conv_matrix(view: NodeView) -> _Matrix:
    weight = view.graph.constants[view.node.input[1]]
    stored = view.graph.stored.get(view.node.input[1])
    if weight.ndim == 3:
        weight = weight[:, :, None, :]
    return _Matrix(weight, _bias(view), stored)


def _fc_shape(view: NodeView, shape: tuple[int, ...], name: str) -> LayerShape:
    weight = view.graph.constants[view.node.input[1]]
    if weight.ndim != 2 or view.node.input[1] == view.activations[0]:
        raise NotALayer("is executed only with a weight matrix on the right")
    if len(shape) < 2 or view.integer("transA", 0):
        raise NotALayer("is executed only with a batch of rows on the left")
    out = weight.shape[0] if view.integer("transB", 0) else weight.shape[1]
    # A matrix product over a sequence is the same layer at each of its positions.
    return LayerShape(name, "fc", shape[-1], out, batch=int(np.prod(shape[:-1])))


def _fc_matrix(view: NodeView) -> _Matrix:
    weight = view.graph.constants[view.node.input[1]]
    stored = view.graph.stored.get(view.node.input[1])
    if not view.integer("transB", 0):
        weight = weight.T
        if stored is not None:
            stored = StoredIntegers(
                stored.integers.T, stored.scale, 1 - stored.axis % 2, stored.bits
            )
    alpha, beta = view.number("alpha", 1.0), view.number("beta", 1.0)
    if alpha != 1.0:
        weight = weight * weight.dtype.type(alpha)
        if stored is not None:
            stored = StoredIntegers(stored.integers, stored.scale * alpha, stored.axis, stored.bits)
    bias = _bias(view)
    if bias is not None:
        if bias.size not in (1, weight.shape[0]):
            raise NotALayer("is executed only with one bias per output")
        bias = bias * beta if beta != 1.0 else bias
    return _Matrix(weight[:, :, None, None], bias, stored)


def _bias(view: NodeView) -> NDArray[Any] | None:
    bias = view.constant(2)
    if bias is None and len(view.node.input) > 2 and view.node.input[2]:
        raise NotALayer("is executed only with a constant bias")
    return bias


def unique(name: str, taken: Container[str]) -> str:
    """Return `name`, with a number after it if it is taken."""
    candidate, number = name, 2
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate
