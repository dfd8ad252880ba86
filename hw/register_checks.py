"""What the layer registers cannot say: checked by the accelerator before a run starts."""

from collections.abc import Iterator

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data

from .design import Buffers, Design
from .registers import FORMAT_RELATIVE, ErrorCode, layer_layout

__all__ = ["register_faults"]

_COUNTS = ("length", "windows", "steps", "position_tiles", "tiles_per_group", "groups",
           "last_tile_lanes", "blocks", "taps", "channels", "words")  # fmt: skip
"""Registers that count something a run cannot do without."""


def register_faults(m: Module, registers: data.View, design: Design, buffers: Buffers) -> Value:
    """Return the number of the first fault of the registers, ``ErrorCode.NONE`` if there is none.

    Parameters
    ----------
    m : Module
        Where the comparators go.
    registers : layer registers
    """
    code: Value = Value.cast(ErrorCode.NONE)
    for number, wrong in reversed(list(_faults(registers, design, buffers))):
        found = Signal(name=f"fault_{number.name.lower()}")
        m.d.comb += found.eq(wrong)
        code = Mux(found, number, code)
    return code


def _faults(
    registers: data.View, design: Design, buffers: Buffers
) -> Iterator[tuple[ErrorCode, Value]]:
    if design.family == "sparse":
        yield ErrorCode.FORMAT, registers.format.all()
        yield (
            ErrorCode.INDEX_SELECT,
            (registers.format == FORMAT_RELATIVE)
            & (registers.index_select >= len(design.index_bits)),
        )
    if design.delivery == "window":
        yield ErrorCode.FEED_SHIFT, registers.feed_shift > design.feed.bit_length() - 1
    counts = [name for name in _COUNTS if name in layer_layout(design).members]
    yield ErrorCode.COUNT, Cat(registers[name] == 0 for name in counts).any()
    yield ErrorCode.LANES, registers.last_tile_lanes > design.lanes
    if design.family != "eie":
        yield ErrorCode.OFFSETS, _too_long(registers, design, buffers.offset_words)
    yield ErrorCode.CLAMP, registers.low > registers.high


def _too_long(registers: data.View, design: Design, offset_words: int) -> Value:
    """Return whether a tile reads more offsets than there are."""
    if design.family == "dense":
        return registers.taps > offset_words
    if design.delivery == "port":
        # An offset serves 2 ** channel_shift positions, the last one perhaps fewer.
        return registers.length > (Const(offset_words) << registers.channel_shift)
    return registers.steps > offset_words
