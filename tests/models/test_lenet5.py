"""The bundled LeNet-5: the graph is LeNet-5, and its card says what the file holds."""

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from onnx import numpy_helper

from bosquet.errors import InputError
from bosquet.models import zoo
from bosquet.models.zoo.digits import heldout_digits
from bosquet.models.zoo.lenet5 import WEIGHT_SHAPES, FloatLayer, qdq_lenet5, quantize_weight

FOLDER = Path(zoo.__file__).parent
RANGES = {
    "image": (0.0, 1.0),
    "conv1": (-2.0, 3.0),
    "conv2": (-6.0, 6.0),
    "fc1": (0.0, 8.0),
    "fc2": (-9.0, 11.0),
}


@pytest.fixture(scope="module")
def card() -> dict[str, Any]:
    text = (FOLDER / "lenet5.json").read_text(encoding="utf-8")
    loaded: dict[str, Any] = json.loads(text)
    return loaded


@pytest.fixture(scope="module")
def bundled() -> onnx.ModelProto:
    return onnx.load(FOLDER / "lenet5.onnx")


def initializers(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


def scores(model: onnx.ModelProto, images: np.ndarray) -> np.ndarray:
    session = onnxruntime.InferenceSession(model.SerializeToString())
    (found,) = session.run(["scores"], {"image": images})
    return np.asarray(found)


def random_layers(density: float) -> dict[str, FloatLayer]:
    random = np.random.default_rng(3)
    layers = {}
    for name, shape in WEIGHT_SHAPES.items():
        weight = random.normal(0, (density * np.prod(shape[1:])) ** -0.5, shape)
        weight[random.random(shape) >= density] = 0
        weight[3] = 0  # an empty filter
        layers[name] = FloatLayer(weight, random.normal(0, 0.1, shape[0]))
    return layers


def float_activations(layers: dict[str, FloatLayer], images: np.ndarray) -> dict[str, np.ndarray]:
    """Compute the network in float64, without any framework."""
    found = {"image": images.astype(np.float64)}
    maps = found["image"]
    for name in ("conv1", "conv2"):
        patches = np.lib.stride_tricks.sliding_window_view(maps, (5, 5), axis=(2, 3))
        maps = np.einsum("bihwkl,oikl->bohw", patches, layers[name].weight, optimize=True)
        maps += layers[name].bias[:, None, None]
        batch, channels, height, width = maps.shape
        maps = maps.reshape(batch, channels, height // 2, 2, width // 2, 2).max(axis=(3, 5))
        found[name] = maps
    vector = maps.reshape(len(maps), -1) @ layers["fc1"].weight.T + layers["fc1"].bias
    found["fc1"] = np.maximum(vector, 0)
    found["fc2"] = found["fc1"] @ layers["fc2"].weight.T + layers["fc2"].bias
    return found


def test_graph_computes_lenet5() -> None:
    layers = random_layers(0.3)
    images, _ = heldout_digits()
    expected = float_activations(layers, images[:20])
    ranges = {name: (float(a.min()), float(a.max())) for name, a in expected.items()}
    noise = scores(qdq_lenet5(layers, ranges), images[:20]) - expected["fc2"]
    # Five 8-bit roundings leave about 1 % of the spread; a wrong scale or order leaves 100 %.
    assert noise.std() < 0.02 * expected["fc2"].std()


def test_empty_filter_keeps_its_bias() -> None:
    layers = random_layers(0.3)
    images, _ = heldout_digits()
    found = scores(qdq_lenet5(layers, RANGES), images[:2])[:, 3]
    step = (RANGES["fc2"][1] - RANGES["fc2"][0]) / 255
    np.testing.assert_allclose(found, layers["fc2"].bias[3], atol=step)


@pytest.mark.parametrize("bad", [(0.0, 0.0), (0.0, np.inf), (np.nan, 1.0)])
def test_bad_ranges_are_refused(bad: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="range of conv2 must be finite"):
        qdq_lenet5(random_layers(0.3), RANGES | {"conv2": bad})


def test_other_shapes_are_refused() -> None:
    layers = random_layers(0.3)
    layers["fc1"] = FloatLayer(np.ones((500, 801)), np.zeros(500))
    with pytest.raises(InputError, match=r"fc1\.weight must have shape \(500, 800\)"):
        qdq_lenet5(layers, RANGES)


@given(
    hnp.arrays(
        np.float64,
        (4, 3, 2, 2),
        elements=st.one_of(st.just(0.0), st.floats(1e-3, 10), st.floats(-10, -1e-3)),
    ).filter(np.any)
)
def test_weights_are_rounded_to_the_nearest_step(weight: np.ndarray) -> None:
    codes, scale = quantize_weight(weight)
    assert (scale > 0).all()
    assert not codes[weight == 0].any()
    assert np.abs(codes).max() == 127
    steps = scale.astype(np.float64)[:, None, None, None]
    assert (np.abs(codes * steps - weight) <= steps * (0.5 + 1e-4)).all()


def test_card_belongs_to_the_file(card: dict[str, Any]) -> None:
    content = (FOLDER / card["file"]["name"]).read_bytes()
    assert len(content) == card["file"]["bytes"] < 1_000_000
    assert hashlib.sha256(content).hexdigest() == card["file"]["sha256"]
    assert card["dataset"]["licence"] == "CC BY 4.0"


def test_card_counts_the_weights(card: dict[str, Any], bundled: onnx.ModelProto) -> None:
    constants = initializers(bundled)
    assert [layer["name"] for layer in card["layers"]] == list(WEIGHT_SHAPES)
    for layer in card["layers"]:
        weight = constants[f"{layer['name']}.weight"]
        assert weight.dtype == np.int8
        assert weight.shape == WEIGHT_SHAPES[layer["name"]]
        assert layer["kept"] == np.count_nonzero(weight)
        filters = np.count_nonzero(weight.reshape(len(weight), -1), axis=1)
        assert layer["empty_filters"] == np.count_nonzero(filters == 0)
        assert len(set(filters)) > 1, "filters are pruned unevenly"
    assert card["weights"] == 430_500
    assert card["kept"] == sum(layer["kept"] for layer in card["layers"])


def test_nodes_bear_the_layer_names(bundled: onnx.ModelProto) -> None:
    named = [(node.op_type, node.name) for node in bundled.graph.node]
    compute = [pair for pair in named if not pair[0].endswith("Linear")]
    assert compute == [
        ("Conv", "conv1"),
        ("MaxPool", "pool1"),
        ("Conv", "conv2"),
        ("MaxPool", "pool2"),
        ("Flatten", "flatten"),
        ("Gemm", "fc1"),
        ("Relu", "relu1"),
        ("Gemm", "fc2"),
    ]
    assert len({name for _, name in named}) == len(named)


def test_bias_scale_is_input_scale_times_weight_scale(bundled: onnx.ModelProto) -> None:
    constants = initializers(bundled)
    for source, name in [("image", "conv1"), ("conv1", "conv2"), ("conv2", "fc1"), ("fc1", "fc2")]:
        expected = constants[f"{source}.scale"] * constants[f"{name}.weight.scale"]
        np.testing.assert_array_equal(constants[f"{name}.bias.scale"], expected)
        assert constants[f"{name}.bias"].dtype == np.int32


def test_measured_accuracy_is_the_cards(card: dict[str, Any], bundled: onnx.ModelProto) -> None:
    images, labels = heldout_digits()
    measured = {entry["network"]: entry for entry in card["quality"]}
    correct = int((scores(bundled, images).argmax(axis=1) == labels).sum())
    assert measured["quantized"]["images"] == len(labels)
    # Processors may round a tie differently, which can flip an image.
    assert abs(correct - measured["quantized"]["correct"]) <= 1
    assert measured["quantized"]["accuracy"] >= measured["float"]["accuracy"] - 0.01
    assert {entry["quality_kind"] for entry in card["quality"]} == {"measured"}
