"""Post-training quantization: what must hold for any network, and small cases by hand."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import TensorProto, helper
from onnx_graphs import drawn, loaded, model, runtime_scores

from bosquet.engine.graph import activation_ranges
from bosquet.engine.integer import run
from bosquet.errors import InputError
from bosquet.models.network import Network
from bosquet.models.quantize import calibrated_tensors, quantize
from bosquet.models.quantized import LayerStep, MaxPoolStep, QuantizedNetwork


def pruned(seed: int, *shape: int) -> NDArray[np.float32]:
    weight = drawn(seed, *shape)
    return np.where(drawn(seed + 100, *shape) > 0, weight, 0).astype(np.float32)


def network_and_images(folder: Path) -> tuple[Network, NDArray[np.float32]]:
    """Return conv - ReLU - max pool - flatten - fc, pruned, with 40 images."""
    weight = pruned(1, 6, 3, 3, 3)
    weight[2] = 0  # an empty filter
    nodes = [
        helper.make_node("Conv", ["x", "c.weight", "c.bias"], ["conv"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("MaxPool", ["relu"], ["pool"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["pool"], ["flat"]),
        helper.make_node("Gemm", ["flat", "f.weight", "f.bias"], ["y"], transB=1),
    ]
    constants = {
        "c.weight": weight,
        "c.bias": drawn(2, 6),
        "f.weight": pruned(3, 5, 96),
        "f.bias": drawn(4, 5),
    }
    return loaded(model(nodes, constants, ["n", 3, 8, 8]), folder), drawn(9, 40, 3, 8, 8)


def quantized(folder: Path, weight_bits: int = 8, act_bits: int = 8) -> QuantizedNetwork:
    network, images = network_and_images(folder)
    return quantize(network, weight_bits, act_bits, activation_ranges(network, images))


def test_pruned_weights_stay_zero_and_kept_ones_are_counted(tmp_path: Path) -> None:
    network, _ = network_and_images(tmp_path)
    for bits in (2, 3, 8):
        found = quantized(tmp_path, weight_bits=bits)
        for layer in found.layers:
            given = network.layer(layer.name)
            np.testing.assert_array_equal(layer.mask, given.mask)
            lost = np.count_nonzero(layer.mask) - np.count_nonzero(layer.weight)
            assert found.rounded_to_zero[layer.name] == lost
            assert np.abs(layer.weight).max() == (1 << (bits - 1)) - 1
    assert found.rounded_to_zero["f"] < quantized(tmp_path, weight_bits=2).rounded_to_zero["f"]


@pytest.mark.parametrize(("bits", "limit"), [(8, 0.02), (12, 0.002), (16, 0.0002)])
def test_scores_are_close_to_those_of_the_float_network(
    bits: int, limit: float, tmp_path: Path
) -> None:
    _, images = network_and_images(tmp_path)
    expected = runtime_scores(onnx.load(tmp_path / "test.onnx"), images)
    scores = run(quantized(tmp_path, bits, bits), images).scores
    assert np.abs(scores - expected).max() <= limit * np.abs(expected).max()


def test_relu_and_pooling_take_no_scale_of_their_own(tmp_path: Path) -> None:
    network, _ = network_and_images(tmp_path)
    assert calibrated_tensors(network) == ("x", "relu", "y")
    found = quantized(tmp_path)
    first, second = found.steps[:2]
    assert isinstance(first, LayerStep)
    assert isinstance(second, MaxPoolStep)
    # ReLU: the range starts at 0, and so do the codes.
    rule = first.layer.requantization
    assert (rule.zero_point, rule.low, rule.high) == (-128, -128, 127)


def test_relu_behind_pooling_is_folded_too(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"]),
        helper.make_node("MaxPool", ["conv"], ["pool"], kernel_shape=[2, 2]),
        helper.make_node("Clip", ["pool"], ["y"], min=0.0, max=1.0),
    ]
    network = loaded(model(nodes, {"w": drawn(1, 2, 2, 1, 1)}, [1, 2, 4, 4], opset=9), tmp_path)
    images = drawn(2, 8, 2, 4, 4) * 3
    found = quantize(network, 8, 8, activation_ranges(network, images))
    assert [type(step) for step in found.steps] == [LayerStep, MaxPoolStep]
    assert found.output_scale.scale == pytest.approx(1 / 255)
    assert found.layers[0].requantization.low == -128


def test_a_tensor_with_other_readers_keeps_what_relu_cuts_off(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["conv"]),
        helper.make_node("Relu", ["conv"], ["relu"]),
        helper.make_node("Add", ["conv", "relu"], ["y"]),
    ]
    proto = model(nodes, {"w": drawn(1, 2, 2, 1, 1)}, ["n", 2, 4, 4])
    network, images = loaded(proto, tmp_path), drawn(2, 8, 2, 4, 4)
    assert calibrated_tensors(network) == ("x", "conv", "y")
    found = quantize(network, 12, 12, activation_ranges(network, images))
    np.testing.assert_allclose(run(found, images).scores, runtime_scores(proto, images), atol=0.02)
    # An output is such a tensor too.
    proto = model(nodes[:2], {"w": drawn(1, 2, 2, 1, 1)}, ["n", 2, 4, 4], output="conv")
    proto.graph.output.append(helper.make_tensor_value_info("relu", TensorProto.FLOAT, None))
    assert calibrated_tensors(loaded(proto, tmp_path)) == ("x", "conv")


def test_an_almost_empty_filter_does_not_widen_the_accumulator(tmp_path: Path) -> None:
    weight = drawn(1, 2, 4, 1, 1)
    weight[1] = 1e-12
    nodes = [helper.make_node("Conv", ["x", "w", "b"], ["y"])]
    constants = {"w": weight, "b": np.array([0.1, 100.0], np.float32)}
    network = loaded(model(nodes, constants, [1, 4, 3, 3]), tmp_path)
    images = drawn(2, 4, 4, 3, 3)
    found = quantize(network, 8, 8, activation_ranges(network, images))
    assert found.layers[0].accumulator_bits <= 26
    assert found.rounded_to_zero == {"conv_0": 4}
    np.testing.assert_allclose(run(found, images).scores[:, 1], 100.0, rtol=0.005)


def test_widths_and_ranges_that_are_refused(tmp_path: Path) -> None:
    network, images = network_and_images(tmp_path)
    ranges = activation_ranges(network, images)
    with pytest.raises(InputError, match=r"^weight_bits must be between 2 and 16, not 0$"):
        quantize(network, 0, 8, ranges)
    with pytest.raises(InputError, match=r"^act_bits must be between 2 and 16, not 99$"):
        quantize(network, 8, 99, ranges)
    del ranges["relu"]
    with pytest.raises(InputError, match="no calibrated range for tensor 'relu'"):
        quantize(network, 8, 8, ranges)


def test_softmax_at_the_end_is_left_out_and_said(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Gemm", ["x", "w"], ["scores"]),
        helper.make_node("Softmax", ["scores"], ["y"], "normalised"),
    ]
    network = loaded(model(nodes, {"w": drawn(1, 4, 3)}, [1, 4]), tmp_path)
    found = quantize(network, 8, 8, {"x": (-3, 3), "scores": (-9, 9)})
    assert found.notes == ("the scores are those before the softmax normalised",)
    assert found.output_name == "scores"


@pytest.mark.parametrize("bits", [2, 3, 4])
def test_zero_free_levels_keep_every_weight(tmp_path: Path, bits: int) -> None:
    network, images = network_and_images(tmp_path)
    found = quantize(network, bits, 8, activation_ranges(network, images), "zero_free")
    for layer in found.layers:
        assert layer.weight_code == "zero_free"
        np.testing.assert_array_equal(layer.mask, network.layer(layer.name).mask)
        np.testing.assert_array_equal(layer.weight != 0, layer.mask)
        assert np.abs(layer.weight).max() <= 1 << (bits - 1)
        signs = np.sign(network.layer(layer.name).real_weight)
        np.testing.assert_array_equal(np.sign(layer.weight), signs)
    assert set(found.rounded_to_zero.values()) == {0}
