"""`bosquet breakeven --study` and `--paper`: what they write, what they refuse, going on."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from command_line import bosquet

from bosquet.cli import paper_breakeven, study
from bosquet.sim.paper import CONVOLUTIONS, ROWS, Replica, ReplicaCell
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.study import StudyCase, Subject

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
    assert "per_layer, technology generic40, everything charged, 100% of the weights" in text


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


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (("--study", "DIR", "--format", "bitmap"), "so without --format"),
        (("--study", "DIR", "--group", 4), "so without --group"),
        (("--jobs", 2), "goes with --study DIR or --paper"),
        (("--study-liberty", "cells.lib"), "goes with --study DIR"),
        (("--format", "relative9"), "one of dense, bitmap, relative4, relative6, relative8"),
    ],
)
def test_options_that_would_say_nothing_are_refused(
    given: tuple[Any, ...], told: str, tmp_path: Path
) -> None:
    refused = bosquet(*QUESTION, *(tmp_path / "s" if one == "DIR" else one for one in given))
    assert refused.code == 2
    assert told in " ".join(refused.err.replace("│", " ").split())
    assert not (tmp_path / "s").exists()


@pytest.mark.usefixtures("few")
def test_the_document_goes_to_a_file_too(tmp_path: Path) -> None:
    out = tmp_path / "study.json"
    told = bosquet(*QUESTION, "--study", tmp_path / "study", "--jobs", 1, "--out", out)
    assert told.code == 0
    assert json.loads(out.read_text())["schema"] == "bosquet.study/1"


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

    def step(case: StudyCase, subject: Subject) -> dict[str, Any]:
        assert (case.section, subject.layer.name) == ("step", "conv4")
        ratio = 2.25 - 0.125 * case.facts["step"]
        return {"ratio": ratio, "interval": [ratio, ratio], "reason": None, "curve": []}

    monkeypatch.setattr(paper_breakeven, "table9", asked)
    monkeypatch.setattr(StudyCase, "answer", step)
    told = bosquet("breakeven", "--paper", "--format", "bitmap", "--jobs", 1)
    assert told.code == 0, told.err
    text = told.out
    assert "2.00 (0.77)" in text
    assert "per_layer, dense-64x16, technology generic40, everything charged, 100% of the" in text
    assert "What the paper does otherwise, or does not tell:" in text
    assert "index: the best of bitmap, for each layer and ratio" in text
    assert "- SMIC 40 nm, Synopsys Design Compiler" in text
    plain = next(line for line in text.splitlines() if line.startswith("4 columns, lanes in"))
    assert plain.endswith("2.25x")
    answer = bosquet("breakeven", "--paper", "--json", "--jobs", 1).document
    assert [row["ratio"] for row in answer["figure_4"]["steps"]][:2] == [2.25, 2.125]
    assert [row["name"] for row in answer["rows"]] == ["Ours1", "Ours2", "Han", "Mao", "Wen"]
