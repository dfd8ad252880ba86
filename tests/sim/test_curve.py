"""Where a curve crosses 1 for good, where it is refined, and what a point says."""

import json
from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st
from ideal_silicon import IdealCost

from bosquet.errors import FitError
from bosquet.hw.design import Design
from bosquet.models.formats import Dense
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uniform_mask
from bosquet.sim.bench import Bench
from bosquet.sim.curve import COARSE, Point, crossing, refined
from bosquet.sim.equal_area import EqualArea, Timed
from bosquet.sim.streaming import WeightSupply
from bosquet.sim.workload import Workload


def timed(latency_s: float) -> Timed:
    shape = LayerShape("layer", "conv", 4, 4)
    workload = Workload(shape, uniform_mask(shape.weight_shape, 0.5, 0))
    area = EqualArea(Bench(IdealCost()), 1e9, WeightSupply())
    fit = area.at(Design("sparse", 4, 1, window=4, feed=4), (workload,), (Dense(),))
    return Timed(fit, round(latency_s), latency_s, "feed")


@pytest.mark.parametrize(
    ("speedups", "ratio", "reason"),
    [
        ({0: 0.5, 50: 1.0, 75: 3.0}, 2.0, None),
        ({0: 1.0, 50: 2.0}, 1.0, None),
        ({0: 0.5, 50: 2.0, 60: 0.9, 75: 3.0}, 4.0, None),
        ({0: 0.5, 50: 0.7, 75: 0.6}, None, "sparse is slower at every ratio up to 4; the best is"
         " 0.700x at 50 % pruned"),
        ({0: 0.5, 50: 2.0, 75: 0.9}, None, "sparse is slower again at 75 % pruned (0.900x), after"
         " 2.000x at 50 %"),
        ({0: 0.0, 50: 0.0}, None, "no sparse design fits the area of the dense baseline at any"
         " ratio"),
    ],
)  # fmt: skip
def test_crossing_by_hand(
    speedups: Mapping[int, float], ratio: float | None, reason: str | None
) -> None:
    found = crossing(speedups)
    assert found.ratio == ratio
    assert found.reason == reason


@given(st.dictionaries(st.integers(0, 95), st.floats(0, 3), min_size=1))
def test_from_the_crossing_on_nothing_is_slower(speedups: dict[int, float]) -> None:
    found = crossing(speedups)
    if found.percent is None:
        assert found.reason
        assert speedups[max(speedups)] < 1
        return
    assert all(s >= 1 for percent, s in speedups.items() if percent >= found.percent)
    below = [percent for percent in speedups if percent < found.percent]
    assert not below or speedups[max(below)] < 1


def stepped(crossings: list[int]) -> dict[int, Point]:
    """Refine a curve that changes sides of 1 at each of some percents, slower at first."""

    def evaluate(percent: int) -> Point:
        faster = sum(percent >= change for change in crossings) % 2
        return Point(1.0, "uneven", DENSE, DENSE, (2.0 if faster else 0.5,))

    return refined(evaluate, [lambda point: point.speedups[0]])


DENSE = timed(10.0)


def test_refines_around_the_crossing() -> None:
    points = stepped([33])
    assert set(points) == {*COARSE, *range(31, 39)}
    assert crossing({p: point.speedups[0] for p, point in points.items()}).percent == 33


def test_a_dip_above_the_crossing_is_found() -> None:
    # Slower again at 37 and 38: between the coarse points, 5 % above the first crossing.
    points = stepped([33, 37, 39])
    assert crossing({p: point.speedups[0] for p, point in points.items()}).percent == 39
    assert set(range(31, 45)) <= set(points)


def test_no_crossing_needs_no_refinement() -> None:
    assert set(stepped([])) == set(COARSE)
    assert set(stepped([0])) == {*COARSE, 1, 2, 3, 4}
    assert set(stepped([94])) == {*COARSE, 91, 92, 93, 94}


def test_each_answer_is_refined() -> None:
    def evaluate(percent: int) -> Point:
        return Point(1.0, "uneven", DENSE, DENSE, (percent / 40, percent / 60))

    points = refined(evaluate, [lambda p: p.speedups[0], lambda p: p.speedups[1]])
    assert set(points) == {*COARSE, *range(36, 46), *range(56, 66)}


def test_progress_counts_up_to_what_is_known() -> None:
    told: list[tuple[int, int]] = []
    refined(
        lambda percent: Point(1.0, "uneven", DENSE, DENSE, (percent / 40,)),
        [lambda point: point.speedups[0]],
        lambda done, total: told.append((done, total)),
    )
    assert told[0] == (0, 20)
    assert told[-1][0] == told[-1][1] == 28
    assert [done for done, _ in told] == sorted({done for done, _ in told})


def test_the_median_mask_is_simulated_exactly() -> None:
    quick = [timed(latency) for latency in (5.0, 2.0, 4.0, 8.0, 10.0)]
    point = Point.of(2.0, "uneven", DENSE, quick, lambda number: timed(10.0 + number))
    assert point.sparse is not None
    assert point.sparse.latency_s == 10.0
    assert point.speedup == 1.0
    # The others are corrected as the median one was, from 5 to 10 s.
    assert point.speedups == pytest.approx((0.5, 0.625, 1.0, 1.25, 2.5))
    assert point.quantile(0.25) == pytest.approx(0.625)
    assert point.quantile(0.75) == pytest.approx(1.25)


def test_masks_that_do_not_fit_count_as_slowest() -> None:
    unfit = FitError("too large")
    point = Point.of(2.0, "uneven", DENSE, [timed(5.0), unfit, timed(2.0)], lambda _: timed(5.0))
    assert point.speedup == 2.0
    assert point.speedups == (0.0, 2.0, 5.0)
    nothing = Point.of(2.0, "uneven", DENSE, [unfit, timed(2.0), unfit], lambda _: timed(2.0))
    assert nothing.speedup is None
    assert nothing.reason == "too large"
    values = nothing.to_json()
    json.dumps(values, allow_nan=False)
    assert values["feasible"] is False
    assert values["speedup"] is None
    assert values["reason"] == "too large"
    assert values["lanes"] is None


def test_point_has_the_keys_of_the_report() -> None:
    point = Point.of(4.0, "own", DENSE, [timed(5.0)], lambda _: timed(5.0))
    values = point.to_json()
    assert {
        "pruned_portion", "ratio", "speedup", "feasible", "cycles_dense", "cycles_sparse",
        "freq_hz_dense", "freq_hz_sparse", "latency_s_dense", "latency_s_sparse", "lanes",
        "vector", "feed", "format", "bound", "area_um2",
    } <= set(values)  # fmt: skip
    assert values["pruned_portion"] == 0.75
    assert values["speedup"] == 2.0
    assert values["lanes"] == 4
    assert values["format"] == "dense"
    assert values["mask"] == "own"
