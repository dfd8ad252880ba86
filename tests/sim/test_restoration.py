"""Which layers of a chip to leave dense: those that cost the network no more than is allowed."""

import json
from functools import cache

import pytest
from ideal_silicon import IdealCost

from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline, baseline_design
from bosquet.sim.one_chip import ChipGoal, OneChip, one_chip
from bosquet.sim.restoration import restoration
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.workload import Workload

SPACE = SearchSpace(
    vectors=(8,), windows=(8,), run_aheads=(2,), feeds=(4,), drains=(1,), drain_cycles=(1,)
)
COST = IdealCost(sparse_lane_um2=1.2, word_um2=0.02, feature_word_um2=0.001)
SHAPES = {
    # Little work, hardly pruned; much work, pruned much; and nothing pruned.
    LayerShape("small", "conv", 4, 8, (3, 3), height=6, width=6): 1.05,
    LayerShape("large", "conv", 32, 32, (3, 3), height=12, width=12): 8.0,
    LayerShape("whole", "conv", 8, 8, (1, 1), height=8, width=8): 1.0,
}


def workloads() -> list[Workload]:
    return [
        Workload(shape, uneven_mask(shape.weight_shape, 1 / ratio, 3))
        for shape, ratio in SHAPES.items()
    ]


@cache
def chips() -> OneChip:
    layers = workloads()
    baseline = FrozenBaseline.of(baseline_design("4x8"), layers, Bench(COST), 1.0)
    return one_chip(baseline, layers, SPACE, lambda what, done, total: None)


def test_what_gains_nothing_is_restored_and_what_gains_is_not() -> None:
    found = restoration(chips(), workloads())
    assert found is not None
    by_name = {layer.name: layer for layer in found.layers}
    assert list(by_name) == ["small", "large"]  # the third is dense anyhow
    assert by_name["small"].restored
    assert not by_name["large"].restored
    assert by_name["large"].slowdown is None or by_name["large"].slowdown > 0.5
    assert found.names == ["small"]
    assert found.speedup == pytest.approx(chips().dense.latency_s / found.chip.latency_s)


def test_the_network_stays_within_what_is_allowed() -> None:
    sparse = chips().sparse
    assert sparse is not None
    for within in (0.0, 0.02, 100.0):
        found = restoration(chips(), workloads(), within=within)
        assert found is not None
        goal = ChipGoal(chips().baseline.equal_area, tuple(workloads()))
        pruned_s = goal.predicted(sparse.fit.design).seconds
        restored_s = goal.predicted_s(found.chip.fit)
        assert found.chip.fit.area.total_um2 <= chips().baseline.area.total_um2 * (1 + 1e-9)
        assert found.within == within
        assert restored_s <= pruned_s * (1 + within) or not found.names
        for layer in found.layers:  # whatever it may cost, what does not fit stays pruned
            assert layer.restored <= (layer.slowdown is not None)


def test_masks_of_restored_layers_are_whole() -> None:
    found = restoration(chips(), workloads(), within=0.01)
    assert found is not None
    stored = found.chip.fit.loads[0].tile_bits.sum()
    small = workloads()[0]
    assert stored >= small.mask.size * 8


def test_it_is_told_in_plain_values() -> None:
    found = restoration(chips(), workloads())
    assert found is not None
    values = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert values.keys() == {"within", "restored", "layers", "speedup"}
    assert values["layers"][0].keys() == {"name", "slowdown", "restored"}


def test_without_a_sparse_chip_there_is_nothing_to_restore() -> None:
    none = OneChip(chips().baseline, chips().dense, None, chips().names, "no sparse chip fits")
    assert restoration(none, workloads()) is None
