"""A load stream: sections of memory words, each behind a header beat; ``tlast`` ends the load.

A header names the memory, the unit within it and the number of beats that follow; each beat then
carries one word for every member of the unit, lowest first:

======== ================================ ==================================
memory   unit                             a beat holds
======== ================================ ==================================
offsets  0                                one address offset
filters  drain unit                       one bias and requantization word
index    group of lanes                   one index word for each lane
weights  group of lanes                   one weight for each lane
features channel bank                     one vector
bases    group of lanes                   one row for each lane (port delivery)
======== ================================ ==================================

There are two such streams: one for features, one for all the rest. What a stream has loaded is
``full`` until a run swaps it in; until then it takes no further beat. A section that there is no
memory for, or that is longer than it, spoils its load.
"""

from collections.abc import Mapping
from enum import IntEnum
from typing import NamedTuple

from amaranth.hdl import Module, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import Design

__all__ = [
    "FEATURE_KINDS",
    "WEIGHT_KINDS",
    "Loader",
    "MemoryKind",
    "Room",
    "header_layout",
    "write_layout",
]


class MemoryKind(IntEnum):
    """Memory that a section of a load stream fills."""

    OFFSETS = 0
    FILTERS = 1
    INDEX = 2
    WEIGHTS = 3
    FEATURES = 4
    BASES = 5


FEATURE_KINDS = (MemoryKind.FEATURES,)
"""Memories that the feature stream fills; the weight stream fills the others."""

WEIGHT_KINDS = tuple(kind for kind in MemoryKind if kind not in FEATURE_KINDS)


class Room(NamedTuple):
    """What a load stream may fill of one kind of memory.

    Attributes
    ----------
    units : int
        Units there are.
    beats : int
        Beats that each of them holds.
    """

    units: int
    beats: int


def header_layout() -> data.StructLayout:
    """Return the layout of a header, in the low bits of a beat."""
    return data.StructLayout({"memory": MemoryKind, "unit": unsigned(13), "beats": unsigned(32)})


def write_layout(design: Design) -> data.StructLayout:
    """Return the layout of a write to all members of a unit of a memory."""
    return data.StructLayout(
        {"memory": MemoryKind, "unit": 13, "address": 24, "data": design.bus_bits, "enable": 1}
    )


class Loader(wiring.Component):
    """Turns a load stream into memory writes, a beat per cycle while ``open``.

    Parameters
    ----------
    design : Design
    rooms : mapping of MemoryKind to Room
        The memories that this stream fills.

    Members
    -------
    load : stream of bus_bits and last, in
    open : Signal, in
        Beats may be taken.
    written : write_layout, out
        One registered write to all members of a unit.
    clear : Signal, in
        Forget what has come of a load; the next beat is a header.
    ended : Signal, out
        The last beat of a load that counts is taken in this cycle.
    wrong_section, cut : Signal, out
        The header taken in the cycle before names a memory or a unit that the stream does not
        fill, or more beats than the unit holds; the load ended within a section. Such a load does
        not count, and of a wrong section nothing is written: it has to be sent again.
    """

    def __init__(self, design: Design, rooms: Mapping[MemoryKind, Room]) -> None:
        self._rooms = dict(rooms)
        beat = data.StructLayout({"data": design.bus_bits, "last": 1})
        super().__init__(
            {
                "load": In(stream.Signature(beat)),
                "open": In(1),
                "clear": In(1),
                "written": Out(write_layout(design)),
                "ended": Out(1),
                "wrong_section": Out(1),
                "cut": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        beat = self.load.payload
        header = data.View(header_layout(), beat.data[: header_layout().size])
        section = Signal(header_layout())
        address = Signal(24)
        # Beats left are counted in two halves, the borrow between them a cycle later. Whether the
        # next beat is a header, or a section's last, is known from registers.
        low, high = section.beats[:16], section.beats[16:]
        taken, is_header, is_final, borrow = Signal(), Signal(init=1), Signal(), Signal()
        # A header is judged in the cycle after, from registers; it has spoiled its load since.
        judged, spoiled = Signal(), Signal()
        m.d.comb += [
            self.load.ready.eq(self.open),
            taken.eq(self.load.valid & self.open),
            self.wrong_section.eq(judged & ~self._fits(m, section)),
            self.ended.eq(taken & beat.last & is_final & ~spoiled & ~self.wrong_section),
            self.cut.eq(taken & beat.last & ~is_final),
        ]
        m.d.sync += [
            self.written.memory.eq(section.memory),
            self.written.unit.eq(section.unit),
            self.written.address.eq(address),
            self.written.data.eq(beat.data),
            self.written.enable.eq(taken & ~is_header & ~spoiled & ~self.wrong_section),
            judged.eq(taken & is_header & ~beat.last),
            spoiled.eq((spoiled | self.wrong_section) & ~(taken & beat.last)),
        ]
        with m.If(taken):
            with m.If(is_header):
                m.d.sync += [section.eq(header), address.eq(0), borrow.eq(0)]
                m.d.sync += [is_header.eq(header.beats == 0), is_final.eq(header.beats == 1)]
            with m.Else():
                m.d.sync += [low.eq(low - 1), high.eq(high - borrow), borrow.eq(low == 0)]
                m.d.sync += [address.eq(address + 1), is_header.eq(is_final)]
                m.d.sync += is_final.eq((low == 2) & (high == 0))
            with m.If(beat.last):
                m.d.sync += [is_header.eq(1), is_final.eq(0)]
        with m.If(self.clear):
            m.d.sync += [is_header.eq(1), is_final.eq(0), judged.eq(0), spoiled.eq(0)]
        return m

    def _fits(self, m: Module, section: data.View) -> Value:
        """Return whether there is room for a section; one comparator serves all memories."""
        units = Signal(range(max(room.units for room in self._rooms.values()) + 1))
        beats = Signal(range(max(room.beats for room in self._rooms.values()) + 1))
        with m.Switch(section.memory):
            for kind, room in self._rooms.items():
                with m.Case(kind):
                    m.d.comb += [units.eq(room.units), beats.eq(room.beats)]
        return (
            ~section.unit[len(units) :].any()
            & (section.unit[: len(units)] < units)
            & ~section.beats[len(beats) :].any()
            & (section.beats[: len(beats)] <= beats)
        )
