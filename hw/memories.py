"""The on-chip memories of a design: what there is, how deep and how wide.

One table serves the gateware (``hw.top`` instantiates it), the load stream (``hw.image`` fills
it) and the area (``sim.cost`` charges it), so that what is charged is what is emitted.
"""

from dataclasses import dataclass

from .design import Buffers, Design
from .eie_words import entry_layout, pointer_layout
from .feeder import address_layout
from .fetch import index_word
from .loader import MemoryKind
from .port_lane import base_words
from .ports import bank_row
from .scale import filter_layout

__all__ = ["Memory", "lanes_per_beat", "memories"]


@dataclass(frozen=True)
class Memory:
    """A set of equal memories.

    Attributes
    ----------
    kind : MemoryKind
    count : int
        How many there are: per lane, lane group, drain unit or half channel bank.
    depth, width : int
        Words, and bits per word.
    """

    kind: MemoryKind
    count: int
    depth: int
    width: int

    @property
    def bits(self) -> int:
        """Bits of all of them."""
        return self.count * self.depth * self.width


def lanes_per_beat(design: Design, word_bits: int) -> int:
    """Index streams whose words fit in one beat of the load stream."""
    return min(design.streams, design.bus_bits // word_bits)


def memories(design: Design, buffers: Buffers) -> tuple[Memory, ...]:
    """Return every memory of a design.

    Features have an even and an odd half per channel bank, in the EIE family one memory for
    ``feed`` activations side by side. Lanes with ports of their own have a bank each, a copy of all
    features, and copies of the tap offsets besides. Dense weights of the lanes that one load beat
    fills share a memory, since all lanes read the same address; so do the column pointers of EIE
    PEs. The last one is only as wide as the lanes that are left.
    """
    filters = Memory(
        MemoryKind.FILTERS, design.drain, buffers.filter_words, filter_layout(design).size
    )
    if design.family == "eie":
        pointer, entry = pointer_layout(buffers.weight_words).size, entry_layout(design).size
        activations = design.feed * design.act_bits
        return (
            filters,
            Memory(MemoryKind.FEATURES, 1, buffers.feature_words, activations),
            *_shared(MemoryKind.INDEX, design, buffers.index_words, pointer),
            Memory(MemoryKind.WEIGHTS, design.lanes, buffers.weight_words, entry),
        )
    port = design.delivery == "port"
    banks = design.streams if port else design.feed
    found = [
        Memory(
            MemoryKind.OFFSETS, design.streams if port else 1, buffers.offset_words,
            address_layout(design, buffers.feature_words).size,
        ),
        filters,
        Memory(
            MemoryKind.FEATURES, 2 * banks, -(-buffers.feature_words // 2),
            design.vector * design.act_bits,
        ),
    ]  # fmt: skip
    if design.family == "dense":
        found += _shared(MemoryKind.WEIGHTS, design, buffers.weight_words, design.weight_word_bits)
    else:
        if port:
            words, width = base_words(design, buffers), bank_row(buffers).width
            found.append(Memory(MemoryKind.BASES, design.streams, words, width))
        found += [
            Memory(MemoryKind.INDEX, design.streams, buffers.index_words, index_word(design).size),
            Memory(
                MemoryKind.WEIGHTS,
                design.streams,
                buffers.weight_words,
                design.simd_group * design.weight_bits,
            ),
        ]
    return tuple(found)


def _shared(kind: MemoryKind, design: Design, depth: int, bits: int) -> list[Memory]:
    """Return memories with a word for each lane of a load beat, side by side."""
    group = lanes_per_beat(design, bits)
    sizes = ((group, design.lanes // group), (design.lanes % group, 1))
    return [Memory(kind, count, depth, lanes * bits) for lanes, count in sizes if lanes and count]
