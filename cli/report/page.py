"""The page: everything that the results can tell, in one HTML file that opens without a network."""

from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from ... import __version__
from ..output import write_atomically
from .areas import area_chart, parts_shown, spent_areas
from .curves import curve_charts
from .environment import environment
from .evidence import evidence, first_known, limits
from .facts import Group, groups
from .layer_answer import VERDICTS, LayerAnswer, layer_answers
from .results import Document, Results
from .roofline import roofline_section
from .scale import scales
from .stalls import CAUSES, causes_shown, stall_chart
from .verdict import headline

__all__ = ["render", "write"]

_FROM_DOCUMENTS = ("technology", "masks", "tools", "seed")
"""What the break-even documents say about themselves, shown unless ``provenance`` says it."""


def write(results: Results, path: Path) -> Path:
    """Write the report, so that it is either whole or not there.

    Parameters
    ----------
    results : Results
        What there is to tell.
    path : Path
        File to write; folders are made.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    InputError
        If the folder or the file cannot be written.
    """
    write_atomically(path, render(results))
    return path


def render(results: Results) -> str:
    """Return the report as HTML.

    Raises
    ------
    ValueError
        If a document holds NaN or infinity, which JSON does not have: a bug in bosquet.
    """
    answers = layer_answers(results)
    curves = curve_charts(answers)
    stalls = stall_chart(results.simulations)
    spent = spent_areas(results)
    areas = area_chart(spent)
    roofline = roofline_section(results.simulations)
    charts = [one for one in (*curves, areas, *roofline.charts, stalls) if one is not None]
    values: dict[str, Any] = {
        "answers": answers,
        "areas": areas,
        "baseline": _baseline(results),
        "area_parts": parts_shown(spent),
        "causes": [(name, CAUSES[name]) for name in causes_shown(results.simulations)],
        "curves": curves,
        "evidence": evidence(results),
        "figures": {chart.key: chart.figure for chart in charts},
        "frozen": _frozen(results),
        "groups": _groups(results),
        "headline": headline(results),
        "intervals": any(one.interval_text for one in answers),
        "same_reason": _same_reason(answers),
        "layers_told": _layers_told(answers),
        "limits": limits(results),
        "on_chip": any(one.chip_speedup is not None for one in answers),
        "own_shown": any(trace["name"] == "this network" for one in curves for trace in one.traces),
        "plotly": get_plotlyjs() if charts else None,
        "results": results,
        "roofline": roofline,
        "scales": scales(answers),
        "single": len(curves) == 1,
        "stalls": stalls,
        "verdicts": VERDICTS,
        "version": __version__,
    }
    return environment().get_template("page").render(values)


def _baseline(results: Results) -> Document | None:
    found: Document | None = first_known(results, "baseline")
    return found


def _frozen(results: Results) -> str | None:
    """Return the name of the dense baseline as given, where curves against it are drawn."""
    for document in results.layers:
        baseline = document.get("baseline") or {}
        if baseline.get("latency_s") is not None:
            return f"dense-{baseline.get('rows')}x{baseline.get('vector')}"
    return None


def _layers_told(answers: tuple[LayerAnswer, ...]) -> bool:
    """Whether the table says more than the headline."""
    return len(answers) > 1 or any(one.given_ratio is not None for one in answers)


def _same_reason(answers: tuple[LayerAnswer, ...]) -> dict[str, str]:
    """Return the first layer with the same reason, for each layer that is not itself the first."""
    first: dict[str, str] = {}
    for one in answers:
        if one.reason:
            first.setdefault(one.reason, one.name)
    return {
        one.name: first[one.reason]
        for one in answers
        if one.reason and first[one.reason] != one.name
    }


def _groups(results: Results) -> tuple[Group, ...]:
    own = {
        key: found
        for key in _FROM_DOCUMENTS
        if (found := first_known(results, key)) is not None and key not in results.provenance
    }
    return groups({**own, **results.provenance})
