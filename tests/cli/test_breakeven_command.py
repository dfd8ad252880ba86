"""`bosquet breakeven`: the keys of its documents, the answer first, and nulls with reasons.

Silicon is ideal here: what the numbers should be is for tests/sim to say.
"""

from pathlib import Path
from typing import Any

import onnx
import pytest
from command_line import bosquet
from few_designs import setting_of_few
from ideal_silicon import IdealCost
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.cli import breakeven

LAYER_KEYS = {
    "network", "layer", "ratio", "pruned_portion", "interval", "reason", "accounting", "masks",
    "curve", "baseline", "technology", "tools", "seed",
}  # fmt: skip
POINT_KEYS = {
    "pruned_portion", "ratio", "speedup", "feasible", "cycles_dense", "cycles_sparse",
    "freq_hz_dense", "freq_hz_sparse", "latency_s_dense", "latency_s_sparse", "lanes", "vector",
    "feed", "format", "bound", "area_um2",
}  # fmt: skip
BASELINE_KEYS = {
    "rows", "vector", "area_um2", "pe_share", "weight_sram_share", "freq_hz", "best",
}  # fmt: skip
VERDICTS = {"prune", "keep_dense"}


@pytest.fixture(autouse=True)
def ideal_silicon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Replace lane table and SRAM model, and choose from few designs."""

    def cost(_: Any) -> IdealCost:
        return IdealCost(sparse_lane_um2=1.2, word_um2=0.02, feature_word_um2=0.001)

    monkeypatch.setattr(breakeven, "Cost", cost)
    monkeypatch.setattr(breakeven, "setting_of", setting_of_few)


@pytest.fixture
def net(tmp_path: Path) -> Path:
    """Return a small network: a convolution and an FC layer, with real weights."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["c"], name="conv", pads=[1, 1, 1, 1]),
        helper.make_node("Flatten", ["c"], ["f"], name="flatten"),
        helper.make_node("Gemm", ["f", "fc.weight"], ["y"], name="fc", transB=1),
    ]
    weights = {"conv.weight": drawn(1, 16, 8, 3, 3), "fc.weight": drawn(2, 10, 16 * 36)}
    path = tmp_path / "net.onnx"
    onnx.save(model(nodes, weights, [1, 8, 6, 6]), path)
    return path


def ask(net: object, *arguments: object) -> dict[str, Any]:
    return bosquet("breakeven", net, "--baseline", "4x4", *arguments, "--json").document


def test_a_layer(net: Path) -> None:
    found = ask(f"{net}:conv", "--ratio", 8, "--seed", 3)
    assert found["schema"] == "bosquet.breakeven/1"
    assert found.keys() >= LAYER_KEYS
    assert (found["layer"], found["accounting"], found["seed"]) == ("conv", "per_layer", 3)
    assert found["given_ratio"] == 8
    assert found["baseline"].keys() >= BASELINE_KEYS
    assert (found["baseline"]["rows"], found["baseline"]["vector"]) == (4, 4)
    assert found["masks"].keys() >= {"kind", "spread", "seeds"}
    for point in found["curve"]:
        assert point.keys() >= POINT_KEYS
        assert point["feasible"] == (point["speedup"] is not None)
        assert point["feasible"] or point["reason"]
    if found["ratio"] is None:
        assert found["reason"]
    else:
        assert found["pruned_portion"] == pytest.approx(1 - 1 / found["ratio"])


def test_the_answer_stands_first(net: Path) -> None:
    arguments = ("breakeven", f"{net}:conv", "--baseline", "4x4", "--ratio", 8)
    ratio = bosquet(*arguments, "--json").document["ratio"]
    first = bosquet(*arguments).out.splitlines()[0]
    assert first.startswith("net:conv: pruning pays from a ratio of ")
    assert f"{ratio:.2f}" in first


def test_a_network(net: Path) -> None:
    found = ask(net, "--ratio", 8)
    assert [layer["name"] for layer in found["layers"]] == ["conv", "fc"]
    for layer in found["layers"]:
        assert layer.keys() >= {"name", "ratio", "given_ratio", "speedup", "verdict"}
        assert layer["verdict"] in VERDICTS
        assert layer["ratio"] is not None or layer["reason"]
    assert found["speedup"].keys() == {"per_layer", "per_layer_unrestored", "one_chip"}
    assert found["restoration"].keys() == {"within", "restored", "layers", "speedup"}
    first = bosquet("breakeven", net, "--baseline", "4x4", "--ratio", 8).out.splitlines()[0]
    assert first.startswith("net: one_chip speedup ")
    assert "per_layer speedup" in first


def test_an_fc_layer(net: Path) -> None:
    found = ask(f"{net}:fc", "--ratio", 8)
    assert found["verdict"] in VERDICTS
    assert found["ratio"] is not None or found["reason"]
    assert {point["bound"] for point in found["curve"] if point["feasible"]}


def test_a_network_without_zeros_is_told_how_to_go_on(net: Path) -> None:
    notes = ask(f"{net}:conv")["notes"]
    assert any("has no zero weights" in note and "--ratio R" in note for note in notes)


def test_widths_hold_for_the_baseline() -> None:
    finished = bosquet("breakeven", "lenet5:conv2", "--weight-bits", 99)
    assert finished.code == 1
    assert "weight_bits must be between 2 and 16, not 99" in finished.err
