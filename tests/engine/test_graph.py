"""The float reference computes what ONNX Runtime computes, for every operator and many opsets."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike, NDArray
from onnx import NodeProto, helper
from onnx_graphs import drawn, loaded, model, runtime_scores

from bosquet.engine.graph import activation_ranges, float_scores
from bosquet.errors import InputError


def node(op: str, *more: str, **attributes: Any) -> NodeProto:
    return helper.make_node(op, ["x", *more], ["y"], "tested", **attributes)


def agrees(
    folder: Path,
    nodes: Sequence[NodeProto],
    constants: Mapping[str, ArrayLike],
    opset: int,
    shape: tuple[int, ...] = (2, 4, 9, 8),
) -> None:
    proto = model(nodes, constants, shape, opset=opset)
    network = loaded(proto, folder)
    images = drawn(7, *shape)
    expected = runtime_scores(proto, images)
    found = float_scores(network, images)
    assert network.unsupported == ()
    assert network.shapes[network.output_names[0]] == expected.shape
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


CASES: dict[str, tuple[list[NodeProto], dict[str, ArrayLike], int]] = {
    "relu": ([node("Relu")], {}, 9),
    "clip_attributes": ([node("Clip", min=0.0, max=6.0)], {}, 9),
    "clip_inputs": ([node("Clip", "", "top")], {"top": np.float32(0.5)}, 13),
    "max_pool": ([node("MaxPool", kernel_shape=[3, 2], strides=[2, 1], pads=[1, 0, 1, 1])], {}, 9),
    "max_pool_ceil": (
        [node("MaxPool", kernel_shape=[3, 3], strides=[2, 3], ceil_mode=1, pads=[0, 1, 0, 0])],
        {},
        11,
    ),
    "max_pool_ceil_past_the_map": (
        [node("MaxPool", kernel_shape=[2, 2], strides=[4, 3], ceil_mode=1, pads=[0, 0, 1, 1])],
        {},
        11,
    ),
    "max_pool_ceil_in_padding": (
        [node("MaxPool", kernel_shape=[3, 3], strides=[1, 4], ceil_mode=1, pads=[0, 0, 2, 2])],
        {},
        11,
    ),
    "max_pool_same": (
        [node("MaxPool", kernel_shape=[3, 3], strides=[2, 2], auto_pad="SAME_LOWER")],
        {},
        12,
    ),
    "max_pool_dilated": ([node("MaxPool", kernel_shape=[2, 3], dilations=[3, 2])], {}, 10),
    "average_pool": (
        [node("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 0])],
        {},
        9,
    ),
    "average_pool_counted": (
        [node("AveragePool", kernel_shape=[3, 3], pads=[1, 2, 1, 2], count_include_pad=1)],
        {},
        11,
    ),
    "average_pool_ceil": (
        [node("AveragePool", kernel_shape=[3, 3], strides=[2, 2], pads=[1, 1, 1, 1], ceil_mode=1)],
        {},
        19,
    ),
    "global_average_pool": ([node("GlobalAveragePool")], {}, 9),
    "global_max_pool": ([node("GlobalMaxPool")], {}, 9),
    "reduce_mean_attribute": ([node("ReduceMean", axes=[2, 3], keepdims=0)], {}, 13),
    "reduce_mean_input": ([node("ReduceMean", "axes")], {"axes": np.array([-1, -2])}, 18),
    "flatten": ([node("Flatten")], {}, 9),
    "reshape": ([node("Reshape", "to")], {"to": np.array([0, 2, -1, 8])}, 14),
    "unsqueeze_attribute": ([node("Unsqueeze", axes=[2])], {}, 11),
    "unsqueeze_input": ([node("Unsqueeze", "axes")], {"axes": np.array([-1])}, 13),
    "transpose": ([node("Transpose", perm=[0, 2, 3, 1])], {}, 9),
    "pad_attribute": ([node("Pad", pads=[0, 0, 1, 2, 0, 0, 0, 3], value=1.5)], {}, 9),
    "pad_input": ([node("Pad", "w")], {"w": np.array([0, 1, 0, 2, 0, 0, 3, 0])}, 13),
    "pad_axes": (
        [node("Pad", "w", "", "axes")],
        {"w": np.array([1, 2, 0, 1]), "axes": np.array([2, -1])},
        18,
    ),
    "softmax_last": ([node("Softmax")], {}, 13),
    "batch_norm": (
        [node("BatchNormalization", "g", "b", "m", "v", epsilon=1e-3)],
        {"g": drawn(1, 4), "b": drawn(2, 4), "m": drawn(3, 4), "v": np.abs(drawn(4, 4))},
        9,
    ),
    "add_self": ([node("Add", "x")], {}, 9),
    "sum": ([node("Sum", "x", "x")], {}, 9),
    "multiply_channels": ([node("Mul", "c")], {"c": drawn(5, 4, 1, 1)}, 14),
    "divide_columns": ([node("Div", "c")], {"c": drawn(5, 8) + 5}, 14),
    "subtract_scalar": ([node("Sub", "c")], {"c": np.float32(0.25)}, 14),
    "subtract_from": (
        [helper.make_node("Sub", ["c", "x"], ["y"])],
        {"c": drawn(5, 1, 4, 1, 1)},
        14,
    ),
    "concat": ([node("Concat", "x", axis=-3)], {}, 13),
    "dropout": ([node("Dropout"), helper.make_node("Relu", ["y"], ["z"])], {}, 12),
    "cast": ([node("Cast", to=1)], {}, 13),
    "conv": (
        [node("Conv", "w", "b", strides=[2, 1], pads=[1, 2, 0, 1], dilations=[2, 1], group=2)],
        {"w": drawn(1, 6, 2, 3, 2), "b": drawn(2, 6)},
        11,
    ),
    "conv_same": (
        [node("Conv", "w", strides=[2, 3], auto_pad="SAME_UPPER")],
        {"w": drawn(1, 6, 4, 3, 4)},
        22,
    ),
    "depthwise": ([node("Conv", "w", group=4)], {"w": drawn(1, 8, 1, 3, 3)}, 11),
    "quantize": (
        [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["y"]),
        ],
        {"s": np.float32(0.02), "z": np.uint8(100)},
        13,
    ),
    "quantize_without_zero_point": (
        [
            helper.make_node("QuantizeLinear", ["x", "s"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s"], ["y"]),
        ],
        {"s": np.float32(0.02)},
        13,
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_operator_agrees_with_onnx_runtime(case: str, tmp_path: Path) -> None:
    agrees(tmp_path, *CASES[case])


def test_gemm_and_matmul_agree_with_onnx_runtime(tmp_path: Path) -> None:
    scaled = node("Gemm", "w", "b", transB=1, alpha=0.5, beta=2.0)
    agrees(tmp_path, [scaled], {"w": drawn(1, 5, 7), "b": drawn(2, 5)}, 11, (3, 7))
    agrees(tmp_path, [node("Gemm", "w", "b")], {"w": drawn(1, 7, 5), "b": drawn(2, 1)}, 11, (3, 7))
    product = helper.make_node("MatMul", ["x", "w"], ["p"])
    biased = helper.make_node("Add", ["p", "b"], ["y"])
    constants = {"w": drawn(1, 7, 5), "b": drawn(2, 5)}
    agrees(tmp_path, [product, biased], constants, 13, (3, 7))
    agrees(tmp_path, [product, biased], constants, 13, (2, 4, 7))


def test_softmax_of_old_opsets_is_over_channels(tmp_path: Path) -> None:
    agrees(tmp_path, [node("Softmax")], {}, 11, (2, 4, 1, 1))
    network = loaded(model([node("Softmax")], {}, [2, 4, 3, 3], opset=11), tmp_path)
    assert network.unsupported == ("tested (Softmax)",)


def test_convolution_over_one_axis_agrees_with_onnx_runtime(tmp_path: Path) -> None:
    conv = node("Conv", "w", strides=[2], pads=[1, 0], group=2)
    agrees(tmp_path, [conv], {"w": drawn(1, 6, 2, 3)}, 11, (2, 4, 9))


def test_other_batches_than_that_of_the_file(tmp_path: Path) -> None:
    proto = model(
        [
            helper.make_node("Flatten", ["x"], ["f"]),
            helper.make_node("Gemm", ["f", "w"], ["y"]),
        ],
        {"w": drawn(1, 12, 5)},
        ["batch", 3, 2, 2],
    )
    images = drawn(3, 130, 3, 2, 2)
    scores = float_scores(loaded(proto, tmp_path), images)
    np.testing.assert_allclose(scores, runtime_scores(proto, images), rtol=1e-4, atol=1e-5)


def test_ranges_are_those_of_every_tensor(tmp_path: Path) -> None:
    network = loaded(model([node("Relu")], {}, [1, 3]), tmp_path)
    images = np.array([[-2, 0.5, 9]] * 64 + [[0, 3, -7]], np.float32)
    assert activation_ranges(network, images) == {"x": (-7.0, 9.0), "y": (0.0, 9.0)}


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.zeros((2, 4)), "images must be images x 3, not 2 x 4"),
        (np.zeros((0, 3)), "images must be images x 3, not 0 x 3"),
        (np.full((1, 3), np.nan), "images must be finite"),
    ],
)
def test_images_that_do_not_fit(images: NDArray[np.float64], message: str, tmp_path: Path) -> None:
    network = loaded(model([node("Relu")], {}, [1, 3]), tmp_path)
    with pytest.raises(InputError, match=message):
        float_scores(network, images)


def test_a_node_that_is_not_executed_is_named(tmp_path: Path) -> None:
    network = loaded(model([node("LRN", size=3)], {}, [1, 3, 4, 4]), tmp_path)
    with pytest.raises(InputError, match=r"node tested \(LRN\) is an operator that bosquet does"):
        float_scores(network, np.zeros((1, 3, 4, 4)))
