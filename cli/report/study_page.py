"""The page of a study: the curve as asked, and how its break-even moves with everything else."""

from collections.abc import Mapping, Sequence
from typing import Any

from plotly.offline import get_plotlyjs

from ... import __version__
from .chart import AXIS, Chart, Trace, hover, layout
from .curves import curve_charts
from .environment import environment
from .evidence import evidence, limits
from .facts import groups
from .layer_answer import layer_answers
from .quantity import TIMES, percent, times
from .results import Document, Results

__all__ = ["render_study"]

_COLOURS = (
    "--imbalance",
    "--window",
    "--feed",
    "--weight-buffer",
    "--dram",
    "--drain",
    "--compute",
)

PAPER_RATIO = 2.22
"""What ADMM-NN found (section 5.1), drawn in every chart."""

_TITLES: Mapping[str, tuple[str, str]] = {
    "setting": ("Baseline and memory", "The same layer against other arrays."),
    "technology": (
        "Technology",
        "Other silicon: the same baseline, and one whose weights have the same share of the area.",
    ),
    "format": ("Index format", "The sparse array restricted to one format."),
    "vector": ("Columns", "MACs that share one weight, on both sides."),
    "group": ("Groups of filters", "Filters pruned at the same positions share one index stream."),
    "weight bits": ("Weight bits", "On both sides."),
    "step": ("From naive to here", "What the array and its search gain, one after the other."),
}
"""Sections with a chart of their own: heading, and what is varied."""


def render_study(found: Document, answers: Mapping[str, Document], provenance: Document) -> str:
    """Return the page as HTML.

    Parameters
    ----------
    found : Document
        ``bosquet breakeven NET:LAYER --study``.
    answers : mapping of str to Document
        Document of each question.
    provenance : Document
        Where it comes from; nested mappings become groups.

    Raises
    ------
    ValueError
        If the document holds NaN or infinity, which JSON does not have: a bug in bosquet.
    """
    rows: Sequence[Document] = found["rows"]
    asked = answers["question: as asked"]
    question = Results(network=None, layers=(asked,))
    curves = curve_charts(layer_answers(question)) if asked.get("curve") else ()
    surface = _surface([row for row in rows if row["section"] == "surface"])
    sections = [
        (title, says, _values(name, [row for row in rows if row["section"] == name]))
        for name, (title, says) in _TITLES.items()
        if any(row["section"] == name and row["ratio"] is not None for row in rows)
    ]
    charts = [*curves, *([surface] if surface else []), *(chart for _, _, chart in sections)]
    return (
        environment()
        .get_template("study")
        .render(
            {
                "asked": asked,
                "curves": curves,
                "evidence": evidence(question),
                "figures": {chart.key: chart.figure for chart in charts},
                "found": found,
                "groups": groups(provenance),
                "limits": limits(question),
                "plotly": get_plotlyjs(),
                "rows": rows,
                "sections": sections,
                "surface": surface,
                "version": __version__,
            }
        )
    )


def _surface(rows: Sequence[Document]) -> Chart | None:
    """Return break-even over the share of the weight memory, a line for each baseline."""
    told = [row for row in rows if row["ratio"] is not None]
    if not told:
        return None
    sizes = sorted({row["macs"] for row in told})
    traces = [
        _line(
            f"{size:,} MACs", colour, [row for row in told if row["macs"] == size],
            "weight_sram_share",
        )
        for size, colour in zip(sizes, _COLOURS, strict=False)
    ]  # fmt: skip
    low, high = min(row["ratio"] for row in told), max(row["ratio"] for row in told)
    return Chart(
        key="surface",
        title="Pays from, by the size of the array and the share of its weight memory",
        says=f"The break-even ratio lies between {times(low)} and {times(high)}.",
        traces=traces,
        layout=_layout(
            high,
            {"tickformat": ".0%", "title": _axis_title("weight memory / area of the baseline")},
            showlegend=True,
        ),
    )


def _values(name: str, rows: Sequence[Document]) -> Chart:
    """Return break-even of each value of a section, a point each."""
    told = [row for row in rows if row["ratio"] is not None]
    numbered = [{**row, "place": place} for place, row in enumerate(told)]
    best = min(told, key=lambda row: row["ratio"])
    return Chart(
        key=name.replace(" ", "-"),
        title="Pays from",
        says=f"The lowest is {times(best['ratio'])}, with {best['name']}.",
        traces=[_line(name, "--sparse", numbered, "place")],
        layout=_layout(
            max(row["ratio"] for row in told),
            {
                "tickvals": [row["place"] for row in numbered],
                "ticktext": [row["name"] for row in numbered],
                "range": [-0.5, len(numbered) - 0.5],
            },
        ),
    )


def _line(name: str, colour: str, rows: Sequence[Document], x: str) -> Trace:
    ordered = sorted(rows, key=lambda row: row[x])
    upper = [(row["ratio_high"] or row["ratio"]) - row["ratio"] for row in ordered]
    lower = [row["ratio"] - (row["ratio_low"] or row["ratio"]) for row in ordered]
    return {
        "type": "scatter",
        "name": name,
        "x": [row[x] for row in ordered],
        "y": [row["ratio"] for row in ordered],
        "error_y": {
            "type": "data", "symmetric": False, "array": upper, "arrayminus": lower,
            "color": colour, "thickness": 1.2, "width": 4,
        },
        "mode": "lines+markers",
        "line": {"color": colour, "width": 2},
        "marker": {"color": colour, "size": 7},
        "text": [_text(row) for row in ordered],
        "hoverinfo": "text",
    }  # fmt: skip


def _text(row: Document) -> str:
    share = row["weight_sram_share"]
    return hover(
        row["name"],
        f"pays from {times(row['ratio'])}, quartiles of the masks {times(row['ratio_low'])} and"
        f" {times(row['ratio_high'])}",
        None if share is None else f"weights take {percent(share)} of the baseline",
        f"vector {row['sparse_vector']}, window {row['sparse_window']} {TIMES}"
        f" {row['sparse_run_ahead']}, feed {row['sparse_feed']}",
    )


def _axis_title(text: str) -> dict[str, Any]:
    return {"text": text, "font": {"size": 12, "color": "--muted"}, "standoff": 6}


def _layout(highest: float, xaxis: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    top = 1.08 * max(highest, PAPER_RATIO)
    paper = {
        "type": "line", "xref": "paper", "x0": 0, "x1": 1, "y0": PAPER_RATIO, "y1": PAPER_RATIO,
        "line": {"color": "--given", "width": 1.2, "dash": "dot"},
    }  # fmt: skip
    said = {
        "xref": "paper", "x": 1, "y": PAPER_RATIO, "xanchor": "right", "yanchor": "bottom",
        "text": f"ADMM-NN: {times(PAPER_RATIO)}", "showarrow": False,
        "font": {"size": 12, "color": "--given"},
    }  # fmt: skip
    return layout(
        330,
        hovermode="closest",
        xaxis={**AXIS, "showgrid": False, "showline": True, **xaxis},
        yaxis={**AXIS, "range": [1, top], "ticksuffix": TIMES, "nticks": 6},
        legend={"orientation": "h", "y": 1.12},
        shapes=[paper],
        annotations=[said],
        **more,
    )
