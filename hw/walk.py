"""The order in which a feeder visits the activations of a layer: where each feed step begins.

Both walks count passes and keep the base address of the pass: the group's first channel at this
position vector. ``TapWalk`` (dense) goes through the kernel taps of one channel block after the
other, with one stored offset per tap. ``TableWalk`` (sparse) reads the offset of each step from a
table, so that the steps of a filter tile can come in an order that lets its lanes keep step.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .passes import PassCounter, follows
from .registers import layer_layout

__all__ = ["TableWalk", "TapWalk", "Walk", "add_address", "step_layout"]


def step_layout() -> data.StructLayout:
    """Return what a step is: the first or last of its pass."""
    return data.StructLayout({"valid": 1, "first": 1, "last": 1})


def add_address(
    m: Module, vector: int, base: data.View, word: Any, rest: Any, name: str
) -> data.View:
    """Add an offset of whole vectors and positions to an address."""
    total = Signal(base.shape(), name=f"{name}_sum")
    rests = Signal(range(2 * vector), name=f"{name}_rests")
    carry = Signal(name=f"{name}_carry")
    m.d.comb += [
        rests.eq(base.rest + rest),
        carry.eq(rests >= vector),
        total.word.eq(base.word + word + carry),
        total.rest.eq(Mux(carry, rests - vector, rests)),
    ]
    return total


class Walk(wiring.Component):
    """What both walks have.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    advance : Signal, in
        The step at hand is issued in this cycle.
    step : step_layout, out
        The step at hand.
    offset_address : Signal, out
        Where its offset lies in the offset memory.
    base : address, out
        What is added to the offset.
    """

    def __init__(self, design: Design, address: data.StructLayout, offset_words: int) -> None:
        self._vector = design.vector
        self._design = design
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "advance": In(1),
                "step": Out(step_layout()),
                "offset_address": Out(range(max(2, offset_words))),
                "base": Out(address),
            }
        )

    def _passes(self, m: Module) -> tuple[PassCounter, Signal, data.View]:
        """Count passes; return the counter, whether a pass ends, and the base of the next one."""
        registers = self.registers
        m.submodules.passes = passes = PassCounter(self._design)
        address = self.base.shape()
        pass_ends = Signal()
        active = Signal()
        group_base, pass_base = Signal(address), Signal(address)
        following = Signal(address)
        next_group = add_address(
            m, self._vector, group_base, registers.group_word, registers.group_rest, "group"
        )
        m.d.comb += [
            self.step.valid.eq(active),
            pass_ends.eq(self.advance & self.step.last),
            passes.registers.eq(registers),
            passes.start.eq(self.start),
            passes.advance.eq(pass_ends),
        ]
        if self._design.weights_per_row == 1:
            m.d.comb += [following.word.eq(pass_base.word + 1), following.rest.eq(pass_base.rest)]
        else:
            next_pass = add_address(
                m, self._vector, pass_base, registers.pass_word, registers.pass_rest, "pass"
            )
            m.d.comb += following.eq(next_pass)
        with m.If(passes.last_position):
            m.d.comb += following.eq(Mux(passes.last_tile, next_group, group_base))
        with m.If(pass_ends):
            m.d.sync += [pass_base.eq(following), active.eq(~passes.last)]
            with m.If(passes.last_position & passes.last_tile):
                m.d.sync += group_base.eq(next_group)
        with m.If(self.start):
            m.d.sync += [active.eq(1), group_base.eq(0), pass_base.eq(0)]
        return passes, pass_ends, following


class TapWalk(Walk):
    """Channel block after channel block, all taps of each."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = self.registers
        _, pass_ends, following = self._passes(m)
        tap, block = Signal(16), Signal(16)
        last_tap, last_block = Signal(), Signal()
        next_block = add_address(
            m, self._vector, self.base, registers.block_word, registers.block_rest, "block"
        )
        m.d.comb += [
            last_tap.eq(follows(tap, registers.taps)),
            last_block.eq(follows(block, registers.blocks)),
            self.step.first.eq((tap == 0) & (block == 0)),
            self.step.last.eq(last_tap & last_block),
            self.offset_address.eq(tap),
        ]
        with m.If(self.advance):
            m.d.sync += tap.eq(tap + 1)
            with m.If(last_tap):
                m.d.sync += [tap.eq(0), block.eq(block + 1), self.base.eq(next_block)]
        with m.If(pass_ends):
            m.d.sync += [block.eq(0), self.base.eq(following)]
        with m.If(self.start):
            m.d.sync += [tap.eq(0), block.eq(0), self.base.eq(0)]
        return m


class TableWalk(Walk):
    """Step after step of a table, of one for all tiles or of each tile's own."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        registers = self.registers
        passes, pass_ends, following = self._passes(m)
        here, table = Signal.like(self.offset_address), Signal.like(self.offset_address)
        number = Signal(16)  # of the step in its pass
        m.d.comb += [
            self.step.first.eq(number == 0),
            self.step.last.eq(follows(number, registers.steps)),
            self.offset_address.eq(here),
        ]
        with m.If(self.advance):
            m.d.sync += [here.eq(here + 1), number.eq(number + 1)]
        with m.If(pass_ends):
            m.d.sync += [here.eq(table), number.eq(0), self.base.eq(following)]
            with m.If(passes.last_position & registers.own_orders):
                m.d.sync += [here.eq(here + 1), table.eq(here + 1)]
        with m.If(self.start):
            m.d.sync += [here.eq(0), table.eq(0), number.eq(0), self.base.eq(0)]
        return m
