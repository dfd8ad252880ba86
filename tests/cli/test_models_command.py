"""`bosquet models`: what is bundled, and the layers of a network."""

from pathlib import Path

import numpy as np
import onnx
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.models.zoo import BUNDLED

ALEXNET_WEIGHTS = 60_954_656
"""11*11*3*96 + 5*5*48*256 + 3*3*256*384 + 3*3*192*384 + 3*3*192*256 + 9216*4096 + 4096*4096 +
4096*1000."""


def test_the_bundled_networks() -> None:
    found = bosquet("models", "--json").document
    assert found["schema"] == "bosquet.models/1"
    networks = {network["name"]: network for network in found["models"]}
    assert list(networks) == sorted(networks) == list(BUNDLED)
    assert networks["lenet5"]["parameters"] == 430_500
    assert networks["lenet5"]["weights"] == "real"
    assert networks["alexnet"]["parameters"] == ALEXNET_WEIGHTS
    assert networks["alexnet"]["weights"] == "synthetic"


def test_layers_of_a_network() -> None:
    (network,) = bosquet("models", "lenet5", "--json").document["models"]
    assert [layer["name"] for layer in network["layers"]] == ["conv1", "conv2", "fc1", "fc2"]
    conv2 = network["layers"][1]
    assert conv2["shape"] == [50, 20, 5, 5]
    assert conv2["macs"] == 8 * 8 * 50 * 20 * 25
    assert conv2["density"] == 0.1  # 2,500 of 25,000, as models/zoo/lenet5.json says
    assert conv2["masks"] == "network"
    assert network["macs"] == sum(layer["macs"] for layer in network["layers"])


def test_text_says_the_same() -> None:
    finished = bosquet("models", "lenet5")
    assert finished.code == 0
    row = next(line for line in finished.out.splitlines() if line.startswith("conv2"))
    assert row.split() == ["conv2", "conv", "50x20x5x5", "20x12x12", "1,600,000", "0.1000", "10.00"]
    assert "lenet5" in bosquet("models").out


def test_a_network_without_zeros_is_told_how_to_go_on(tmp_path: Path) -> None:
    nodes = [
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Sin", ["c"], ["y"], name="wave"),
    ]
    path = tmp_path / "net.onnx"
    onnx.save(model(nodes, {"w": np.abs(drawn(1, 4, 2, 3, 3)) + 1}, ["n", 2, 6, 6]), path)
    finished = bosquet("models", path)
    assert "has no zero weights" in finished.out
    assert "--ratio R" in finished.out
    assert "wave (Sin)" in finished.out


def test_symbolic_dimensions_need_a_shape(tmp_path: Path) -> None:
    nodes = [helper.make_node("Conv", ["x", "w"], ["y"], name="conv")]
    path = tmp_path / "net.onnx"
    onnx.save(model(nodes, {"w": drawn(1, 4, 2, 3, 3)}, ["n", 2, "h", "w"]), path)
    refused = bosquet("models", path)
    assert refused.code == 1
    assert "--input-shape" in refused.err
    (network,) = bosquet("models", path, "--input-shape", "1,2,6,8", "--json").document["models"]
    assert network["layers"][0]["input"] == [2, 6, 8]


def test_the_document_can_be_stored(tmp_path: Path) -> None:
    file = tmp_path / "models.json"
    finished = bosquet("models", "lenet5", "--json", "--out", file)
    assert file.read_text() == finished.out
