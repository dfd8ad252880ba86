"""Energy of a layer: its traffic and its arithmetic, each times what the technology card says.

Every access and every operation is counted (``sim.traffic``), none is estimated; what one takes is
a published or fitted figure of the card. So the sum is predicted. All of a kind take the same:
which bits toggle is not known of a mask, and a weight that is stored as 0 costs what others do.
Lanes, registers and memories that have no work take nothing, as with clock gating.

What multiplies and adds: a MAC is a multiplication of an activation and a decoded weight and an
addition as wide as the accumulator. A decoder adds for each entry its gap to the position; in the
word of a bitmap it isolates the lowest bit, which is a carry chain as long as the word; a relative
code is picked out of its word. An output is one more addition and multiplication of an accumulator
(bias, scale), a shift and an addition.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ..errors import InputError
from ..hw.design import Buffers, Design
from ..hw.eie_words import row_bits
from ..hw.memories import memories
from ..hw.tech.card import TechnologyCard
from ..hw.tech.energy import EnergyFigures, LeakageFigures
from ..models.layer import MULTIPLIER_BITS
from .cost import area, storages
from .register_traffic import POSITION_BITS
from .storage import Storage
from .technology import Technology
from .tensors import tensor_of
from .traffic import Traffic
from .work import Work

__all__ = ["NOT_COUNTED", "Energy", "no_energy"]

NOT_COUNTED = (
    "which bits toggle",
    "wires, and the clock tree above the flip-flops",
    "control, counters and address arithmetic",
    "the host, and what it computes between layers",
)
"""What an energy here leaves out."""

_COMPONENT = {"indices": "decode", "outputs": "requantization", "filters": "requantization"}
"""Component that the registers of a tensor belong to; of the others it is ``registers``."""


def no_energy(card: TechnologyCard) -> str:
    """Return why there is no energy with a card that states none."""
    return f"technology card {card.name} states no energy: it has no table [energy]"


@dataclass(frozen=True)
class Energy:
    """What a layer takes, or several, in pJ.

    Attributes
    ----------
    levels : mapping of str to mapping of str to float
        ``dram``, ``sram`` and ``registers`` by tensor; ``logic`` by what it computes: ``mac``,
        ``decode`` and ``requantization``.
    leakage_pj : float or None
        Of SRAM and logic, for as long as the runs take; None: the card does not state it.
    """

    levels: Mapping[str, Mapping[str, float]]
    leakage_pj: float | None

    @classmethod
    def of(
        cls,
        traffic: Traffic,
        design: Design,
        buffers: Buffers,
        technology: Technology,
        latency_s: float,
    ) -> "Energy":
        """Return the energy of a layer.

        Parameters
        ----------
        traffic : Traffic
        design : Design
        buffers : Buffers
            Of the accelerator, as the traffic was counted with.
        technology : Technology
        latency_s : float
            What its runs take; only leakage depends on it.

        Raises
        ------
        InputError
            If the card states no energy, or the lane table does not tell about a part.
        """
        figures = technology.card.energy
        if figures is None:
            raise InputError(no_energy(technology.card))
        logic, dram = figures.logic, figures.dram.pj_per_bit.value
        leakage = figures.leakage
        return cls(
            levels={
                "dram": {
                    tensor: dram * (access.read_bits + access.write_bits)
                    for tensor, access in traffic.dram.items()
                },
                "sram": _sram(traffic, design, technology, figures),
                "registers": {
                    tensor: logic.register_pj(bits.write_bits) + logic.select_pj(bits.selected_bits)
                    for tensor, bits in traffic.registers.items()
                },
                "logic": _logic(traffic.work, design, figures),
            },
            leakage_pj=None
            if leakage is None
            else _leakage_w(design, buffers, technology, leakage) * latency_s * 1e12,
        )

    @classmethod
    def total(cls, energies: Iterable["Energy"]) -> "Energy":
        """Add up layers of one design, at least one."""
        every = list(energies)
        levels: dict[str, dict[str, float]] = {}
        for one in every:
            for level, parts in one.levels.items():
                own = levels.setdefault(level, {})
                for part, energy_pj in parts.items():
                    own[part] = own.get(part, 0.0) + energy_pj
        leakages = [one.leakage_pj for one in every if one.leakage_pj is not None]
        return cls(levels, sum(leakages) if len(leakages) == len(every) else None)

    @property
    def components(self) -> dict[str, float | None]:
        """Energy by component, in pJ; registers of a component are in it."""
        found: dict[str, float | None] = dict(self.levels["logic"])
        found["registers"] = 0.0
        for tensor, energy_pj in self.levels["registers"].items():
            name = _COMPONENT.get(tensor, "registers")
            found[name] = (found[name] or 0.0) + energy_pj
        for level in ("sram", "dram"):
            found[level] = sum(self.levels[level].values())
        return {**found, "leakage": self.leakage_pj}

    @property
    def total_pj(self) -> float:
        """All of it; without leakage, if the card does not state that."""
        return sum(sum(parts.values()) for parts in self.levels.values()) + (self.leakage_pj or 0.0)


def _sram(
    traffic: Traffic, design: Design, technology: Technology, figures: EnergyFigures
) -> dict[str, float]:
    """Return the energy of the on-chip memories by tensor."""
    found: dict[str, float] = {}
    made_of = storages(tuple(one.memory for one in traffic.memories), design, technology)
    for one in traffic.memories:
        storage = made_of[one.memory]
        read_pj, write_pj = _word_pj(storage, one.memory.width, figures)
        tensor = tensor_of(one.memory.kind)
        found[tensor] = found.get(tensor, 0.0) + one.reads * read_pj + one.writes * write_pj
    return found


def _word_pj(storage: Storage, width: int, figures: EnergyFigures) -> tuple[float, float]:
    """Return what reading and writing a word takes; without a macro it stands in flip-flops."""
    macro = storage.macro
    if macro is None:
        return figures.logic.select_pj(width), figures.logic.register_pj(width)
    return (
        storage.abreast * figures.sram_read.access_pj(macro.depth, macro.width),
        storage.abreast * figures.sram_write.access_pj(macro.depth, macro.width),
    )


def _logic(work: Work, design: Design, figures: EnergyFigures) -> dict[str, float]:
    """Return the energy of arithmetic."""
    logic = figures.logic
    eie = design.family == "eie"  # whose PEs multiply what is left of the zero point
    mac_pj = logic.multiply_pj(design.act_bits + eie, design.operand_bits) + logic.add_pj(
        design.acc_bits
    )
    if eie:
        decode_pj = work.entries * logic.add_pj(row_bits(design)) + (
            work.steps * design.feed * logic.add_pj(design.act_bits + 1)
        )
    else:
        decode_pj = (
            work.entries * logic.add_pj(POSITION_BITS)
            + work.scans * logic.add_pj(design.scan_bits)
            + logic.select_pj(work.unpacked_bits)
        )
    shifted = design.act_bits + 2
    output_pj = (
        logic.add_pj(design.acc_bits)
        + logic.multiply_pj(design.acc_bits, MULTIPLIER_BITS)
        + logic.select_pj(shifted)
        + logic.add_pj(shifted)
    )
    return {
        "mac": work.macs * mac_pj,
        "decode": decode_pj,
        "requantization": work.beats * design.drain * design.beat_columns * output_pj,
    }


def _leakage_w(
    design: Design, buffers: Buffers, technology: Technology, leakage: LeakageFigures
) -> float:
    """Return the power of the accelerator at rest."""
    sram_bits, file_um2 = 0, 0.0
    own = tuple(memory for memory in memories(design, buffers) if memory.depth)
    for memory, storage in storages(own, design, technology).items():
        number = memory.sets * memory.count
        if storage.macro is None:
            file_um2 += number * storage.area_um2
        else:
            sram_bits += number * storage.macros * storage.macro.bits
    logic_um2 = area(design, buffers, technology).logic_um2 + file_um2
    gates = logic_um2 / technology.card.um2_per_ge
    return 1e-12 * (
        sram_bits * leakage.sram_pw_per_bit.value + gates * leakage.logic_pw_per_ge.value
    )
