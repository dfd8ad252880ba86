"""LeNet-5 as an int8 Q/DQ ONNX graph, from float parameters and activation ranges.

The network is Caffe's LeNet-5, the one of the pruning papers: 20@5x5, 50@5x5, 500, 10 on 28x28,
430,500 weights, 2x2 max pooling after each convolution, ReLU after fc1 only. Weights are symmetric
per output channel (zero stays zero, so the mask survives), activations int8 per tensor with a zero
point, biases int32 at the product of both scales, as ONNX Runtime expects.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from ...errors import InputError

__all__ = ["WEIGHT_SHAPES", "FloatLayer", "qdq_lenet5", "quantize_weight"]

WEIGHT_SHAPES: dict[str, tuple[int, ...]] = {
    "conv1": (20, 1, 5, 5),
    "conv2": (50, 20, 5, 5),
    "fc1": (500, 800),
    "fc2": (10, 500),
}
"""Layers in order, with their weight shapes ``(out, in, kh, kw)`` or ``(out, in)``."""

OPSET = 17
"""Newest operator set that every runtime of the last years reads."""

IR_VERSION = 8
"""The ONNX file version that belongs to OPSET."""

WEIGHT_LIMIT = 127
"""Weights use -127..127, so that the negated weight exists too."""

ACT_LOW, ACT_HIGH = -128, 127
"""int8 activations: the signed ones are exact in ONNX Runtime on every x86 (uint8 activations
with int8 weights saturate in its pre-VNNI kernels)."""


@dataclass(frozen=True, eq=False)
class FloatLayer:
    """Trained float parameters of one layer.

    Attributes
    ----------
    weight : float array
        Of the shape in ``WEIGHT_SHAPES``, zero where pruned.
    bias : float array (out,)
        Added to each output channel.
    """

    weight: NDArray[np.floating]
    bias: NDArray[np.floating]


def quantize_weight(
    weight: NDArray[np.floating],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Quantize weights symmetrically per output channel.

    Parameters
    ----------
    weight : float array (out, ...)
        Finite, zero where pruned; not all zero.

    Returns
    -------
    quantized : int8 array (out, ...)
        -127 to 127; a zero weight stays 0.
    scale : float32 array (out,)
        Step of each output channel. A channel without weights takes the largest step of the
        others, since its bias is stored in multiples of it.
    """
    peak = np.abs(weight).reshape(len(weight), -1).max(axis=1)
    scale = (np.where(peak > 0, peak, peak.max()) / WEIGHT_LIMIT).astype(np.float32)
    steps = weight / scale.reshape(-1, *[1] * (weight.ndim - 1))
    return np.clip(np.rint(steps), -WEIGHT_LIMIT, WEIGHT_LIMIT).astype(np.int8), scale


def qdq_lenet5(
    layers: Mapping[str, FloatLayer], ranges: Mapping[str, tuple[float, float]]
) -> onnx.ModelProto:
    """Write LeNet-5 as a Q/DQ graph with a symbolic batch.

    Parameters
    ----------
    layers : mapping of str to FloatLayer
        conv1, conv2, fc1 and fc2.
    ranges : mapping of str to (float, float)
        Smallest and largest value of ``image`` and of the output of each layer: for conv1 and
        conv2 after pooling (clamping and max pooling commute, so what pooling drops needs no
        code), for fc1 after ReLU.

    Returns
    -------
    onnx.ModelProto
        Input ``image`` float (batch, 1, 28, 28), output ``scores`` float (batch, 10). The weights
        are int8 initializers ``conv1.weight`` and so on.

    Raises
    ------
    InputError
        If a layer has another shape than LeNet-5's, or a range is empty or not finite.
    """
    for name, shape in WEIGHT_SHAPES.items():
        if (found := layers[name].weight.shape) != shape:
            raise InputError(f"lenet5: {name}.weight must have shape {shape}, not {found}")
    graph = _QdqGraph(ranges)
    graph.quantize("image")
    for name in ("conv1", "conv2"):
        graph.layer("Conv", name, layers[name], {"kernel_shape": [5, 5]})
        graph.quantize(name)
        pool = f"pool{name[-1]}"
        graph.node("MaxPool", pool, f"{pool}.maxima", {"kernel_shape": [2, 2], "strides": [2, 2]})
        graph.quantize(name, pool)
    graph.node("Flatten", "flatten", "flatten.vector", {"axis": 1})
    graph.quantize("conv2", "flatten")
    graph.layer("Gemm", "fc1", layers["fc1"], {"transB": 1})
    graph.node("Relu", "relu1", "relu1.rectified", {})
    graph.quantize("fc1", "relu1")
    graph.layer("Gemm", "fc2", layers["fc2"], {"transB": 1})
    graph.quantize("fc2", output="scores")
    return graph.model()


