"""The frozen baseline: what it may be, what it costs, and the bandwidth it fixes."""

import numpy as np
import pytest
from ideal_silicon import IdealCost, IdealSimulator

from bosquet.errors import FitError, InputError
from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline, baseline_design
from bosquet.sim.workload import Workload


def layer(name: str = "layer", filters: int = 16) -> Workload:
    shape = LayerShape(name, "conv", 10, filters, height=2, width=2)
    return Workload(shape, np.ones(shape.weight_shape, np.bool_))


@pytest.mark.parametrize("text", ["0x16", "16x0", "16x257", "999x16"])
def test_sizes_that_do_not_exist(text: str) -> None:
    with pytest.raises(InputError, match=rf"--baseline {text}: .* between 1 and 256") as caught:
        baseline_design(text)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("text", ["", "16", "16x", "x16", "-1x16", "16x16x16", "axb", "1.5x4"])
def test_texts_that_are_no_size(text: str) -> None:
    with pytest.raises(InputError, match="--baseline must be ROWSxCOLUMNS, such as 16x16"):
        baseline_design(text)


def test_design_has_the_bits_of_the_layer() -> None:
    design = baseline_design("16x8", weight_bits=4, acc_bits=20)
    assert (design.name, design.weight_bits, design.acc_bits) == ("dense-16x8", 4, 20)


def test_all_on_chip_by_hand() -> None:
    bench = Bench(IdealCost(dense_lane_um2=3.0, word_um2=0.1, dense_hz=1e9), IdealSimulator())
    baseline = FrozenBaseline.of(baseline_design("4x2"), [layer()], bench, 1.0)
    # 4 x 2 MACs; 4 lanes hold 4 filters of 10 weights each. Four positions: 2 vectors.
    assert baseline.area.total_um2 == pytest.approx(4 * 2 * 3 + 160 * 0.1)
    assert baseline.latency_s == pytest.approx(4 * 10 * 2 / 1e9)
    assert baseline.equal_area.budget_um2 == baseline.area.total_um2
    assert baseline.equal_area.supply.bits_per_s == float("inf")
    values = baseline.to_json()
    assert values["rows"] == 4
    assert values["vector"] == 2
    assert values["pe_share"] == pytest.approx(24 / 40)
    assert values["weight_sram_share"] == pytest.approx(16 / 40)


def test_half_on_chip_by_hand() -> None:
    bench = Bench(IdealCost(dense_lane_um2=3.0, word_um2=0.1, dense_hz=1e9), IdealSimulator())
    baseline = FrozenBaseline.of(baseline_design("4x2"), [layer()], bench, 0.5)
    assert baseline.area.total_um2 == pytest.approx(24 + 80 * 0.1)
    assert baseline.latency_s == pytest.approx(80 / 1e9)
    # Two of four tiles of 4 x 10 weights, 20 ns each, are there. Quarters of a tile, 80 bits, leave
    # from 12.5 ns on, in the second of two passes, and the last of 8 is needed at 60 + 7.5 ns.
    assert baseline.equal_area.supply.bits_per_s == pytest.approx(8 * 80 / 55e-9)
    fit = baseline.equal_area.fastest(baseline.design, layer())
    assert fit.latency_s == pytest.approx(baseline.latency_s)


def test_eight_weights_must_fit() -> None:
    bench = Bench(IdealCost(), IdealSimulator())
    with pytest.raises(FitError, match="streaming needs 8 at least"):
        FrozenBaseline.of(baseline_design("4x2"), [layer()], bench, 0.1)
    with pytest.raises(InputError, match="--weights-on-chip"):
        FrozenBaseline.of(baseline_design("4x2"), [layer()], bench, 0.0)


def test_memories_cover_every_layer() -> None:
    bench = Bench(IdealCost(word_um2=0.1), IdealSimulator())
    both = [layer("small", 4), layer("large", 16)]
    baseline = FrozenBaseline.of(baseline_design("4x2"), both, bench, 1.0)
    alone = FrozenBaseline.of(baseline_design("4x2"), both[1:], bench, 1.0)
    assert baseline.area.total_um2 == alone.area.total_um2
    assert baseline.latency_s == pytest.approx(alone.latency_s * 1.25)
