"""Gateware of an accelerator's parts that no component of ``hw`` is by itself.

Lanes, cluster windows and output stages are components already. These here cut the rest of
``hw.top`` and of the arrays along the same seams, with what crosses a seam as ports, and add the
two small things that are counted by the bit. ``hw.synth.parts`` lists all of them.
"""

from typing import Any

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.memory import Memory as Ram
from amaranth.lib.wiring import In, Out

from ..dense_array import DenseArray
from ..design import Buffers, Design
from ..feeder import Feeder
from ..ports import array_members, forward
from ..sparse_array import SparseArray
from ..walk import step_layout
from ..window import feed_layout

__all__ = [
    "ADDRESS_WORDS",
    "FILE_BITS",
    "TREE_BITS",
    "DenseFeeder",
    "RegisterFile",
    "SparseFeeder",
    "TreeRegisters",
]

ADDRESS_WORDS = Buffers(
    weight_words=4096, index_words=4096, feature_words=65535, filter_words=1024, offset_words=128
)
"""Memory depths that the parts' address counters are made for. One more address bit is about 30
gates in a lane, well under 1 % of it, so that one choice serves every design."""

TREE_BITS = 64
"""Bits of ``TreeRegisters``; any number is as good."""

FILE_BITS = 64
"""Bits per word of ``RegisterFile``; wider and narrower ones are in proportion."""


class SparseFeeder(SparseArray):
    """Feeder and pacing of the sparse array, with the feed of one cluster as a port."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._buffers = ADDRESS_WORDS
        wiring.Component.__init__(
            self,
            array_members(design, ADDRESS_WORDS)
            | {
                "feed": Out(feed_layout(design)),
                "give_back": In(1),
                "fed_any": Out(1),
                "feeder_waits": Out(1),
            },
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.feeder = feeder = Feeder(
            self._design, self._buffers.feature_words, self._buffers.offset_words
        )
        forward(m, self, feeder)
        cluster: Any = self  # has the two members of a cluster that pacing uses
        self._pace(m, feeder, [cluster])
        return m


class DenseFeeder(DenseArray):
    """All of the dense array but the lanes, with what they are given as ports."""

    def __init__(self, design: Design) -> None:
        self._design = design
        self._buffers = ADDRESS_WORDS
        wiring.Component.__init__(
            self,
            array_members(design, ADDRESS_WORDS)
            | {
                "weight_address": Out(range(ADDRESS_WORDS.weight_words)),
                "weight_enable": Out(1),
                "finished": In(1),
                "operand": Out(1),
                "filled": Out(1),
                "last_tile": Out(1),
                "vector": Out(data.ArrayLayout(signed(design.act_bits), design.vector)),
                "operand_step": Out(step_layout()),
                "weight_arrives": Out(1),
                "weight_place": Out(range(design.weights_per_row)),
            },
        )

    def _lanes(
        self,
        m: Module,
        vector: Any,
        step: data.View,
        arriving: Signal,
        place: Signal,
        platform: object,
    ) -> None:
        m.d.comb += [
            self.vector.eq(vector),
            self.operand_step.eq(step),
            self.weight_arrives.eq(arriving),
            self.weight_place.eq(place),
        ]


class TreeRegisters(wiring.Component):
    """Registers of a broadcast stage."""

    def __init__(self) -> None:
        super().__init__({"source": In(TREE_BITS), "copy": Out(TREE_BITS)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.d.sync += self.copy.eq(self.source)
        return m


class RegisterFile(wiring.Component):
    """A memory with one write and one read port."""

    def __init__(self, depth: int) -> None:
        self._depth = depth
        address = range(max(2, depth))
        super().__init__(
            {
                "write_address": In(address),
                "write_data": In(FILE_BITS),
                "write": In(1),
                "address": In(address),
                "enable": In(1),
                "data": Out(FILE_BITS),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        if self._depth == 1:
            word = Signal(FILE_BITS)
            with m.If(self.write):
                m.d.sync += word.eq(self.write_data)
            with m.If(self.enable):
                m.d.sync += self.data.eq(word)
            return m
        m.submodules.ram = ram = Ram(shape=FILE_BITS, depth=self._depth, init=[])
        write, read = ram.write_port(), ram.read_port()
        m.d.comb += [
            write.addr.eq(self.write_address),
            write.data.eq(self.write_data),
            write.en.eq(self.write),
            read.addr.eq(self.address),
            read.en.eq(self.enable),
            self.data.eq(read.data),
        ]
        return m