Attributes = Mapping[str, int | list[int]]
"""Attributes of a node."""


class _QdqGraph:
    """A chain of nodes, each reading ``tensor``, the tensor written last."""

    def __init__(self, ranges: Mapping[str, tuple[float, float]]) -> None:
        self.tensor = "image"
        self._nodes: list[onnx.NodeProto] = []
        self._initializers: list[onnx.TensorProto] = []
        self._scale: dict[str, np.float32] = {}
        self._input_scale = np.float32(1)
        for name in ("image", *WEIGHT_SHAPES):
            # Zero must have a code: padding, ReLU and the requantization of a pruned filter use it.
            low, high = min(ranges[name][0], 0.0), max(ranges[name][1], 0.0)
            if not (np.isfinite([low, high]).all() and low < high):
                raise InputError(f"lenet5: range of {name} must be finite and wider than 0")
            scale = np.float32((high - low) / (ACT_HIGH - ACT_LOW))
            self._scale[name] = scale
            self._constant(f"{name}.scale", scale)
            self._constant(f"{name}.zero_point", np.int8(np.rint(ACT_LOW - low / scale)))

    def node(self, op: str, name: str, output: str, attributes: Attributes) -> None:
        """Append a node with one input and one output."""
        self._nodes.append(_node(op, [self.tensor], output, name, attributes))
        self.tensor = output

    def quantize(self, scaled_as: str, name: str = "", output: str = "") -> None:
        """Append QuantizeLinear and DequantizeLinear at the scale of `scaled_as`."""
        name = name or scaled_as
        parameters = [f"{scaled_as}.scale", f"{scaled_as}.zero_point"]
        codes, output = f"{name}.codes", output or f"{name}.dequantized"
        self._nodes += [
            _node("QuantizeLinear", [self.tensor, *parameters], codes, f"{name}.quantize", {}),
            _node("DequantizeLinear", [codes, *parameters], output, f"{name}.dequantize", {}),
        ]
        self.tensor, self._input_scale = output, self._scale[scaled_as]

    def layer(self, op: str, name: str, layer: FloatLayer, attributes: Attributes) -> None:
        """Append a weight-bearing node with its quantized weight and bias."""
        weight, scale = quantize_weight(layer.weight)
        bias_scale = self._input_scale * scale
        self._dequantized(f"{name}.weight", weight, scale)
        self._dequantized(
            f"{name}.bias", np.rint(layer.bias / bias_scale).astype(np.int32), bias_scale
        )
        inputs = [self.tensor, f"{name}.weight.dequantized", f"{name}.bias.dequantized"]
        self.tensor = f"{name}.sums"
        self._nodes.append(_node(op, inputs, self.tensor, name, attributes))

    def model(self) -> onnx.ModelProto:
        """Return the checked model."""
        graph = helper.make_graph(
            self._nodes,
            "lenet5",
            [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["batch", 1, 28, 28])],
            [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["batch", 10])],
            self._initializers,
        )
        model = helper.make_model(
            graph,
            opset_imports=[helper.make_opsetid("", OPSET)],
            ir_version=IR_VERSION,
            producer_name="bosquet",
        )
        onnx.checker.check_model(model, full_check=True)
        return model

    def _constant(self, name: str, value: np.generic | NDArray[np.generic]) -> None:
        self._initializers.append(numpy_helper.from_array(np.asarray(value), name))

    def _dequantized(
        self, name: str, codes: NDArray[np.integer], scale: NDArray[np.float32]
    ) -> None:
        self._constant(name, codes)
        self._constant(f"{name}.scale", scale)
        inputs, output = [name, f"{name}.scale"], f"{name}.dequantized"
        self._nodes.append(
            _node("DequantizeLinear", inputs, output, f"{name}.dequantize", {"axis": 0})
        )


def _node(
    op: str, inputs: list[str], output: str, name: str, attributes: Attributes
) -> onnx.NodeProto:
    node = helper.make_node(op, inputs, [output], name)
    node.attribute.extend(
        helper.make_attribute(key, value) for key, value in sorted(attributes.items())
    )
    return node
