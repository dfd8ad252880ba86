"""Whole arrays synthesized, beside the sum of their parts from the lane table.

    python benchmarks/whole_array.py [--only NAME] [--json]

The lane table holds parts, and the area of a design is their sum. Here a whole accelerator goes
through the same script: 16x16 flattened into one module, and 64x16 with its lanes and windows kept
as modules, since nobody flattens two million gates. Memories are left out, as black boxes. The
period of the flat ones is our own analysis, that of the others OpenSTA's, which reads hierarchy.
Each takes minutes to a quarter of an hour.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bosquet.errors import BosquetError, ToolError
from bosquet.hw.design import Design
from bosquet.hw.synth.components import ADDRESS_WORDS
from bosquet.hw.synth.yosys import recipe, run_recipe
from bosquet.hw.tech.cell import Library
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.hw.tech.netlist import Netlist
from bosquet.hw.tech.sta import analyse
from bosquet.hw.top import Accelerator
from bosquet.hw.verilog import component_verilog
from bosquet.sim.cost import Cost
from bosquet.sim.technology import Technology

TOP = "design"
MEMORIES = ("weights", "index", "features", "offsets", "filters")
"""Buffers of ``hw.top`` by the beginning of their names."""
KEPT = ("lane", "window_of")
"""Modules that stay modules in the hierarchical arrays, by the beginning of their names."""

DESIGNS: Mapping[str, Design] = {
    "dense-16x16": Design.dense(16, 16),
    "sparse-16x16": Design("sparse", 16, 16, window=4, run_ahead=4, feed=4),
    "dense-64x16": Design.dense(64, 16),
    "sparse-64x16": Design("sparse", 64, 16, window=4, run_ahead=4, feed=4),
}
FLAT_LANES = 16


@dataclass(frozen=True)
class Whole:
    """A whole array beside its parts.

    Attributes
    ----------
    name : str
    area_ge, period_s : float
        Of the whole.
    parts_area_ge, parts_period_s : float
        By the lane table.
    timing : str
        What analysed the whole.
    """

    name: str
    area_ge: float
    period_s: float
    parts_area_ge: float
    parts_period_s: float
    timing: str

    @property
    def area_off(self) -> float:
        """Relative error of the table's area."""
        return self.parts_area_ge / self.area_ge - 1

    @property
    def period_off(self) -> float:
        """Relative error of the table's period."""
        return self.parts_period_s / self.period_s - 1

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {**vars(self), "area_off": self.area_off, "period_off": self.period_off}


def whole(name: str, design: Design, technology: Technology) -> Whole:
    """Synthesize a design, and sum up its parts.

    Raises
    ------
    BosquetError
        If a tool is missing or fails, or the lane table does not tell about a part.
    """
    library = builtin_library(technology.card.fo4_s)
    verilog = component_verilog(Accelerator(design, ADDRESS_WORDS), TOP)
    parts = Cost(technology)
    um2_per_ge = technology.card.um2_per_ge
    flat = design.lanes <= FLAT_LANES
    area_ge, period_s = (_flat if flat else _hierarchical)(verilog, library)
    return Whole(
        name=name,
        area_ge=area_ge,
        period_s=period_s,
        parts_area_ge=parts.logic_um2(design) / um2_per_ge,
        parts_period_s=parts.logic_s(design),
        timing="own" if flat else "OpenSTA",
    )


def _flat(verilog: str, library: Library) -> tuple[float, float]:
    script = _script(library, keep=False)
    text = run_recipe(script, verilog, library, "netlist.json")
    netlist = Netlist.from_yosys_json(_without_memories(text), TOP)
    return netlist.area(library) / library.gate_area, analyse(netlist, library).period_s


def _hierarchical(verilog: str, library: Library) -> tuple[float, float]:
    if shutil.which("sta") is None:
        raise ToolError("OpenSTA is not installed (Debian package opensta)")
    script = _script(library, keep=True)
    text = run_recipe(script, verilog, library, "netlist.json")
    modules = json.loads(text)["modules"]
    mapped = run_recipe(script + "write_verilog -noattr -noexpr mapped.v\n", verilog, library,
                        "mapped.v")  # fmt: skip
    area_ge = _area(modules, TOP, library, {}) / library.gate_area
    return area_ge, _opensta_period_s(mapped, library)


