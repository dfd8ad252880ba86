"""The ports that both array families share, so that one top serves both.

Members
-------
registers : layer registers, in
start : Signal, in
offset_address, offset_enable, offset_data : memory read port of the tap offsets
bank_addresses : array of 2 addresses, out; bank_enable : Signal, out
bank_data : array of feed pairs of vectors, in
    Memory read port of the even and the odd halves of the banks.
take, ready : Signal(lanes)
    Handshake with the output stage.
sums : array of lanes arrays of V signed(acc_bits), out
"""

from typing import Any

from amaranth.hdl import Module, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Buffers, Design
from .feeder import Feeder, address_layout
from .fetch import index_word
from .front import LaneState
from .registers import layer_layout

__all__ = ["array_members", "bank_row", "forward", "lane_members", "stream_members"]


def bank_row(buffers: Buffers) -> Any:
    """Return the shape of a row address of a half bank."""
    return unsigned(max(1, (-(-buffers.feature_words // 2) - 1).bit_length()))


def lane_members(design: Design) -> dict[str, wiring.Member]:
    """Return the members that every array has."""
    sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
    return {
        "registers": In(layer_layout(design)),
        "start": In(1),
        "take": In(design.lanes),
        "ready": Out(design.lanes),
        "sums": Out(data.ArrayLayout(sums, design.lanes)),
    }


def stream_members(design: Design, buffers: Buffers) -> dict[str, wiring.Member]:
    """Return the members that an array of index streams has, those for the counters included.

    Members
    -------
    index_address, index_enable, index_data : memory read ports of each stream's index words
    weight_address, weight_enable, weight_data : memory read ports of each stream's weights
    states : array of streams LaneState, out
        What the lanes of each stream did in the cycle before.
    fed_any, feeder_waits : Signal, out
        In the cycle before, operands could be had; the feeder waited for a free window.
    """
    streams = design.streams
    return {
        "index_address": Out(range(max(2, buffers.index_words))).array(streams),
        "index_enable": Out(1).array(streams),
        "index_data": In(index_word(design)).array(streams),
        "weight_address": Out(range(max(2, buffers.weight_words))).array(streams),
        "weight_enable": Out(1).array(streams),
        "weight_data": In(design.simd_group * design.weight_bits).array(streams),
        "states": Out(data.ArrayLayout(LaneState, streams)),
        "fed_any": Out(1),
        "feeder_waits": Out(1),
    }


def array_members(design: Design, buffers: Buffers) -> dict[str, wiring.Member]:
    """Return the members of an array with a feeder."""
    vector = data.ArrayLayout(signed(design.act_bits), design.vector)
    return lane_members(design) | {
        "offset_address": Out(range(max(2, buffers.offset_words))),
        "offset_enable": Out(1),
        "offset_data": In(address_layout(design, buffers.feature_words)),
        "bank_addresses": Out(data.ArrayLayout(bank_row(buffers), 2)),
        "bank_enable": Out(1),
        "bank_data": In(data.ArrayLayout(data.ArrayLayout(vector, 2), design.feed)),
    }


def forward(m: Module, array: Any, feeder: Feeder) -> None:
    """Pass the feeder's registers and memory ports through the array."""
    m.d.comb += [
        feeder.registers.eq(array.registers),
        feeder.start.eq(array.start),
        array.offset_address.eq(feeder.offset_address),
        array.offset_enable.eq(feeder.offset_enable),
        feeder.offset_data.eq(array.offset_data),
        array.bank_addresses.eq(feeder.bank_addresses),
        array.bank_enable.eq(feeder.bank_enable),
        feeder.bank_data.eq(array.bank_data),
    ]
