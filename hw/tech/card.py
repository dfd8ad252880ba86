"""A technology card: the few numbers that turn gates and bits into um2 and seconds.

Cards are TOML files in which every number stands beside its source; ``generic40``,
``sg13g2`` and ``sky130`` come with bosquet, others are read from a path. Logic and SRAM of a card
are of one device class, and what break-even depends on most is one ratio of it: SRAM bit to gate.
"""

import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Annotated, TypeVar

from pydantic import AfterValidator, Field, ValidationError

from ...errors import InputError
from .cell import Library, LogicMapping
from .energy import EnergyFigures
from .figure import CardPart, Figure, PositiveFigure

__all__ = [
    "DEFAULT_CARD",
    "Figure",
    "FittedRange",
    "LogicFigures",
    "SramAreaFigures",
    "SramFigures",
    "SramTimeFigures",
    "TechnologyCard",
    "card_names",
    "load_card",
    "mapping_for",
]

DEFAULT_CARD = "generic40"
"""The card that is used where none is named."""


def _ascending(limits: tuple[int, int]) -> tuple[int, int]:
    if not 1 <= limits[0] <= limits[1]:
        raise ValueError(f"limits must be [low, high] with 1 <= low <= high, not {list(limits)}")
    return limits


Limits = Annotated[tuple[int, int], AfterValidator(_ascending)]
FiguresT = TypeVar("FiguresT", bound=CardPart)


class LogicFigures(CardPart):
    """Standard cells.

    Attributes
    ----------
    um2_per_ge : Figure
        Area of a gate equivalent (two-input NAND), um2.
    fo4_ps : Figure
        Delay of an inverter that drives four of its kind, ps; it scales the built-in library.
    wire_inputs_per_fanout : Figure or None
        Capacitance of the wire to each pin that a net drives, in inputs of the smallest inverter;
        None: not known.
    """

    um2_per_ge: PositiveFigure
    fo4_ps: PositiveFigure
    wire_inputs_per_fanout: Figure | None = None


class SramAreaFigures(CardPart):
    """Area of an SRAM macro of depth x width bits.

    Attributes
    ----------
    um2_per_bit, um2_per_column, um2_per_row, um2_fixed : Figure
        ``area = per_bit * depth * width + per_column * width + per_row * depth + fixed``.
    """

    um2_per_bit: PositiveFigure
    um2_per_column: Figure
    um2_per_row: Figure
    um2_fixed: Figure


class SramTimeFigures(CardPart):
    """A time of an SRAM macro of depth x width bits.

    Attributes
    ----------
    ns_per_sqrt_bit, ns_per_log2_row, ns_fixed : Figure
        ``time = per_sqrt_bit * sqrt(depth * width) + per_log2_row * log2(depth) + fixed``.
    """

    ns_per_sqrt_bit: Figure
    ns_per_log2_row: Figure
    ns_fixed: Figure


class FittedRange(CardPart):
    """The macros that the formulas were fitted to: lowest and highest value.

    Attributes
    ----------
    depth, width, bits : (int, int)
        Words, bits per word, and their product.
    """

    depth: Limits
    width: Limits
    bits: Limits


class SramFigures(CardPart):
    """Single-port SRAM macros.

    Attributes
    ----------
    area : SramAreaFigures
        Area.
    access, cycle : SramTimeFigures
        From the clock edge that takes the address to the data, and shortest period.
    fitted : FittedRange
        Where the formulas are more than an extrapolation.
    """

    area: SramAreaFigures
    access: SramTimeFigures
    cycle: SramTimeFigures
    fitted: FittedRange


