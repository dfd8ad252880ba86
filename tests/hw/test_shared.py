"""Equal components: one module of the Verilog, and the same behaviour as without."""

import re
from functools import partial
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bosquet.errors import DesignError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.shared import add_equal
from bosquet.hw.top import Accelerator
from bosquet.hw.verilog import component_verilog

PAIRS = 3


class Sum(wiring.Component):
    """Adds up what comes."""

    def __init__(self, bits: int) -> None:
        super().__init__(
            {"word": In(data.StructLayout({"low": bits, "high": 1})), "sum": Out(bits)}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.sum.eq(self.sum + self.word.low + self.word.high)
        return m


class Pair(wiring.Component):
    """Two sums, one of which counts what the other has."""

    def __init__(self) -> None:
        super().__init__({"low": In(4), "sum": Out(4)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        first = add_equal(m, "first", "sum", partial(Sum, 4), platform)
        second = add_equal(m, "second", "sum", partial(Sum, 4), platform)
        m.d.comb += [
            first.word.low.eq(self.low),
            second.word.low.eq(first.sum),
            self.sum.eq(second.sum),
        ]
        return m


class Pairs(wiring.Component):
    """Several pairs."""

    def __init__(self) -> None:
        super().__init__({"low": In(4).array(PAIRS), "sum": Out(4).array(PAIRS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for i in range(PAIRS):
            pair = add_equal(m, f"pair_{i}", "pair", Pair, platform)
            m.d.comb += [pair.low.eq(self.low[i]), self.sum[i].eq(pair.sum)]
        return m


def test_each_kind_is_one_module() -> None:
    text = component_verilog(Pairs(), "top")
    modules = re.findall(r"^module (\S+?) ?\(", text, re.MULTILINE)
    assert sorted(modules) == ["\\top.pair", "\\top.sum", "top"]
    assert len(re.findall(r"^  \\top\.pair  (\w+)", text, re.MULTILINE)) == PAIRS
    assert len(re.findall(r"^  \\top\.sum  (\w+)", text, re.MULTILINE)) == 2


def test_the_text_is_the_same_each_time() -> None:
    assert component_verilog(Pairs(), "top") == component_verilog(Pairs(), "top")


def test_without_a_conversion_it_is_the_component() -> None:
    dut = Pairs()
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    found: list[int] = []

    async def bench(ctx: Any) -> None:
        for i in range(PAIRS):
            ctx.set(dut.low[i], i + 1)
        for _ in range(3):
            await ctx.tick()
        found.extend(ctx.get(dut.sum[i]) for i in range(PAIRS))

    simulator.add_testbench(bench)
    simulator.run()
    assert found == [3 * (i + 1) for i in range(PAIRS)]  # 0 + 1 + 2 times what comes


def test_an_accelerator_that_is_too_wide_is_refused() -> None:
    wide = Accelerator(Design("sparse", 64, 64), Buffers(8, 8, 8, 8, 8))
    with pytest.raises(DesignError, match="64 x 64 x 24 = 98,304 bits of sums cannot be"):
        component_verilog(wide, "top")
