"""Bad input: one clear line on standard error, nothing on standard output, exit code 1."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import Finished, bosquet
from numpy.typing import NDArray
from onnx import external_data_helper, helper
from onnx_graphs import drawn, model

FIXTURES = Path(__file__).parents[1] / "models" / "fixtures"


def refused(finished: Finished, *parts: str) -> None:
    """Check that a run was refused with one line that holds all parts."""
    assert finished.code == 1, finished.err
    assert finished.out == ""
    lines = finished.err.splitlines()
    assert len(lines) == 1, finished.err
    assert lines[0].startswith("error: ")
    for part in parts:
        assert part in lines[0]


def convolution(weight: NDArray[Any] | None = None) -> onnx.ModelProto:
    """Return a model of one convolution, 2 to 4 channels, 3x3 on 6x6."""
    weight = drawn(1, 4, 2, 3, 3) if weight is None else weight
    node = helper.make_node("Conv", ["x", "conv.weight"], ["y"], name="conv", pads=[1, 1, 1, 1])
    return model([node], {"conv.weight": weight}, [1, 2, 6, 6])


def saved(proto: onnx.ModelProto, folder: Path) -> Path:
    path = folder / "net.onnx"
    onnx.save(proto, path)
    return path


Command = Callable[[object], Finished]

COMMANDS: dict[str, Command] = {
    "models": lambda net: bosquet("models", net),
    "simulate": lambda net: bosquet("simulate", net, "--design", "sparse-4x4"),
    "breakeven": lambda net: bosquet("breakeven", net),
    "emit": lambda net: bosquet("emit", f"{net}:conv", "--design", "sparse-4x4"),
    "verify": lambda net: bosquet("verify", f"{net}:conv", "--design", "sparse-4x4"),
}
each_command = pytest.mark.parametrize("command", COMMANDS.values(), ids=list(COMMANDS))


@each_command
def test_a_network_that_does_not_exist(command: Command) -> None:
    refused(command("nowhere.onnx"), "nowhere.onnx is neither a file nor a bundled network")


@each_command
def test_not_onnx(command: Command, tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_text("[design]\nlanes = 16\n")
    refused(command(path), str(path), "not an ONNX model, or a truncated one")


@each_command
@pytest.mark.parametrize("share", [0.1, 0.5, 0.95])
def test_truncated_onnx(command: Command, share: float, tmp_path: Path) -> None:
    whole = saved(convolution(), tmp_path).read_bytes()
    path = tmp_path / "short.onnx"
    path.write_bytes(whole[: int(share * len(whole))])
    refused(command(path), str(path))


def test_external_data_missing(tmp_path: Path) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes((FIXTURES / "dynamo_external.onnx").read_bytes())
    refused(bosquet("models", path), "dynamo_external.onnx.data", "is missing")


@pytest.mark.parametrize("location", ["../weights.bin", "/etc/passwd"])
def test_external_data_outside_the_folder(location: str, tmp_path: Path) -> None:
    proto = convolution()
    tensor = proto.graph.initializer[0]
    external_data_helper.set_external_data(tensor, location)
    tensor.ClearField("raw_data")
    folder = tmp_path / "model"
    folder.mkdir()
    (tmp_path / "weights.bin").write_bytes(bytes(4 * 4 * 2 * 9))
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    refused(bosquet("models", path), "must lie in the model's folder", location)


@pytest.mark.parametrize("command", ["emit", "verify"])
def test_an_unsupported_operator_is_named_with_its_node(command: str, tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Sin", ["c"], ["y"], name="wave"),
    ]
    path = saved(model(nodes, {"w": drawn(1, 4, 2, 3, 3)}, [1, 2, 6, 6]), tmp_path)
    refused(COMMANDS[command](path), "wave (Sin)")


@each_command
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_weights_that_are_not_finite(command: Command, value: float, tmp_path: Path) -> None:
    weight = drawn(1, 4, 2, 3, 3)
    weight[1, 1, 0, 2] = value
    refused(command(saved(convolution(weight), tmp_path)), "layer conv", "weights must be finite")


@pytest.mark.parametrize("net", ["lenet5", "alexnet"])
@pytest.mark.parametrize("command", ["simulate", "emit", "verify", "breakeven"])
def test_a_layer_that_does_not_exist(command: str, net: str) -> None:
    design = () if command == "breakeven" else ("--design", "sparse-4x4")
    refused(bosquet(command, f"{net}:conv9", *design), "conv9", "conv1, conv2", "fc1, fc2")


@pytest.mark.parametrize("command", ["simulate", "emit", "verify"])
def test_a_buffer_that_cannot_hold_one_window(command: str, tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(
        'family = "sparse"\nlanes = 4\nvector = 4\nwindow = 16\nfeed = 8\n[buffers]\n'
        "weight_words = 99\nindex_words = 99\nfeature_words = 1\nfilter_words = 9\n"
        "offset_words = 9\n"
    )
    refused(
        bosquet(command, "lenet5:conv2", "--design", design),
        "feature_words (1 in each of 8 banks) cannot hold one window of 16",
        "the least is 2",
    )


@pytest.mark.parametrize("command", ["simulate", "emit", "verify"])
def test_a_buffer_that_cannot_hold_the_layer(command: str, tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text(
        'family = "sparse"\nlanes = 4\nvector = 4\n[buffers]\n'
        "weight_words = 9\nindex_words = 9\nfeature_words = 99\nfilter_words = 9\n"
        "offset_words = 25\n"
    )
    refused(
        bosquet(command, "lenet5:conv2", "--design", design),
        "layer conv2: not even one filter tile",
        "design.buffers.weight_words",
    )


@pytest.mark.parametrize("command", ["simulate", "emit", "verify"])
@pytest.mark.parametrize("field", ["weight_bits", "act_bits"])
@pytest.mark.parametrize("bits", [0, 99])
def test_widths_that_do_not_exist(command: str, field: str, bits: int) -> None:
    option = f"--{field.replace('_', '-')}"
    finished = bosquet(command, "lenet5:conv2", "--design", "sparse-4x4", option, bits)
    refused(finished, f"{field} must be between 2 and 16, not {bits}")


@pytest.mark.parametrize("design", ["dense-0x16", "sparse-16x0", "dense-16x999"])
def test_arrays_that_do_not_exist(design: str) -> None:
    refused(bosquet("simulate", "lenet5", "--design", design), "must be between 1 and 256")


def test_an_array_that_is_no_preset() -> None:
    refused(bosquet("simulate", "lenet5", "--design", "cube-4x4"), "use dense-RxV, sparse-LxV")


@pytest.mark.parametrize("baseline", ["0x16", "16x0", "16", "16xx16", "axb"])
def test_baselines_that_do_not_exist(baseline: str) -> None:
    refused(bosquet("breakeven", "lenet5:conv2", "--baseline", baseline), baseline)


@pytest.mark.parametrize("ratio", [0.5, 0, -3, "nan", "inf"])
@pytest.mark.parametrize("command", ["simulate", "breakeven", "emit", "verify"])
def test_ratios_that_do_not_exist(command: str, ratio: float | str) -> None:
    design = () if command == "breakeven" else ("--design", "sparse-4x4")
    refused(bosquet(command, "lenet5:conv2", *design, "--ratio", ratio), "at least 1")


@pytest.mark.parametrize("share", [-0.1, 1.5, "nan"])
def test_weights_on_chip_that_do_not_exist(share: float | str) -> None:
    refused(bosquet("breakeven", "lenet5:conv2", "--weights-on-chip", share), str(share))


def test_a_design_that_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text('family = "sparse"\nlanes = = 4\n')
    refused(bosquet("simulate", "lenet5", "--design", design), str(design), "line 2")


def test_a_card_that_is_not_toml_is_told_with_its_line(tmp_path: Path) -> None:
    card = tmp_path / "card.toml"
    card.write_text('name = "mine"\nnode_nm = 40 nm\n')
    refused(bosquet("breakeven", "lenet5:conv2", "--technology", card), str(card), "line 2")


def test_a_field_that_no_design_has(tmp_path: Path) -> None:
    design = tmp_path / "design.toml"
    design.write_text('family = "sparse"\nlanes = 4\nvector = 4\nrows = 3\n')
    refused(bosquet("simulate", "lenet5", "--design", design), "unknown field design.rows")


def test_a_folder_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    finished = bosquet("emit", "lenet5:fc2", "--design", "sparse-4x4", "--out", blocked / "rtl")
    refused(finished, str(blocked))


def test_an_answer_that_cannot_be_written(tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.touch()
    finished = bosquet("models", "lenet5", "--out", blocked / "answer.json")
    refused(finished, str(blocked), "cannot be written")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ({}, "holds none"),
        ({"a": np.zeros((1, 2, 6, 6)), "b": np.zeros(1)}, "one called 'images'"),
        ({"images": np.zeros((4, 2, 5, 6))}, "n x 2 x 6 x 6, not 4 x 2 x 5 x 6"),
        ({"images": np.zeros(())}, "a single value"),
        ({"images": np.full((1, 2, 6, 6), np.nan)}, "NaN"),
        ({"images": np.zeros((0, 2, 6, 6))}, "has 0"),
    ],
)
def test_calibration_images_that_do_not_fit(
    content: dict[str, NDArray[Any]] | None, said: str, tmp_path: Path
) -> None:
    net, images = saved(convolution(), tmp_path), tmp_path / "images.npz"
    if content is not None:
        np.savez(images, allow_pickle=False, **content)
    refused(bosquet("emit", f"{net}:conv", "--design", "sparse-4x4", "--calibrate", images), said)


def test_calibration_images_that_are_no_npz(tmp_path: Path) -> None:
    net, images = saved(convolution(), tmp_path), tmp_path / "images.npz"
    images.write_text("no arrays here")
    finished = bosquet("emit", f"{net}:conv", "--design", "sparse-4x4", "--calibrate", images)
    refused(finished, str(images), "not an .npz file")


def test_no_images_at_all() -> None:
    finished = bosquet("emit", "lenet5", "--design", "sparse-4x4", "--images", "0")
    refused(finished, "--images must be at least 1, not 0")


def test_weights_that_are_only_a_shape_cannot_be_emitted(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["y"], name="conv"),
    ]
    path = saved(model(nodes, {"s": np.array([4, 2, 3, 3])}, [1, 2, 6, 6]), tmp_path)
    refused(COMMANDS["emit"](path), "no real weights")


@pytest.mark.parametrize("command", ["simulate", "emit"])
def test_a_negative_seed(command: str) -> None:
    finished = bosquet(command, "alexnet:conv4", "--design", "sparse-4x4", "--seed", -1)
    refused(finished, "the seed must not be negative: -1")
