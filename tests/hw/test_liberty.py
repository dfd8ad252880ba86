"""Reading Liberty: every notation that real libraries use, and one clear line for broken ones."""

import gzip
from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.liberty import parse_library, read_library

TEXT = """
/* a comment
   of two lines } */
library ("tiny") {
  time_unit : "10ps";
  capacitive_load_unit (2, ff);
  nom_voltage : 1.2   /* no semicolon */
  define(extra, cell, string);
  operating_conditions(typ) { process : 1; tree_type : "a}b"; }
  lu_table_template (d) {
    variable_1 : input_net_transition; variable_2 : total_output_net_capacitance;
    index_1 ("1, 3"); index_2 ("0, 10, 20");
  }
  lu_table_template (swapped) {
    variable_1 : total_output_net_capacitance; variable_2 : input_net_transition;
    index_1 ("0, 10, 20"); index_2 ("1, 3");
  }
  lu_table_template (s) {
    variable_1 : related_pin_transition; variable_2 : constrained_pin_transition;
    index_1 ("0, 1"); index_2 ("0, 1");
  }
  cell (ND2) {
    area : 1.5;
    leakage_power () { when : "A"; value : 3; }
    pin (A, B) { direction : input; capacitance : 2.0; rise_capacitance : 3; }
    pin (Y) {
      direction : "output"; function : "(!A) | (!B)";
      internal_power () { rise_power (d) { values ("9,9,9", "9,9,9"); } }
      timing () {
        related_pin : "A B"; timing_sense : negative_unate;
        cell_rise (d) { values ("1, 2, 3", \\
                                "5, 6, 7"); }
        cell_fall (swapped) { values ("1, 5", "2, 6", "3, 7"); }
        rise_transition (scalar) { values ("4"); }
        fall_transition (d) { index_1 ("2, 4"); values ("1,1,1","1,1,1"); }
      }
      timing () { related_pin : "A"; timing_type : clear; }
    }
  }
  cell (INV) {
    area : 1; dont_use : true;
    pin (A) { direction : input; capacitance : 1; }
    pin (Y) { direction : output; function : "A'"; }
  }
  cell (FF) {
    area : 6;
    ff (IQ, IQN) { clocked_on : "C"; next_state : "D"; }
    pin (C) { direction : input; clock : true; capacitance : 1; }
    pin (D) {
      direction : input; capacitance : 1;
      timing () {
        related_pin : "C"; timing_type : setup_rising;
        rise_constraint (s) { values ("1, 2", "3, 4"); }
        fall_constraint (s) { values ("5, 6", "7, 8"); }
      }
      timing () { related_pin : "C"; timing_type : hold_rising;
        rise_constraint (s) { values ("1, 2", "3, 4"); } }
    }
    pin (Q) {
      direction : output; function : "IQ";
      timing () {
        related_pin : "C"; timing_type : rising_edge;
        cell_rise (d) { values ("1, 2, 3", "1, 2, 3"); }
        rise_transition (d) { values ("1, 2, 3", "1, 2, 3"); }
      }
    }
  }
}
"""

CELL_RISE_LINE = TEXT[: TEXT.index("cell_rise")].count("\n") + 1

TINY = parse_library(TEXT, "tiny.lib")


def test_names_and_areas() -> None:
    assert TINY.name == "tiny"
    assert {name: cell.area for name, cell in TINY.cells.items()} == {"ND2": 1.5, "INV": 1, "FF": 6}
    assert TINY.text == TEXT


def test_capacitances_in_farad_by_edge() -> None:
    pins = TINY.cell("ND2").pins
    assert pins["B"].capacitance_f == pytest.approx({"rise": 6e-15, "fall": 4e-15})
    assert pins["B"].direction == "input"
    assert TINY.cell("ND2").outputs == ("Y",)


def test_one_arc_per_related_pin_and_no_asynchronous_ones() -> None:
    arcs = TINY.cell("ND2").arcs
    assert [(arc.source, arc.target, arc.sense) for arc in arcs] == [
        ("A", "Y", "negative_unate"),
        ("B", "Y", "negative_unate"),
    ]
    assert all(arc.clock_edge is None for arc in arcs)


@pytest.mark.parametrize("edge", ["rise", "fall"])
def test_tables_are_in_seconds_whatever_the_order_of_the_axes(edge: str) -> None:
    table = next(v for k, v in TINY.cell("ND2").arcs[0].delay.items() if k == edge)
    assert table(10e-12, 0.0) == pytest.approx(10e-12)
    assert table(30e-12, 20e-15) == pytest.approx(60e-12)
    assert table(20e-12, 30e-15) == pytest.approx(45e-12)  # between rows 15, 25 / 55, 65: by hand


