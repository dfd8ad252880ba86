"""Whole arrays synthesized, beside the sum of their parts from the lane table.

    python benchmarks/whole_array.py [--only NAME] [--flat] [--json]

The lane table holds parts: the area of a design is their sum, its period that of the slowest. Here
a whole accelerator goes through the same script, 16x16 and 64x16 of both families. What multiplies
and what counts, MAC rows, requantizers and the performance counters, stays modules; all the rest,
that is all that decides, is one flat netlist, so that paths from part to part are in it. abc does
not see the whole load of a net that goes from module to module: where it drives more than 16
inverter inputs, it gets a tree of buffers, as place and route would give it one. Memories are left
out, as black boxes. The reset is not timed: a host holds it for as long as it takes.

With ``--flat`` nothing stays a module. That tells less: abc sizes a netlist of 400,000 gates worse
than a lane of 20,000.

An array of 16x16 takes five minutes, one of 64x16 much longer.
"""

import argparse
import json
import re
import sys
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from bosquet.errors import BosquetError
from bosquet.hw.design import Design
from bosquet.hw.synth.components import ADDRESS_WORDS
from bosquet.hw.synth.yosys import recipe, run_recipe
from bosquet.hw.tech.cell import Cell, Library
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.hw.tech.netlist import Instance, Net, Netlist
from bosquet.hw.tech.sta import analyse
from bosquet.hw.top import Accelerator
from bosquet.hw.verilog import component_verilog
from bosquet.sim.cost import Cost
from bosquet.sim.technology import Technology

TOP = "design"
MEMORIES = ("weights", "index", "features", "offsets", "filters")
"""Buffers of ``hw.top`` by the beginning of their names."""
MODULES = re.compile(
    rf"^module \\({TOP}\.(?:lane\.(?:rows\.)?macs|output\.scale|shell\.counters)[^. ]*) ",
    re.MULTILINE,
)
"""What stays a module. The counters do since abc leaves their carries a chain of 24 gates in a
netlist of 400,000, and sizes all the rest to that (16 lanes: it does not)."""
RESET = "rst"
MOST_INPUTS = 16
"""Inputs of the smallest inverter that a net between modules may drive before it gets buffers: four
times the input of the buffers, whose drive is 4."""

