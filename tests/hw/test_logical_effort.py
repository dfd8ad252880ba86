"""The generated library keeps the formula it is made from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.hw.tech.logical_effort import builtin_liberty, builtin_library

LIBRARY = builtin_library(20e-12)  # tau = 4 ps, C = 1 fF


def test_yardsticks() -> None:
    assert LIBRARY.gate_area == 1
    assert LIBRARY.fo4_s == pytest.approx(20e-12)


def test_cells() -> None:
    registers = [cell.name for cell in LIBRARY.cells.values() if cell.constraints]
    assert len(LIBRARY.cells) == 15 * 3 + 2 + 1 + 2
    assert registers == ["DFF_X1", "DFF_X2", "CLKGATE_X1"]
    assert [c.name for c in LIBRARY.cells.values() if c.clock_gate] == ["CLKGATE_X1"]
    assert all(cell.area > 0 for cell in LIBRARY.cells.values())


@pytest.mark.parametrize(
    ("cell", "load_f", "delay_s"),
    [
        ("NAND2_X1", 4e-15, 24e-12),  # tau * (p + load) = 4 ps * (2 + 4)
        ("NAND2_X4", 4e-15, 12e-12),  # 4 ps * (2 + 4 / 4)
        ("XOR2_X2", 6e-15, 32e-12),  # 4 ps * (5 + 6 / 2)
        ("DFF_X1", 5e-15, 60e-12),  # 4 ps * (10 + 5)
    ],
)
def test_delay_by_hand(cell: str, load_f: float, delay_s: float) -> None:
    for arc in LIBRARY.cell(cell).arcs:
        for table in arc.delay.values():
            assert table(30e-12, load_f) == pytest.approx(delay_s)


def test_effort_is_in_the_input_capacitance() -> None:
    assert LIBRARY.cell("NOR2_X2").pins["A"].capacitance_f["rise"] == pytest.approx(
        2 * 5 / 3 * 1e-15, rel=1e-4
    )


def test_setup() -> None:
    (check,) = LIBRARY.cell("DFF_X1").constraints
    assert check.setup["rise"](0.0, 50e-12) == pytest.approx(40e-12)


def test_text_is_reproducible() -> None:
    assert builtin_liberty(20e-12) == builtin_liberty(20e-12)


@given(st.floats(5e-12, 500e-12))
def test_fo4_sets_the_speed(fo4_s: float) -> None:
    library = builtin_library(fo4_s)
    assert library.fo4_s == pytest.approx(fo4_s, rel=1e-4)
    assert library.gate_area == 1