def test_tables_continue_linearly_beyond_their_ends() -> None:
    table = TINY.cell("ND2").arcs[0].delay["rise"]
    assert table(10e-12, 60e-15) == pytest.approx(40e-12)  # 10 ps per 20 fF
    assert table(0.0, 0.0) == pytest.approx(-10e-12)  # 40 ps per 20 ps of transition


def test_scalar_and_own_indices() -> None:
    transition = TINY.cell("ND2").arcs[0].transition
    assert transition["rise"](5e-12, 7e-15) == pytest.approx(40e-12)
    assert transition["fall"].x == pytest.approx((20e-12, 40e-12))


def test_register() -> None:
    flip_flop = TINY.cell("FF")
    (check,) = flip_flop.constraints
    (launch,) = flip_flop.arcs
    assert (check.clock, check.data, check.clock_edge) == ("C", "D", "rise")
    assert check.setup["rise"](0.0, 10e-12) == pytest.approx(20e-12)  # x is the clock, y the data
    assert check.setup["fall"](10e-12, 0.0) == pytest.approx(70e-12)
    assert launch.clock_edge == "rise"
    assert set(launch.delay) == {"rise"}


def test_gate_area_is_the_smallest_nand_by_function() -> None:
    assert TINY.gate_area == 1.5


def test_cells_not_to_be_used_are_no_yardstick() -> None:
    assert TINY.cell("INV").dont_use
    with pytest.raises(InputError, match="library tiny has no cell with the function !A"):
        _ = TINY.fo4_s


def test_unknown_cell() -> None:
    with pytest.raises(InputError, match=r"^library tiny has no cell ND9$"):
        TINY.cell("ND9")


def test_reads_plain_and_compressed_files(tmp_path: Path) -> None:
    plain, packed = tmp_path / "a.lib", tmp_path / "a.lib.gz"
    plain.write_text(TEXT)
    packed.write_bytes(gzip.compress(TEXT.encode()))
    assert read_library(plain).cells == read_library(packed).cells == TINY.cells


def test_a_card_tells_how_logic_is_mapped_to_its_cells(tmp_path: Path) -> None:
    cells = tmp_path / "cells.lib"
    cells.write_text(TEXT)
    assert read_library(cells).mapping == "fast"
    cells.write_text(TEXT.replace('"tiny"', '"sg13g2_stdcell_typ_1p20V_25C"'))
    assert read_library(cells).mapping == load_card("sg13g2").mapping == "small"


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.lib: cannot read the Liberty file"):
        read_library(tmp_path / "none.lib")


def test_truncated_compressed_file(tmp_path: Path) -> None:
    path = tmp_path / "cut.lib.gz"
    path.write_bytes(gzip.compress(TEXT.encode())[:100])
    with pytest.raises(InputError, match=r"cut\.lib\.gz: cannot read the Liberty file"):
        read_library(path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it has no library"),
        ("module x;", "line 1: expected a Liberty statement"),
        ("library(a) {\n cell(b) {\n area : 1;\n", r"line 2: no '}' ends cell\(b\)"),
        ("library(a) { }\n }", "line 2: a '}' too many"),
        ("library(a) {\n\n cell(b { }", r"line 3: no '\)' after cell\("),
        ("library(a) {\n }", "has no cell"),
        ("library(a) {\n time_unit : 1parsec;\n cell(b) { } }", "unknown unit '1parsec'"),
        (
            "library(a) {\n cell(b) {\n area : big; } }",
            "line 2: .*area must be a number, not 'big'",
        ),
        (
            TEXT.replace('"1, 2, 3"', '"1, 2"', 1),
            rf"line {CELL_RISE_LINE}: cell_rise\(d\): 5 values for a 2 x 3",
        ),
        (
            TEXT.replace('"1, 2, 3"', '"1, x, 3"', 1),
            f"line {CELL_RISE_LINE}: .*must hold numbers: .*'x'",
        ),
        (TEXT.replace("0, 10, 20", "0, 10, 10", 1), "indices of a table must ascend"),
        (TEXT.replace("sense : negative", "sense : any", 1), "timing_sense must be one of"),
        (TEXT.replace("rise_transition (scalar)", "none (scalar)", 1), "needs a transition table"),
    ],
)
def test_rejects(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message) as caught:
        parse_library(text, "bad.lib")
    assert str(caught.value).startswith("bad.lib: ")
    assert "\n" not in str(caught.value)