class TechnologyCard(CardPart):
    """A technology.

    Attributes
    ----------
    name : str
        For reports.
    cells : str or None
        Cell library of its process whose rows come with bosquet (``Technology.of_real_cells``).
    mapping : str
        How logic is mapped to these cells: ``fast``, or ``small`` where memories are slower than
        any logic (``hw.synth.yosys``).
    node_nm : float
        Name of the node; nothing is computed from it.
    device_class : str
        Of logic and SRAM alike.
    logic : LogicFigures
        Standard cells.
    sram : SramFigures
        Memories.
    energy : EnergyFigures or None
        Energy of operations and accesses; None: not known.
    """

    name: str = Field(min_length=1)
    cells: str | None = None
    mapping: LogicMapping = "fast"
    node_nm: float = Field(gt=0)
    device_class: str = Field(min_length=1)
    logic: LogicFigures
    sram: SramFigures
    energy: EnergyFigures | None = None

    def __hash__(self) -> int:
        # Equal cards have equal names; of all figures it would take longer than what it is for:
        # remembering what was computed from them.
        return hash(self.name)

    @property
    def um2_per_ge(self) -> float:
        """Area of a gate equivalent in um2."""
        return self.logic.um2_per_ge.value

    @property
    def fo4_s(self) -> float:
        """Delay of an inverter that drives four of its kind, in s."""
        return self.logic.fo4_ps.value * 1e-12

    @property
    def ge_per_sram_bit(self) -> float:
        """Area of one more bit in a deep SRAM, in gate equivalents."""
        return self.sram.area.um2_per_bit.value / self.um2_per_ge

    def for_library(self, library: Library) -> "TechnologyCard":
        """Return the card for a standard-cell library of a technology that has no card.

        Gate equivalent and FO4 become the library's own. The SRAM keeps its size and speed
        relative to them, so that logic and memory stay of one class. Areas stand such a move
        well: from ``generic40`` to SG13G2 it gives 3.58 um2 per bit, where the real macros show
        3.38. Times do not (those macros are four times slower): a card of its own is better. Energy
        follows from neither, so that the card has none.

        Parameters
        ----------
        library : Library
            Standard cells; its areas are in um2.

        Raises
        ------
        InputError
            If the library has no two-input NAND or no inverter.
        """
        area = library.gate_area / self.um2_per_ge
        time = library.fo4_s / self.fo4_s
        own = f"measured in library {library.name}"
        larger, slower = f"times {area:.4g} (gate area)", f"times {time:.4g} (FO4)"
        logic = LogicFigures(
            um2_per_ge=Figure(value=library.gate_area, source=own),
            fo4_ps=Figure(value=library.fo4_s * 1e12, source=own),
            wire_inputs_per_fanout=self.logic.wire_inputs_per_fanout,
        )
        sram = SramFigures(
            area=_scaled(self.sram.area, area, larger),
            access=_scaled(self.sram.access, time, slower),
            cycle=_scaled(self.sram.cycle, time, slower),
            fitted=self.sram.fitted,
        )
        name = f"{library.name} ({self.name} SRAM)"
        update = {
            "name": name,
            "cells": None,
            "mapping": library.mapping,
            "logic": logic,
            "sram": sram,
            "energy": None,
        }
        return self.model_copy(update=update)


def _scaled(figures: FiguresT, factor: float, reason: str) -> FiguresT:
    update = {
        name: figure.scaled(factor, reason)
        for name, figure in figures
        if isinstance(figure, Figure)
    }
    return figures.model_copy(update=update)


def card_names() -> tuple[str, ...]:
    """Return the names of the cards that come with bosquet, sorted."""
    folder = files(__package__) / "cards"
    names = (entry.name for entry in folder.iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


def mapping_for(library: str) -> LogicMapping:
    """Return how logic is mapped to a library: as a card that comes with bosquet says, or fast."""
    cards = map(load_card, card_names())
    return next((card.mapping for card in cards if card.cells == library), "fast")


def load_card(card: str = DEFAULT_CARD) -> TechnologyCard:
    """Read a technology card.

    Parameters
    ----------
    card : str
        The name of a card that comes with bosquet, or the path of a TOML file.

    Raises
    ------
    InputError
        If there is no such card or file, it is not valid TOML (the line is told), or a figure
        is missing, unknown, without a source or out of range (its dotted name is told).
    """
    try:
        if card in card_names():
            text = (files(__package__) / "cards" / f"{card}.toml").read_text(encoding="utf-8")
        else:
            text = Path(card).read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(
            f"no technology card {card}: give one of {', '.join(card_names())}, or the path of a"
            " TOML file"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"{card}: cannot read the technology card: {error}") from error
    try:
        return TechnologyCard.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise InputError(f"{card}: not valid TOML: {error}") from error
    except ValidationError as error:
        first, *others = error.errors()
        place = ".".join(str(part) for part in first["loc"])
        found = "" if first["type"] == "missing" else f", found {first['input']!r}"
        more = f" (and {len(others)} more)" if others else ""
        raise InputError(f"{card}: {place}: {first['msg']}{found}{more}") from error
