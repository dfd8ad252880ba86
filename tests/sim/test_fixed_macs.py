"""As many multipliers instead of as much area: lanes by the multipliers, the rest told beside."""

from dataclasses import replace

import pytest
from ideal_silicon import IdealCost

from bosquet.hw.design import Design
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline
from bosquet.sim.fixed_macs import FixedMacs
from bosquet.sim.workload import Workload, formats_of

SHAPE = LayerShape("conv", "conv", 8, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
WORKLOAD = Workload(SHAPE, uneven_mask(SHAPE.weight_shape, 0.25, 0))
BENCH = Bench(IdealCost(sparse_lane_um2=1.3, word_um2=0.02, feature_word_um2=0.001))
BASELINE = FrozenBaseline.of(Design.dense(4, 8), [WORKLOAD], BENCH, 1.0)
TEMPLATE = Design("sparse", 16, 4, window=8, run_ahead=2, feed=4)


def found(template: Design = TEMPLATE) -> FixedMacs | None:
    return FixedMacs.of(BASELINE.layers[0], template, WORKLOAD, BASELINE.equal_area)


def test_lanes_are_those_that_the_multipliers_make() -> None:
    one = found()
    assert one is not None
    design = replace(TEMPLATE, lanes=8)
    assert one.sparse.fit.design == design
    cycles = min(BENCH.cycles(WORKLOAD, design, form) for form in formats_of(design))
    values = one.to_json()
    assert (values["macs_dense"], values["macs_sparse"]) == (32, 32)
    assert values["speedup_cycles"] == BASELINE.layers[0].cycles / cycles
    assert values["speedup"] == pytest.approx(values["speedup_cycles"], rel=1e-12)
    area = BENCH.area(design, one.sparse.fit.buffers).total_um2
    assert values["area_ratio"] == area / BASELINE.equal_area.budget_um2


def test_it_may_be_larger_than_the_budget() -> None:
    large = Bench(IdealCost(sparse_lane_um2=9, word_um2=0.02, feature_word_um2=0.001))
    baseline = FrozenBaseline.of(Design.dense(4, 8), [WORKLOAD], large, 1.0)
    one = FixedMacs.of(baseline.layers[0], TEMPLATE, WORKLOAD, baseline.equal_area)
    assert one is not None
    assert one.area_ratio > 1


@pytest.mark.parametrize(
    ("changes", "lanes"),
    [({"vector": 5}, 6), ({"simd_group": 4, "vector": 5}, 4), ({"vector": 1}, 24)],
)
def test_whole_lanes_and_no_more_than_filters(changes: dict[str, int], lanes: int) -> None:
    # mypy cannot tell which field of a design gets which value of a parameter.
    one = found(replace(TEMPLATE, **changes))  # type: ignore[arg-type]
    assert one is not None
    assert one.sparse.fit.design.lanes == lanes


def test_no_lane() -> None:
    assert found(replace(TEMPLATE, vector=64)) is None
