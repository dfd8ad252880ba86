"""The register window: how a host says what to do, and what it can read back.

Word addresses::

    0   CONTROL      write  bit 0 start, 1 swap weights, 2 swap features, 3 abort, 4 clear counters
    1   STATUS       read   bits as in STATUS_BITS; a 1 written to done or error clears it
    2   ERROR        read   number of the first error since it was cleared (ErrorCode)
    3   IRQ_ENABLE   r/w    bit 0 done, bit 1 error
    4   CYCLE_LIMIT  r/w    a run that takes more cycles is ended with an error; 0: no limit
    5   IDENTITY     read   CRC-32 of the design and its buffers
    8.. layer registers (``layer_layout``)
    64..  counters, two words each, the low one first

*Start* waits until what it swaps in has been loaded. ``swap weights`` and ``swap features`` say
that the run works on what was loaded last; without them it works on what the run before did.
"""

import zlib
from enum import IntEnum

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from .design import Buffers, Design
from .program import WINDOW_COUNT_BITS

__all__ = [
    "CONTROL",
    "CONTROL_BITS",
    "COUNTERS",
    "COUNTER_BASE",
    "COUNTER_BITS",
    "CYCLE_LIMIT",
    "ERROR",
    "FORMAT_BITMAP",
    "FORMAT_DENSE",
    "FORMAT_RELATIVE",
    "IDENTITY",
    "IRQ_ENABLE",
    "LAYER_BASE",
    "LONGEST_RUN",
    "STATUS",
    "STATUS_BITS",
    "ErrorCode",
    "control_word",
    "identity",
    "layer_layout",
]

CONTROL, STATUS, ERROR, IRQ_ENABLE, CYCLE_LIMIT, IDENTITY = range(6)
LONGEST_RUN = 0xFFFFFFFF
"""CYCLE_LIMIT after a reset: whatever the registers say, a run comes to an end."""
LAYER_BASE = 8
COUNTER_BASE = 64
COUNTER_BITS = 48

CONTROL_BITS = ("start", "swap_weights", "swap_features", "abort", "clear_counters")
"""Bits of CONTROL, lowest first."""

STATUS_BITS = ("busy", "done", "error", "pending", "weights_full", "features_full")
"""Bits of STATUS, lowest first: a run is going on or waits to; one has ended; something was wrong;
a start waits; weights, features have been loaded and wait for the run that swaps them in."""

FORMAT_DENSE, FORMAT_RELATIVE, FORMAT_BITMAP = range(3)


class ErrorCode(IntEnum):
    """What was wrong, the first that applies. A run with a wrong register does not start."""

    NONE = 0
    FORMAT = 1
    """``format`` is none of the design's."""
    INDEX_SELECT = 2
    """``index_select`` is none of the design's index widths."""
    FEED_SHIFT = 3
    """``feed_shift`` is more than log2 of the channel banks."""
    COUNT = 4
    """A layer register that counts something is 0."""
    LANES = 5
    """``last_tile_lanes`` is more than there are lanes."""
    OFFSETS = 6
    """More taps or feed steps than the offset memory holds."""
    CLAMP = 7
    """``low`` is above ``high``."""
    BUSY = 8
    """A start or a layer register was written while a start was pending, or a run going on that
    the registers belong to."""
    LOAD_SECTION = 9
    """A section of a load stream names a memory or a unit that this stream does not fill, or more
    beats than the unit holds."""
    LOAD_CUT = 10
    """``tlast`` came within a section of a load stream."""
    CYCLE_LIMIT = 11
    """A run took more than CYCLE_LIMIT cycles and was ended."""


COUNTERS = (
    "cycles",
    "compute",
    "filler",
    "fill",
    "imbalance",
    "weight_buffer",
    "drain",
    "window",
    "feed",
    "dram",
    "load_beats",
    "output_beats",
)
"""Performance counters, in register order. All but cycles and beats count lane-cycles; they go on
from run to run until CONTROL clears them."""


def control_word(*names: str) -> int:
    """Return the value of CONTROL with these bits set."""
    return sum(1 << CONTROL_BITS.index(name) for name in names)


def identity(design: Design, buffers: Buffers) -> int:
    """Return the number by which a driver knows that the accelerator is the one it was made for."""
    return zlib.crc32(repr((design, buffers)).encode())


