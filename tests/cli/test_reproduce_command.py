"""`bosquet reproduce`: one folder with every answer, the figures first, and going on."""

import json
from pathlib import Path
from typing import Any

import pytest
from command_line import bosquet
from few_designs import FEW_DESIGNS
from ideal_silicon import IdealCost

from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.breakeven import layer_breakeven
from bosquet.sim.dense_baseline import baseline_design
from bosquet.sim.paper import ROWS, ReplicaCell
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.reproduction import Chip, Convolution, Fpga, Layer
from bosquet.sim.setting import Setting
from bosquet.sim.study import Case, StudyCase, Subject

FILES = {
    "reproduce.journal", "study.csv", "study.json", "study.html", "table9.json", "network.json",
    "fpga.json",
}  # fmt: skip


@pytest.fixture(scope="module")
def layer_answer() -> dict[str, Any]:
    shape = LayerShape("conv", "conv", 8, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
    cost = IdealCost(sparse_lane_um2=1.2, word_um2=0.02, feature_word_um2=0.001)
    setting = Setting("net", baseline_design("4x8"), Bench(cost), space=FEW_DESIGNS)
    return layer_breakeven(PrunedLayer.of_shape(shape, 4, 0), setting).to_json()


@pytest.fixture
def asked(layer_answer: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Answer every question like that about a small layer; return the keys that are asked."""
    keys: list[str] = []

    def answer(case: Case, _: Subject) -> dict[str, Any]:
        keys.append(case.key)
        if isinstance(case, Convolution):
            name = case.layer.name
            cells = [ReplicaCell(name, 2.0, 1.5, 0.5 + number, None) for number in range(len(ROWS))]
            return {"cells": [cell.to_json() for cell in cells]}
        if isinstance(case, Chip):
            return {"speedup": 2.5, "reason": None, "one_chip": {}, "restoration": None}
        return layer_answer

    for kind in (Chip, Convolution, Fpga, Layer, StudyCase):
        monkeypatch.setattr(kind, "answer", answer)
    return keys


def test_every_answer_is_in_the_folder(asked: list[str], tmp_path: Path) -> None:
    out = tmp_path / "out"
    finished = bosquet("reproduce", "--out", out, "--jobs", 1)
    assert finished.code == 0
    assert {file.name for file in out.iterdir()} - {"reproduce.journal.lock"} == FILES
    lines = finished.out.splitlines()
    assert lines[0].split() == ["figure", "bosquet", "ADMM-NN"]
    assert next(line for line in lines if line.startswith("conv4: pruning pays")).endswith("2.22x")
    network = json.loads((out / "network.json").read_text())
    assert [row["name"] for row in network["layers"]] == [
        *(f"conv{number}" for number in range(1, 6)), "fc1", "fc2", "fc3",
    ]  # fmt: skip
    table = json.loads((out / "table9.json").read_text())
    assert [row["overall"] for row in table["rows"]] == pytest.approx([0.5, 1.5, 2.5, 3.5, 4.5])
    assert table["rows"][0]["overall_restored"] == 1.0
    assert len(asked) == len(set(asked))


def test_a_second_run_asks_nothing(asked: list[str], tmp_path: Path) -> None:
    again = ("reproduce", "--out", tmp_path, "--jobs", 1, "--json")
    first = bosquet(*again).document
    every = asked.copy()
    asked.clear()
    assert bosquet(*again).document == first
    assert asked == []
    # Half of it is gone: that is asked again, and nothing else.
    journal = tmp_path / "reproduce.journal"
    lines = journal.read_bytes().splitlines(keepends=True)
    journal.write_bytes(b"".join(lines[: len(lines) // 2]))
    assert bosquet(*again).document == first
    assert 0 < len(asked) < len(every)
    assert set(asked) < set(every)
    figures = {one["figure"]: one["bosquet"] for one in first["figures"]}
    assert figures["one chip for all layers, ratios of Table 8: speedup"] == "2.50x"
