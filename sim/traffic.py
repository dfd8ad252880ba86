"""The traffic of a layer: what is read and written, at each level of memory, of each tensor.

Three levels. ``dram`` is what passes the streams of the accelerator: load beats as they are, with
headers and unused bits, and output beats. ``sram`` is the words of the on-chip memories.
``registers`` is the bits that work its way through the array moves (``register_traffic``). Every
count is exact and follows from the runs of the layer: ``tests/cosim/test_traffic.py`` counts the
same in the RTL.

A read of a memory counts in each cycle whose data something uses. The index words, weights and
entries of sparse lanes and PEs and the activations of the EIE array have read enables, and what
these let through counts. The other memories the RTL reads in idle cycles too, at an address that
stands; such a read changes nothing that is used, and does not count: one gate at the enable, fed by
the valid bit that is there already, saves it.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from ..hw.design import Buffers, Design
from ..hw.loader import FEATURE_KINDS, MemoryKind
from ..hw.loads import Section, sections
from ..hw.memories import Memory, memories
from ..hw.schedule import Run, Schedule
from .register_traffic import RegisterBits, register_traffic
from .tensors import TENSORS, tensor_of
from .work import PREFETCHED_WORDS, Work

__all__ = ["Access", "MemoryTraffic", "Traffic", "loaded"]


@dataclass(frozen=True)
class Access:
    """Words that are read and written.

    Attributes
    ----------
    reads, writes : int
        Words; of streams, beats.
    read_bits, write_bits : int
    """

    reads: int = 0
    read_bits: int = 0
    writes: int = 0
    write_bits: int = 0

    def __add__(self, other: "Access") -> "Access":
        return Access(
            self.reads + other.reads,
            self.read_bits + other.read_bits,
            self.writes + other.writes,
            self.write_bits + other.write_bits,
        )


@dataclass(frozen=True)
class MemoryTraffic:
    """Accesses of equal memories.

    Attributes
    ----------
    memory : Memory
    reads, writes : int
        Words, of all of them together. With two buffer sets each access is one of the set that is
        in use, or is being loaded.
    """

    memory: Memory
    reads: int
    writes: int

    @property
    def access(self) -> Access:
        """The same in words and bits."""
        width = self.memory.width
        return Access(self.reads, self.reads * width, self.writes, self.writes * width)


@dataclass(frozen=True)
class Traffic:
    """What a layer moves.

    Attributes
    ----------
    work : Work
        Of all its runs.
    dram : mapping of str to Access
        By tensor.
    memories : tuple of MemoryTraffic
        On-chip memories that the design has.
    registers : mapping of str to RegisterBits
        By tensor.
    """

    work: Work
    dram: Mapping[str, Access]
    memories: tuple[MemoryTraffic, ...]
    registers: Mapping[str, RegisterBits]

    @classmethod
    def of(cls, schedule: Schedule, buffers: Buffers) -> "Traffic":
        """Count the runs of a layer; the first one finds nothing loaded.

        Parameters
        ----------
        schedule : Schedule
        buffers : Buffers
            Of the accelerator.
        """
        design = schedule.design
        work = Work.total(Work.of(run.program) for run in schedule.runs)
        loads = list(loaded(schedule.runs, buffers))
        dram = dict.fromkeys(TENSORS, Access())
        words = dict.fromkeys(TENSORS, 0)
        for section in loads:
            tensor, bits = tensor_of(section.kind), section.beats * design.bus_bits
            dram[tensor] += Access(reads=section.beats, read_bits=bits)
            words[tensor] += section.words
        dram["outputs"] += Access(writes=work.beats, write_bits=work.beats * design.beat_bits)
        return cls(
            work=work,
            dram={tensor: access for tensor, access in dram.items() if access != Access()},
            memories=tuple(_memory_traffic(work, loads, design, buffers)),
            registers=register_traffic(work, words, design, buffers),
        )

    @property
    def sram(self) -> dict[str, Access]:
        """Accesses of the on-chip memories, by tensor."""
        found: dict[str, Access] = {}
        for one in self.memories:
            tensor = tensor_of(one.memory.kind)
            found[tensor] = found.get(tensor, Access()) + one.access
        return found

    def to_json(self) -> dict[str, dict[str, dict[str, int]]]:
        """Return it as plain values: level, tensor, and what of it."""
        return {
            "dram": {tensor: vars(access) for tensor, access in self.dram.items()},
            "sram": {tensor: vars(access) for tensor, access in self.sram.items()},
            "registers": {tensor: bits.to_json() for tensor, bits in self.registers.items()},
        }


def loaded(runs: Iterable[Run], buffers: Buffers) -> Iterator[Section]:
    """Yield the sections that a host sends for the runs of a layer, of the first one all."""
    before: Run | None = None
    for run in runs:
        stays = {
            True: before is not None and run.keeps_features(before),
            False: before is not None and run.keeps_weights(before),
        }
        for section in sections(run.program, buffers):
            if not stays[section.kind in FEATURE_KINDS]:
                yield section
        before = run


def _memory_traffic(
    work: Work, loads: list[Section], design: Design, buffers: Buffers
) -> Iterator[MemoryTraffic]:
    rows: dict[MemoryKind, list[Memory]] = {}
    for memory in memories(design, buffers):
        if memory.depth:
            rows.setdefault(memory.kind, []).append(memory)
    for kind, own in rows.items():
        written = [0] * len(own)
        for section in loads:
            if section.kind is kind:
                # Of memories that lanes share, the last one may be narrower than the others.
                last = len(own) > 1 and section.unit >= own[0].count
                written[int(last)] += section.words * section.memories
        for memory, writes in zip(own, written, strict=True):
            yield MemoryTraffic(memory, _reads(memory, work, design), writes)


def _reads(memory: Memory, work: Work, design: Design) -> int:
    """Return the words that are read of some equal memories, of all of them together."""
    kind = memory.kind
    if kind is MemoryKind.FILTERS:
        return work.beats * memory.count
    if kind is MemoryKind.BASES:  # a lane reads two words ahead of the tile at hand
        return (work.tiles + 2 * work.runs) * memory.count
    if design.delivery == "port" and kind in (MemoryKind.OFFSETS, MemoryKind.FEATURES):
        return work.weights * (2 if kind is MemoryKind.FEATURES else 1)
    if kind in (MemoryKind.OFFSETS, MemoryKind.FEATURES):
        return work.steps * memory.count
    if kind is MemoryKind.INDEX:
        if design.family == "eie":
            return work.items * memory.count
        return work.index_words + PREFETCHED_WORDS * work.runs * memory.count
    return work.steps * memory.count if design.family == "dense" else work.entries