DESIGNS: Mapping[str, Design] = {
    "dense-16x16": Design.dense(16, 16),
    "sparse-16x16": Design("sparse", 16, 16, window=4, run_ahead=4, feed=4),
    "dense-64x16": Design.dense(64, 16),
    "sparse-64x16": Design("sparse", 64, 16, window=4, run_ahead=4, feed=4),
}


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
    """

    name: str
    area_ge: float
    period_s: float
    parts_area_ge: float
    parts_period_s: float

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


def whole(name: str, design: Design, flat: bool, technology: Technology) -> Whole:
    """Synthesize a design, and sum up its parts.

    Raises
    ------
    BosquetError
        If a tool fails, or the lane table does not tell about a part.
    """
    library = builtin_library(technology.card.fo4_s)
    verilog = component_verilog(Accelerator(design, ADDRESS_WORDS), TOP)
    modules = [] if flat else MODULES.findall(verilog)
    text = run_recipe(_script(library, modules), verilog, library, "netlist.json")
    netlist = Netlist.from_yosys_json(_without_memories(text), TOP)
    if modules:
        netlist = with_buffers(netlist, library)
    parts = Cost(technology)
    return Whole(
        name=name,
        area_ge=netlist.area(library) / library.gate_area,
        period_s=analyse(_without_reset(netlist), library).period_s,
        parts_area_ge=parts.logic_um2(design) / technology.card.um2_per_ge,
        parts_period_s=parts.logic_s(design),
    )


def _script(library: Library, modules: list[str]) -> str:
    """Return the recipe with memories as black boxes, and some modules mapped by themselves."""
    read, rest = recipe(TOP, library).split("synth ", 1)
    boxes = "".join(f"blackbox {TOP}.{name}_* {TOP}.{name}\n" for name in MEMORIES)
    kept = "".join(f"setattr -mod -set keep_hierarchy 1 {name}\n" for name in modules)
    flattened = "setattr -mod -unset keep_hierarchy *\nflatten\nopt_clean -purge"
    return f"{read}hierarchy -top {TOP}\n{boxes}{kept}synth {rest}".replace(
        "opt_clean -purge", flattened
    )


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


def _without_reset(netlist: Netlist) -> Netlist:
    ports = {name: port for name, port in netlist.ports.items() if name != RESET}
    return replace(netlist, ports=ports)


def with_buffers(netlist: Netlist, library: Library) -> Netlist:
    """Return a netlist in which a net between modules drives at most ``MOST_INPUTS``.

    Clocks stay as they are.
    """
    buffer = library.computing("A", ("A",))[-1]
    (pin,), (out,) = buffer.inputs, buffer.outputs
    most_f = MOST_INPUTS * library.inverter_input_f
    cells = [library.cell(one.cell) for one in netlist.instances]
    nets = [dict(one.nets) for one in netlist.instances]
    owners = [_owner(one) for one in netlist.instances]
    between = _between(owners, nets)
    for net, inputs in _driven(cells, nets).items():
        while net in between and sum(load_f for *_, load_f in inputs) > most_f:
            groups = _grouped(inputs, most_f)
            if len(groups) == len(inputs):
                break  # no buffer has a smaller input than those it would drive
            inputs = []
            for group in groups:
                copy = f"buffered_{len(nets)}"
                for index, name, _ in group:
                    nets[index][name] = copy
                inputs.append((len(nets), pin, _input_f(buffer, pin)))
                cells.append(buffer)
                nets.append({pin: net, out: copy})
    names = [one.name for one in netlist.instances]
    names += [f"buffer_{index}" for index in range(len(names), len(nets))]
    made = (
        Instance(name, cell.name, on) for name, cell, on in zip(names, cells, nets, strict=True)
    )
    return replace(netlist, instances=tuple(made))


def _owner(instance: Instance) -> str:
    """Return the module that a cell of a flattened netlist was in, by the name Yosys gave it."""
    path, mark, _ = instance.name.partition(".$")
    return path if mark else ""


def _between(owners: list[str], nets: list[dict[str, Net]]) -> set[Net]:
    """Return the nets with cells of several modules."""
    found: dict[Net, str] = {}
    between: set[Net] = set()
    for owner, on in zip(owners, nets, strict=True):
        for net in on.values():
            if found.setdefault(net, owner) != owner:
                between.add(net)
    return between


Input = tuple[int, str, float]
"""Index of an instance, its pin, and the capacitance of that in F."""


def _driven(cells: list[Cell], nets: list[dict[str, Net]]) -> dict[Net, list[Input]]:
    """Return the inputs on each net that a cell drives and that is no clock."""
    inputs: dict[Net, list[Input]] = defaultdict(list)
    driven: set[Net] = set()
    clocks: set[Net] = set()
    for index, (cell, on) in enumerate(zip(cells, nets, strict=True)):
        edges = {arc.source for arc in cell.arcs if arc.clock_edge}
        for name, net in on.items():
            if name in cell.outputs:
                (clocks if cell.clock_gate else driven).add(net)
            elif name in edges:
                clocks.add(net)
            else:
                inputs[net].append((index, name, _input_f(cell, name)))
    signals = driven - clocks
    return {net: found for net, found in inputs.items() if net in signals}


def _grouped(inputs: list[Input], most_f: float) -> list[list[Input]]:
    """Return neighbours together, as many as may hang on one cell."""
    groups: list[list[Input]] = [[]]
    load_f = 0.0
    for one in inputs:
        if groups[-1] and load_f + one[-1] > most_f:
            groups.append([])
            load_f = 0.0
        groups[-1].append(one)
        load_f += one[-1]
    return groups


def _input_f(cell: Cell, name: str) -> float:
    return max(cell.pins[name].capacitance_f.values())


def line(found: Whole) -> str:
    """Return one line of the table."""
    return (
        f"{found.name:13} {found.area_ge:11,.0f} {found.parts_area_ge:11,.0f}"
        f" {found.area_off:+7.1%} {found.period_s * 1e12:7.0f} {found.parts_period_s * 1e12:7.0f}"
        f" {found.period_off:+7.1%}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=sorted(DESIGNS), help="one array only")
    parser.add_argument("--flat", action="store_true", help="nothing stays a module")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    technology, found = Technology.load(), []
    lines = ["array            whole GE    parts GE     off  ps whole   parts     off"]
    for name, design in DESIGNS.items():
        if given.only not in (None, name):
            continue
        print(f"{name}: minutes", file=sys.stderr)
        try:
            found.append(whole(name, design, given.flat, technology))
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
