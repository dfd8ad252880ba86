"""Q/DQ models: the file's own integers reach the layers, and what is missing is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, helper
from onnx_graphs import drawn, loaded, model, runtime_scores
from onnxruntime.quantization import CalibrationDataReader, QuantType, quantize_static

from bosquet.engine.graph import activation_ranges
from bosquet.engine.integer import run
from bosquet.errors import InputError
from bosquet.models.onnx_io import load_network
from bosquet.models.qdq import float_form, quantized_from_qdq
from bosquet.models.quantize import quantize
from bosquet.models.zoo import bundled_path
from bosquet.models.zoo.digits import heldout_digits


def quantize_node(name: str, data: str) -> list[NodeProto]:
    """Return Q and DQ, with constants s and z."""
    return [
        helper.make_node("QuantizeLinear", [data, "s", "z"], [f"{name}.q"], f"{name}.quantize"),
        helper.make_node("DequantizeLinear", [f"{name}.q", "s", "z"], [name], f"{name}.back"),
    ]


def constants(weight: NDArray[np.integer], scale: object) -> dict[str, NDArray[Any]]:
    return {
        "s": np.array(0.1, np.float32),
        "z": np.array(3, np.int8),
        "fc.weight": weight,
        "ws": np.asarray(scale, np.float32),
    }


def test_bundled_lenet5_agrees_with_onnx_runtime() -> None:
    path = bundled_path("lenet5")
    assert path is not None
    images, labels = heldout_digits()
    network = quantized_from_qdq(load_network("lenet5"))
    found = run(network, images).scores
    expected = runtime_scores(onnx.load(path), images)
    apart = np.abs(found - expected) / network.output_scale.scale
    assert apart.max() < 1.01
    assert (found.argmax(axis=1) == expected.argmax(axis=1)).mean() >= 0.99
    assert (found.argmax(axis=1) == labels).mean() > 0.95


def test_bundled_lenet5_carries_the_files_integers() -> None:
    path = bundled_path("lenet5")
    assert path is not None
    stored = {t.name: onnx.numpy_helper.to_array(t) for t in onnx.load(path).graph.initializer}
    network = load_network("lenet5")
    assert [layer.name for layer in network.layers] == ["conv1", "conv2", "fc1", "fc2"]
    assert network.has_zeros
    for layer in quantized_from_qdq(network).layers:
        weight = stored[f"{layer.name}.weight"].reshape(layer.weight.shape)
        np.testing.assert_array_equal(layer.weight, weight)
        np.testing.assert_array_equal(layer.mask, weight != 0)
        np.testing.assert_array_equal(layer.bias, stored[f"{layer.name}.bias"])


class Images(CalibrationDataReader):
    def __init__(self, images: NDArray[np.float32]) -> None:
        self.left = iter(images)

    def get_next(self) -> dict[str, NDArray[np.float32]] | None:
        image = next(self.left, None)
        return None if image is None else {"image": image[None]}


@pytest.mark.parametrize("act_type", [QuantType.QUInt8, QuantType.QInt8, QuantType.QInt16])
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("exporter", ["legacy", "dynamo"])
def test_what_the_quantizer_of_onnx_runtime_writes(
    exporter: str, per_channel: bool, act_type: QuantType, tmp_path: Path
) -> None:
    source = Path(__file__).with_name("fixtures") / f"{exporter}_opset17.onnx"
    path = tmp_path / "quantized.onnx"
    images = drawn(1, 16, 3, 12, 12)
    quantize_static(source, path, Images(images), per_channel=per_channel, activation_type=act_type)
    network = load_network(path)
    expected = load_network(source)
    assert [layer.name for layer in network.layers] == [layer.name for layer in expected.layers]
    found = run(quantized_from_qdq(network), images[:1])
    output = quantized_from_qdq(network).output_scale
    apart = (found.scores - runtime_scores(onnx.load(path), images[:1])) / output.scale
    # Several layers deep: a tie in one of them may reach the scores.
    assert np.abs(apart).max() < 2.01


@pytest.mark.parametrize(
    ("kind", "zero", "bits"), [("uint8", 128, 8), ("uint8", 100, 9), ("int8", 0, 8)]
)
def test_weights_lose_their_zero_point(kind: str, zero: int, bits: int, tmp_path: Path) -> None:
    low, high = (0, 256) if kind == "uint8" else (-128, 128)
    stored = np.random.default_rng(1).integers(low, high, (5, 30)).astype(kind)
    stored[:, 0] = (low, high - 1, low, zero, zero)
    # Stored as (in, out), dequantized per tensor, transposed on the way.
    nodes = [
        *quantize_node("a", "x"),
        helper.make_node("DequantizeLinear", ["fc.weight", "ws", "wz"], ["real"], "w.back"),
        helper.make_node("Transpose", ["real"], ["turned"], "turn", perm=[1, 0]),
        helper.make_node("MatMul", ["a", "turned"], ["product"], "product"),
        *quantize_node("y", "product"),
    ]
    values = {**constants(stored, 0.01), "wz": np.array(zero, kind)}
    network = loaded(model(nodes, values, ["n", 30]), tmp_path)
    layer = quantized_from_qdq(network).layer("fc")
    assert layer.weight_bits == bits
    np.testing.assert_array_equal(layer.weight[:, :, 0, 0], stored.astype(int) - zero)
    np.testing.assert_array_equal(layer.mask, layer.weight != 0)


@pytest.mark.parametrize("turned", [False, True])
def test_scales_follow_their_output_channel(turned: bool, tmp_path: Path) -> None:
    stored = np.random.default_rng(1).integers(-128, 128, (5, 3)).astype(np.int8)
    reader = ("turn", "Transpose") if turned else ("same", "Identity")
    order: dict[str, Any] = {"perm": [1, 0]} if turned else {}
    nodes = [
        *quantize_node("a", "x"),
        helper.make_node("DequantizeLinear", ["fc.weight", "ws"], ["real"], axis=1),
        helper.make_node(reader[1], ["real"], ["given"], reader[0], **order),
        helper.make_node("Gemm", ["a", "given"], ["product"], transB=int(turned)),
        *quantize_node("y", "product"),
    ]
    proto = model(nodes, constants(stored, [0.1, 0.2, 0.3]), ["n", 5])
    layer = loaded(proto, tmp_path).layer("fc")
    assert layer.quantized is not None
    np.testing.assert_allclose(layer.quantized.scale, [0.1, 0.2, 0.3])
    np.testing.assert_array_equal(layer.quantized.integers[:, :, 0, 0], stored.T)


def test_two_scales_for_one_tensor_are_said(tmp_path: Path) -> None:
    nodes = [
        *quantize_node("a", "x"),
        helper.make_node("QuantizeLinear", ["x", "ws", "z"], ["b.q"], "b.quantize"),
        helper.make_node("DequantizeLinear", ["b.q", "ws", "z"], ["b"]),
        helper.make_node("Add", ["a", "b"], ["sum"]),
        *quantize_node("y", "sum"),
    ]
    values = {**constants(np.ones((1, 1), np.int8), 0.3)}
    found = quantized_from_qdq(loaded(model(nodes, values, [1, 3]), tmp_path))
    assert found.input_scale.scale == pytest.approx(0.1)
    assert any("'x' is quantized to several scales; b.quantize rounds" in n for n in found.notes)


def test_scales_per_input_cannot_be_layers(tmp_path: Path) -> None:
    nodes = [
        *quantize_node("a", "x"),
        helper.make_node("DequantizeLinear", ["fc.weight", "ws"], ["real"], axis=1),
        helper.make_node("Gemm", ["a", "real"], ["product"], transB=1),
        *quantize_node("y", "product"),
    ]
    values = constants(np.ones((2, 3), np.int8), [0.1, 0.2, 0.3])
    network = loaded(model(nodes, values, [1, 3]), tmp_path)
    with pytest.raises(InputError, match="layer fc: float weights in a quantized model"):
        quantized_from_qdq(network)


def test_an_output_without_scale_is_refused_by_name(tmp_path: Path) -> None:
    nodes = [
        *quantize_node("a", "x"),
        helper.make_node("DequantizeLinear", ["fc.weight", "ws"], ["real"], axis=0),
        helper.make_node("Gemm", ["a", "real"], ["y"], transB=1),
    ]
    network = loaded(model(nodes, constants(np.ones((2, 3), np.int8), 0.1), [1, 3]), tmp_path)
    with pytest.raises(InputError, match=r"the output of layer fc \('y'\) has no scale"):
        quantized_from_qdq(network)


def test_a_float_network_is_refused(tmp_path: Path) -> None:
    nodes = [helper.make_node("Gemm", ["x", "w"], ["y"])]
    network = loaded(model(nodes, {"w": drawn(1, 4, 3)}, [1, 4]), tmp_path)
    with pytest.raises(InputError, match="test has no Q/DQ nodes: quantize it"):
        quantized_from_qdq(network)


def test_a_quantized_model_as_a_float_one_gives_the_same_answers() -> None:
    network = load_network("lenet5")
    images, labels = heldout_digits()
    ranges = activation_ranges(float_form(network), images)
    own = run(quantized_from_qdq(network), images).scores.reshape(len(images), -1).argmax(1)
    anew = run(quantize(float_form(network), 8, 8, ranges), images).scores
    assert not float_form(network).is_quantized
    assert (anew.reshape(len(images), -1).argmax(1) == own).mean() > 0.99
    few = quantize(float_form(network), 3, 8, ranges, "zero_free")
    scores = run(few, images).scores.reshape(len(images), -1)
    assert (scores.argmax(1) == labels).mean() > 0.98
