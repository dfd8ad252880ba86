"""``bosquet synth``: measure the parts of a design with Yosys, or all of it on an FPGA."""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from ..errors import InputError
from ..hw.synth.lane_table import LaneTable
from ..hw.synth.measure import WIRES, design_parts, grid, measure, recipe_id
from ..hw.synth.nextpnr import DEVICES
from ..hw.synth.parts import PARTS, Part
from ..hw.synth.row import Row
from ..hw.synth.yosys import recipe
from ..hw.tech.card import DEFAULT_CARD, load_card
from ..hw.tech.cell import Library, LogicMapping
from ..hw.tech.liberty import read_library
from ..hw.tech.logical_effort import builtin_library
from .fpga import on_fpga
from .options import ActBits, Json, Liberty, OutFile, Seed, WeightBits, chosen_design
from .output import document, emit_answer, table
from .progress import Progress

__all__ = ["synth"]


def synth(
    design: Annotated[
        str,
        typer.Option(
            "--design",
            metavar="D",
            help="dense-RxV, sparse-LxV, eie-N or a .toml file.",
            show_default=False,
        ),
    ],
    part: Annotated[
        list[str] | None,
        typer.Option("--part", metavar="PART", help=f"Only these parts: {', '.join(PARTS)}."),
    ] = None,
    around: Annotated[
        bool,
        typer.Option(
            "--grid",
            help="Measure all points that estimates need for designs with the widths of D"
            " (many minutes), not D alone.",
        ),
    ] = False,
    store: Annotated[
        Path | None,
        typer.Option(
            "--table",
            metavar="FILE",
            help="Lane table (CSV) to store the rows in; those it has already are kept.",
        ),
    ] = None,
    fpga: Annotated[
        str | None,
        typer.Option(
            "--fpga",
            metavar="DEVICE",
            help="Place and route the whole design instead (minutes), on one of"
            f" {', '.join(DEVICES)}; it needs memory depths.",
        ),
    ] = None,
    seed: Seed = 1,
    liberty: Liberty = None,
    mapping: Annotated[
        LogicMapping | None,
        typer.Option(
            "--mapping",
            help="How logic is mapped to the cells of --liberty: fast, or small where memories"
            " are slower than any logic; fast without it, unless a card says otherwise.",
            show_default=False,
        ),
    ] = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Measure area and speed of a design's parts by open synthesis, or place it on an FPGA."""
    chosen = chosen_design(design, weight_bits, act_bits)
    if fpga is not None:
        if part or around or store or liberty or mapping:
            raise InputError(
                "--fpga measures a whole design: no --part, --grid, --table, --liberty, --mapping"
            )
        with Progress("synth") as progress:
            progress(0, 1, f"now {chosen.name} on {fpga}")
            answer, said = on_fpga(chosen, fpga, seed)
        emit_answer(document("synth", answer), said, as_json, out)
        return
    parts = _wanted(grid(chosen) if around else design_parts(chosen), part)
    cells = _library(liberty, mapping)
    rows = LaneTable.read(store) if store else LaneTable()
    with Progress("synth") as progress:
        rows = measure(
            parts, rows, cells,
            lambda done, total, next_part: progress(done, total, f"now {next_part.name}"),
        )  # fmt: skip
    script = recipe_id(cells)
    found = [rows.rows[one, cells.name, script, wire] for one in parts for wire in WIRES]
    answer = {
        "design": chosen.name,
        "library": cells.name,
        "table": None if store is None else str(store),
        "recipe": {"id": script, "script": recipe("TOP", cells)},
        "rows": [_row(row) for row in found],
    }
    by = f"synthesized by {found[0].tools}, recipe {script}:\n\n{recipe('TOP', cells)}"
    rescues = "where abc ends without a netlist: dch for dch,-f; no dch; topo before buffer"
    said = f"{_text(found, store)}\n\n{by}{rescues}"
    emit_answer(document("synth", answer), said, as_json, out)


def _wanted(parts: tuple[Part, ...], names: list[str] | None) -> tuple[Part, ...]:
    have = sorted({one.name for one in parts})
    for name in names or ():
        if name not in have:
            raise InputError(f"the design has no part {name!r}; its parts are {', '.join(have)}")
    return tuple(one for one in parts if not names or one.name in names)


def _library(liberty: Path | None, mapping: LogicMapping | None) -> Library:
    if liberty is not None:
        library = read_library(liberty)
        return library if mapping is None else replace(library, mapping=mapping)
    if mapping is not None:
        raise InputError("--mapping is for the cells of --liberty")
    # Rows of our own library are kept at the speed of one card and scaled to that of others.
    return builtin_library(load_card(DEFAULT_CARD).fo4_s)


def _row(row: Row) -> dict[str, Any]:
    return {
        "part": row.part.name,
        "parameters": dict(row.part.values),
        "area_ge": row.area_ge,
        "cells": row.cells,
        "registers": row.registers,
        "period_s": row.period_s,
        "from_memory_s": {kind.name.lower(): time for kind, time in row.from_memory_s.items()},
        "to_memory_s": row.to_memory_s,
        "wire_inputs_per_fanout": row.wire_inputs,
        "tools": row.tools,
    }


def _text(rows: list[Row], store: Path | None) -> str:
    lines = table(
        ("part", "area (GE)", "cells", "registers", "period (ns)", "wires", "parameters"),
        (
            (
                row.part.name,
                f"{row.area_ge:,.0f}",
                f"{row.cells:,}",
                f"{row.registers:,}",
                f"{row.period_s * 1e9:.3f}",
                f"{row.wire_inputs:g}" if row.wire_inputs else "none",
                " ".join(f"{name}={value}" for name, value in row.part.values),
            )
            for row in rows
        ),
    )
    kept = f"stored in {store}" if store else "not stored; --table FILE keeps the rows"
    wires = "wires: capacitance per fan-out in inputs of the smallest inverter"
    return f"{lines}\n\n{wires}\n{len(rows) // len(WIRES)} parts, {kept}"
