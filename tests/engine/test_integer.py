"""The integer reference: by hand, against plain loops, and against ONNX Runtime on Q/DQ graphs."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, helper
from onnx_graphs import loaded, model, runtime_scores

from bosquet.engine.integer import layer_outputs, run
from bosquet.errors import InputError
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.models.qdq import quantized_from_qdq

Ints = NDArray[np.int64]


def requantization(out: int, low: int = -128, high: int = 127) -> Requantization:
    return Requantization(np.full(out, 1 << 15), np.full(out, 20), 3, low, high)


def test_one_output_by_hand() -> None:
    # acc = 2 * (10 - 1) - 3 * (20 - 1) = -39; + bias 100 = 61; 61 * 2^15 / 2^16 = 30.5 -> 31
    # (half rounds up); + zero point 3 = 34. For -39 + 6 = -33: -16.5 -> -16, + 3 = -13.
    shape = LayerShape("fc", "fc", 2, 2)
    weight = np.array([[2, -3], [2, -3]]).reshape(2, 2, 1, 1)
    rule = Requantization(np.array([1 << 15] * 2), np.array([16, 16]), 3, -128, 127)
    layer = Layer(shape, weight, weight != 0, np.array([100, 6]), rule, zero_point_in=1)
    x = np.array([10, 20]).reshape(1, 2, 1, 1)
    assert layer_outputs(layer, x).reshape(-1).tolist() == [34, -13]


def test_padding_holds_the_zero_point() -> None:
    # All activations equal the zero point: with padding of the same value every sum is 0.
    shape = LayerShape("c", "conv", 1, 1, (3, 3), padding=(1, 1, 1, 1), height=4, width=4)
    weight = np.arange(9).reshape(1, 1, 3, 3) - 2
    layer = Layer(shape, weight, weight != 0, np.zeros(1, np.int64), requantization(1), -7)
    assert (layer_outputs(layer, np.full((1, 1, 4, 4), -7)) == 3).all()


def plain_loops(layer: Layer, x: Ints) -> Ints:
    """Compute a layer as its definition reads, one multiplication at a time."""
    shape, rule = layer.shape, layer.requantization
    per_group = shape.out_channels // shape.groups
    out = np.empty((len(x), shape.out_channels, shape.out_height, shape.out_width), np.int64)
    for image, channel, row, column in np.ndindex(*out.shape):
        total = int(layer.bias[channel])
        group = channel // per_group
        for depth, ky, kx in np.ndindex(*layer.weight.shape[1:]):
            y = row * shape.stride[0] + ky * shape.dilation[0] - shape.padding[0]
            z = column * shape.stride[1] + kx * shape.dilation[1] - shape.padding[1]
            if 0 <= y < shape.height and 0 <= z < shape.width:
                value = int(x[image, group * layer.weight.shape[1] + depth, y, z])
                total += int(layer.weight[channel, depth, ky, kx]) * (value - layer.zero_point_in)
        shift = int(rule.shift[channel])
        scaled = (total * int(rule.multiplier[channel]) + (1 << (shift - 1))) >> shift
        out[image, channel, row, column] = min(max(rule.zero_point + scaled, rule.low), rule.high)
    return out


@st.composite
def cases(draw: st.DrawFn) -> tuple[Layer, Ints]:
    small = st.integers(1, 3)
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    bits = draw(st.sampled_from([2, 8, 16]))
    kernel, stride = (draw(small), draw(small)), (draw(small), draw(small))
    dilation = (draw(st.integers(1, 2)), draw(st.integers(1, 2)))
    padding = tuple(draw(st.integers(0, 2)) for _ in range(4))
    height = draw(st.integers(dilation[0] * (kernel[0] - 1) + 1, 7))
    width = draw(st.integers(dilation[1] * (kernel[1] - 1) + 1, 7))
    channels = groups * draw(small), groups * draw(small)
    shape = LayerShape(
        "c",
        "conv",
        *channels,
        kernel,
        stride,
        (padding[0], padding[1], padding[2], padding[3]),
        dilation,
        groups,
        height,
        width,
    )
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    half = 1 << (bits - 1)
    mask = rng.random(shape.weight_shape) < draw(st.sampled_from([0.0, 0.2, 1.0]))
    layer = Layer(
        shape,
        rng.integers(-half, half, shape.weight_shape) * mask,
        mask,
        rng.integers(-(1 << 20), 1 << 20, shape.out_channels),
        Requantization(
            rng.integers(1 << 15, 1 << 16, shape.out_channels),
            rng.integers(bits + 10, 2 * bits + 14, shape.out_channels),
            int(rng.integers(-half, half)),
            *sorted(int(v) for v in rng.integers(-half, half, 2)),
        ),
        int(rng.integers(-half, half)),
        bits,
        bits,
    )
    return layer, rng.integers(-half, half, (draw(small), shape.in_channels, height, width))


@settings(max_examples=60)
@given(cases())
def test_a_layer_is_what_plain_loops_compute(case: tuple[Layer, Ints]) -> None:
    layer, x = case
    np.testing.assert_array_equal(layer_outputs(layer, x), plain_loops(layer, x))


def test_sums_beyond_a_double_stay_exact() -> None:
    # The sum of odd products is odd and above 2**53, where a double holds even numbers only; the
    # bias brings it back to 5.
    length = (1 << 22) + (1 << 20) + 1
    total = length * 32767 * -65535
    assert abs(total) > 1 << 53
    shape = LayerShape("fc", "fc", length, 1)
    weight = np.full(shape.weight_shape, 32767)
    rule = Requantization(np.array([2]), np.array([1]), 0, -(1 << 15), (1 << 15) - 1)
    layer = Layer(shape, weight, weight != 0, np.array([5 - total]), rule, 32767, 16, 16)
    x = np.full((1, length, 1, 1), -(1 << 15))
    assert layer_outputs(layer, x).reshape(-1).tolist() == [5]


def test_activations_that_do_not_fit_are_refused() -> None:
    shape = LayerShape("fc", "fc", 2, 1)
    weight = np.ones((1, 2, 1, 1), np.int64)
    layer = Layer(shape, weight, weight != 0, np.zeros(1, np.int64), requantization(1))
    with pytest.raises(InputError, match=r"fc: activations must have shape \(batch, 2, 1, 1\)"):
        layer_outputs(layer, np.zeros((1, 3, 1, 1), np.int64))
    with pytest.raises(InputError, match="signed 8-bit integers, found 0 to 128"):
        layer_outputs(layer, np.array([0, 128]).reshape(1, 2, 1, 1))


class Graph:
    """A chain of Q/DQ nodes under construction."""

    def __init__(self, seed: int, kind: str) -> None:
        self.rng = np.random.default_rng(seed)
        self.type = np.dtype(kind)
        self.nodes: list[NodeProto] = []
        self.constants: dict[str, ArrayLike] = {}
        self.tensor = "x"
        self.scale = np.float32(1)

    def add(self, op: str, *more: str, **attributes: Any) -> None:
        name = f"n{len(self.nodes)}"
        self.nodes.append(
            helper.make_node(op, [self.tensor, *more], [f"{name}.out"], name, **attributes)
        )
        self.tensor = f"{name}.out"

    def quantized(self, scale: float, zero_point: int) -> None:
        name = f"q{len(self.nodes)}"
        self.scale = np.float32(scale)
        zero = zero_point + (128 if self.type == np.uint8 else 0)
        self.constants |= {f"{name}.s": self.scale, f"{name}.z": np.array(zero, self.type)}
        for op in ("QuantizeLinear", "DequantizeLinear"):
            self.add(op, f"{name}.s", f"{name}.z")

    def layer(self, op: str, name: str, *shape: int, kept: float = 0.5, **attributes: Any) -> None:
        integers = self.rng.integers(-127, 128, shape) * (self.rng.random(shape) < kept)
        scale = self.rng.uniform(0.002, 0.02, shape[0]).astype(np.float32)
        bias = self.rng.integers(-4000, 4000, shape[0])
        for part, array, step in (
            ("weight", integers.astype(np.int8), scale),
            ("bias", bias.astype(np.int32), self.scale * scale),
        ):
            self.constants |= {f"{name}.{part}": array, f"{name}.{part}_scale": step}
            self.nodes.append(
                helper.make_node(
                    "DequantizeLinear",
                    [f"{name}.{part}", f"{name}.{part}_scale"],
                    [f"{name}.{part}.real"],
                    f"{name}.{part}.dequantize",
                    axis=0,
                )
            )
        self.add(op, f"{name}.weight.real", f"{name}.bias.real", **attributes)

    def model(self, *shape: int) -> onnx.ModelProto:
        return model(self.nodes, self.constants, ["batch", *shape], output=self.tensor)


def steps_apart(proto: onnx.ModelProto, images: NDArray[np.float32], folder: Path) -> Ints:
    """Return by how many steps reference and ONNX Runtime differ, element by element."""
    network = quantized_from_qdq(loaded(proto, folder))
    expected = runtime_scores(proto, images)
    difference = (run(network, images).scores - expected) / network.output_scale.scale
    steps = np.rint(difference)
    np.testing.assert_allclose(difference, steps, atol=1e-3)
    apart: Ints = np.abs(steps).astype(np.int64)
    return apart


@pytest.mark.parametrize("kind", ["int8", "uint8"])
@pytest.mark.parametrize("seed", range(6))
def test_convolutions_agree_with_onnx_runtime(seed: int, kind: str, tmp_path: Path) -> None:
    graph = Graph(seed, kind)
    groups = [1, 2, 4, 1, 2, 1][seed]
    graph.quantized(0.03, int(graph.rng.integers(-40, 40)))
    graph.layer(
        "Conv",
        "conv",
        12,
        8 // groups,
        3,
        1 + seed % 3,
        group=groups,
        strides=[1 + seed % 2, 1 + seed // 3],
        pads=[1, seed % 2, 0, 2],
        dilations=[1 + seed // 4, 1],
    )
    if seed % 2:
        graph.add("Relu")
    graph.quantized(0.2, -128 if seed % 2 else 11)
    images = graph.rng.normal(size=(3, 8, 9, 10)).astype(np.float32)
    apart = steps_apart(graph.model(8, 9, 10), images, tmp_path)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01


def two_inputs(kind: str) -> tuple[Graph, str]:
    """Return a graph with one tensor, and the same integers again in another scale."""
    graph = Graph(5, kind)
    graph.quantized(0.03, 5)
    quantized, first = graph.nodes[-1].input[0], graph.tensor
    zero = np.array(-20 + (128 if kind == "uint8" else 0), kind)
    graph.constants |= {"again.s": np.float32(0.071), "again.z": zero}
    graph.tensor = quantized
    graph.add("DequantizeLinear", "again.s", "again.z")
    return graph, first


@pytest.mark.parametrize("kind", ["int8", "uint8"])
@pytest.mark.parametrize(
    ("op", "attributes", "constants"),
    [
        ("Add", {}, {}),
        ("Concat", {"axis": 1}, {}),
        ("AveragePool", {"kernel_shape": [3, 3], "pads": [1, 1, 0, 2]}, {}),
        ("GlobalAveragePool", {}, {}),
        ("ReduceMean", {"axes": [2, 3], "keepdims": 0}, {}),
        ("MaxPool", {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1]}, {}),
        ("Relu", {}, {}),
        ("Clip", {}, {"low": np.float32(0), "high": np.float32(1)}),
        ("Mul", {}, {"c": np.array([0.7, -1.3, 0.01, 3], np.float32).reshape(4, 1, 1)}),
        ("Add", {}, {"c": np.array([0.7, -1.3, 0.01, 3], np.float32).reshape(4, 1, 1)}),
        ("Pad", {}, {"pads": np.array([0, 0, 1, 2, 0, 1, 0, 3]), "value": np.float32(0.5)}),
        ("Transpose", {"perm": [0, 3, 1, 2]}, {}),
    ],
)
def test_operators_agree_with_onnx_runtime(
    op: str,
    attributes: dict[str, Any],
    constants: dict[str, ArrayLike],
    kind: str,
    tmp_path: Path,
) -> None:
    graph, first = two_inputs(kind)
    graph.constants |= constants
    both = [first] if op in ("Add", "Concat") and not constants else []
    graph.add(op, *both, *constants, **attributes)
    graph.quantized(0.0533, -31)
    images = graph.rng.normal(size=(5, 4, 7, 8)).astype(np.float32)
    apart = steps_apart(graph.model(4, 7, 8), images, tmp_path)
    assert apart.max() <= 1
    assert (apart > 0).mean() < 0.01


def test_a_border_below_a_clamp_is_clamped_again(tmp_path: Path) -> None:
    graph = Graph(2, "int8")
    graph.quantized(0.03, 5)
    graph.add("Relu")
    graph.constants |= {"pads": np.array([0, 0, 1, 1, 0, 0, 1, 1]), "value": np.float32(-0.6)}
    graph.add("Pad", "pads", "value")
    graph.add("Relu")
    graph.quantized(0.03, 5)
    images = graph.rng.normal(size=(5, 4, 7, 8)).astype(np.float32)
    assert steps_apart(graph.model(4, 7, 8), images, tmp_path).max() == 0


def test_a_network_agrees_with_onnx_runtime(tmp_path: Path) -> None:
    graph = Graph(3, "uint8")
    graph.quantized(0.03, 5)
    graph.layer("Conv", "conv", 8, 4, 3, 3, pads=[1, 1, 1, 1])
    graph.add("Relu")
    graph.add("MaxPool", kernel_shape=[2, 2], strides=[2, 2])
    graph.quantized(0.1017, -128)
    trunk = graph.tensor
    graph.layer("Conv", "branch", 8, 8, 1, 1)
    graph.quantized(0.3, 4)
    graph.add("Add", trunk)
    graph.add("Relu")
    graph.quantized(0.2531, -128)
    graph.add("Concat", trunk, axis=1)
    graph.quantized(0.3007, -120)
    graph.add("GlobalAveragePool")
    graph.quantized(0.0713, -128)
    graph.add("Flatten")
    graph.layer("Gemm", "fc", 10, 16, transB=1)
    graph.quantized(0.05, 0)
    images = graph.rng.normal(size=(200, 4, 8, 8)).astype(np.float32)
    apart = steps_apart(graph.model(4, 8, 8), images, tmp_path)
    # A step of difference in one layer, at a tie, reaches several scores; it stays small and rare.
    assert apart.max() <= 3
    assert (apart > 0).mean() < 0.02


def test_layer_inputs_are_what_the_layers_read(tmp_path: Path) -> None:
    graph = Graph(1, "int8")
    graph.quantized(0.03, 5)
    graph.layer("Conv", "conv", 8, 4, 3, 3)
    graph.quantized(0.2, 0)
    graph.add("Flatten")
    graph.layer("Gemm", "fc", 10, 8 * 36, transB=1)
    graph.quantized(0.5, 0)
    network = quantized_from_qdq(loaded(graph.model(4, 8, 8), tmp_path))
    images = graph.rng.normal(size=(130, 4, 8, 8)).astype(np.float32)
    found = run(network, images)
    conv, fc = network.layers
    np.testing.assert_array_equal(
        found.layer_inputs["conv"], np.clip(np.rint(images / np.float32(0.03)) + 5, -128, 127)
    )
    assert found.layer_inputs["fc"].shape == (130, 8 * 36, 1, 1)
    np.testing.assert_array_equal(
        layer_outputs(conv, found.layer_inputs["conv"]).reshape(130, -1, 1, 1),
        found.layer_inputs["fc"],
    )
    np.testing.assert_array_equal(
        network.output_scale.dequantize(layer_outputs(fc, found.layer_inputs["fc"])[..., 0, 0]),
        found.scores,
    )
