"""A technology: a card for areas and memories, and measured rows for the logic.

Rows are in gate equivalents and in seconds of the library they were measured with. The card says
how large a gate equivalent is, and how fast: times are scaled by FO4, so that the rows of our own
library serve every card.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from math import isclose
from pathlib import Path
from typing import Any

from ..errors import InputError
from ..hw.design import Design
from ..hw.synth.estimate import Estimate, Estimator
from ..hw.synth.lane_table import LaneTable
from ..hw.synth.parts import Part
from ..hw.synth.row import Row
from ..hw.tech.card import DEFAULT_CARD, TechnologyCard, card_names, load_card
from ..hw.tech.cell import Library
from ..hw.tech.logical_effort import builtin_library

__all__ = ["Technology"]

_ONE_TECHNOLOGY = 1.5
"""Largest factor between the FO4 of a card and that of cells of its technology."""


@dataclass(frozen=True, eq=False)
class Technology:
    """What silicon costs.

    Attributes
    ----------
    card : TechnologyCard
    rows : tuple of Row
        Of one library and one recipe, without wires.
    table : LaneTable
        What they are from.
    """

    card: TechnologyCard
    rows: tuple[Row, ...]
    table: LaneTable = field(default_factory=LaneTable)

    @classmethod
    def load(
        cls,
        card: str | None = None,
        table: Path | None = None,
        library: Library | None = None,
    ) -> "Technology":
        """Read a technology.

        Parameters
        ----------
        card : str, optional
            Name or path of a technology card. None: the default one, for a real ``library`` with
            that library's gates.
        table : Path, optional
            Lane table of the user; its rows stand beside and above the shipped ones.
        library : Library, optional
            A real cell library; its rows must be in the table. None: our own library.

        Raises
        ------
        InputError
            If card or table cannot be read, the table has no rows, or there are none of the
            library; if card or rows are of cells of another speed.
        """
        chosen = load_card(card or DEFAULT_CARD)
        if library is None:
            # Rows of our own library are kept at one speed and scaled.
            name = builtin_library(load_card(DEFAULT_CARD).fo4_s).name
        else:
            name = library.name
            if card is None:
                chosen = chosen.for_library(library)
            _check_speed(library, chosen)
        rows = LaneTable.shipped()
        if table is not None:
            given = LaneTable.read(table)
            if not given.rows:
                raise InputError(
                    f"{table}: holds no row of a lane table, or does not exist; `bosquet synth"
                    f" --design D --table {table}` measures rows into it"
                )
            rows = given.over(rows)
        found = rows.of_library(name)
        if library is not None and any(
            not isclose(r.fo4_s, library.fo4_s, rel_tol=1e-3) for r in found
        ):
            raise InputError(
                f"lane table: its rows of {name} are of other cells than those given (FO4"
                f" {found[0].fo4_s * 1e12:.1f} ps, not {library.fo4_s * 1e12:.1f} ps); give the"
                " library another name, and measure with `bosquet synth --liberty FILE`"
            )
        return cls(chosen, found, rows)

    @classmethod
    def of_real_cells(cls) -> "tuple[Technology, ...]":
        """Return the cards that name a cell library whose rows come with bosquet, by their names.

        ``load`` scales the rows of our own library to a card: they tell of every part, those of a
        real library of dense and sparse arrays alone.
        """
        table = LaneTable.shipped()
        measured = {row.library for row in table.rows.values()}
        cards = map(load_card, card_names())
        return tuple(
            cls(card, table.of_library(card.cells), table)
            for card in cards
            if card.cells in measured
        )

    def wired(self) -> "Technology":
        """Return the technology with the wires of its card, which make the logic slower.

        Raises
        ------
        InputError
            If the card does not say how much capacitance they have, or no row is measured so.
        """
        wires = self.card.logic.wire_inputs_per_fanout
        if wires is None:
            raise InputError(
                f"technology card {self.card.name}: logic.wire_inputs_per_fanout is missing; with"
                " it times include wires"
            )
        return replace(self, rows=self.table.of_library(self.library, wires.value))

    def __reduce__(self) -> tuple[object, ...]:
        # For other processes: without the fits, which are found again.
        return Technology, (self.card, self.rows, self.table)

    @property
    def library(self) -> str:
        """Name of the cell library."""
        return self.rows[0].library

    @cached_property
    def tools(self) -> dict[str, str]:
        """Tools that measured the rows, with their versions."""
        return dict(tool.split("=", 1) for tool in self.rows[0].tools.split())

    @cached_property
    def estimator(self) -> Estimator:
        """Areas and times of parts, in gate equivalents and times of the library."""
        return Estimator(self.rows)

    def estimate(self, part: Part, design: Design) -> Estimate:
        """Return area (still in gate equivalents) and times (of this card) of a part.

        Raises
        ------
        InputError
            If the rows do not tell.
        """
        found = self.estimator(part, design.name)
        scale = self.card.fo4_s / self.rows[0].fo4_s
        return Estimate(
            area_ge=found.area_ge,
            period_s=found.period_s * scale,
            from_memory_s={kind: time * scale for kind, time in found.from_memory_s.items()},
            to_memory_s=found.to_memory_s * scale,
        )

    def to_json(self) -> Mapping[str, Any]:
        """Return what the numbers stand for, as plain values."""
        return {
            "card": self.card.name,
            "node_nm": self.card.node_nm,
            "device_class": self.card.device_class,
            "um2_per_ge": self.card.um2_per_ge,
            "sram_um2_per_bit": self.card.sram.area.um2_per_bit.value,
            "fo4_ps": self.card.fo4_s * 1e12,
            "library": self.library,
            "wire_inputs_per_fanout": self.rows[0].wire_inputs,
            "recipe": self.rows[0].recipe,
        }


def _check_speed(library: Library, card: TechnologyCard) -> None:
    """Refuse a card of another technology; cells of one differ by corner and drive."""
    if not 1 / _ONE_TECHNOLOGY < library.fo4_s / card.fo4_s < _ONE_TECHNOLOGY:
        raise InputError(
            f"technology card {card.name} is not of the cells {library.name}: its FO4 is"
            f" {card.fo4_s * 1e12:.1f} ps, theirs {library.fo4_s * 1e12:.1f} ps; give a card of"
            " their technology, or none"
        )
