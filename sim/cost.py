"""Area and clock of a design: its parts from the lane table, its memories from the SRAM model.

Area is a sum: so many lanes, cluster windows, feeder with broadcast tree, output stage and
control, as ``hw.synth.parts`` counts them, and every memory of ``hw.memories``. Features are
charged twice, for the maps that come in and for those that go out.

The period is the longest of: any part's own logic (paths to memory ports among them); reading a
memory and the logic behind its data; the memory's own cycle. There are no wires in it, and the
setup time of a memory's address is taken as part of its access.

Everything that does not depend on memory depths is computed once per design.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache

from ..hw.design import Buffers, Design
from ..hw.loader import MemoryKind
from ..hw.memories import Memory, memories
from ..hw.synth.parts import Part, parts_of
from .storage import FILE_DEPTH, Storage, choices, flip_flops, together
from .technology import Technology

__all__ = ["Area", "Cost", "Frequency", "Technology", "area", "frequency", "storages"]


@dataclass(frozen=True)
class Area:
    """Area of a design by what it is spent on, in um2.

    Attributes
    ----------
    lanes_um2, windows_um2, feeder_um2, output_um2, control_um2 : float
        Logic; the feeder includes the broadcast tree.
    sram_um2 : mapping of str to float
        Memories: weights, index, features (in and out), filters, taps.
    """

    lanes_um2: float
    windows_um2: float
    feeder_um2: float
    output_um2: float
    control_um2: float
    sram_um2: Mapping[str, float]

    @cached_property
    def total_um2(self) -> float:
        """All of it."""
        return self.logic_um2 + sum(self.sram_um2.values())

    @property
    def logic_um2(self) -> float:
        """All but the memories."""
        return (
            self.lanes_um2 + self.windows_um2 + self.feeder_um2 + self.output_um2 + self.control_um2
        )

    @property
    def pe_share(self) -> float:
        """Share of the lanes."""
        return self.lanes_um2 / self.total_um2

    @property
    def weight_sram_share(self) -> float:
        """Share of the memories of weights and their indices."""
        return (self.sram_um2["weights"] + self.sram_um2["index"]) / self.total_um2

    def to_json(self) -> dict[str, float | dict[str, float]]:
        """Return it as plain values."""
        return {
            "total_um2": self.total_um2,
            "lanes_um2": self.lanes_um2,
            "windows_um2": self.windows_um2,
            "feeder_um2": self.feeder_um2,
            "output_um2": self.output_um2,
            "control_um2": self.control_um2,
            "sram_um2": dict(self.sram_um2),
            "pe_share": self.pe_share,
            "weight_sram_share": self.weight_sram_share,
        }


@dataclass(frozen=True)
class Frequency:
    """Clock of a design.

    Attributes
    ----------
    freq_hz : float
        Highest frequency.
    logic_s : float
        Shortest period of the logic.
    sram_s : float
        Shortest period of the memories with the logic behind them.
    limit : str
        What sets the period.
    """

    freq_hz: float
    logic_s: float
    sram_s: float
    limit: str


_Size = tuple[int, int, MemoryKind]
"""Depth, width and kind of a memory: what it can be made of depends on nothing else of it."""


@dataclass(frozen=True, eq=False)
class _Logic:
    """What does not depend on memory depths."""

    lanes_um2: float
    windows_um2: float
    feeder_um2: float
    output_um2: float
    control_um2: float
    period_s: float
    limit: str
    behind_s: Mapping[MemoryKind, float]

    @property
    def um2(self) -> float:
        """Area of all of it."""
        return (
            self.lanes_um2 + self.windows_um2 + self.feeder_um2 + self.output_um2 + self.control_um2
        )


def area(
    design: Design,
    buffers: Buffers,
    technology: Technology,
    output_feature_words: int | None = None,
) -> Area:
    """Return the area of a design.

    Parameters
    ----------
    design : Design
        Its own ``buffers`` do not matter here.
    buffers : Buffers
        Memory depths.
    technology : Technology
    output_feature_words : int, optional
        Vectors per channel bank of the buffers for output maps, which have as many banks as
        those for input maps. None: as deep as these, so that the two can change places.

    Raises
    ------
    InputError
        If the lane table does not tell about a part of the design.
    """
    logic = _logic(design, technology)
    made_of = storages(_own(design, buffers), design, technology)
    sram = dict.fromkeys((kind.name.lower() for kind in _ORDER), 0.0)
    for memory, one in made_of.items():
        number = memory.sets * memory.count
        if memory.kind is MemoryKind.FEATURES:
            if output_feature_words is None:
                number += memory.count
            elif output_feature_words:
                size = -(-output_feature_words // 2), memory.width, memory.kind
                options = _choices(size, design, technology)
                period_s = max(logic.period_s, *(other.period_s for other in made_of.values()))
                out = next((o for o in options if o.period_s <= period_s), options[-1])
                sram["features"] += memory.count * out.area_um2
        sram[memory.kind.name.lower()] += number * one.area_um2
    return Area(
        logic.lanes_um2,
        logic.windows_um2,
        logic.feeder_um2,
        logic.output_um2,
        logic.control_um2,
        sram,
    )


_ORDER = (
    MemoryKind.WEIGHTS,
    MemoryKind.INDEX,
    MemoryKind.FEATURES,
    MemoryKind.FILTERS,
    MemoryKind.OFFSETS,
    MemoryKind.BASES,
)


def frequency(design: Design, buffers: Buffers, technology: Technology) -> Frequency:
    """Return the clock of a design, and what limits it.

    Raises
    ------
    InputError
        If the lane table does not tell about a part of the design.
    """
    logic = _logic(design, technology)
    sram_s, slowest = 0.0, ""
    for memory, storage in storages(_own(design, buffers), design, technology).items():
        if storage.period_s > sram_s:
            sram_s = storage.period_s
            slowest = (
                f"{memory.kind.name.lower()} memory ({memory.depth} x {memory.width} bits,"
                f" {storage.kind}, {storage.macros} macros): "
                + (
                    f"access {storage.access_s * 1e9:.2f} ns, logic {storage.behind_s * 1e9:.2f} ns"
                    if storage.period_s > storage.cycle_s
                    else f"cycle {storage.cycle_s * 1e9:.2f} ns"
                )
            )
    if logic.period_s >= sram_s:
        return Frequency(1 / logic.period_s, logic.period_s, sram_s, logic.limit)
    return Frequency(1 / sram_s, logic.period_s, sram_s, slowest)


@lru_cache(maxsize=1 << 12)
def storages(
    own: tuple[Memory, ...], design: Design, technology: Technology
) -> Mapping[Memory, Storage]:
    """Return what one of each set of equal memories of a design is made of.

    Parameters
    ----------
    own : tuple of Memory
        All that the design has.
    design : Design
    technology : Technology

    Raises
    ------
    InputError
        If the lane table does not tell about a part of the design.
    """
    if not own:
        return {}
    logic = _logic(design, technology)
    options = [
        (
            (memory.sets + (memory.kind is MemoryKind.FEATURES)) * memory.count,
            _choices((memory.depth, memory.width, memory.kind), design, technology),
        )
        for memory in own
    ]
    return dict(zip(own, together(options, logic.period_s, logic.um2), strict=True))


def _own(design: Design, buffers: Buffers) -> tuple[Memory, ...]:
    return tuple(memory for memory in memories(design, buffers) if memory.depth)


class Cost:
    """Area and frequency in one technology, as the break-even bench asks for them.

    Parameters
    ----------
    silicon : Technology
    """

    def __init__(self, silicon: Technology) -> None:
        self._silicon = silicon
        self.technology = silicon.to_json()
        self.tools = silicon.tools

    def area(self, design: Design, buffers: Buffers) -> Area:
        """Return the area; output maps get buffers like the input maps'."""
        return area(design, buffers, self._silicon)

    def frequency(self, design: Design, buffers: Buffers) -> Frequency:
        """Return the clock."""
        return frequency(design, buffers, self._silicon)

    def logic_s(self, design: Design) -> float:
        """Return the shortest period of the logic, memories and what is behind them left out."""
        return _logic(design, self._silicon).period_s

    def logic_um2(self, design: Design) -> float:
        """Return the area of all but the memories."""
        return _logic(design, self._silicon).um2


