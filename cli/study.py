"""``bosquet breakeven NET:LAYER --study DIR``: how the ratio moves, as tables in a folder.

The journal in the folder holds every answer as it comes; a run of the same question goes on from
it. The tables are written when all answers are there.
"""

import csv
import io
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path

from ..errors import InputError
from ..sim.code_digest import code_digest
from ..sim.journal import Journal
from ..sim.study import StudyRow, Subject, cases_of, run_study
from ..sim.sweep.identity import digest
from .breakeven_text import times
from .output import document, dumps, emit_answer, table, write_atomically
from .progress import Progress
from .report.study_page import render_study
from .versions import package_versions

__all__ = ["write_study"]

JOURNAL, CSV, JSON, HTML = "study.journal", "study.csv", "study.json", "study.html"


def write_study(subject: Subject, folder: Path, jobs: int, as_json: bool) -> None:
    """Answer the questions of a study and write its tables.

    Raises
    ------
    InputError
        If the folder cannot be written or holds another study.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        reason = error.strerror or error
        raise InputError(f"{folder}: cannot be made: {reason}; give another --study") from error
    cases = cases_of(subject)
    with (
        Journal.opened(folder / JOURNAL, "breakeven", "--study", _identity(subject)) as journal,
        Progress("study") as progress,
    ):
        rows = run_study(cases, subject, progress, jobs, journal)
    tables = [row.to_json() for row in rows]
    answers = {row.case.key: dict(row.answer) for row in rows}
    answer = document(
        "study", {"network": subject.network, "layer": subject.layer.name, "rows": tables}
    )
    write_atomically(folder / JSON, dumps({**answer, "answers": answers}), "--study")
    write_atomically(folder / CSV, _csv(tables), "--study")
    provenance = {
        "versions": package_versions(),
        "technology": dict(subject.technology.to_json()),
        "seed": subject.seed,
    }
    write_atomically(folder / HTML, render_study(answer, answers, provenance), "--study")
    emit_answer(answer, _text(subject, rows), as_json)


def _identity(subject: Subject) -> dict[str, object]:
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


def _text(subject: Subject, rows: list[StudyRow]) -> str:
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
            "",
            table(("varied", "value", "pays from", "weight memory", "why none"), told),
        ]
    )
