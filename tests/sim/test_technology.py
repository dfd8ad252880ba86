"""What a technology refuses before it gives a figure."""

from dataclasses import replace
from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.sim.technology import Technology


@pytest.mark.parametrize("text", [None, "", "hello\n"])
def test_a_lane_table_that_was_asked_for_has_rows(tmp_path: Path, text: str | None) -> None:
    table = tmp_path / "mine.csv"
    if text is not None:
        table.write_text(text)
    with pytest.raises(InputError, match=r"mine\.csv: holds no row of a lane table.*bosquet synth"):
        Technology.load(table=table)


def test_cells_and_card_are_of_one_technology() -> None:
    """Cells of 20 ps are no cells of a process of 58 ps."""
    cells = builtin_library(load_card().fo4_s)
    assert Technology.load(library=cells).library == cells.name
    with pytest.raises(InputError, match=r"card sg13g2 is not of the cells .* FO4 is 58\.0 ps"):
        Technology.load("sg13g2", library=cells)


def test_rows_of_other_cells_of_the_same_name_are_not_taken() -> None:
    cells = builtin_library(load_card().fo4_s)
    slower = replace(builtin_library(1.2 * cells.fo4_s), name=cells.name)
    with pytest.raises(InputError, match=r"rows of .* are of other cells .* 20\.0 ps, not 24\.0"):
        Technology.load(library=slower)
