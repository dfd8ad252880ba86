"""A study asks every question once, keeps what it has, and says why there is no answer."""

from pathlib import Path

import pytest

from bosquet.cli.report.study_page import render_study
from bosquet.models.layer import LayerShape
from bosquet.sim.dense_baseline import baseline_design
from bosquet.sim.journal import Journal
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.study import StudyCase, Subject, run_study
from bosquet.sim.technology import Technology

SHAPE = LayerShape("conv", "conv", 8, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
SPACE = SearchSpace(
    vectors=(4,), windows=(4,), run_aheads=(2,), feeds=(4,), drains=(1,), drain_cycles=(1,),
    acc_sets=(1,), feed_orders=("natural",),
)  # fmt: skip
FIRST = StudyCase("vector", "4", space=SPACE)
GROUPED = StudyCase(
    "group", "4", space=SearchSpace(**{**vars(SPACE), "simd_group": 4}), facts={"simd_group": 4}
)  # fmt: skip
REFUSED = StudyCase("weights", "hardly any", weights_on_chip=0.01, space=SPACE)


@pytest.fixture(scope="module")
def subject() -> Subject:
    layer = PrunedLayer.of_shape(SHAPE, 4, 0)
    return Subject("net", layer, baseline_design("4x8"), 1.0, Technology.load())


@pytest.fixture(scope="module")
def ratio_of_first(subject: Subject) -> float:
    ratio: float = FIRST.answer(subject)["ratio"]
    return ratio


@pytest.mark.parametrize("jobs", [1, 2])
def test_answers_are_those_of_the_single_questions(
    subject: Subject, ratio_of_first: float, jobs: int
) -> None:
    told: list[tuple[int, int]] = []
    portions: list[float] = []

    def progress(done: int, total: int, what: str, portion: float) -> None:
        told.append((done, total))
        portions.append(portion)

    rows = run_study([FIRST, GROUPED, REFUSED], subject, progress, jobs)
    assert [row.case for row in rows] == [FIRST, GROUPED, REFUSED]
    assert rows[0].answer["ratio"] == ratio_of_first
    assert rows[1].answer["masks"]["simd_group"] == 4
    assert told == [(done, 3) for done in range(4)]
    assert portions == pytest.approx([0, 1 / 3, 2 / 3, 1])


def test_what_cannot_be_asked_has_a_reason(subject: Subject) -> None:
    (row,) = run_study([REFUSED], subject, lambda *_: None)
    values = row.to_json()
    assert values["ratio"] is None
    assert "streaming needs 8 at least" in values["reason"]


def test_answers_of_the_journal_are_not_asked_again(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "study.journal"
    with Journal.opened(path, "breakeven", "--study", {}) as journal:
        first = run_study([FIRST], subject, lambda *_: None, journal=journal)
    asked: list[str] = []

    def answer(case: StudyCase, _: Subject) -> dict[str, object]:
        asked.append(case.key)
        return {"ratio": None, "interval": [None, None], "reason": "not asked"}

    monkeypatch.setattr(StudyCase, "answer", answer)
    with Journal.opened(path, "breakeven", "--study", {}) as journal:
        rows = run_study([FIRST, REFUSED], subject, lambda *_: None, journal=journal)
    assert asked == [REFUSED.key]
    assert rows[0].to_json() == first[0].to_json()


def test_a_row_tells_the_design_of_the_curve(subject: Subject) -> None:
    (row,) = run_study([FIRST], subject, lambda *_: None)
    values = row.to_json()
    assert (values["sparse_vector"], values["sparse_window"], values["sparse_feed"]) == (4, 4, 4)
    assert (values["baseline_rows"], values["baseline_vector"]) == (4, 8)


def test_a_page_without_an_answer_says_why(subject: Subject) -> None:
    asked = StudyCase("question", "as asked", weights_on_chip=0.01, space=SPACE)
    rows = run_study([asked], subject, lambda *_: None)
    document = {"network": "net", "layer": "conv", "rows": [row.to_json() for row in rows]}
    page = render_study(document, {asked.key: rows[0].answer}, {"seed": 0})
    assert "Pruning does not pay: " in page
    assert "streaming needs 8 at least" in page


def test_what_asks_the_same_is_asked_once(
    subject: Subject, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = StudyCase("format", "best of all", baseline=subject.baseline, space=SPACE)
    named = StudyCase("weights", "all", weights_on_chip=1.0, space=SPACE, dense_space=SPACE)
    other = StudyCase("format", "bitmap", formats=("bitmap",), space=SPACE)
    asked: list[str] = []

    def answer(case: StudyCase, _: Subject) -> dict[str, object]:
        asked.append(case.key)
        return {"ratio": None, "interval": [None, None], "reason": case.key}

    monkeypatch.setattr(StudyCase, "answer", answer)
    told: list[tuple[int, float]] = []
    with Journal.opened(tmp_path / "study.journal", "breakeven", "--study", {}) as journal:
        rows = run_study(
            [FIRST, same, other, named], subject,
            lambda done, total, what, portion: told.append((done, portion)), journal=journal,
        )  # fmt: skip
    assert asked == [FIRST.key, other.key]
    assert [row.answer["reason"] for row in rows] == [FIRST.key, FIRST.key, other.key, FIRST.key]
    # Half of the work answers three of the four.
    assert told == [(0, 0), (1, 0.5), (2, 0.5), (3, 0.5), (4, 1)]
    assert journal.known.keys() == {FIRST.key, same.key, other.key, named.key}
