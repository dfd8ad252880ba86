"""``bosquet breakeven NET:LAYER --study DIR``: how the ratio moves, as tables in a folder.

The journal in the folder holds every answer as it comes; a run of the same question goes on from
it. The tables are written when all answers are there.
"""

import csv
import io
from collections.abc import Sequence
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..sim.code_digest import code_digest
from ..sim.journal import Journal
from ..sim.study import StudyRow, Subject, cases_of, run_study
from ..sim.sweep.identity import digest
from .breakeven_text import times, under_text
from .output import document, dumps, emit_answer, table, write_atomically
from .progress import Progress
from .report.study_page import render_study
from .versions import package_versions

__all__ = ["made_folder", "study_identity", "study_text", "write_study", "write_tables"]

JOURNAL, CSV, JSON, HTML = "study.journal", "study.csv", "study.json", "study.html"


def write_study(
    subject: Subject, folder: Path, jobs: int, as_json: bool, out: Path | None = None
) -> None:
    """Answer the questions of a study and write its tables; the JSON document to ``out``, too.

    Raises
    ------
    InputError
        If the folder cannot be written or holds another study.
    """
    made_folder(folder, "--study")
    cases = cases_of(subject)
    with (
        Journal.opened(
            folder / JOURNAL, "breakeven", "--study", study_identity(subject)
        ) as journal,
        Progress("study") as progress,
    ):
        rows = run_study(cases, subject, progress, jobs, journal)
    answer = write_tables(subject, rows, folder, "--study")
    emit_answer(answer, study_text(subject, rows), as_json, out)


def made_folder(folder: Path, option: str) -> None:
    """Make the folder of an option; raises InputError if that is not possible."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: cannot be made: {reason}; give another {option}") from error


def write_tables(
    subject: Subject, rows: Sequence[StudyRow], folder: Path, option: str
) -> dict[str, Any]:
    """Write the tables and the page of a study into the folder of an option; return the answer."""
    tables = [row.to_json() for row in rows]
    answers = {row.case.key: dict(row.answer) for row in rows}
    answer = document(
        "study", {"network": subject.network, "layer": subject.layer.name, "rows": tables}
    )
    write_atomically(folder / JSON, dumps({**answer, "answers": answers}), option)
    write_atomically(folder / CSV, _csv(tables), option)
    provenance = {
        "versions": package_versions(),
        "technology": dict(subject.technology.to_json()),
        "seed": subject.seed,
    }
    write_atomically(folder / HTML, render_study(answer, answers, provenance), option)
    return answer


def study_identity(subject: Subject) -> dict[str, object]:
    """Return what all answers about a subject depend on."""
    layer = subject.layer
    return {
        "network": subject.network,
        "layer": layer.name,
        "shape": repr(layer.shape),
        "mask": layer.own.key[1].hex(),
        "weights": None if layer.weight is None else blake2b(layer.weight.tobytes()).hexdigest(),
        "baseline": repr(subject.baseline),
        "weights_on_chip": subject.weights_on_chip,
        "technologies": digest(
            [
                [repr(one.card), *(repr(row) for row in one.table.rows.values())]
                for one in (subject.technology, *subject.technologies)
            ]
        ),
        "seed": subject.seed,
        "numpy": version("numpy"),
        "code": code_digest(("models", "hw", "sim")),
    }


def _csv(rows: list[dict[str, object]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def study_text(subject: Subject, rows: Sequence[StudyRow]) -> str:
    """Return the table for a person."""
    told = []
    for row in rows:
        values = row.to_json()
        share = values["weight_sram_share"]
        told.append(
            (
                values["section"],
                values["name"],
                times(values["ratio"]),
                "" if share is None else f"{share:.0%}",
                values["reason"] or "",
            )
        )
    return "\n".join(
        [
            f"{subject.network}:{subject.layer.name}: from which ratio on pruning pays",
            f"per_layer, {under_text(subject.setting)} if nothing else is said",
            "",
            table(("varied", "value", "pays from", "weight memory", "why none"), told),
        ]
    )
