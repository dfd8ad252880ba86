"""As many lanes as the budget pays for; and the closed form of equal-area break-even, exactly."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from ideal_silicon import IdealCost, IdealSimulator

from bosquet.errors import FitError
from bosquet.hw.design import Design
from bosquet.models.formats import Dense
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline
from bosquet.sim.equal_area import EqualArea, Fit
from bosquet.sim.fast_cycles import FastCycles
from bosquet.sim.lane_counts import lane_counts, widest
from bosquet.sim.streaming import WeightSupply
from bosquet.sim.workload import Workload

SPARSE = Design("sparse", 1, 1, window=1, feed=1)


def evenly_pruned(filters: int, weights: int, kept: int) -> Workload:
    """Return filters that each keep the same number of weights."""
    mask = np.zeros((filters, weights, 1, 1), np.bool_)
    mask[:, :kept] = True
    return Workload(LayerShape("layer", "conv", weights, filters, height=2, width=2), mask)


@pytest.mark.parametrize(
    ("filters", "weights", "rows", "lane_ratio", "index_share", "kept_of"),
    [
        # weight memory as large as the lanes, half a weight of index: 40 rows buy
        # 32 (2 - 1.5 / R) sparse lanes
        (480, 12, 40, 1.25, 0.5, {12: 16, 8: 32, 6: 40, 4: 48, 1: 60}),
        # index as large as the weight: 20 (2 - 2 / R)
        (360, 20, 30, 1.5, 1.0, {10: 20, 5: 30, 2: 36}),
    ],
)
def test_closed_form(
    filters: int,
    weights: int,
    rows: int,
    lane_ratio: float,
    index_share: float,
    kept_of: dict[int, int],
) -> None:
    """S = c (1 + W) R - c W (1 + k), with W = 1 and c = utilization x clocks / lane areas."""
    utilization, clocks = 0.9, 0.95
    cost = IdealCost(
        dense_lane_um2=1.0,
        sparse_lane_um2=lane_ratio,
        word_um2=rows / (filters * weights),
        index_share=index_share,
        dense_hz=2e9,
        sparse_hz=clocks * 2e9,
    )
    bench = Bench(cost, IdealSimulator(utilization))
    dense = evenly_pruned(filters, weights, weights)
    baseline = FrozenBaseline.of(Design.dense(rows, 1), [dense], bench, 1.0)
    c, w, k = utilization * clocks / lane_ratio, 1.0, index_share
    for kept, lanes in kept_of.items():
        workload = evenly_pruned(filters, weights, kept)
        timed = baseline.equal_area.fastest(SPARSE, workload)
        assert timed.fit.design.lanes == lanes
        speedup = baseline.latency_s / timed.latency_s
        expected = c * (1 + w) * workload.ratio - c * w * (1 + k)
        assert abs(speedup - expected) < 1e-9 * expected


def test_what_pruning_does_not_pay_for_does_not_fit() -> None:
    # Unpruned, with indices as large as the weights: no area is left for lanes.
    cost = IdealCost(sparse_lane_um2=1.5, word_um2=30 / 7200, index_share=1.0)
    bench = Bench(cost, IdealSimulator())
    unpruned = evenly_pruned(360, 20, 20)
    baseline = FrozenBaseline.of(Design.dense(30, 1), [unpruned], bench, 1.0)
    with pytest.raises(FitError, match="the budget is 60 um2"):
        baseline.equal_area.fastest(SPARSE, unpruned)


def test_lane_counts_save_a_filter_tile() -> None:
    layer = Workload(LayerShape("layer", "conv", 2, 20, groups=2), np.ones((20, 1, 1, 1), bool))
    assert lane_counts([layer], SPARSE) == [10, 5, 4, 3, 2, 1]
    drained_together = Design("sparse", 4, 1, window=1, feed=1, drain=4)
    assert lane_counts([layer], drained_together) == [10, 5, 4]
    assert lane_counts([layer], replace(SPARSE, lanes=4, simd_group=4)) == [12, 8, 4]
    many = Workload(LayerShape("layer", "conv", 1, 600), np.ones((600, 1, 1, 1), bool))
    assert lane_counts([many], SPARSE)[:2] == [200, 150]
    assert lane_counts([layer, many], SPARSE)[-6:] == [6, 5, 4, 3, 2, 1]


@given(st.integers(1, 256), st.integers(1, 256))
def test_widest_finds_the_most_lanes(filters: int, room: int) -> None:
    layer = Workload(LayerShape("l", "conv", 1, filters), np.ones((filters, 1, 1, 1), bool))
    counts = lane_counts([layer], SPARSE)
    asked: list[int] = []
    area = EqualArea(Bench(IdealCost()), 1e9, WeightSupply())

    def fit(lanes: int) -> Fit:
        asked.append(lanes)
        if lanes > room:
            raise FitError("too large")
        return area.at(replace(SPARSE, lanes=lanes), (layer,), (Dense(),))

    found = [fit.design.lanes for fit in widest(counts, fit, also=3)]
    assert found == [lanes for lanes in counts if lanes <= room][:3]
    assert len(asked) == len(set(asked))


def test_widest_looks_below_a_count_that_does_not_fit() -> None:
    layer = Workload(LayerShape("l", "conv", 1, 8), np.ones((8, 1, 1, 1), bool))
    area = EqualArea(Bench(IdealCost()), 1e9, WeightSupply())

    def fit(lanes: int) -> Fit:
        if lanes in (8, 2):  # 2 lanes fill a memory word less well than 4
            raise FitError("too large")
        return area.at(replace(SPARSE, lanes=lanes), (layer,), (Dense(),))

    assert [fit.design.lanes for fit in widest([8, 4, 2], fit)] == [4]


def test_widest_says_why_nothing_fits() -> None:
    def fit(lanes: int) -> Fit:
        raise FitError(f"{lanes} lanes are too many")

    with pytest.raises(FitError, match="1 lanes are too many"):
        widest([8, 4, 1], fit)
    with pytest.raises(FitError, match="drained together"):
        widest([], fit)


class TestOnRealCycles:
    shape = LayerShape("layer", "conv", 12, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
    template = Design("sparse", 1, 4, window=8, feed=4)
    cost = IdealCost(sparse_lane_um2=1.3, word_um2=0.02)

    def pruned(self, density: float) -> Workload:
        return Workload(self.shape, uneven_mask(self.shape.weight_shape, density, 3))

    def area(self, budget_um2: float) -> EqualArea:
        return EqualArea(Bench(self.cost), budget_um2, WeightSupply())

    @pytest.mark.parametrize("density", [0.1, 0.5, 1.0])
    def test_stays_within_the_budget(self, density: float) -> None:
        found = self.area(150).candidates(self.template, self.pruned(density))
        for fit in [fit for fits in found for fit in fits]:
            assert fit.area.total_um2 <= 150
            assert fit.design.lanes <= 24
            assert fit.least_s > 0

    def test_more_area_is_never_slower(self) -> None:
        workload = self.pruned(0.3)
        times = [
            self.area(budget).fastest(self.template, workload).latency_s
            for budget in (80, 100, 150, 200, 400)
        ]
        assert times == sorted(times, reverse=True)
        assert times[0] > times[-1]

    def test_the_fastest_is_no_slower_than_any_candidate(self) -> None:
        workload, area = self.pruned(0.4), self.area(150)
        fastest = area.fastest(self.template, workload)
        assert fastest.bound in ("busiest_lane", "feed", "drain")
        assert fastest.latency_s >= fastest.fit.least_s
        for fits in area.candidates(self.template, workload):
            for fit in fits:
                exact = area.timed(fit, 0, workload)
                assert fastest.latency_s <= exact.latency_s * 1.001

    def test_dense_weights_take_the_dense_format(self) -> None:
        fastest = self.area(150).fastest(self.template, self.pruned(1.0))
        assert fastest.fit.forms[0].name == "dense"


def test_what_a_design_cannot_count_is_no_candidate() -> None:
    """FC weights that are waited for anyway are not simulated: nothing else would tell."""
    area = EqualArea(Bench(IdealCost(), IdealSimulator()), 1e9, WeightSupply(1.0, 1.0))
    design = Design("sparse", 16, 1, window=4, run_ahead=1, feed=1)
    long, longer = evenly_pruned(16, 4 * 2048, 1), evenly_pruned(16, 4 * 2048 + 1, 1)
    assert area.candidates(design, long)
    with pytest.raises(FitError, match=r"layer .* has 2049 windows; .* counts to 2048 in a run"):
        area.candidates(design, longer)


def test_fewer_lanes_whose_tiles_stay_in_the_rings_beat_more_that_reload_theirs() -> None:
    """Half is on chip: one tile of 12 filters is loaded in all 4 passes, two of 6 once each."""
    layer = evenly_pruned(12, 64, 64)
    supply = WeightSupply(on_chip=0.5, bits_per_s=20.0)
    area = EqualArea(Bench(IdealCost(), IdealSimulator(), FastCycles()), 1e6, supply)
    best = area.fastest(Design.dense(1, 1), layer)
    assert best.fit.design.lanes == 6
    twelve = area.at(Design.dense(12, 1), (layer,), best.fit.forms)
    assert area.timed(twelve, 0, layer).latency_s > 1.5 * best.latency_s


def test_what_waits_for_weights_anyway_is_ranked_without_simulation() -> None:
    shape = LayerShape("fc", "fc", 64, 64)
    layer = Workload(shape, uneven_mask(shape.weight_shape, 0.5, 0))
    template = Design("sparse", 4, 1, window=4, feed=4)
    for reads, simulated in ((1e-3, 1), (1e9, 3)):  # bits per s; ideal clocks are of 1 Hz
        bench = Bench(IdealCost(), predict=FastCycles())
        area = EqualArea(bench, 1e6, WeightSupply(once_bits_per_s=reads))
        ranked = area.shortlist(template, layer)
        assert bench.simulations == simulated - 1
        best = area.fastest(template, layer)
        assert bench.simulations == simulated
        assert best.cycles == bench.cycles(layer, best.fit.design, best.fit.forms[0])
        assert best.latency_s == ranked[0].latency_s
        if reads < 1:
            bits = best.fit.loads[0].tile_bits.sum()
            assert (best.bound, best.latency_s) == ("weight_bandwidth", bits / reads)
