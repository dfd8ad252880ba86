"""The load stream: sections of memory words, each behind a header beat.

A header names the memory, the unit within it and the number of beats that follow; each beat then
carries one word for every member of the unit, lowest first:

======== ================================ ==================================
memory   unit                             a beat holds
======== ================================ ==================================
taps     0                                one tap offset
filters  drain unit                       one bias and requantization word
index    group of lanes                   one index word for each lane
weights  group of lanes                   one weight for each lane
features channel bank                     one vector
======== ================================ ==================================
"""

from enum import IntEnum

from amaranth.hdl import Module, Signal, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import Design

__all__ = ["Loader", "MemoryKind", "header_layout"]


class MemoryKind(IntEnum):
    """Memory that a section of the load stream fills."""

    TAPS = 0
    FILTERS = 1
    INDEX = 2
    WEIGHTS = 3
    FEATURES = 4


def header_layout() -> data.StructLayout:
    """Return the layout of a header, in the low bits of a beat."""
    return data.StructLayout({"memory": MemoryKind, "unit": unsigned(13), "beats": unsigned(32)})


class Loader(wiring.Component):
    """Turns the load stream into memory writes; always ready.

    Members
    -------
    load : stream of bus_bits, in
    memory, unit, address, data, write : out
        One registered write to all members of a unit.
    """

    def __init__(self, design: Design) -> None:
        super().__init__(
            {
                "load": In(stream.Signature(design.bus_bits)),
                "memory": Out(MemoryKind),
                "unit": Out(13),
                "address": Out(24),
                "data": Out(design.bus_bits),
                "write": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        header = data.View(header_layout(), self.load.payload[: header_layout().size])
        section = Signal(header_layout())
        address = Signal(24)
        m.d.comb += self.load.ready.eq(1)
        m.d.sync += [
            self.memory.eq(section.memory),
            self.unit.eq(section.unit),
            self.address.eq(address),
            self.data.eq(self.load.payload),
            self.write.eq(self.load.valid & (section.beats != 0)),
        ]
        with m.If(self.load.valid):
            with m.If(section.beats == 0):
                m.d.sync += [section.eq(header), address.eq(0)]
            with m.Else():
                m.d.sync += [section.beats.eq(section.beats - 1), address.eq(address + 1)]
        return m
