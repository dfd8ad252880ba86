"""The layer registers: what the control logic must know of a layer, and where the host writes it.

Register ``i`` of ``LAYER_REGISTERS`` stands at word address ``LAYER_BASE + i`` of the register
window, a counter ``i`` of ``COUNTERS`` at ``COUNTER_BASE + 2 i`` (low word first). Writing 1 to
``CONTROL`` starts the layer; ``STATUS`` bit 0 is busy, bit 1 done.
"""

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from .design import Design
from .program import WINDOW_COUNT_BITS

__all__ = [
    "CONTROL",
    "COUNTERS",
    "COUNTER_BASE",
    "COUNTER_BITS",
    "FORMAT_BITMAP",
    "FORMAT_DENSE",
    "FORMAT_RELATIVE",
    "LAYER_BASE",
    "STATUS",
    "layer_layout",
]

CONTROL = 0
STATUS = 1
LAYER_BASE = 2
COUNTER_BASE = 64
COUNTER_BITS = 48

FORMAT_DENSE, FORMAT_RELATIVE, FORMAT_BITMAP = range(3)

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
    "load_beats",
    "output_beats",
)
"""Performance counters, in register order. All but cycles and beats count lane-cycles."""


def layer_layout(design: Design) -> data.StructLayout:
    """Return the registers of a layer, in register order."""
    act = signed(design.act_bits)
    return data.StructLayout(
        {
            "format": unsigned(2),
            "index_select": unsigned(4),  # which of Design.index_bits
            "feed_shift": unsigned(3),  # log2 of Layout.step_vectors
            "length": unsigned(16),
            "windows": unsigned(WINDOW_COUNT_BITS - 1),
            "position_tiles": unsigned(16),
            "tiles_per_group": unsigned(16),
            "groups": unsigned(16),
            "last_tile_lanes": unsigned(9),
            "blocks": unsigned(16),
            "taps": unsigned(12),
            "block_word": unsigned(24),  # channel block stride: whole vectors ...
            "block_rest": unsigned(8),  # ... and positions
            "group_word": unsigned(24),
            "group_rest": unsigned(8),
            "zero_point": act,
            "low": act,
            "high": act,
        }
    )
