"""NET and NET:LAYER, with the colons and slashes that paths and layer names really hold."""

from pathlib import Path

import pytest

from bosquet.cli.network_argument import NetworkArgument, parse_shape
from bosquet.errors import InputError


@pytest.mark.parametrize(
    ("text", "network", "layer"),
    [
        ("lenet5", "lenet5", None),
        ("lenet5:conv2", "lenet5", "conv2"),
        ("lenet5:block:conv", "lenet5", "block:conv"),
        ("net.onnx", "net.onnx", None),
        ("net.onnx:conv1", "net.onnx", "conv1"),
        ("a:b/net.onnx:/features/0/Conv", "a:b/net.onnx", "/features/0/Conv"),
        ("C:/net.onnx", "C:/net.onnx", None),
        ("net.onnx:other.onnx:x", "net.onnx", "other.onnx:x"),
        ("unknown:conv1", "unknown", "conv1"),
        ("a:b/mine.npz", "a:b/mine.npz", "mine"),  # a single layer, called as its file
        ("mine.npz:other", "mine.npz", "other"),
    ],
)
def test_split(text: str, network: str, layer: str | None) -> None:
    assert NetworkArgument.parse(text) == NetworkArgument(network, layer)


def test_a_file_of_any_name_is_the_network(tmp_path: Path) -> None:
    file = tmp_path / "a:b"
    file.touch()
    assert NetworkArgument.parse(str(file)) == NetworkArgument(str(file))
    assert NetworkArgument.parse(f"{file}:conv") == NetworkArgument(str(file), "conv")


@pytest.mark.parametrize("text", ["", ":conv1", "lenet5:", "net.onnx:"])
def test_an_empty_part_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="give NET or NET:LAYER"):
        NetworkArgument.parse(text)


def test_a_layer_can_be_required() -> None:
    assert NetworkArgument("lenet5", "fc1").required_layer() == "fc1"
    with pytest.raises(InputError, match=r"lenet5:LAYER.*bosquet models lenet5"):
        NetworkArgument("lenet5").required_layer()


@pytest.mark.parametrize(
    ("text", "shape"),
    [(None, None), ("1,3,8,8", (1, 3, 8, 8)), ("1x3x8x8", (1, 3, 8, 8)), ("4", (4,))],
)
def test_a_shape_is_read(text: str | None, shape: tuple[int, ...] | None) -> None:
    assert parse_shape(text) == shape


@pytest.mark.parametrize("text", ["", "1,,3", "1,0,3", "1,-1,3", "a,b", "1.5"])
def test_another_shape_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="--input-shape must be positive sizes"):
        parse_shape(text)
