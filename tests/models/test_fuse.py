"""Fusing keeps what a network computes, and the mask of the file."""

from pathlib import Path

import numpy as np
from numpy.typing import ArrayLike
from onnx import TensorProto, helper
from onnx_graphs import drawn, loaded, model, runtime_scores

from bosquet.engine.graph import float_scores
from bosquet.engine.integer import run
from bosquet.models.qdq import quantized_from_qdq

STATISTICS = {
    "g": np.array([0.5, -2, 0, 1], np.float32),
    "b": drawn(2, 4),
    "m": drawn(3, 4),
    "v": np.abs(drawn(4, 4)),
}


def test_batch_norm_is_fused_into_the_convolution(tmp_path: Path) -> None:
    weight = np.where(drawn(5, 4, 3, 3, 3) > 0, drawn(1, 4, 3, 3, 3), 0).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "c.weight"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["d"]),
        helper.make_node("Mul", ["d", "factor"], ["e"]),
        helper.make_node("Relu", ["e"], ["y"]),
    ]
    factor = {"factor": drawn(6, 4, 1, 1)}
    proto = model(nodes, {"c.weight": weight, **STATISTICS, **factor}, [2, 3, 6, 6])
    network = loaded(proto, tmp_path)
    assert [node.op for node in network.nodes] == ["Conv", "Relu"]
    # The third filter is scaled by 0, yet its weights are in the file: they stay kept.
    np.testing.assert_array_equal(network.layer("c").mask, weight != 0)
    images = drawn(7, 2, 3, 6, 6)
    np.testing.assert_allclose(
        float_scores(network, images), runtime_scores(proto, images), rtol=1e-4, atol=1e-5
    )


def test_a_tensor_that_is_read_twice_is_not_fused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "c.weight"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["d"]),
        helper.make_node("Add", ["a", "d"], ["y"]),
    ]
    proto = model(nodes, {"c.weight": drawn(1, 4, 3, 1, 1), **STATISTICS}, [2, 3, 6, 6])
    network = loaded(proto, tmp_path)
    assert [node.op for node in network.nodes] == ["Conv", "BatchNormalization", "Add"]
    images = drawn(7, 2, 3, 6, 6)
    np.testing.assert_allclose(
        float_scores(network, images), runtime_scores(proto, images), rtol=1e-4, atol=1e-5
    )


def test_a_tensor_that_is_an_output_is_not_fused(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "c.weight"], ["a"]),
        helper.make_node("BatchNormalization", ["a", "g", "b", "m", "v"], ["y"]),
    ]
    proto = model(nodes, {"c.weight": drawn(1, 4, 3, 1, 1), **STATISTICS}, [2, 3, 6, 6])
    proto.graph.output.append(helper.make_tensor_value_info("a", TensorProto.FLOAT, None))
    network = loaded(proto, tmp_path)
    assert [node.op for node in network.nodes] == ["Conv", "BatchNormalization"]
    assert network.notes == ("2 outputs; the scores are the first",)


def test_stored_integers_survive_a_positive_scale_only(tmp_path: Path) -> None:
    for signs, ops in (([1, 1, 1, 1], 1), ([1, -1, 1, 1], 2)):
        nodes = [
            helper.make_node("QuantizeLinear", ["x", "s", "z"], ["q"]),
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["r"]),
            helper.make_node("DequantizeLinear", ["c.weight", "ws"], ["w"], axis=0),
            helper.make_node("Conv", ["r", "w"], ["a"]),
            helper.make_node("Mul", ["a", "signs"], ["d"]),
            helper.make_node("QuantizeLinear", ["d", "s", "z"], ["e"]),
            helper.make_node("DequantizeLinear", ["e", "s", "z"], ["y"]),
        ]
        constants: dict[str, ArrayLike] = {
            "s": np.array(0.05, np.float32),
            "z": np.array(3, np.int8),
            "ws": np.array([0.01, 0.02, 0.03, 0.01], np.float32),
            "c.weight": (drawn(1, 4, 3, 3, 3) * 40).astype(np.int8),
            "signs": np.array(signs, np.float32).reshape(4, 1, 1) * 0.5,
        }
        proto = model(nodes, constants, [2, 3, 6, 6])
        network = loaded(proto, tmp_path)
        assert len([node for node in network.nodes if node.op in ("Conv", "Mul")]) == ops
        if ops == 1:
            images = drawn(7, 2, 3, 6, 6)
            found = quantized_from_qdq(network)
            apart = (run(found, images).scores - runtime_scores(proto, images)) / 0.05
            assert np.abs(apart).max() < 1.01
