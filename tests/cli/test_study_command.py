"""`bosquet breakeven --study` and `--paper`: what they write, what they refuse, going on."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import bosquet

from bosquet.cli import study
from bosquet.sim.paper import CONVOLUTIONS, ROWS, Replica, ReplicaCell
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.study import StudyCase

SPACE = SearchSpace(
    vectors=(4,), windows=(4,), run_aheads=(2,), feeds=(4,), drains=(1,), drain_cycles=(1,)
)
CASES = [
    StudyCase("question", "as asked", space=SPACE),
    StudyCase("vector", "4", space=SPACE, facts={"vector": 4}),
    StudyCase("weights", "hardly any", weights_on_chip=0.001, space=SPACE),
]
QUESTION = ("breakeven", "lenet5:conv2", "--baseline", "4x4")


@pytest.fixture
def few(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask three questions in one process."""
    monkeypatch.setattr(study, "cases_of", lambda _: CASES)


@pytest.mark.usefixtures("few")
def test_writes_tables_and_answers(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    answer = bosquet(*QUESTION, "--study", folder, "--jobs", 1, "--json").document
    assert (answer["network"], answer["layer"]) == ("lenet5", "conv2")
    with (folder / "study.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [row["section"] for row in rows] == ["question", "vector", "weights"]
    assert float(rows[1]["ratio"]) == answer["rows"][1]["ratio"]
    assert rows[2]["ratio"] == ""
    assert "streaming needs 8 at least" in rows[2]["reason"]
    whole = json.loads((folder / "study.json").read_text())
    assert whole["answers"]["vector: 4"]["curve"]
    text = bosquet(*QUESTION, "--study", folder, "--jobs", 1).out
    assert "lenet5:conv2: from which ratio on pruning pays" in text


@pytest.mark.usefixtures("few")
def test_goes_on_from_what_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "study"
    first = bosquet(*QUESTION, "--study", folder, "--jobs", 1, "--json").document

    def answer(*_: Any) -> dict[str, Any]:
        raise AssertionError("asked again")

    monkeypatch.setattr(StudyCase, "answer", answer)
    assert bosquet(*QUESTION, "--study", folder, "--jobs", 1, "--json").document == first


@pytest.mark.usefixtures("few")
def test_the_folder_of_another_study_is_refused(tmp_path: Path) -> None:
    folder = tmp_path / "study"
    bosquet(*QUESTION, "--study", folder, "--jobs", 1)
    refused = bosquet(*QUESTION, "--study", folder, "--jobs", 1, "--seed", 3)
    assert refused.code == 1
    assert (
        "another bosquet breakeven (other seed); remove it, or give another --study" in refused.err
    )


def test_a_study_is_of_one_layer(tmp_path: Path) -> None:
    refused = bosquet("breakeven", "lenet5", "--study", tmp_path / "study")
    assert refused.code == 2
    assert "studies one layer; give NET:LAYER" in refused.err


@pytest.mark.parametrize(("given", "told"), [(["alexnet"], "NET"), (["--ratio", "4"], "--ratio")])
def test_the_paper_sets_network_and_ratios(given: list[str], told: str) -> None:
    refused = bosquet("breakeven", *given, "--paper")
    assert refused.code == 2
    assert f"without {told}" in " ".join(refused.err.replace("│", " ").split())


def test_something_must_be_asked() -> None:
    refused = bosquet("breakeven")
    assert refused.code == 2
    assert "give NET[:LAYER], or --paper" in refused.err


def test_the_paper_beside_ours(monkeypatch: pytest.MonkeyPatch) -> None:
    from bosquet.cli import breakeven

    def asked(layers: Any, setting: Any) -> Replica:
        assert [layer.name for layer in layers] == list(CONVOLUTIONS)
        assert (setting.baseline.lanes, setting.baseline.vector) == (64, 16)
        cells = [
            [
                ReplicaCell(layer.name, row.ratios[number], row.speedups[number], 2.0, None)
                for row in ROWS
            ]
            for number, layer in enumerate(layers)
        ]
        return Replica.of(setting, cells)

    monkeypatch.setattr(breakeven, "table9", asked)
    told = bosquet("breakeven", "--paper")
    assert told.code == 0, told.err
    text = told.out
    assert "2.00 (0.77)" in text
    assert "What the paper does otherwise, or does not tell:" in text
    answer = bosquet("breakeven", "--paper", "--json").document
    assert [row["name"] for row in answer["rows"]] == ["Ours1", "Ours2", "Han", "Mao", "Wen"]
