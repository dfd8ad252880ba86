"""Energy of single operations and accesses, from the ``[energy]`` table of a technology card.

Logic is stated at 45 nm, where published figures are, and carried to the card's node by one
factor. A multiplier of a x b bits is taken as a square one of the geometric mean of both, as
QKeras does: its cells are a x b.
"""

from collections.abc import Iterator
from math import sqrt

from .figure import CardPart, Figure, PositiveFigure

__all__ = [
    "DramEnergyFigures",
    "EnergyFigures",
    "LeakageFigures",
    "LogicEnergyFigures",
    "SramEnergyFigures",
]


class LogicEnergyFigures(CardPart):
    """Energy of logic at 45 nm, and the factor to the card's node.

    Attributes
    ----------
    mul_pj_per_bit2, mul_pj_per_bit : Figure
        ``multiply(a, b) = per_bit2 * a * b + per_bit * sqrt(a * b)``.
    add_pj_per_bit : Figure
        Of an integer addition.
    register_pj_per_bit : Figure
        Of a bit that is clocked into a register, the clock pin included.
    register_file_pj_per_bit : Figure
        Of a bit that is read from one of several registers through a multiplexer.
    from_45nm : Figure
        What an energy at 45 nm is multiplied with.
    """

    mul_pj_per_bit2: PositiveFigure
    mul_pj_per_bit: Figure
    add_pj_per_bit: PositiveFigure
    register_pj_per_bit: PositiveFigure
    register_file_pj_per_bit: PositiveFigure
    from_45nm: PositiveFigure

    def multiply_pj(self, bits: int, other_bits: int) -> float:
        """Return the energy of a multiplication of two widths."""
        cells = bits * other_bits
        at_45nm = self.mul_pj_per_bit2.value * cells + self.mul_pj_per_bit.value * sqrt(cells)
        return at_45nm * self.from_45nm.value

    def add_pj(self, bits: int) -> float:
        """Return the energy of an addition."""
        return self.add_pj_per_bit.value * bits * self.from_45nm.value

    def register_pj(self, bits: int) -> float:
        """Return the energy of bits that come into registers."""
        return self.register_pj_per_bit.value * bits * self.from_45nm.value

    def select_pj(self, bits: int) -> float:
        """Return the energy of bits that are read through a multiplexer."""
        return self.register_file_pj_per_bit.value * bits * self.from_45nm.value


class SramEnergyFigures(CardPart):
    """Energy of an access to an SRAM macro of depth x width bits, at the card's node.

    Attributes
    ----------
    pj_per_column_sqrt_bit, pj_per_column, pj_per_sqrt_bit, pj_per_bit, pj_fixed : Figure
        With bits = depth * width: ``access = per_column_sqrt_bit * width * sqrt(bits) +
        per_column * width + per_sqrt_bit * sqrt(bits) + per_bit * bits + fixed``.
    """

    pj_per_column_sqrt_bit: Figure
    pj_per_column: Figure
    pj_per_sqrt_bit: Figure
    pj_per_bit: Figure
    pj_fixed: Figure

    def access_pj(self, depth: int, width: int) -> float:
        """Return the energy of a word."""
        bits = depth * width
        return (
            self.pj_per_column_sqrt_bit.value * width * sqrt(bits)
            + self.pj_per_column.value * width
            + self.pj_per_sqrt_bit.value * sqrt(bits)
            + self.pj_per_bit.value * bits
            + self.pj_fixed.value
        )


class DramEnergyFigures(CardPart):
    """Energy of what goes over the streams.

    Attributes
    ----------
    pj_per_bit : Figure
        Read or written, memory and interface together.
    """

    pj_per_bit: PositiveFigure


class LeakageFigures(CardPart):
    """Power of what does nothing.

    Attributes
    ----------
    sram_pw_per_bit, logic_pw_per_ge : Figure
        Of a bit of SRAM, of a gate equivalent.
    """

    sram_pw_per_bit: Figure
    logic_pw_per_ge: Figure


class EnergyFigures(CardPart):
    """Energy of a technology.

    Attributes
    ----------
    logic : LogicEnergyFigures
    sram_read, sram_write : SramEnergyFigures
    dram : DramEnergyFigures
    leakage : LeakageFigures or None
        None: not known.
    """

    logic: LogicEnergyFigures
    sram_read: SramEnergyFigures
    sram_write: SramEnergyFigures
    dram: DramEnergyFigures
    leakage: LeakageFigures | None = None

    @property
    def sources(self) -> dict[str, str]:
        """Source of each figure, by its dotted name in the card."""
        return dict(_sources(self, "energy"))


def _sources(part: CardPart, name: str) -> Iterator[tuple[str, str]]:
    for field, value in part:
        if isinstance(value, Figure):
            yield f"{name}.{field}", value.source
        elif isinstance(value, CardPart):
            yield from _sources(value, f"{name}.{field}")
