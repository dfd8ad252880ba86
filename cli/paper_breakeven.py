"""``bosquet breakeven --paper``: what ADMM-NN printed of AlexNet, and the same here."""

from collections.abc import Sequence
from typing import Any

from ..sim.paper import CONVOLUTIONS, FIGURE_4, Replica, table9
from ..sim.pruned_layer import PrunedLayer
from ..sim.setting import Setting
from ..sim.study import SECTIONS, StudyRow, Subject, run_study
from .breakeven_text import times, under_text
from .output import table
from .progress import Progress

__all__ = ["FIGURE_4_LAYER", "paper_answer", "paper_text"]

FIGURE_4_LAYER = "conv4"
"""Section 5.1 asks about this layer."""


def paper_answer(
    layers: Sequence[PrunedLayer],
    setting: Setting,
    subject: Subject,
    jobs: int,
    progress: Progress,
) -> tuple[dict[str, Any], str]:
    """Return the document of ``--paper``, and what is said to a person.

    Parameters
    ----------
    layers : sequence of PrunedLayer
        Of AlexNet.
    setting : Setting
    subject : Subject
        The layer of Figure 4, under the same setting.
    jobs : int
        Processes for the designs of Figure 4.
    progress : Progress

    Raises
    ------
    BosquetError
        As ``table9``.
    """
    replica = table9([layer for layer in layers if layer.name in CONVOLUTIONS], setting)
    steps = run_study(list(SECTIONS["step"](subject)), subject, progress, jobs)
    found = {
        **replica.to_json(),
        "figure_4": {"facts": list(FIGURE_4), "steps": [row.to_json() for row in steps]},
    }
    return found, paper_text(replica, steps)


def paper_text(found: Replica, steps: Sequence[StudyRow]) -> str:
    """Return Table 9 of the paper beside ours, then Figure 4 and what makes its number.

    Parameters
    ----------
    found : Replica
    steps : sequence of StudyRow
        From a plain design to the whole space.
    """
    baseline = found.setting.baseline
    rows = []
    for row in found.rows:
        cells = [f"{cell.speedup:.2f} ({cell.published:g})" for cell in row.cells]
        every = f"{row.overall:.2f} ({row.published.overall:g})"
        rows.append((row.published.name, *cells, every, f"{row.overall_restored:.2f}"))
    names = [cell.layer for cell in found.rows[0].cells]
    lines = [
        "AlexNet's convolutions at the ratios of Table 9 of ADMM-NN: speedup here (printed there)",
        f"per_layer, dense-{baseline.lanes}x{baseline.vector}, {under_text(found.setting)}",
        "",
        table(("pruned by", *names, "overall", "slow layers kept dense"), rows),
        "",
        "What the paper does otherwise, or does not tell:",
        *(f"- {line}" for line in found.to_json()["assumptions"]),
        "",
        f"Figure 4 of ADMM-NN, {FIGURE_4_LAYER}, in its words:",
        *(f"- {fact}" for fact in FIGURE_4),
        "",
        "The same layer here, from plain sparse designs to the whole space; a line that begins with"
        " 'and' adds to the line before:",
        "",
        table(
            ("sparse design", "pays from"),
            ((row.case.name, times(row.answer["ratio"])) for row in steps),
        ),
    ]
    return "\n".join(lines)