_MEANINGS = {
    "format": f"{FORMAT_DENSE} dense, {FORMAT_RELATIVE} relative, {FORMAT_BITMAP} bitmap",
    "length": "index positions of a filter",
    "channel_shift": "bits of an index position that are the channel within its group",
    "channels": "input channels of all groups",
    "feed_shift": "log2 of the vectors of a feed step",
    "windows": "windows of a filter tile",
    "steps": "feed steps of a filter tile",
    "own_orders": "1: each filter tile has step offsets of its own",
    "blocks": "channel blocks of a filter",
    "taps": "kernel taps",
    "block_word": "from one channel block to the next: whole vectors",
    "block_rest": "from one channel block to the next: positions beyond them",
    "group_word": "from one convolution group to the next: whole vectors",
    "group_rest": "from one convolution group to the next: positions beyond them",
    "own_filters": "1: each column works on a filter of its own",
    "pass_word": "from one pass to the next: whole vectors",
    "pass_rest": "from one pass to the next: positions beyond them",
    "position_tiles": "passes of a filter tile, a vector of output positions each",
    "tiles_per_group": "filter tiles of a convolution group",
    "groups": "convolution groups",
    "last_tile_lanes": "lanes in use in the last filter tile of a group",
    "weight_code": "0 two's complement, 1 zero-free",
    "accumulate": "1: the sums go on from those of the run before",
    "zero_point": "zero point of the outputs",
    "low": "least output value",
    "high": "largest output value",
}
_EIE_MEANINGS = {
    "words": "words of the activations of an image",
    "tiles_per_group": "filters of a lane",
    "groups": "images",
    "zero_point_in": "zero point of the activations",
}


def layer_meaning(name: str, design: Design) -> str:
    """Return what a layer register says, in a few words."""
    if name == "index_select":
        widths = ", ".join(f"{i}: {bits}" for i, bits in enumerate(design.index_bits))
        return f"width of relative indices in bits, {widths}"
    own = _EIE_MEANINGS if design.family == "eie" else {}
    return own.get(name) or _MEANINGS[name]


def layer_layout(design: Design) -> data.StructLayout:
    """Return the registers of a layer, in register order: those that the design has a use for."""
    act = signed(design.act_bits)
    index = {
        "format": unsigned(2),
        "index_select": unsigned(4),  # which of Design.index_bits
        "length": unsigned(16),
    }
    port = {
        "channel_shift": unsigned(4),  # ``PortLayout.channel_shift``
        "channels": unsigned(16),  # of all groups
    }
    window = {
        "feed_shift": unsigned(3),  # log2 of Layout.step_vectors
        "windows": unsigned(WINDOW_COUNT_BITS - 1),
        "steps": unsigned(16),
        "own_orders": unsigned(1),  # every tile has an offset table of its own
    }
    dense = {
        "blocks": unsigned(16),
        "taps": unsigned(16),
        "block_word": unsigned(24),  # channel block stride: whole vectors ...
        "block_rest": unsigned(8),  # ... and positions
    }
    group = {
        "group_word": unsigned(24),  # stride of the convolution groups, as that of the blocks
        "group_rest": unsigned(8),
    }
    several = {
        "own_filters": unsigned(1),  # each column works on a filter of its own
        "pass_word": unsigned(24),  # from pass to pass: whole vectors ...
        "pass_rest": unsigned(8),  # ... and positions
    }
    if design.family == "eie":
        return data.StructLayout(
            {
                "words": unsigned(16),  # of the activations of an image
                "tiles_per_group": unsigned(16),  # filters of a lane
                "groups": unsigned(16),  # images
                "last_tile_lanes": unsigned(9),
                "weight_code": unsigned(1),
                "zero_point_in": act,
                "zero_point": act,
                "low": act,
                "high": act,
            }
        )
    return data.StructLayout(
        {
            **(dense if design.family == "dense" else index),
            **{"port": port, "window": window, "broadcast": {}}[design.delivery],
            **(several if design.weights_per_row > 1 else {}),
            "position_tiles": unsigned(16),
            "tiles_per_group": unsigned(16),
            "groups": unsigned(16),
            "last_tile_lanes": unsigned(9),
            "weight_code": unsigned(1),  # ``hw.weights``
            "accumulate": unsigned(1),  # go on from the sums of the run before
            **({} if design.delivery == "port" else group),
            "zero_point": act,
            "low": act,
            "high": act,
        }
    )