_SPENT_ON = {
    "sparse_lane": "lanes_um2",
    "port_lane": "lanes_um2",
    "dense_lane": "lanes_um2",
    "eie_pe": "lanes_um2",
    "window": "windows_um2",
    "sparse_feeder": "feeder_um2",
    "dense_feeder": "feeder_um2",
    "eie_feeder": "feeder_um2",
    "tree": "feeder_um2",
    "output_stage": "output_um2",
    "sparse_control": "control_um2",
    "port_control": "control_um2",
    "dense_control": "control_um2",
    "fc_lane": "lanes_um2",
    "fc_feeder": "feeder_um2",
    "fc_output_stage": "output_um2",
    "fc_control": "control_um2",
    "eie_control": "control_um2",
}


@lru_cache(maxsize=1 << 16)
def _logic(design: Design, technology: Technology) -> _Logic:
    um2_per_ge = technology.card.um2_per_ge
    spent = dict.fromkeys(_SPENT_ON.values(), 0.0)
    period_s, limit = 0.0, ""
    behind_s: dict[MemoryKind, float] = {}
    for part, count in parts_of(design):
        found = technology.estimate(part, design)
        spent[_SPENT_ON[part.name]] += count * found.area_ge * um2_per_ge
        if found.period_s > period_s:
            period_s, limit = found.period_s, f"logic of {part.name}"
        for kind, time in found.from_memory_s.items():
            behind_s[kind] = max(time, behind_s.get(kind, 0.0))
    return _Logic(
        lanes_um2=spent["lanes_um2"],
        windows_um2=spent["windows_um2"],
        feeder_um2=spent["feeder_um2"],
        output_um2=spent["output_um2"],
        control_um2=spent["control_um2"],
        period_s=period_s,
        limit=limit,
        behind_s=behind_s,
    )


@lru_cache(maxsize=1 << 16)
def _choices(size: _Size, design: Design, technology: Technology) -> tuple[Storage, ...]:
    depth, width, kind = size
    memory = Memory(kind, 1, depth, width)
    logic = _logic(design, technology)
    behind_s = logic.behind_s.get(kind, 0.0)
    found = choices(memory, technology.card, behind_s, logic.period_s)
    if depth <= FILE_DEPTH:
        file = technology.estimate(Part("register_file", (("depth", depth),)), design)
        small = flip_flops(memory, technology.card, file.area_ge, file.period_s, behind_s)
        if small.area_um2 < found[0].area_um2:
            return (small,)
    return found
