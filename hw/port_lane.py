"""A sparse lane that reads its activations through a port of its own.

It has a copy of all features in a bank, an even and an odd half of it, so that it reads V
neighbouring positions from any address on. Nothing is shared with other lanes, so its filter may
be of any convolution group. The rows of a SIMD group share the port.

A vector's row in the bank is a sum: where the channel's group and the position vector begin
(``near``; ``far`` one vector pair on), plus the channel, plus the offset of the kernel tap.

Stages, in cycles after the front (``hw.front``) issues an entry: 1 index position split, tap read;
2 channel added; 3 tap offset added; 4 bank read; 5 rotated; 6 product; 7 sum.
"""

from typing import Any

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Buffers, Design
from .feeder import address_layout
from .fetch import index_word
from .front import LaneFront, LaneState
from .mac import weight_copies
from .ports import bank_row
from .registers import layer_layout
from .rotator import merged, registered_halves, registered_turns, turned
from .rows import LaneRows, row_weights
from .weights import decoded

__all__ = ["PortLane", "base_words", "port_members"]


def base_words(design: Design, buffers: Buffers) -> int:
    """Return the depth of the memory of bases: a word for each tile whose filters fit."""
    return -(-buffers.filter_words // design.drain_groups)


def port_members(design: Design, buffers: Buffers) -> dict[str, Any]:
    """Return the shapes of a lane's memory ports to its features, in the lane's direction.

    Members
    -------
    tap_address, tap_data : memory read port of the tap offsets
    base_address, base_data : memory read port of the row of each tile's first channel
    bank_addresses : array of 2 addresses, out
    bank_data : pair of vectors, in
        The even and the odd half of the bank.
    """
    vector = data.ArrayLayout(signed(design.act_bits), design.vector)
    return {
        "tap_address": Out(range(max(2, buffers.offset_words))),
        "tap_data": In(address_layout(design, buffers.feature_words)),
        "base_address": Out(range(max(2, base_words(design, buffers)))),
        "base_data": In(bank_row(buffers)),
        "bank_addresses": Out(data.ArrayLayout(bank_row(buffers), 2)),
        "bank_data": In(data.ArrayLayout(vector, 2)),
    }


def _flight_layout(design: Design) -> data.StructLayout:
    """Return what flies with an issued entry until its operands are there."""
    return data.StructLayout(
        {"weights": row_weights(design), "first": 1, "last": 1, "ends_tile": 1}
    )


class PortLane(wiring.Component):
    """One index stream, its port, and the V multipliers of each lane that shares it.

    Besides the memory ports to its features (``port_members``):

    Members
    -------
    registers : layer registers, in
    absent_in_last : Signal, in
        The lanes have no filter in the last tile of a group.
    start : Signal, in
    index_address, index_enable, index_data : memory read port of the index words
    weight_address, weight_enable, weight_data : memory read port of the weights
    begun : Signal, out
        An entry stands at the head of its queue, for the first time or not.
    ready : Signal(simd_group), out
        ``sums`` of the lane hold the finished sums of a pass.
    take : Signal(simd_group), in
        The output stage takes them; those of the last lane last.
    sums : array of simd_group arrays of V signed(acc_bits), out
    state : LaneState, out
        What the lanes did in the cycle before.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        group = design.simd_group
        super().__init__(
            port_members(design, buffers)
            | {
                "registers": In(layer_layout(design)),
                "absent_in_last": In(1),
                "start": In(1),
                "index_address": Out(range(max(2, buffers.index_words))),
                "index_enable": Out(1),
                "index_data": In(index_word(design)),
                "weight_address": Out(range(max(2, buffers.weight_words))),
                "weight_enable": Out(1),
                "weight_data": In(group * design.weight_bits),
                "begun": Out(1),
                "ready": Out(group),
                "take": In(group),
                "sums": Out(data.ArrayLayout(sums, group)),
                "state": Out(LaneState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        buffers = self._buffers
        m.submodules.front = front = LaneFront(
            self._design, buffers.index_words, buffers.weight_words
        )
        m.d.comb += [
            front.registers.eq(self.registers),
            front.absent_in_last.eq(self.absent_in_last),
            front.start.eq(self.start),
            self.index_address.eq(front.index_address),
            self.index_enable.eq(front.index_enable),
            front.index_data.eq(self.index_data),
            self.weight_address.eq(front.weight_address),
            self.weight_enable.eq(front.weight_enable),
            front.weight_data.eq(self.weight_data),
            front.fed.eq(1),
            front.taken.eq(self.take[-1]),
            self.state.eq(front.state),
            self.begun.eq(front.head_valid),
        ]
        flight, position = self._launch(m, front)
        channel = self._split(m, position)
        for stage in (2, 3, 4):
            later = Signal.like(flight, name=f"flight_{stage}")
            m.d.sync += later.eq(flight)
            with m.If(self.start):
                m.d.sync += [later.last.eq(0), later.ends_tile.eq(0)]
            flight = later
            if stage == 2:
                parity, rest = self._address(m, flight, channel)
        m.submodules.rows = rows = LaneRows(self._design)
        m.d.comb += [
            rows.start.eq(self.start),
            rows.weights.eq(flight.weights),
            rows.first.eq(flight.first & ~self.registers.accumulate),
            rows.last.eq(flight.last),
            rows.operands.eq(self._rotate(m, parity, rest)),
            rows.take.eq(self.take),
            self.ready.eq(rows.ready),
            self.sums.eq(rows.sums),
        ]
        return m

    def _launch(self, m: Module, front: LaneFront) -> tuple[data.View, Signal]:
        """Register the issued entry: weights and flags, and its index position.

        In a cycle without a weight, position 0 is read: an address there is, whatever the queue
        holds.
        """
        design, head = self._design, front.head
        flight = Signal(_flight_layout(design))
        position, counts = Signal(16), Signal()
        m.d.comb += counts.eq(front.issue & ~head.filler)
        bits = design.weight_bits
        for row in range(design.simd_group):
            weight = decoded(
                head.weights[row * bits : (row + 1) * bits], self.registers.weight_code, design
            )
            m.d.sync += flight.weights[row].eq(Mux(counts, weight, 0))
        m.d.sync += [
            flight.first.eq(front.issue & front.first),
            flight.last.eq(front.issue & head.last & ~self.start),
            position.eq(Mux(counts, head.position, 0)),
            # After the last tile there is no other to begin.
            flight.ends_tile.eq(front.issue & head.ends_tile & ~head.final & ~self.start),
        ]
        return flight, position

    def _split(self, m: Module, position: Signal) -> Signal:
        """Read the tap of an index position; return its channel, in the cycle after."""
        channel = Signal(16)
        with m.Switch(self.registers.channel_shift):
            for shift in range(16):
                with m.Case(shift):
                    m.d.comb += self.tap_address.eq(position >> shift)
                    m.d.sync += channel.eq(position[:shift])
        return channel

    def _address(self, m: Module, flight: data.View, channel: Signal) -> tuple[Signal, Signal]:
        """Add up the rows of both halves; return in which the vector begins, and where in it."""
        row = bank_row(self._buffers)
        near, far, odd_vector = Signal(row), Signal(row), Signal()
        self._follow(m, flight, (near, far, odd_vector))
        tap = Signal.like(self.tap_data)
        m.d.sync += tap.eq(self.tap_data)
        near_channel, far_channel, odd_then = Signal(row), Signal(row), Signal()
        m.d.sync += [
            near_channel.eq(near + channel),
            far_channel.eq(far + channel),
            odd_then.eq(odd_vector),
        ]

        # Vector w and the one after it: of two odd terms the sum is even, and a pair further on.
        both, either = Signal(), Signal()
        parity, rest = Signal(), Signal.like(tap.rest)
        rows = [Signal(row, name=f"row_{half}") for half in ("even", "odd")]
        tap_row = tap.word >> 1
        m.d.comb += [
            both.eq(odd_then & tap.word[0]),
            either.eq(odd_then | tap.word[0]),
            self.bank_addresses[0].eq(rows[0]),
            self.bank_addresses[1].eq(rows[1]),
        ]
        m.d.sync += [
            rows[0].eq(Mux(either, far_channel, near_channel) + tap_row),
            rows[1].eq(Mux(both, far_channel, near_channel) + tap_row),
            parity.eq(either & ~both),
            rest.eq(tap.rest),
        ]
        return parity, rest

    def _follow(
        self,
        m: Module,
        flight: data.View,
        place: tuple[Signal, Signal, Signal],
    ) -> None:
        """Keep the rows of the present position vector of the group's first channel.

        The base of the next tile is there already, that of the one after it at the memory's output.
        """
        near, far, odd_vector = place
        registers = self.registers
        number, begins, fresh = Signal.like(self.base_address), Signal(), Signal(3)
        base, follows = Signal.like(self.base_data), Signal()
        m.d.comb += [
            begins.eq(fresh[2] | flight.ends_tile),
            follows.eq(begins | fresh[1]),
            self.base_address.eq(number + follows),
        ]
        m.d.sync += [number.eq(self.base_address), fresh.eq(fresh << 1)]
        with m.If(follows):
            m.d.sync += base.eq(self.base_data)
        with m.If(begins):
            m.d.sync += [
                near.eq(base),
                far.eq(base + registers.channels),
                odd_vector.eq(0),
            ]
        with m.Elif(flight.last):
            m.d.sync += odd_vector.eq(~odd_vector)
            with m.If(odd_vector):
                m.d.sync += [near.eq(far), far.eq(far + registers.channels)]
        with m.If(self.start):
            m.d.sync += [number.eq(0), fresh.eq(1)]

    def _rotate(self, m: Module, parity: Signal, rest: Signal) -> data.View:
        """Cut the wanted positions out of what is read; a copy of the selects for 16 columns."""
        design = self._design
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        operands = Signal(vector, reset_less=True)
        for i in range(weight_copies(design.vector)):
            halves = registered_halves(m, design.vector, parity, rest, f"halves_{i}")
            turns = registered_turns(m, rest, f"turns_{i}")
            either = merged(halves, self.bank_data[0], self.bank_data[1])
            values = turned(m, turns, either, f"turned_{i}")
            for column in range(i * CLUSTER_LANES, min((i + 1) * CLUSTER_LANES, design.vector)):
                m.d.sync += operands[column].eq(values[column])
        return operands
