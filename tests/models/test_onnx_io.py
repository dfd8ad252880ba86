"""The ONNX import: what PyTorch and others write, folded to the weights a runtime would see."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnx_graphs import drawn, loaded, model, runtime_scores

from bosquet.engine.graph import float_scores
from bosquet.errors import InputError
from bosquet.models.onnx_io import load_network

FIXTURES = sorted(Path(__file__).with_name("fixtures").glob("*.onnx"))
LIGHT = Path(onnx.__file__).parent / "backend" / "test" / "data" / "light"


def conv(*inputs: str, **attributes: Any) -> NodeProto:
    return helper.make_node("Conv", ["x", *inputs], ["y"], "/features/conv1/Conv", **attributes)


def test_there_are_fixtures() -> None:
    assert len(FIXTURES) >= 10


@pytest.mark.parametrize("path", FIXTURES, ids=lambda path: path.stem)
def test_pytorch_exports(path: Path) -> None:
    held = np.load(path.with_suffix(".npz"))
    network = load_network(path)
    masks = {key.removeprefix("mask."): held[key] for key in held if key.startswith("mask.")}
    assert [layer.name for layer in network.layers] == list(masks)
    for layer in network.layers:
        np.testing.assert_array_equal(layer.mask, masks[layer.name].reshape(layer.mask.shape))
    assert network.unsupported == ()
    assert network.has_zeros
    tolerance = 2e-3 if "fp16" in path.stem else 1e-5
    scores = float_scores(network, held["input"].astype(np.float32))
    np.testing.assert_allclose(scores, held["output"], rtol=tolerance, atol=tolerance)


# Weights in millions, MACs in millions, from the graphs' shapes.
LIGHT_SIZES = {
    "bvlc_alexnet": (8, 60.955, 654.6),
    "zfnet512": (8, 87.243, 1481.7),
    "vgg19": (19, 143.653, 19632.1),
    "squeezenet": (26, 1.232, 349.2),
    "inception_v1": (58, 6.990, 1431.6),
    "shufflenet": (50, 1.365, 124.7),
    "resnet50": (54, 25.503, 4089.2),
    "inception_v2": (70, 11.174, 2018.9),
    "densenet121": (121, 7.894, 2834.2),
}


@pytest.mark.parametrize("name", LIGHT_SIZES)
def test_graphs_without_real_weights(name: str) -> None:
    network = load_network(LIGHT / f"light_{name}.onnx")
    layers, parameters, macs = LIGHT_SIZES[name]
    assert len(network.layers) == layers
    assert network.parameters / 1e6 == pytest.approx(parameters, abs=1e-3)
    assert network.macs / 1e6 == pytest.approx(macs, abs=0.1)
    assert len(network.synthetic_weights) == layers
    assert not network.has_zeros
    with pytest.raises(InputError, match="no real weights"):
        _ = network.layers[0].real_weight


def test_alexnet_lists_what_it_does_not_execute() -> None:
    network = load_network(LIGHT / "light_bvlc_alexnet.onnx")
    assert network.unsupported == ("n2 (LRN)", "n6 (LRN)")
    assert [layer.name for layer in network.layers][:2] == ["conv1", "conv2"]
    assert [layer.shape.groups for layer in network.layers][:5] == [1, 2, 1, 2, 2]
    with pytest.raises(InputError, match=r"node n2 \(LRN\).*the same for n6 \(LRN\)$"):
        network.require_executable()


@pytest.mark.parametrize("kind", ["float16", "float64", "bfloat16"])
def test_weights_of_other_types(kind: str, tmp_path: Path) -> None:
    weight = np.where(drawn(2, 3, 2, 2, 2) > 0, drawn(1, 3, 2, 2, 2), 0).astype(np.float32)
    tensor = helper.make_tensor(
        "conv1.weight", getattr(TensorProto, ONNX_TYPES[kind]), weight.shape, weight.reshape(-1)
    )
    proto = model([conv("w")], {}, [1, 2, 4, 4])
    proto.graph.initializer.append(tensor)
    proto.graph.node.insert(0, helper.make_node("Cast", ["conv1.weight"], ["w"], to=1))
    layer = loaded(proto, tmp_path).layer("conv1")
    np.testing.assert_array_equal(layer.mask, weight != 0)
    np.testing.assert_allclose(layer.real_weight, weight, rtol=0.01)


ONNX_TYPES = {"float16": "FLOAT16", "float64": "DOUBLE", "bfloat16": "BFLOAT16"}


def test_a_weight_through_every_kind_of_constant_node(tmp_path: Path) -> None:
    weight, mask = drawn(1, 4, 3, 3, 2), drawn(2, 4, 1, 3, 2) > 0
    nodes = [
        helper.make_node("Constant", [], ["m"], value=numpy_helper.from_array(mask)),
        helper.make_node("Cast", ["m"], ["mask"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["stored"], ["a"], perm=[3, 2, 0, 1]),
        helper.make_node("Identity", ["a"], ["b"]),
        helper.make_node("Mul", ["b", "mask"], ["c"]),
        helper.make_node("Shape", ["c"], ["shape"]),
        helper.make_node("Reshape", ["c", "flat"], ["d"]),
        helper.make_node("Unsqueeze", ["d", "axis"], ["e"]),
        helper.make_node("Squeeze", ["e", "axis"], ["f"]),
        helper.make_node("Reshape", ["f", "shape"], ["g"]),
        helper.make_node("Slice", ["g", "start", "end"], ["h"]),
        helper.make_node("ConstantOfShape", ["length"], ["zeros"]),
        helper.make_node("Concat", ["zeros", "one"], ["joined"], axis=0),
        helper.make_node("Gather", ["joined", "order"], ["bias"]),
        helper.make_node("Div", ["h", "two"], ["i"]),
        conv("i", "bias"),
    ]
    constants = {
        "conv1.weight_orig": weight,
        "stored": weight.transpose(2, 3, 1, 0),
        "flat": np.array([-1]),
        "axis": np.array([0]),
        "start": np.array([1]),
        "end": np.array([3]),
        "length": np.array([1]),
        "one": np.ones(1, np.float32),
        "order": np.array([1, 0]),
        "two": np.array(2, np.float32),
    }
    layer = loaded(model(nodes, constants, [1, 3, 5, 5]), tmp_path).layer("conv1")
    np.testing.assert_allclose(layer.real_weight, (weight * mask)[1:3] / 2)
    np.testing.assert_array_equal(layer.mask, np.broadcast_to(mask, weight.shape)[1:3])
    assert layer.bias.tolist() == [1, 0]


def test_a_sparse_initializer_is_a_weight(tmp_path: Path) -> None:
    dense = np.where(drawn(2, 5, 6) > 0.5, drawn(1, 5, 6), 0).astype(np.float32)
    places = np.argwhere(dense)
    proto = model([helper.make_node("Gemm", ["x", "fc.weight"], ["y"])], {}, [1, 5])
    proto.graph.sparse_initializer.append(
        helper.make_sparse_tensor(
            numpy_helper.from_array(dense[tuple(places.T)], "fc.weight"),
            numpy_helper.from_array(places, "places"),
            dense.shape,
        )
    )
    layer = loaded(proto, tmp_path).layer("fc")
    np.testing.assert_array_equal(layer.real_weight[:, :, 0, 0], dense.T)


@pytest.mark.parametrize(
    ("weight", "node", "expected"),
    [
        ("conv1.weight", "whatever", "conv1"),
        ("features.3.weight", "whatever", "features.3"),
        ("conv1.parametrizations.weight.original", "whatever", "conv1"),
        ("conv1_w_0", "n0", "conv1"),
        ("onnx::Conv_12", "/features/features.0/Conv", "features.0"),
        ("onnx::Conv_12", "/stem/Conv_1", "stem"),
        ("W", "block:1", "block_1"),
        ("W", "", "conv_0"),
    ],
)
def test_names_of_layers(weight: str, node: str, expected: str, tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", weight], ["y"], node)]
    network = loaded(model(nodes, {weight: drawn(1, 2, 2, 1, 1)}, [1, 2, 3, 3]), tmp_path)
    assert [layer.name for layer in network.layers] == [expected]


def test_a_weight_used_twice_makes_two_layers(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "c.weight"], ["a"], "first"),
        helper.make_node("Conv", ["a", "c.weight"], ["y"], "second"),
    ]
    network = loaded(model(nodes, {"c.weight": drawn(1, 2, 2, 1, 1)}, [1, 2, 3, 3]), tmp_path)
    assert [layer.name for layer in network.layers] == ["c", "c_2"]
    with pytest.raises(InputError, match=r"test has no layer 'd'; its layers are c, c_2$"):
        network.layer("d")


def test_symbolic_dimensions(tmp_path: Path) -> None:
    proto = model([conv("w")], {"w": drawn(1, 2, 3, 3, 3)}, ["n", 3, "rows", "columns"])
    path = tmp_path / "test.onnx"
    onnx.save(proto, path)
    with pytest.raises(InputError, match=r"symbolic dimensions \(n x 3 x rows x columns\); give"):
        load_network(path)
    shape = load_network(path, (2, 3, 8, 9)).layers[0].shape
    assert (shape.batch, shape.height, shape.width) == (2, 8, 9)
    with pytest.raises(InputError, match="the given shape 1 x 4 x 8 x 9 does not fit"):
        load_network(path, (1, 4, 8, 9))
    with pytest.raises(InputError, match="must hold positive sizes"):
        load_network(path, (1, 3, 0, 9))


def test_an_input_shape_that_the_graph_cannot_take(tmp_path: Path) -> None:
    nodes = [helper.make_node("Reshape", ["x", "to"], ["y"], "view")]
    path = tmp_path / "test.onnx"
    onnx.save(model(nodes, {"to": np.array([1, 12])}, ["n", 3, "rows", 2]), path)
    assert load_network(path, (1, 3, 2, 2)).unsupported == ()
    with pytest.raises(
        InputError, match=r"view \(Reshape\): cannot turn 1 x 3 x 4 x 2 into 1 x 12"
    ):
        load_network(path, (1, 3, 4, 2))


def test_a_shape_computed_from_a_symbolic_batch_is_known(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Shape", ["x"], ["all"]),
        helper.make_node("Gather", ["all", "zero"], ["batch"]),
        helper.make_node("Unsqueeze", ["batch", "axes"], ["batch1"]),
        helper.make_node("Concat", ["batch1", "rest"], ["to"], axis=0),
        helper.make_node("Reshape", ["x", "to"], ["flat"]),
        helper.make_node("Gemm", ["flat", "fc.weight"], ["y"]),
    ]
    constants = {
        "zero": np.array(0),
        "axes": np.array([0]),
        "rest": np.array([-1]),
        "fc.weight": drawn(1, 12, 4),
    }
    proto = model(nodes, constants, ["n", 3, 2, 2])
    network = loaded(proto, tmp_path)
    assert [node.op for node in network.nodes] == ["Reshape", "Gemm"]
    images = drawn(2, 5, 3, 2, 2)
    np.testing.assert_allclose(
        float_scores(network, images), runtime_scores(proto, images), rtol=1e-5, atol=1e-6
    )


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_weights_that_are_no_numbers(bad: float, tmp_path: Path) -> None:
    weight = drawn(1, 2, 3, 3, 3)
    weight[0, 0, 0, 0] = bad
    with pytest.raises(InputError, match=r"layer conv1: weight: . NaN and . infinite values of 54"):
        loaded(model([conv("w")], {"w": weight}, [1, 3, 5, 5]), tmp_path)


@pytest.mark.parametrize(
    ("nodes", "named"),
    [
        ([helper.make_node("Conv", ["x", "x"], ["y"], "moving")], "moving (Conv)"),
        ([helper.make_node("Sigmoid", ["x"], ["y"], "curve")], "curve (Sigmoid)"),
        ([helper.make_node("Mul", ["x", "x"], ["y"], "square")], "square (Mul)"),
        ([helper.make_node("Transpose", ["x"], ["y"], "t", perm=[1, 0, 2, 3])], "t (Transpose)"),
        ([helper.make_node("Pad", ["x", "p"], ["y"], "p", mode="reflect")], "p (Pad)"),
    ],
)
def test_what_is_not_executed_passes_through(
    nodes: list[NodeProto], named: str, tmp_path: Path
) -> None:
    pads = {"p": np.array([0, 0, 1, 1, 0, 0, 1, 1])}
    network = loaded(model(nodes, pads, [3, 3, 3, 3]), tmp_path)
    assert network.unsupported == (named,)


def test_newer_opsets_are_read_with_a_note(tmp_path: Path) -> None:
    proto = model([helper.make_node("Relu", ["x"], ["y"])], {}, [1, 3], opset=23)
    assert loaded(proto, tmp_path).notes == (
        "opset 23 is newer than the import is tested with (9 to 22)",
    )


def test_files_that_are_no_models(tmp_path: Path) -> None:
    path = tmp_path / "bad.onnx"
    for content in (b"", b"\x89PNG\r\n\x1a\n rest", b"hello world\n" * 50, bytes(1000)):
        path.write_bytes(content)
        with pytest.raises(InputError, match=r"bad\.onnx: not an ONNX model, or a truncated one"):
            load_network(path)
    with pytest.raises(InputError, match="cannot be read: Is a directory"):
        load_network(tmp_path)
    with pytest.raises(InputError, match=r"neither a file nor a bundled network \(alexnet, lenet5"):
        load_network(tmp_path / "missing.onnx")
    onnx.save(model([helper.make_node("Relu", ["x"], ["y"])], {}, [1], opset=8), path)
    with pytest.raises(InputError, match="opset must be 9 or newer, not 8"):
        load_network(path)


@pytest.mark.parametrize("seed", range(3))
def test_a_damaged_model_is_refused_or_read_never_a_crash(seed: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(seed)
    whole = next(path for path in FIXTURES if path.stem == "legacy_opset17").read_bytes()
    path = tmp_path / "damaged.onnx"
    for _ in range(30):
        path.write_bytes(whole[: rng.integers(len(whole))])
        with pytest.raises(InputError) as caught:
            load_network(path)
        assert "\n" not in str(caught.value)
        damaged = bytearray(whole)
        for place in rng.integers(len(whole), size=3):
            damaged[place] = rng.integers(256)
        path.write_bytes(damaged)
        try:
            network = load_network(path)
        except InputError as error:
            assert "\n" not in str(error)  # noqa: PT017
        else:
            assert network.layers is not None


def external(folder: Path, location: str) -> Path:
    """Save a model whose weight lies in another file, named `location` in the model."""
    proto = model([conv("conv1.weight")], {"conv1.weight": drawn(1, 4, 3, 3, 3)}, [1, 3, 5, 5])
    path = folder / "model.onnx"
    onnx.save(proto, path, save_as_external_data=True, location="weights.bin", size_threshold=0)
    held = onnx.load(path, load_external_data=False)
    for entry in held.graph.initializer[0].external_data:
        if entry.key == "location":
            entry.value = location
    path.write_bytes(held.SerializeToString())
    return path


def test_external_data_is_read_from_beside_the_model(tmp_path: Path) -> None:
    layer = load_network(external(tmp_path, "weights.bin")).layer("conv1")
    np.testing.assert_array_equal(layer.real_weight, drawn(1, 4, 3, 3, 3))


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/hostname", "a/../../weights.bin"])
def test_external_data_outside_the_folder_is_refused(location: str, tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(1000))
    path = external(folder, location)
    with pytest.raises(InputError, match=r"'conv1\.weight' must lie in the model's folder, not in"):
        load_network(path)


def test_external_data_behind_a_link_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "inner"
    folder.mkdir()
    (tmp_path / "secret.bin").write_bytes(bytes(1000))
    path = external(folder, "link.bin")
    (folder / "link.bin").symlink_to(tmp_path / "secret.bin")
    with pytest.raises(InputError, match="must lie in the model's folder"):
        load_network(path)


def test_external_data_that_is_missing_or_short(tmp_path: Path) -> None:
    path = external(tmp_path, "weights.bin")
    data = tmp_path / "weights.bin"
    data.write_bytes(data.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"has 431: is it truncated"):
        load_network(path)
    data.unlink()
    with pytest.raises(InputError, match=r"'conv1\.weight' is missing: put the file 'weights.bin'"):
        load_network(path)


def test_two_inputs_are_refused(tmp_path: Path) -> None:
    proto = model([helper.make_node("Add", ["x", "z"], ["y"])], {}, [1, 3])
    proto.graph.input.append(helper.make_tensor_value_info("z", TensorProto.FLOAT, [1, 3]))
    with pytest.raises(InputError, match=r"must have one input, not 2 \(x, z\)"):
        loaded(proto, tmp_path)


def test_an_output_that_is_no_function_of_the_input_is_refused(tmp_path: Path) -> None:
    for output in ("c", "missing"):
        proto = model([helper.make_node("Relu", ["x"], ["y"])], {}, [1, 3], output=output)
        proto.graph.initializer.append(numpy_helper.from_array(np.zeros(3, np.float32), "c"))
        with pytest.raises(InputError, match=rf"output '{output}' does not depend on the input"):
            loaded(proto, tmp_path)


@pytest.mark.parametrize(
    ("op", "attributes", "message"),
    [
        ("MaxPool", {"kernel_shape": [9, 1]}, r"kernel \(9, 1\) .* is larger than the padded map"),
        ("MaxPool", {"kernel_shape": [2, 2], "ceil_mode": "yes"}, "must be an integer, not STRING"),
        ("Conv", {"strides": [0, 1]}, r"stride \(0, 1\) .* must be at least 1"),
        ("Conv", {"pads": [0, -1, 0, 0]}, r"pads \(0, -1, 0, 0\) at least 0"),
    ],
)
def test_windows_that_cannot_be(
    op: str, attributes: dict[str, Any], message: str, tmp_path: Path
) -> None:
    weight = ["w"] if op == "Conv" else []
    nodes = [helper.make_node(op, ["x", *weight], ["y"], "here", **attributes)]
    with pytest.raises(InputError, match=rf"node here \({op}\): .*{message}"):
        loaded(model(nodes, {"w": drawn(1, 3, 3, 2, 2)}, [1, 3, 8, 8]), tmp_path)


def test_a_filled_weight_takes_no_memory(tmp_path: Path) -> None:
    # 4 TB of weights, if anything wrote them out.
    nodes = [
        helper.make_node("ConstantOfShape", ["size"], ["w"]),
        helper.make_node("Cast", ["w"], ["half"], to=TensorProto.FLOAT16),
        helper.make_node("Mul", ["half", "three"], ["m"]),
        helper.make_node("Transpose", ["m"], ["t"], perm=[1, 0]),
        helper.make_node("Gemm", ["x", "t"], ["y"], "fc"),
    ]
    constants: dict[str, NDArray[Any]] = {
        "size": np.array([1 << 20, 1 << 20]),
        "three": np.array(3, np.float32),
    }
    network = loaded(model(nodes, constants, [1, 1 << 20]), tmp_path)
    assert network.parameters == 1 << 40
    assert network.synthetic_weights == ("fc",)
    mask: NDArray[np.bool_] = network.layers[0].mask
    assert mask.shape == (1 << 20, 1 << 20, 1, 1)
    assert network.layers[0].density == 1.0
