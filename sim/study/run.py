"""Running a study: its questions in several processes, each answer on disk as it comes."""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from ..journal import Journal
from .case import StudyCase, Subject

__all__ = ["Progress", "StudyRow", "run_study"]

Progress = Callable[[int, int, str], None]
"""Told how many questions of how many are answered, and which one was."""


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
    """Answer every question of a study.

    Parameters
    ----------
    cases : sequence of StudyCase
    subject : Subject
    progress : callable
    jobs : int, default: 1
        Processes.
    journal : Journal, optional
        Answers that it has are not asked for again, others are written down as they come.
    """
    found = dict(journal.known) if journal else {}
    waiting = [case for case in cases if case.key not in found]
    progress(len(cases) - len(waiting), len(cases), "")

    def keep(case: StudyCase, answer: Mapping[str, Any]) -> None:
        found[case.key] = answer
        if journal:
            journal.add(case.key, answer)
        known = sum(one.key in found for one in cases)
        progress(known, len(cases), case.key)

    if jobs == 1 or len(waiting) < 2:
        for case in waiting:
            keep(case, case.answer(subject))
    else:
        with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
            asked = {pool.submit(case.answer, subject): case for case in waiting}
            try:
                for done in as_completed(asked):
                    keep(asked[done], done.result())
            finally:
                pool.shutdown(cancel_futures=True)
    return [StudyRow(case, found[case.key]) for case in cases]
