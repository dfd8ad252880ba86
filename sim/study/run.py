"""Running a study: its questions in several processes, each answer on disk as it comes."""

from collections.abc import Callable, Hashable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any, Protocol

from ..journal import Journal
from .case import StudyCase, Subject

__all__ = ["Case", "Progress", "StudyRow", "answered", "run_study"]

Progress = Callable[[int, int, str, float], None]
"""Told how many questions of how many are answered, which one was, and what portion of the work of
this run is done."""


class Case(Protocol):
    """A question about a subject."""

    @property
    def key(self) -> str:
        """What tells it from every other one."""
        ...

    @property
    def effort(self) -> float:
        """How long it takes beside a plain question of a study, roughly."""
        ...

    def asks(self, subject: Subject) -> Hashable:
        """Return what is equal for cases that ask the same."""
        ...

    def answer(self, subject: Subject) -> Mapping[str, Any]:
        """Ask."""
        ...


@dataclass(frozen=True)
class StudyRow:
    """A question and its answer.

    Attributes
    ----------
    case : StudyCase
    answer : mapping
        Document of ``breakeven NET:LAYER``.
    """

    case: StudyCase
    answer: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """Return the row of a table."""
        answer, own = self.answer, self.answer.get("sparse") or {}
        baseline = answer.get("baseline") or {}
        low, high = answer["interval"]
        return {
            "section": self.case.section,
            "name": self.case.name,
            **self.case.facts,
            "ratio": answer["ratio"],
            "ratio_low": low,
            "ratio_high": high,
            "ratio_against_frozen": baseline.get("ratio"),
            "baseline_rows": baseline.get("rows"),
            "baseline_vector": baseline.get("vector"),
            "weights_on_chip": answer.get("weights_on_chip"),
            "weight_sram_share": baseline.get("weight_sram_share"),
            "area_um2": baseline.get("area_um2"),
            "sparse_vector": own.get("vector"),
            "sparse_window": own.get("window"),
            "sparse_run_ahead": own.get("run_ahead"),
            "sparse_feed": own.get("feed"),
            "speedup_at_own_ratio": answer.get("speedup"),
            "reason": answer["reason"],
        }


def run_study(
    cases: Sequence[StudyCase],
    subject: Subject,
    progress: Progress,
    jobs: int = 1,
    journal: Journal | None = None,
) -> list[StudyRow]:
    """Answer every question of a study; parameters as those of ``answered``."""
    found = answered(cases, subject, progress, jobs, journal)
    return [StudyRow(case, found[case.key]) for case in cases]


def answered(
    cases: Sequence[Case],
    subject: Subject,
    progress: Progress,
    jobs: int = 1,
    journal: Journal | None = None,
) -> dict[str, Mapping[str, Any]]:
    """Answer questions about a subject, by key; those that ask the same are asked once.

    Parameters
    ----------
    cases : sequence of Case
        Of cases that ask the same the first one is asked.
    subject : Subject
    progress : callable
    jobs : int, default: 1
        Processes.
    journal : Journal, optional
        Answers that it has are not asked for again, others are written down as they come.
    """
    found = dict(journal.known) if journal else {}
    waiting: dict[Hashable, list[Case]] = {}
    for case in cases:
        if case.key not in found:
            waiting.setdefault(case.asks(subject), []).append(case)
    whole = sum(alike[0].effort for alike in waiting.values()) or 1.0
    spent = 0.0
    progress(_known(cases, found), len(cases), "", spent)

    def keep(alike: Sequence[Case], answer: Mapping[str, Any]) -> None:
        nonlocal spent
        spent += alike[0].effort
        for case in alike:
            found[case.key] = answer
            if journal:
                journal.add(case.key, answer)
            progress(_known(cases, found), len(cases), case.key, spent / whole)

    if jobs == 1 or len(waiting) < 2:
        for alike in waiting.values():
            keep(alike, alike[0].answer(subject))
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            asked = {pool.submit(alike[0].answer, subject): alike for alike in waiting.values()}
            try:
                for done in as_completed(asked):
                    keep(asked[done], done.result())
            finally:
                pool.shutdown(cancel_futures=True)
    return found


def _known(cases: Sequence[Case], found: Mapping[str, object]) -> int:
    return sum(case.key in found for case in cases)
