"""A layer in an ``.npz`` file is that of an ONNX file; what does not fit is told."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.engine.graph import float_scores
from bosquet.errors import InputError
from bosquet.models.layer_file import read_layer_file
from bosquet.models.onnx_io import load_network


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "mine.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


@pytest.mark.parametrize(
    ("attributes", "arrays"),
    [
        ({}, {}),
        ({"pads": [1, 1, 1, 1], "strides": [2, 2]}, {"padding": 1, "stride": 2}),
        ({"pads": [1, 0, 1, 0], "strides": [1, 2]}, {"padding": [1, 0], "stride": [1, 2]}),
        ({"pads": [0, 1, 2, 3]}, {"padding": [0, 1, 2, 3]}),  # top, left, bottom, right in both
        ({"dilations": [2, 1]}, {"dilation": [2, 1]}),
        ({"group": 2}, {"groups": 2}),
    ],
)
def test_a_convolution_is_that_of_onnx(
    attributes: dict[str, Any], arrays: dict[str, Any], tmp_path: Path
) -> None:
    groups = attributes.get("group", 1)
    weight, bias = drawn(1, 6, 4 // groups, 3, 2), drawn(2, 6)
    weight[np.abs(weight) < 0.5] = 0
    images = drawn(3, 5, 4, 9, 7)
    node = helper.make_node("Conv", ["x", "w", "b"], ["y"], name="mine", **attributes)
    onnx.save(model([node], {"w": weight, "b": bias}, [5, 4, 9, 7]), tmp_path / "mine.onnx")
    expected = load_network(tmp_path / "mine.onnx")

    held = read_layer_file(saved(tmp_path, weight=weight, bias=bias, activation=images, **arrays))
    (layer,), (other,) = held.network.layers, expected.layers
    assert layer.shape == other.shape
    assert (layer.mask == other.mask).all()
    assert held.activation is not None
    assert (float_scores(held.network, held.activation) == float_scores(expected, images)).all()
    # The size alone tells the same geometry, for one image.
    sized = read_layer_file(saved(tmp_path, weight=weight, height=9, width=7, **arrays))
    (shape,) = (layer.shape for layer in sized.network.layers)
    assert (shape.macs, shape.batch) == (layer.shape.macs // 5, 1)


def test_an_fc_layer_by_hand(tmp_path: Path) -> None:
    weight, images = [[1, 0, -2], [0, 3, 0]], [[1.0, 0.5, 2.0], [0.0, 1.0, 0.0]]
    held = read_layer_file(saved(tmp_path, weight=weight, bias=[10, 20], activation=images))
    (layer,) = held.network.layers
    assert (layer.shape.kind, layer.name, layer.shape.batch) == ("fc", "mine", 2)
    assert layer.mask.reshape(2, 3).tolist() == [[True, False, True], [False, True, False]]
    # 1 - 4 + 10, 1.5 + 20; 10, 3 + 20
    assert float_scores(held.network, np.array(images)).tolist() == [[7, 21.5], [10, 23]]


CONV = {"weight": np.ones((4, 2, 3, 3)), "activation": np.ones((1, 2, 6, 6))}
FC = {"weight": np.ones((4, 8)), "activation": np.ones((2, 8))}


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        (FC | {"wieght": np.ones(1)}, "unknown array 'wieght' .nearest: 'weight'.; the arrays"),
        (FC | {"x1y2z3": np.ones(1)}, "unknown array 'x1y2z3'; the arrays of a layer are weight, "),
        ({"bias": np.ones(4)}, "has no array 'weight'.*it holds bias"),
        ({}, "has no array 'weight'.*it holds none"),
        ({"weight": np.ones((4, 2, 3))}, r"'weight' must be .* not \(4, 2, 3\)"),
        ({"weight": np.ones((4, 0))}, r"none of them 0, not \(4, 0\)"),
        (FC | {"weight": np.ones((4, 8), complex)}, "'weight' must hold real numbers.*complex128"),
        (FC | {"weight": np.ones((4, 8), bool)}, "'weight' must hold real numbers.*not bool"),
        (FC | {"weight": np.full((4, 8), np.nan)}, "'weight' must be finite; it holds 32 NaN and"),
        (FC | {"weight": np.full((4, 8), 1e300)}, "0 NaN and 32 infinite values"),
        (FC | {"activation": np.full((2, 8), np.inf)}, "'activation' must be finite"),
        (FC | {"activation": np.ones((2, 9))},
         r"must be \(batch, 8\) for a weight of \(4, 8\), not \(2, 9\)"),
        (FC | {"activation": np.ones((0, 8))}, r"'activation' is empty: \(0, 8\)"),
        (FC | {"bias": np.ones(5)}, r"must be \(4,\) for a weight of \(4, 8\), not \(5,\)"),
        (FC | {"stride": 1}, r"'stride' is of convolutions; a weight of \(4, 8\) is an FC layer"),
        (FC | {"height": 1}, "'height' is of convolutions"),
        (CONV | {"activation": np.ones((1, 3, 6, 6))},
         r"\(batch, 2, h, w\) for a weight of \(4, 2, 3, 3\), not \(1, 3, 6, 6\)"),
        (CONV | {"groups": 2},
         r"\(batch, 4, h, w\) for a weight of \(4, 2, 3, 3\) in 2 groups, not \(1, 2, 6, 6\)"),
        (CONV | {"groups": 3}, r"3 groups do not divide the 4 outputs"),
        (CONV | {"groups": 0}, "'groups' must be at least 1, not 0"),
        (CONV | {"groups": [1, 1]}, r"'groups' must be 1 whole number, not int64 of shape \(2,\)"),
        (CONV | {"stride": 1.5}, "'stride' must be 1 or 2 whole numbers, not float64"),
        (CONV | {"stride": 0}, "'stride' must be at least 1, not 0"),
        (CONV | {"padding": -1}, "'padding' must be at least 0, not -1"),
        (CONV | {"padding": [1, 1, 1]}, r"1 or 2 or 4 whole numbers, not int64 of shape \(3,\)"),
        (CONV | {"dilation": 4}, "layer mine: kernel .* is larger than the padded map 6x6"),
        (CONV | {"height": 7}, r"'height' is 7, but 'activation' has the shape \(1, 2, 6, 6\)"),
        ({"weight": CONV["weight"]}, "'height' and 'width'; 'height' and 'width' missing"),
        ({"weight": CONV["weight"], "height": 6}, "'width' missing"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_told(arrays: dict[str, Any], said: str, tmp_path: Path) -> None:
    path = saved(tmp_path, **arrays)
    with pytest.raises(InputError, match=said) as refused:
        read_layer_file(path)
    assert "\n" not in str(refused.value)
    assert "mine" in str(refused.value)
