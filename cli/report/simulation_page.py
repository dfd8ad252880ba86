"""The page of a simulation: cycles, what each layer runs into, what it moves and takes."""

from pathlib import Path
from typing import Any

from plotly.offline import get_plotlyjs

from ... import __version__
from ...sim.bound import BOUNDS
from ..output import write_atomically
from .environment import environment
from .facts import groups
from .results import Document
from .roofline import roofline_section
from .simulation_answer import simulation_answer
from .simulation_evidence import simulation_evidence, simulation_limits
from .stalls import CAUSES, causes_shown, stall_chart

__all__ = ["render_simulation", "write_simulation"]


def write_simulation(found: Document, provenance: Document, path: Path) -> Path:
    """Write the report of a simulation, so that it is either whole or not there.

    Parameters
    ----------
    found : Document
        ``bosquet simulate``.
    provenance : Document
        Where it comes from; nested mappings become groups.
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
    write_atomically(path, render_simulation(found, provenance), "--report")
    return path


def render_simulation(found: Document, provenance: Document) -> str:
    """Return the report as HTML.

    Raises
    ------
    ValueError
        If the document holds NaN or infinity, which JSON does not have: a bug in bosquet.
    """
    roofline, stalls = roofline_section([found]), stall_chart([found])
    charts = [one for one in (*roofline.charts, stalls) if one is not None]
    values: dict[str, Any] = {
        "answer": simulation_answer(found),
        "bounds": _bounds(found),
        "causes": [(name, CAUSES[name]) for name in causes_shown([found])],
        "components": _components(found),
        "evidence": simulation_evidence(found),
        "figures": {chart.key: chart.figure for chart in charts},
        "found": found,
        "groups": groups(provenance),
        "levels": _levels(found),
        "limits": simulation_limits(found),
        "plotly": get_plotlyjs(),
        "roofline": roofline,
        "stalls": stalls,
        "version": __version__,
    }
    return environment().get_template("simulation").render(values)


def _bounds(found: Document) -> tuple[str, ...]:
    """Return the bounds that are known of the layers, in the order of ``BOUNDS``."""
    return tuple(
        name
        for name in BOUNDS
        if any(layer["bound"][name] is not None for layer in found["layers"])
    )


def _components(found: Document) -> tuple[str, ...]:
    """Return the components of the energy that are known, none if it is not."""
    energy = found["energy"] or {}
    return tuple(name for name, part in energy.items() if isinstance(part, float))


def _levels(found: Document) -> list[dict[str, float]]:
    """Return the bytes that each layer reads and writes at each level of memory."""
    return [
        {
            level: sum(one["read_bits"] + one["write_bits"] for one in tensors.values()) / 8
            for level, tensors in layer["traffic"].items()
        }
        for layer in found["layers"]
    ]
