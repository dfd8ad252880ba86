"""What a technology refuses before it gives a figure."""

from dataclasses import replace
from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.synth.measure import grid
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.sim.cost import Cost
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


def test_real_cells_tell_of_dense_and_sparse_arrays() -> None:
    wide = Design.dense(64, 16), Design("sparse", 64, 16)
    elsewhere = ("port_", "eie_", "fc_")
    wanted = {part for part in grid(wide[1]) if not part.name.startswith(elsewhere)}
    ours = Cost(Technology.load())
    overhead = ours.logic_um2(wide[1]) / ours.logic_um2(wide[0])
    found = Technology.of_real_cells()
    assert [technology.card.name for technology in found] == ["sg13g2", "sky130"]
    for technology in found:
        assert wanted == {row.part for row in technology.rows}
        assert wanted == {row.part for row in technology.wired().rows}
        cost = Cost(technology)
        # What sparsity costs depends little on whose gates it is built of.
        assert cost.logic_um2(wide[1]) / cost.logic_um2(wide[0]) == pytest.approx(
            overhead, rel=0.15
        )
