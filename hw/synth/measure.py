"""Measuring parts: gateware to Verilog to cells to area and time, row by row into a table."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from importlib.metadata import version
from itertools import product
from pathlib import Path
from typing import Any

from ..design import Design
from ..tech.card import load_card
from ..tech.cell import Library
from ..tech.logical_effort import builtin_library
from ..tech.netlist import Netlist
from ..tech.sta import analyse
from .lane_table import LaneTable
from .parts import PARTS, Part, parts_of
from .row import Row
from .yosys import map_to_cells, recipe, versions

__all__ = [
    "WIRES",
    "design_parts",
    "grid",
    "measure",
    "measure_part",
    "recipe_id",
    "refresh",
    "shipped_parts",
]


WIRES = (0.0, 1.6)
"""Wires that every part is timed with, in inverter inputs per fan-out: none, and those of the
technology cards, which say where the number is from."""

OTHER_WIDTHS = ((16, 32), (4, 24), (2, 24))
"""Bits of weights and of accumulators that arrays with windows are measured for, besides the
default ones."""


def recipe_id(library: Library) -> str:
    """Return 8 hexadecimal digits of the synthesis script for a library."""
    return hashlib.sha256(recipe("part", library).encode()).hexdigest()[:8]


def measure_part(part: Part, library: Library, wires: Sequence[float] = WIRES) -> tuple[Row, ...]:
    """Synthesize a part and time it, without wires and with some.

    Parameters
    ----------
    part : Part
    library : Library
    wires : sequence of float
        Capacitances per fan-out, in inputs of the library's smallest inverter; a row for each.

    Raises
    ------
    ToolError
        If Yosys is not installed or fails.
    """
    text = map_to_cells(part.verilog(), part.name, library)
    netlist = Netlist.from_yosys_json(text, part.name)
    return tuple(_row(part, netlist, library, wire_inputs) for wire_inputs in wires)


def _row(part: Part, netlist: Netlist, library: Library, wire_inputs: float) -> Row:
    kind, counts = PARTS[part.name], netlist.counts()
    wire_f = wire_inputs * library.inverter_input_f
    timing = analyse(netlist, library, memory_writes=kind.memory_writes, wire_f=wire_f)
    tools = {**versions(), "amaranth": version("amaranth")}
    return Row(
        part=part,
        area_ge=netlist.area(library) / library.gate_area,
        cells=counts.total(),
        registers=sum(counts[name] for name in counts if library.cell(name).register),
        period_s=timing.period_s,
        from_memory_s={
            memory: analyse(netlist, library, (port,), wire_f=wire_f).from_memory_s
            for memory, port in kind.memory_reads.items()
        },
        to_memory_s=timing.to_memory_s,
        library=library.name,
        fo4_s=library.fo4_s,
        recipe=recipe_id(library),
        tools=" ".join(f"{name}={number}" for name, number in sorted(tools.items())),
        gateware=part.fingerprint(),
        wire_inputs=wire_inputs,
    )


def measure(
    parts: Iterable[Part],
    table: LaneTable,
    library: Library,
    progress: Callable[[int, int, Part], None] = lambda done, total, part: None,
) -> LaneTable:
    """Measure the parts that a table does not have, and return the table with them.

    Each row is stored as soon as it is measured, if the table has a file, so that a run that is
    interrupted goes on where it stopped. Rows of gateware that has changed are measured again.

    Parameters
    ----------
    parts : iterable of Part
        What to measure; ``grid(design)`` or the parts of ``parts_of(design)``.
    table : LaneTable
        Where rows are looked up and stored.
    library : Library
        The cells.
    progress : callable
        Told parts done, parts in all, and the part that comes next.

    Raises
    ------
    ToolError
        If Yosys is not installed or fails.
    InputError
        If the table's file cannot be written.
    """
    wanted = list(dict.fromkeys(parts))
    script = recipe_id(library)
    for done, part in enumerate(wanted):
        progress(done, len(wanted), part)
        known = [table.rows.get((part, library.name, script, wire)) for wire in WIRES]
        gateware = part.fingerprint()
        if any(row is None or row.gateware != gateware for row in known):
            table = table.with_rows(measure_part(part, library))
    return table


def refresh(
    path: Path, progress: Callable[[int, int, Part], None] = lambda done, total, part: None
) -> LaneTable:
    """Bring what the shipped table has of our own library up to date: ``shipped_parts``.

    Rows of other libraries stay; ``bosquet synth --grid --liberty`` measures those. It takes hours
    on one core if the lanes have changed.

    Parameters
    ----------
    path : Path
        ``hw/synth/lane_table.csv`` of the source tree.
    progress : callable
        As of ``measure``.

    Raises
    ------
    ToolError, InputError
        As ``measure``.
    """
    library = builtin_library(load_card().fo4_s)
    parts = shipped_parts()
    script = recipe_id(library)
    keys = {(part, library.name, script, wire) for part, wire in product(parts, WIRES)}
    known = LaneTable.read(path)
    kept = (row for key, row in known.rows.items() if key in keys or row.library != library.name)
    wanted = LaneTable.of(kept, path)
    if len(wanted.rows) < len(known.rows):
        wanted.store()
    return measure(parts, wanted, library, progress)


def shipped_parts() -> tuple[Part, ...]:
    """Return the parts of the shipped table: every one for the default widths, some for others.

    For the other widths these are what depends on them in dense arrays and in sparse ones with
    windows; arrays with ports and EIE have 8-bit weights only.
    """
    own = Design("sparse", 16, 16)
    others = (
        part
        for weight_bits, acc_bits in OTHER_WIDTHS
        for part in grid(replace(own, weight_bits=weight_bits, acc_bits=acc_bits))
    )
    some = (part for part in others if not part.name.startswith(("port_", "eie_")))
    return tuple(dict.fromkeys((*grid(own), *some)))


def grid(design: Design) -> tuple[Part, ...]:
    """Return the parts that interpolation needs for all designs with the widths of this one.

    Widths are weight_bits, act_bits, acc_bits, index_bits, scan_bits and fifo_depth. The fits are
    affine in lanes and vector, so the corners of the space matter; the large parts are few.
    """
    parts: dict[Part, None] = {}

    def add(family: str, name: str, **fields: Any) -> None:
        if family == "dense":
            wide = Design.dense(16, 1)
            base = replace(
                wide, weight_bits=design.weight_bits, act_bits=design.act_bits,
                acc_bits=design.acc_bits, scan_bits=design.scan_bits,
            )  # fmt: skip
        else:
            base = replace(
                design, family="sparse", delivery="window", lanes=16, vector=1,
                feed_order="natural", window=16, run_ahead=2, feed=8,
                drain=1, drain_cycles=1, acc_sets=2, simd_group=1, buffers=None,
                index_bits=design.index_bits or (4, 6, 8),
                fifo_depth=design.fifo_depth if design.family == "sparse" else 3,
            )  # fmt: skip
        if family == "eie":
            base = replace(
                Design.eie(16), weight_bits=design.weight_bits, act_bits=design.act_bits,
                acc_bits=design.acc_bits,
            )  # fmt: skip
        if family == "port":
            base = replace(base, delivery="port", window=1, run_ahead=1, feed=1, simd_group=1)
        parts[Part.of(name, replace(base, **fields))] = None

    vectors = (1, 4, 8, 16, 32, 64, 128)
    for acc_sets, vector in product((1, 2), vectors):
        add("dense", "dense_lane", vector=vector, acc_sets=acc_sets)
    for run_ahead, acc_sets, vector in product((1, 2, 4), (1, 2), (1, 4, 16)):
        add("sparse", "sparse_lane", vector=vector, acc_sets=acc_sets, run_ahead=run_ahead)
    for vector in (8, 32, 64):
        add("sparse", "sparse_lane", vector=vector)
    for vector in (64, 128):  # wide lanes have small windows: much hangs on their ring
        add("sparse", "sparse_lane", vector=vector, acc_sets=1, window=4, run_ahead=4, feed=4)
    for group, vector in ((2, 4), (4, 1), (4, 16), (4, 32), (16, 4)):
        add("sparse", "sparse_lane", vector=vector, simd_group=group)
    add("sparse", "sparse_lane", vector=32, acc_sets=1, run_ahead=1)
    for feed in (1, 2, 4, 16):
        add("sparse", "sparse_lane", vector=4, feed=feed)
    for vector in (4, 16):
        add("sparse", "sparse_lane", vector=vector, window=8, run_ahead=1)
    for acc_sets, vector in product((1, 2), (1, 4, 16, 32, 64)):
        add("port", "port_lane", vector=vector, acc_sets=acc_sets)
    for group, vector in ((2, 4), (4, 16), (16, 4)):
        add("port", "port_lane", vector=vector, simd_group=group)
    for run_ahead, vector in product((1, 2, 4), (1, 4, 8)):
        add("sparse", "window", vector=vector, run_ahead=run_ahead)
    for vector, run_ahead in ((16, 2), (32, 1), (32, 2), (64, 1), (128, 1)):
        add("sparse", "window", vector=vector, run_ahead=run_ahead)
    for feed in (1, 2, 4, 16):
        add("sparse", "window", vector=8, feed=feed)
    add("sparse", "window", vector=8, window=8, run_ahead=1)
    for vector in vectors:
        add("dense", "dense_feeder", vector=vector)
        for feed in (1, 2, 4, 8) if vector < 64 else (1, 2, 4):
            add("sparse", "sparse_feeder", vector=vector, feed=feed)
    add("sparse", "sparse_feeder", vector=4, feed=16)
    add("dense", "tree")
    # Rows that read V weights: a part is in a fit of its own, so V is 2 at least.
    for acc_sets, vector in ((1, 2), (2, 2), (2, 8), (1, 16), (2, 16), (2, 32), (2, 64)):
        add("dense", "fc_lane", vector=vector, acc_sets=acc_sets)
    for vector in (2, 4, 8, 16, 32, 64):
        add("dense", "fc_feeder", vector=vector)
    for fields in _output_points(design.acc_bits):
        add("dense", "output_stage", **fields)
        if fields["vector"] > 1:
            add("dense", "fc_output_stage", **fields)
    sizes = ((1, 1), (4, 4), (16, 4), (64, 4), (256, 4), (16, 16), (64, 32), (16, 64), (16, 128))
    for (lanes, vector), sets in product(sizes, (1, 2)):
        add("sparse", "sparse_control", lanes=lanes, vector=vector, buffer_sets=sets)
        add("dense", "dense_control", lanes=lanes, vector=vector, buffer_sets=sets)
        add("port", "port_control", lanes=lanes, vector=vector, buffer_sets=sets)
        if vector > 1:
            add("dense", "fc_control", lanes=lanes, vector=vector, buffer_sets=sets)
    for lanes, acc_rows, fifo_depth in (
        (16, 1, 8), (16, 8, 8), (16, 16, 8), (16, 64, 8), (16, 16, 2), (17, 16, 4), (17, 4, 8),
    ):  # fmt: skip
        add("eie", "eie_pe", lanes=lanes, acc_rows=acc_rows, fifo_depth=fifo_depth)
    for feed, acc_rows in ((1, 16), (4, 16), (8, 16), (16, 16), (8, 1)):
        add("eie", "eie_feeder", feed=feed, acc_rows=acc_rows)
    for lanes, sets in product((1, 4, 16, 64, 256), (1, 2)):
        add("eie", "eie_control", lanes=lanes, buffer_sets=sets)
    files = tuple(Part("register_file", (("depth", depth),)) for depth in (1, 2, 4, 8))
    return (*parts, *files)


def _output_points(acc_bits: int) -> Iterator[dict[str, int]]:
    """Yield the measured output stages: each of its costs large in some, all small in none."""
    few = 16 if acc_bits < 32 else 8  # of many columns: no wider part can be written
    for lanes, drain, drain_cycles in product((4, 16, 64), (1, 2, 4), (1, 2, 4)):
        if drain // drain_cycles <= 1:
            yield {"lanes": lanes, "vector": 4, "drain": drain, "drain_cycles": drain_cycles}
    for lanes, vector, drain, drain_cycles in (
        (1, 1, 1, 1),
        (16, 1, 1, 1),
        (16, 1, 8, 1),
        (256, 1, 1, 1),
        (256, 1, 4, 1),
        (16, 8, 2, 2),
        (64, 8, 1, 8),
        (16, 16, 1, 4),
        (16, 32, 4, 32),
        (16, 32, 1, 32),
        (16, 64, 1, 16),
        (16, 64, 2, 64),
        (few, 128, 1, 32),
        (few, 128, 2, 64),
        (16, 16, 1, 1),
    ):
        yield {"lanes": lanes, "vector": vector, "drain": drain, "drain_cycles": drain_cycles}


def design_parts(design: Design) -> tuple[Part, ...]:
    """Return the parts that a design has, each once."""
    return tuple(part for part, _ in parts_of(design))
