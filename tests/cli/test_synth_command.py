"""`bosquet synth`: which parts are measured, and where the rows go."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path

import pytest
from command_line import bosquet

from bosquet.cli import fpga, synth
from bosquet.hw.design import Buffers, Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.measure import WIRES, recipe_id
from bosquet.hw.synth.nextpnr import PlacedDesign
from bosquet.hw.synth.parts import Part
from bosquet.hw.synth.row import Row
from bosquet.hw.tech.cell import Library
from bosquet.hw.tech.logical_effort import builtin_library


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Stand in for Yosys: return the list of the parts that were asked for."""
    asked: list[str] = []

    def measure(
        parts: Iterable[Part],
        table: LaneTable,
        library: Library,
        progress: Callable[[int, int, Part], None],
    ) -> LaneTable:
        wanted = list(parts)
        for number, part in enumerate(wanted):
            progress(number, len(wanted), part)
            asked.append(part.name)
            row = Row(
                part, 1234.0, 99, 7, 1e-9, {MemoryKind.OFFSETS: 2e-10}, 3e-10, library.name,
                library.fo4_s, recipe_id(library), "yosys=1", "0" * 16,
            )  # fmt: skip
            table = table.with_rows(replace(row, wire_inputs=wire) for wire in WIRES)
        return table

    monkeypatch.setattr(synth, "measure", measure)
    return asked


def test_every_part_of_a_design_is_measured(measured: list[str], tmp_path: Path) -> None:
    file = tmp_path / "mine.csv"
    found = bosquet("synth", "--design", "sparse-4x4", "--table", file, "--json").document
    assert {row["part"] for row in found["rows"]} == set(measured)
    assert {"sparse_lane", "window"} <= set(measured)
    row = found["rows"][0]
    assert (row["area_ge"], row["period_s"], row["from_memory_s"]) == (
        1234.0,
        1e-9,
        {"offsets": 2e-10},
    )
    assert len(LaneTable.read(file).rows) == len(WIRES) * len(measured)


def test_one_part_can_be_chosen(measured: list[str]) -> None:
    finished = bosquet("synth", "--design", "dense-4x4", "--part", "dense_lane")
    assert finished.code == 0
    assert measured == ["dense_lane"]
    assert "not stored; --table FILE" in finished.out
    assert "synth -top TOP -flatten -booth -noabc" in finished.out


def test_a_part_that_the_design_does_not_have(measured: list[str]) -> None:
    finished = bosquet("synth", "--design", "dense-4x4", "--part", "window")
    assert (finished.code, finished.out) == (1, "")
    assert "no part 'window'" in finished.err
    assert "dense_lane" in finished.err
    assert measured == []


def test_a_table_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "table.csv"
    file.write_text("a,b\n1,2\n")
    finished = bosquet("synth", "--design", "dense-4x4", "--table", file)
    assert finished.code == 1
    assert f"{file}, line 2" in finished.err


def test_widths_change_what_is_measured(measured: list[str]) -> None:
    arguments = ("synth", "--design", "dense-4x4", "--part", "dense_lane", "--json")
    rows = bosquet(*arguments, "--weight-bits", 5).document["rows"]
    assert {row["parameters"]["weight_bits"] for row in rows} == {5}
    assert [row["wire_inputs_per_fanout"] for row in rows] == [0, 1.6]
    assert measured == ["dense_lane"]


TOML = """
family = "sparse"
lanes = 2
vector = 4

[buffers]
weight_words = 8
index_words = 8
feature_words = 8
filter_words = 8
offset_words = 8
"""


def placed(design: Design, buffers: Buffers, device: str, seed: int) -> PlacedDesign:
    """Stand in for place and route."""
    have = {"lut": 24288, "dsp": 28, "bram": 56}
    return PlacedDesign(
        1234, 567, 8, 9, have, 101.5e6, ("inner.a", "inner.b"), device, seed, "f1", {}
    )


def test_a_whole_design_on_an_fpga(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(fpga, "place_and_route", placed)
    file = tmp_path / "design.toml"
    file.write_text(TOML)
    arguments = ("synth", "--design", file, "--fpga", "ecp5-25k-8", "--seed", 3)
    found = bosquet(*arguments, "--json").document
    assert (found["lut"], found["freq_hz"], found["seed"]) == (1234, 101.5e6, 3)
    assert (found["device"], found["design"]) == ("ecp5-25k-8", "sparse-2x4")
    said = bosquet(*arguments).out
    assert "101.5 MHz (measured after routing)" in said
    assert "inner.a -> inner.b" in said


def test_an_fpga_needs_memory_depths(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fpga, "place_and_route", placed)
    finished = bosquet("synth", "--design", "sparse-2x4", "--fpga", "ecp5-25k-8")
    assert finished.code == 1
    assert "[buffers]" in finished.err


def test_an_fpga_takes_the_whole_design() -> None:
    finished = bosquet("synth", "--design", "dense-4x4", "--fpga", "ecp5-25k-8", "--grid")
    assert finished.code == 1
    assert "no --part" in finished.err


def test_the_mapping_is_part_of_the_recipe(measured: list[str], tmp_path: Path) -> None:
    cells = tmp_path / "mine.lib"
    cells.write_text(builtin_library(2e-11).text)
    asked = (
        "synth",
        "--design",
        "dense-4x4",
        "--part",
        "dense_feeder",
        "--liberty",
        cells,
        "--json",
    )
    fast = bosquet(*asked).document["recipe"]
    small = bosquet(*asked, "--mapping", "small").document["recipe"]
    assert "map,-B,0.9" in fast["script"]
    assert "&nf" in small["script"]
    assert fast["id"] != small["id"]
    assert bosquet(*asked, "--mapping", "fast").document["recipe"] == fast
    refused = bosquet("synth", "--design", "dense-4x4", "--mapping", "small")
    assert (refused.code, refused.err) == (1, "error: --mapping is for the cells of --liberty\n")