def _script(library: Library, keep: bool) -> str:
    """Return the recipe with memories as black boxes, and lanes and windows as modules if kept."""
    read, rest = recipe(TOP, library).split("synth ", 1)
    boxes = "".join(f"blackbox {TOP}.{name}_* {TOP}.{name}\n" for name in MEMORIES)
    kept = "".join(f"setattr -mod -set keep_hierarchy 1 {TOP}.{name}*\n" for name in KEPT)
    return f"{read}hierarchy -top {TOP}\n{boxes}{kept if keep else ''}synth {rest}"


def _without_memories(text: str) -> str:
    """Return a netlist whose black boxes are outside: what they read and give are ports."""
    document = json.loads(text)
    module = document["modules"][TOP]
    for name, cell in list(module["cells"].items()):
        if not cell["type"].startswith(f"{TOP}."):
            continue
        for pin, bits in cell["connections"].items():
            gives = cell["port_directions"][pin] == "output"
            if pin in ("clk", "rst"):
                continue
            module["ports"][f"{name}.{pin}"] = {
                "direction": "input" if gives else "output", "bits": bits,
            }  # fmt: skip
        del module["cells"][name]
    return json.dumps(document)


def _area(
    modules: Mapping[str, Any], name: str, library: Library, known: dict[str, float]
) -> float:
    """Return the area of a module with everything in it but black boxes."""
    if name not in known:
        total = 0.0
        for cell in modules[name]["cells"].values():
            kind = cell["type"]
            if kind in modules:
                boxed = int(modules[kind]["attributes"].get("blackbox", "0"), 2)
                total += 0.0 if boxed else _area(modules, kind, library, known)
            elif not kind.startswith("$"):
                total += library.cell(kind).area
        known[name] = total
    return known[name]


def _opensta_period_s(mapped: str, library: Library) -> float:
    with tempfile.TemporaryDirectory(prefix="bosquet-sta-") as name:
        folder = Path(name)
        # OpenSTA 2.0 does not know the word
        (folder / "mapped.v").write_text(re.sub(r"\bsigned ", "", mapped))
        (folder / "cells.lib").write_text(library.text)
        (folder / "run.tcl").write_text(
            f"""read_liberty cells.lib
read_verilog mapped.v
link_design {TOP}
create_clock -name clk -period 1000 [get_ports clk]
report_worst_slack -digits 6
exit
"""
        )
        done = subprocess.run(
            ["sta", "-no_splash", "-exit", "run.tcl"], cwd=folder, capture_output=True, text=True
        )
    slack = re.search(r"worst slack\s+(-?[\d.]+)", done.stdout)
    if slack is None:
        raise ToolError(f"OpenSTA tells no slack: {(done.stdout + done.stderr)[-300:]}")
    return (1000 - float(slack[1])) * 1e-9


def line(found: Whole) -> str:
    """Return one line of the table."""
    return (
        f"{found.name:13} {found.area_ge:11,.0f} {found.parts_area_ge:11,.0f}"
        f" {found.area_off:+7.1%} {found.period_s * 1e12:7.0f} {found.parts_period_s * 1e12:7.0f}"
        f" {found.period_off:+7.1%}  {found.timing}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=sorted(DESIGNS), help="one array only")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    technology, found = Technology.load(), []
    lines = ["array            whole GE    parts GE     off  ps whole   parts     off  timing"]
    for name, design in DESIGNS.items():
        if given.only not in (None, name):
            continue
        print(f"{name}: minutes", file=sys.stderr)
        try:
            found.append(whole(name, design, technology))
        except BosquetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        lines.append(line(found[-1]))
    answer = {
        "schema": "bosquet.whole-array/1",
        "known": "measured by synthesis, parts from the lane table",
        "tools": dict(technology.tools),
        "rows": [one.to_json() for one in found],
    }
    print(json.dumps(answer, indent=1, allow_nan=False) if given.json else "\n".join(lines))
    return 0


if __name__ == "__main__":
    sys.exit(main())
