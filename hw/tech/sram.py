"""SRAM macros: area and speed from depth and width, by the formulas of a technology card.

Width and depth both matter: the sense amplifiers of a column and the periphery are paid per
macro, so the same bits in many small banks, or in wide shallow ones, cost two to three times
more than in one deep macro.
"""

from dataclasses import dataclass
from math import log2, sqrt

from ...errors import DesignError
from .card import SramTimeFigures, TechnologyCard

__all__ = ["BankedMemory", "SramMacro"]


@dataclass(frozen=True)
class SramMacro:
    """A single-port SRAM macro.

    Attributes
    ----------
    depth : int
        Words.
    width : int
        Bits per word.

    Raises
    ------
    DesignError
        If depth or width is not positive.
    """

    depth: int
    width: int

    def __post_init__(self) -> None:
        if self.depth < 1 or self.width < 1:
            field = "depth" if self.depth < 1 else "width"
            raise DesignError(f"SRAM macro: {field} must be at least 1, not {getattr(self, field)}")

    @property
    def bits(self) -> int:
        """Bits it holds."""
        return self.depth * self.width

    def area_um2(self, card: TechnologyCard) -> float:
        """Area in um2."""
        area = card.sram.area
        return (
            area.um2_per_bit.value * self.bits
            + area.um2_per_column.value * self.width
            + area.um2_per_row.value * self.depth
            + area.um2_fixed.value
        )

    def access_s(self, card: TechnologyCard) -> float:
        """Time from the clock edge that takes the address to the data, in s."""
        return self._time_s(card.sram.access)

    def cycle_s(self, card: TechnologyCard) -> float:
        """Shortest clock period of the macro itself, in s."""
        return self._time_s(card.sram.cycle)

    def _time_s(self, time: SramTimeFigures) -> float:
        time_ns = (
            time.ns_per_sqrt_bit.value * sqrt(self.bits)
            + time.ns_per_log2_row.value * log2(self.depth)
            + time.ns_fixed.value
        )
        return time_ns * 1e-9

    def extrapolated(self, card: TechnologyCard) -> bool:
        """Tell whether the macro lies outside of what the card's formulas were fitted to."""
        fitted = card.sram.fitted
        return not all(
            low <= value <= high
            for value, (low, high) in (
                (self.depth, fitted.depth),
                (self.width, fitted.width),
                (self.bits, fitted.bits),
            )
        )


@dataclass(frozen=True)
class BankedMemory:
    """Equal macros side by side, each with its own port.

    Attributes
    ----------
    macro : SramMacro
        One bank.
    banks : int
        How many.

    Raises
    ------
    DesignError
        If there is no bank.
    """

    macro: SramMacro
    banks: int

    def __post_init__(self) -> None:
        if self.banks < 1:
            raise DesignError(f"banked memory: banks must be at least 1, not {self.banks}")

    @classmethod
    def interleaved(cls, words: int, width: int, banks: int) -> "BankedMemory":
        """Deal words to banks in turn; every bank gets the depth of the fullest.

        Parameters
        ----------
        words : int
            Words of the whole memory.
        width : int
            Bits per word.
        banks : int
            Banks, each one word wide.

        Raises
        ------
        DesignError
            If a number is not positive.
        """
        if banks < 1:
            raise DesignError(f"banked memory: banks must be at least 1, not {banks}")
        return cls(SramMacro(-(-words // banks), width), banks)

    @property
    def bits(self) -> int:
        """Bits that all banks hold."""
        return self.banks * self.macro.bits

    def area_um2(self, card: TechnologyCard) -> float:
        """Area of all banks in um2."""
        return self.banks * self.macro.area_um2(card)

    def access_s(self, card: TechnologyCard) -> float:
        """Access time of a bank in s."""
        return self.macro.access_s(card)

    def cycle_s(self, card: TechnologyCard) -> float:
        """Shortest clock period of a bank in s."""
        return self.macro.cycle_s(card)

    def extrapolated(self, card: TechnologyCard) -> bool:
        """Tell whether a bank lies outside of what the card's formulas were fitted to."""
        return self.macro.extrapolated(card)
