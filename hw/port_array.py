"""The sparse array with private ports: lanes and nothing between them.

Every lane reads its own copy of the features, so there is no feeder and no window, and lanes of
one filter tile may work on filters of different convolution groups.
"""

from functools import partial
from typing import Any

from amaranth.hdl import Module, Signal
from amaranth.lib import wiring

from .design import Buffers, Design
from .feeder import address_layout
from .loader import MemoryKind
from .memories import lanes_per_beat
from .port_lane import PortLane, base_words, port_members
from .ports import bank_row, lane_members, stream_members
from .shared import add_equal
from .store import Store

__all__ = ["PortArray", "port_memories"]


class PortArray(wiring.Component):
    """Lanes with private ports; the memories are outside.

    Its members are ``lane_members`` and ``stream_members`` of ``hw.ports``, and each of
    ``port_members`` as an array of streams. ``fed_any`` is set once an entry stands at the head of
    any lane's queue; ``feeder_waits`` never.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        ports = port_members(design, buffers)
        super().__init__(
            lane_members(design)
            | stream_members(design, buffers)
            | {name: member.array(design.streams) for name, member in ports.items()}
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        begun = Signal(design.streams)
        with m.If(begun.any()):
            m.d.sync += self.fed_any.eq(1)
        with m.If(self.start):
            m.d.sync += self.fed_any.eq(0)
        for stream in range(design.streams):
            first = stream * design.simd_group
            lanes = range(first, first + design.simd_group)
            make = partial(PortLane, design, self._buffers)
            lane = add_equal(m, f"lane_{stream}", "lane", make, platform)
            for name, member in (
                port_members(design, self._buffers) | stream_members(design, self._buffers)
            ).items():
                if name in ("states", "fed_any", "feeder_waits"):
                    continue
                mine, own = getattr(self, name)[stream], getattr(lane, name)
                if member.flow is wiring.Out:
                    m.d.comb += mine.eq(own)
                else:
                    m.d.comb += own.eq(mine)
            m.d.comb += [
                lane.registers.eq(self.registers),
                lane.absent_in_last.eq(first >= self.registers.last_tile_lanes),
                lane.start.eq(self.start),
                lane.take.eq(self.take[lanes.start : lanes.stop]),
                self.ready[lanes.start : lanes.stop].eq(lane.ready),
                *(self.sums[one].eq(lane.sums[row]) for row, one in enumerate(lanes)),
                self.states[stream].eq(lane.state),
                begun[stream].eq(lane.begun),
            ]
        return m


def port_memories(m: Module, store: Store, array: Any, design: Design, buffers: Buffers) -> None:
    """Tap offsets, bases and features of each lane; one section of a load stream fills all copies.

    Parameters
    ----------
    m : Module
        Of the accelerator.
    array : PortArray
    """
    row = bank_row(buffers)
    for lane in range(design.streams):
        taps = store.buffer(
            f"offsets_{lane}", MemoryKind.OFFSETS, 0, address_layout(design, buffers.feature_words),
            buffers.offset_words,
        )  # fmt: skip
        unit, place = divmod(lane, lanes_per_beat(design, row.width))
        bases = store.buffer(
            f"bases_{lane}", MemoryKind.BASES, unit, row, base_words(design, buffers),
            place * row.width,
        )  # fmt: skip
        m.d.comb += [
            taps.address.eq(array.tap_address[lane]),
            taps.enable.eq(1),
            array.tap_data[lane].eq(taps.data),
            bases.address.eq(array.base_address[lane]),
            bases.enable.eq(1),
            array.base_data[lane].eq(bases.data),
        ]
        for half in range(2):
            data = array.bank_data[lane][half]
            rows = -(-buffers.feature_words // 2)
            memory = store.half_bank(f"features_{lane}_{half}", 0, half, data.shape(), rows)
            m.d.comb += [
                memory.address.eq(array.bank_addresses[lane][half]),
                memory.enable.eq(1),
                data.eq(memory.data),
            ]
