"""The on-chip memories of a design: what there is, how deep and how wide.

One table serves the gateware (``hw.top`` instantiates it), the load stream (``hw.image`` fills
it, ``hw.loader`` refuses what has no room) and the area (``sim.cost`` charges it), so that what is
charged is what is emitted.
"""

from collections.abc import Container
from dataclasses import dataclass, replace

from .design import Buffers, Design
from .eie_words import entry_layout, pointer_layout
from .feeder import address_layout
from .fetch import index_word
from .loader import MemoryKind, Room
from .port_lane import base_words
from .ports import bank_row
from .scale import filter_layout

__all__ = ["Memory", "lanes_per_beat", "memories", "rooms"]


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
    side_by_side : int
        How many of them are one unit of the load stream.
    sets : int
        Buffer sets, each of ``count`` memories: one is loaded while the other is read.
    """

    kind: MemoryKind
    count: int
    depth: int
    width: int
    side_by_side: int = 1
    sets: int = 1

    @property
    def bits(self) -> int:
        """Bits of all of them, in all buffer sets."""
        return self.sets * self.count * self.depth * self.width


def lanes_per_beat(design: Design, word_bits: int) -> int:
    """Index streams whose words fit in one beat of the load stream."""
    return min(design.streams, design.bus_bits // word_bits)


def memories(design: Design, buffers: Buffers) -> tuple[Memory, ...]:
    """Return every memory of a design; ``buffer_sets`` sets of them.

    Features have an even and an odd half per channel bank, in the EIE family one memory for
    ``feed`` activations side by side. Lanes with ports of their own have a bank each, a copy of all
    features, and copies of the tap offsets besides. Dense weights of the lanes that one load beat
    fills share a memory, since all lanes read the same address; so do the column pointers of EIE
    PEs. The last one is only as wide as the lanes that are left.
    """
    one_set = _of_a_set(design, buffers)
    if design.buffer_sets == 1:
        return one_set
    return tuple(replace(memory, sets=design.buffer_sets) for memory in one_set)


def _of_a_set(design: Design, buffers: Buffers) -> tuple[Memory, ...]:
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
            _by_lane(MemoryKind.WEIGHTS, design, buffers.weight_words, entry),
        )
    port = design.delivery == "port"
    banks = design.streams if port else design.feed
    copies = design.streams if port else 1  # all filled by the same beats
    found = [
        Memory(
            MemoryKind.OFFSETS, copies, buffers.offset_words,
            address_layout(design, buffers.feature_words).size, copies,
        ),
        filters,
        Memory(
            MemoryKind.FEATURES, 2 * banks, -(-buffers.feature_words // 2),
            design.vector * design.act_bits, 2 * copies,
        ),
    ]  # fmt: skip
    if design.family == "dense":
        found += _shared(MemoryKind.WEIGHTS, design, buffers.weight_words, design.weight_word_bits)
    else:
        if port:
            words, width = base_words(design, buffers), bank_row(buffers).width
            found.append(_by_lane(MemoryKind.BASES, design, words, width))
        weight_bits = design.simd_group * design.weight_bits
        found += [
            _by_lane(MemoryKind.INDEX, design, buffers.index_words, index_word(design).size),
            _by_lane(MemoryKind.WEIGHTS, design, buffers.weight_words, weight_bits),
        ]
    return tuple(found)


def rooms(design: Design, buffers: Buffers, kinds: Container[MemoryKind]) -> dict[MemoryKind, Room]:
    """Return what a load stream may fill of the memories of some kinds."""
    found: dict[MemoryKind, Room] = {}
    for memory in memories(design, buffers):
        if memory.kind in kinds:
            units = -(-memory.count // memory.side_by_side)
            beats = buffers.feature_words if memory.kind is MemoryKind.FEATURES else memory.depth
            others = found[memory.kind].units if memory.kind in found else 0
            found[memory.kind] = Room(others + units, beats)
    return found


def _by_lane(kind: MemoryKind, design: Design, depth: int, bits: int) -> Memory:
    """Return memories with a word for one lane (index stream) each."""
    return Memory(kind, design.streams, depth, bits, lanes_per_beat(design, bits))


def _shared(kind: MemoryKind, design: Design, depth: int, bits: int) -> list[Memory]:
    """Return memories with a word for each lane of a load beat, side by side."""
    group = lanes_per_beat(design, bits)
    sizes = ((group, design.lanes // group), (design.lanes % group, 1))
    return [Memory(kind, count, depth, lanes * bits) for lanes, count in sizes if lanes and count]
