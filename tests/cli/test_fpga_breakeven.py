"""`bosquet breakeven --fpga`: designs of files and of devices, the ratio first, and refusals."""

import json
from pathlib import Path
from typing import Any

import onnx
import pytest
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model
from placed_points import DENSE, SPARSE, placed_point


@pytest.fixture
def net(tmp_path: Path) -> str:
    """Return a convolution with real weights that the placed memories hold."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["y"], name="conv", pads=[1, 1, 1, 1]),
    ]
    path = tmp_path / "net.onnx"
    onnx.save(model(nodes, {"conv.weight": drawn(1, 16, 8, 3, 3)}, [1, 8, 6, 6]), path)
    return f"{path}:conv"


@pytest.fixture
def points(tmp_path: Path) -> list[str]:
    """Return the arguments that name a dense and a sparse design in files."""
    given = []
    for name, point in (("d", placed_point(DENSE, 90)), ("s", placed_point(SPARSE, 80))):
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps({"schema": "bosquet.synth/1", **point.to_json()}))
        given += ["--fpga", str(path)]
    return given


def test_the_answer(net: str, points: list[str]) -> None:
    found: dict[str, Any] = bosquet("breakeven", net, *points, "--json").document
    assert found["device"] == "ecp5-45k-8"
    assert found["available"] == {"lut": 43848, "dsp": 72, "bram": 108}
    assert (found["dense"], found["freq_hz_dense"]) == ("dense-4x8", 90e6)
    assert [one["design"] for one in found["designs"]] == ["dense-4x8", "sparse-4x8"]
    assert found["ratio"] > 1
    assert found["label"] is None
    text = bosquet("breakeven", net, *points).out.splitlines()
    assert text[0].startswith(
        f"net:conv on ecp5-45k-8: pruning pays from a ratio of {found['ratio']:.2f} on"
    )
    assert any(line.startswith("sparse-4x8 (window 4 x 3, feed 2)") for line in text)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (["--baseline", "16x16"], "so without --baseline"),
        (["--format", "bitmap"], "so without --format"),
        (["--weight-bits", "4"], "so without --weight-bits"),
        (["--weights-on-chip", "0.1"], "so without --weights-on-chip"),
        (["--fpga", "ecp5-9k"], "--fpga ecp5-9k: neither a device (ecp5-25k-8, "),
        (["--fpga", "ice40-up5k"], "no design comes placed on 'ice40-up5k'"),
    ],
)
def test_what_is_refused(net: str, points: list[str], changed: list[str], said: str) -> None:
    finished = bosquet("breakeven", net, *points, *changed)
    assert finished.code in (1, 2)
    assert said in " ".join(finished.err.split())


def test_a_network_is_not_one_layer(net: str, points: list[str]) -> None:
    finished = bosquet("breakeven", net.removesuffix(":conv"), *points)
    assert finished.code == 2
    assert "give NET:LAYER" in finished.err
