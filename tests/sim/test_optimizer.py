"""The search finds what an exhaustive one finds, and simulates only what may be better."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from ideal_silicon import IdealCost

from bosquet.errors import DesignError, FitError, InputError
from bosquet.hw.design import Design
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline
from bosquet.sim.optimizer import LayerGoal, Score, SearchSpace, optimize
from bosquet.sim.workload import Workload

SPACE = SearchSpace(vectors=(2, 4, 8), feeds=(4, 8), drains=(1, 2), drain_cycles=(1, 2))


class Made:
    """A goal with a made-up score."""

    def __init__(self, score: Callable[[Design], float], slack: float = 0.0) -> None:
        self._score = score
        self._slack = slack
        self.simulated: list[Design] = []

    def least(self, template: Design) -> Score:
        return 0, self._score(template) - self._slack

    def score(self, template: Design) -> Score:
        self.simulated.append(template)
        return 0, self._score(template)


def starts(family: str) -> list[Design]:
    like = Design.dense(16, 16)
    return SPACE.starts("dense" if family == "dense" else "sparse", like)


def test_finds_a_single_valley() -> None:
    def away(design: Design) -> float:
        return (
            abs(design.vector - 2)
            + abs(design.feed - 4)
            + abs(design.run_ahead - 4)
            + abs(design.drain - 2)
            + abs(design.drain_cycles - 2)
            + abs(design.acc_sets - 1)
        )

    goal = Made(away, slack=5.0)
    best = optimize(SPACE, starts("sparse"), goal)
    assert away(best) == 0
    assert len(goal.simulated) == len(set(goal.simulated))


def test_finds_a_valley_that_no_single_change_leads_to() -> None:
    """Small windows pay only with run-ahead, large ones only without."""

    def score(design: Design) -> float:
        small = design.window == 4 and design.run_ahead == 4 and design.feed == 4
        large = design.window == 16 and design.run_ahead == 1
        return 1.0 if small else 2.0 if large else 3.0

    best = optimize(SPACE, starts("sparse"), Made(score))
    assert (best.window, best.run_ahead, best.feed) == (4, 4, 4)


def test_simulates_nothing_that_the_bounds_exclude() -> None:
    goal = Made(lambda design: 1 + abs(design.vector - 4))
    optimize(SPACE, starts("dense"), goal)
    # The bounds are exact: each simulation after the first must be an improvement.
    scores = [goal.score(design)[1] for design in list(goal.simulated)]
    assert scores == sorted(scores, reverse=True)


def test_designs_that_cannot_be_costed_are_passed_over() -> None:
    class Partly(Made):
        def least(self, template: Design) -> Score:
            if template.vector != 8:
                raise InputError("the lane table has no such vector")
            return super().least(template)

    assert optimize(SPACE, starts("sparse"), Partly(lambda design: design.feed)).vector == 8


def test_says_why_nothing_fits() -> None:
    class Nothing(Made):
        def least(self, template: Design) -> Score:
            raise FitError("the budget is 0 um2")

    with pytest.raises(FitError, match="the budget is 0 um2"):
        optimize(SPACE, starts("sparse"), Nothing(lambda design: 0.0))


def test_progress_counts_the_starts() -> None:
    told: list[tuple[str, int, int]] = []
    optimize(SPACE, starts("dense"), Made(lambda design: 1.0), lambda *args: told.append(args))
    assert told == [("choose the dense design", n, 3) for n in range(4)]


def test_starts_take_the_bit_widths_of_the_baseline() -> None:
    like = replace(Design.dense(4, 4), weight_bits=4, acc_bits=20)
    for family in ("dense", "sparse"):
        for start in SPACE.starts("dense" if family == "dense" else "sparse", like):
            assert (start.weight_bits, start.act_bits, start.acc_bits) == (4, 8, 20)


def test_axes_stay_legal() -> None:
    odd = SearchSpace(vectors=(1, 4, 6), drain_cycles=(1, 2, 4))
    for start in odd.starts("sparse", Design.dense(4, 4)):
        for designs in odd.axes(start):
            assert start in designs
    with pytest.raises(DesignError):
        SearchSpace(windows=(4,), feeds=(8,)).starts("sparse", Design.dense(4, 4))


def test_dense_search_is_as_good_as_trying_everything() -> None:
    shape = LayerShape("layer", "conv", 4, 20, (3, 3), height=9, width=8)
    layer = Workload(shape, np.ones(shape.weight_shape, np.bool_))
    bench = Bench(IdealCost(word_um2=0.05, feature_word_um2=0.01))
    area = FrozenBaseline.of(Design.dense(6, 4), [layer], bench, 1.0).equal_area
    goal = LayerGoal(area, (layer,))
    found = goal.score(optimize(SPACE, starts("dense"), goal))
    every = [
        replace(Design.dense(2, vector), drain=drain, drain_cycles=cycles, acc_sets=sets)
        for vector in SPACE.vectors
        for drain in SPACE.drains
        for cycles in SPACE.drain_cycles
        for sets in SPACE.acc_sets
    ]
    assert found == min(goal.score(design) for design in every)


def test_a_goal_is_the_geometric_mean_of_what_fits() -> None:
    shape = LayerShape("layer", "conv", 8, 16, (3, 3), height=6, width=6)
    references = [
        Workload(shape, uneven_mask(shape.weight_shape, density, 0)) for density in (0.1, 0.4, 1.0)
    ]
    bench = Bench(IdealCost(sparse_lane_um2=2.0, word_um2=0.05, index_share=1.0))
    area = FrozenBaseline.of(Design.dense(2, 4), [references[0]], bench, 1.0).equal_area
    template = Design("sparse", 1, 4, window=8, feed=4)
    fits = references[:2]
    seconds = [area.shortlist(template, workload)[0].latency_s for workload in fits]
    unfit, mean = LayerGoal(area, tuple(references)).score(template)
    assert unfit == 1
    assert mean == pytest.approx((seconds[0] * seconds[1]) ** 0.5)
    assert LayerGoal(area, tuple(references)).least(template) <= (unfit, mean)
    with pytest.raises(FitError):
        LayerGoal(area, (references[2],)).score(template)
