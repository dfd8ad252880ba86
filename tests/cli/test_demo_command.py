"""`bosquet demo`: every stage leaves its result on disk, and the report stands at the end."""

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from command_line import bosquet
from few_designs import setting_of_few
from ideal_silicon import IdealCost

from bosquet.cli import breakeven, demo
from bosquet.cli.integer_layer import IntegerLayer
from bosquet.cli.rtl_run import run_in_rtl
from bosquet.hw.design import Design
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.setting import Setting
from bosquet.sim.verdict import NetworkBreakEven, network_breakeven

FILES = {
    "quality.json", "breakeven.json", "breakeven_conv1.json", "breakeven_conv2.json",
    "breakeven_fc1.json", "breakeven_fc2.json", "simulate_dense.json", "simulate_sparse.json",
    "rtl.json", "emit.json", "report.html", "demo.json",
}  # fmt: skip


_ANSWERS: list[NetworkBreakEven] = []


def remembered_breakeven(layers: Sequence[PrunedLayer], setting: Setting) -> NetworkBreakEven:
    """Return the break-even of LeNet-5 on ideal silicon, found once for all tests."""
    if not _ANSWERS:
        _ANSWERS.append(network_breakeven(layers, setting))
    return _ANSWERS[0]


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make the demo small: ideal silicon, few designs, a layer that takes the RTL a second."""

    def cost(_: Any) -> IdealCost:
        return IdealCost(sparse_lane_um2=1.2, word_um2=0.02, feature_word_um2=0.001)

    monkeypatch.setattr(breakeven, "Cost", cost)
    monkeypatch.setattr(demo, "setting_of", setting_of_few)
    monkeypatch.setattr(demo, "network_breakeven", remembered_breakeven)
    monkeypatch.setattr(demo, "LAYER", "fc2")
    monkeypatch.setattr(demo, "DESIGN", "sparse-4x1")


@pytest.mark.usefixtures("small")
def test_every_stage_leaves_its_result(tmp_path: Path) -> None:
    out, rtl_out = tmp_path / "out", tmp_path / "rtl"
    finished = bosquet("demo", "--out", out, "--rtl-out", rtl_out, "--json")
    assert finished.code == 0
    assert {file.name for file in out.iterdir()} == FILES
    found = finished.document
    assert json.loads((out / "demo.json").read_text()) == found
    # models/zoo/lenet5.json: 536 of 539 by ONNX Runtime.
    assert (found["quality"]["correct"], found["quality"]["images"]) == (536, 539)
    rtl = found["rtl"]
    assert rtl["cycles_rtl"] == rtl["cycles_simulated"] > 0
    assert (rtl["bit_mismatches"], rtl["bits_compared"]) == (0, 10 * 8)
    assert [layer["name"] for layer in found["breakeven"]["layers"]] == [
        "conv1", "conv2", "fc1", "fc2",
    ]  # fmt: skip
    assert Path(found["emit"]["bundle"]).parent == rtl_out
    assert Path(found["report"]).read_text().startswith("<!doctype html>")
    for stage in range(1, 7):
        assert f"[{stage}/6] " in finished.err
    assert "to go" in finished.err


@pytest.mark.usefixtures("small")
def test_a_difference_in_the_rtl_exits_with_1(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def different(layer: IntegerLayer, design: Design) -> dict[str, Any]:
        found = run_in_rtl(layer, design)
        return {**found, "cycles_rtl": found["cycles_rtl"] + 1, "equal": False}

    monkeypatch.setattr(demo, "run_in_rtl", different)
    finished = bosquet("demo", "--out", tmp_path / "out", "--rtl-out", tmp_path / "rtl")
    assert finished.code == 1
    assert "DIFFERENT" in finished.out


@pytest.mark.slow
def test_the_demo_as_a_user_runs_it(tmp_path: Path) -> None:
    program = "from bosquet.cli.main import main; main()"
    done = subprocess.run(
        [sys.executable, "-c", program, "demo"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    rtl = json.loads((tmp_path / "demo_out" / "rtl.json").read_text())
    assert (rtl["layer"], rtl["design"], rtl["equal"]) == ("conv2", "sparse-16x16", True)
    assert f"{rtl['cycles_rtl']:,} cycles, simulated {rtl['cycles_simulated']:,} (equal)" in (
        done.stdout
    )
    assert (tmp_path / "rtl_out" / "lenet5_conv2_sparse_16x16" / "README.md").is_file()
