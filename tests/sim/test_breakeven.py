"""Break-even of a whole layer: what is promised of the answer, and what is refused."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ideal_silicon import IdealCost, IdealSimulator

from bosquet.cli.breakeven import pruned_layers
from bosquet.cli.masked_network import load_masked
from bosquet.cli.network_argument import NetworkArgument
from bosquet.errors import FitError, InputError
from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.breakeven import LayerBreakEven, layer_breakeven
from bosquet.sim.curve import COARSE
from bosquet.sim.dense_baseline import baseline_design
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.setting import Setting
from bosquet.sim.study import Subject, cases_of
from bosquet.sim.technology import Technology

SHAPE = LayerShape("conv2", "conv", 8, 24, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
SPACE = SearchSpace(
    vectors=(4, 8), windows=(8,), run_aheads=(1, 2), feeds=(4,), drains=(1, 2), drain_cycles=(1,)
)
COST = IdealCost(sparse_lane_um2=1.3, word_um2=0.02, feature_word_um2=0.001, sparse_hz=0.97)


def setting(cost: IdealCost = COST, **changes: object) -> Setting:
    made = Setting("net", baseline_design("4x8"), Bench(cost), space=SPACE)
    return replace(made, **changes)  # type: ignore[arg-type]


def real_layer(density: float = 0.3) -> PrunedLayer:
    rng = np.random.default_rng(1)
    weight = rng.normal(size=SHAPE.weight_shape) * rng.uniform(0.5, 1.5, (24, 1, 1, 1))
    mask = np.abs(weight) >= np.quantile(np.abs(weight), 1 - density)
    return PrunedLayer(SHAPE, mask, weight * mask)


@cache
def made_up() -> LayerBreakEven:
    return layer_breakeven(PrunedLayer.of_shape(SHAPE, 6, 0), setting())


@cache
def measured() -> LayerBreakEven:
    return layer_breakeven(real_layer(), setting())


@pytest.fixture(params=["made up", "measured"])
def answer(request: pytest.FixtureRequest) -> LayerBreakEven:
    return made_up() if request.param == "made up" else measured()


def test_has_the_keys_of_the_report(answer: LayerBreakEven) -> None:
    values = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    assert {
        "network", "layer", "ratio", "pruned_portion", "interval", "reason", "accounting", "masks",
        "curve", "baseline", "technology", "tools", "seed",
    } <= set(values)  # fmt: skip
    assert {
        "rows", "vector", "area_um2", "pe_share", "weight_sram_share", "freq_hz", "best",
    } <= set(values["baseline"])  # fmt: skip
    assert values["network"] == "net"
    assert values["layer"] == "conv2"
    assert values["accounting"] == "per_layer"
    assert values["technology"] == {"card": "ideal"}
    assert values["tools"] == {"ruler": "1"}
    assert values["streaming"] is None
    assert values["masks"]["kind"] in ("uneven", "magnitude")
    assert values["pruned_portion"] == pytest.approx(1 - 1 / values["ratio"])


def test_break_even_is_where_sparse_stays_ahead(answer: LayerBreakEven) -> None:
    assert answer.ratio is not None
    assert answer.answer.percent is not None
    by_percent = {round(100 - 100 / point.ratio): point for point in answer.points}
    assert set(by_percent) >= set(COARSE)
    percent = answer.answer.percent
    for p, point in by_percent.items():
        if p >= percent:
            assert (point.speedup or 0) >= 1
    if percent:
        assert (by_percent[percent - 1].speedup or 0) < 1


def test_nothing_exceeds_the_area_of_the_baseline(answer: LayerBreakEven) -> None:
    assert answer.baseline is not None
    assert answer.dense is not None
    budget = answer.baseline.area.total_um2 * (1 + 1e-9)
    assert answer.dense.fit.area.total_um2 <= budget
    designs = set()
    for point in answer.points:
        if point.sparse is not None:
            assert point.sparse.fit.area.total_um2 <= budget
            designs.add(replace(point.sparse.fit.design, lanes=answer.sparse.lanes))
    # Only the lanes vary along the curve.
    assert designs == {answer.sparse}


def test_best_dense_is_no_slower_than_the_frozen_one(answer: LayerBreakEven) -> None:
    assert answer.baseline is not None
    assert answer.dense is not None
    assert answer.dense.latency_s <= answer.baseline.latency_s
    assert answer.frozen_answer.percent is not None
    assert answer.answer.percent is not None
    assert answer.frozen_answer.percent <= answer.answer.percent


def test_speedup_is_the_ratio_of_latencies(answer: LayerBreakEven) -> None:
    for values in answer.to_json()["curve"]:
        if values["feasible"]:
            dense = values["cycles_dense"] / values["freq_hz_dense"]
            sparse = values["cycles_sparse"] / values["freq_hz_sparse"]
            assert values["speedup"] == pytest.approx(dense / sparse)
            assert values["bound"] in ("busiest_lane", "feed", "drain")


def test_heavy_pruning_beats_light_pruning(answer: LayerBreakEven) -> None:
    light, heavy = answer.points[0], answer.points[-1]
    assert (light.speedup or 0) < 1 < (heavy.speedup or 0)


def test_own_mask_is_a_point_beside_the_curve() -> None:
    own = [point for point in measured().to_json()["curve"] if point["mask"] == "own"]
    assert len(own) == 1
    assert own[0]["ratio"] == real_layer().ratio
    assert measured().speedup == own[0]["speedup"]
    assert measured().verdict == "prune"


def test_own_mask_gets_the_design_that_is_best_for_it(answer: LayerBreakEven) -> None:
    assert answer.own is not None
    assert answer.own.sparse is not None
    assert answer.baseline is not None
    assert answer.sparse is not None
    curve = answer.baseline.equal_area.fastest(answer.sparse, answer.layer.own)
    assert answer.own.sparse.latency_s <= curve.latency_s
    values = answer.to_json()
    assert set(values["own_sparse"]) == set(values["sparse"])


def test_the_design_of_the_curve_does_not_depend_on_the_own_mask() -> None:
    for ratio in (3, 12):
        answer = layer_breakeven(PrunedLayer.of_shape(SHAPE, ratio, 0), setting())
        assert answer.sparse == made_up().sparse
        assert answer.ratio == made_up().ratio


def test_the_design_of_the_curve_is_chosen_where_it_breaks_even() -> None:
    """A late break-even is looked for at higher reference ratios, not at the lowest ones."""
    told: list[str] = []
    answer = layer_breakeven(
        real_layer(),
        setting(replace(COST, sparse_lane_um2=4.0), progress=lambda what, *_: told.append(what)),
    )
    assert answer.ratio is not None
    asked = [what for what in dict.fromkeys(told) if "sparse design at" in what]
    ratios = [float(what.split(" at ")[1].rstrip("x")) for what in asked]
    # Bisection ends beside the answer.
    assert min(abs(ratio - answer.ratio) for ratio in ratios) < 0.25 * answer.ratio
    assert answer.ratio > 2


@pytest.mark.slow
def test_a_larger_space_breaks_even_no_later() -> None:
    """Wide arrays win early here, and lose again; narrow ones win for good."""
    masked = load_masked(NetworkArgument("lenet5"), None, 0)
    layer = next(one for one in pruned_layers(masked) if one.name == "conv2")
    subject = Subject("lenet5", layer, baseline_design("16x16"), 1.0, Technology.load())
    steps = [case for case in cases_of(subject) if case.section == "step"]
    narrow, wide = (
        next(case for case in steps if name in case.name) for name in ("up to 16", "up to 128")
    )
    assert wide.answer(subject)["ratio"] <= narrow.answer(subject)["ratio"]


def test_real_weights_have_one_mask_and_no_spread() -> None:
    values = measured().to_json()
    assert values["interval"] == [values["ratio"], values["ratio"]]
    low, high = made_up().to_json()["interval"]
    assert low <= made_up().ratio <= high


def test_the_same_question_gets_the_same_answer() -> None:
    again = layer_breakeven(PrunedLayer.of_shape(SHAPE, 6, 0), setting())
    assert again.to_json() == made_up().to_json()


def test_smaller_sparse_lanes_break_even_earlier() -> None:
    ratios = [
        layer_breakeven(real_layer(), setting(replace(COST, sparse_lane_um2=um2))).ratio
        for um2 in (1.05, 1.4, 2.0)
    ]
    assert None not in ratios
    assert ratios == sorted(ratios)  # type: ignore[type-var]
    assert ratios[0] < ratios[-1]  # type: ignore[operator]


def test_no_break_even_has_a_reason() -> None:
    # A sparse clock of a thousandth.
    answer = layer_breakeven(real_layer(), setting(replace(COST, sparse_hz=0.001)))
    assert answer.ratio is None
    assert answer.interval[0].ratio is None
    assert answer.verdict == "keep_dense"
    values = answer.to_json()
    assert values["ratio"] is None
    assert values["pruned_portion"] is None
    assert values["reason"].startswith("sparse is slower at every ratio up to 20")


def test_no_sparse_design_at_all_has_a_reason() -> None:
    answer = layer_breakeven(real_layer(), setting(replace(COST, sparse_lane_um2=1e6)))
    values = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    assert values["ratio"] is None
    told = "no sparse design fits the area of the dense baseline at any ratio: sparse-"
    assert values["reason"].startswith(told)
    assert "the budget is" in values["reason"]
    assert not any(point["feasible"] for point in values["curve"])
    assert all("budget is" in point["reason"] for point in values["curve"])
    assert all(point["speedup"] is None for point in values["curve"])


def test_fc_layers_are_a_matter_of_bandwidth() -> None:
    """However many lanes it has, no side reads weights faster than the baseline does."""
    shape = LayerShape("fc1", "fc", 256, 64)
    cheap = replace(COST, sparse_lane_um2=1e-3)
    answer = layer_breakeven(PrunedLayer.of_shape(shape, 4, 0), setting(cheap))
    values = json.loads(json.dumps(answer.to_json(), allow_nan=False))
    assert values["given_ratio"] == 4
    assert answer.own.sparse is not None
    assert answer.own.sparse.bound == "weight_bandwidth"
    load = answer.own.sparse.fit.loads[0]
    supply = answer.baseline.equal_area.supply
    assert answer.own.sparse.latency_s == load.tile_bits.sum() / supply.once_bits_per_s
    # A kept weight of 8 bits has at least a bit of the bitmap, and every eighth bit is enough.
    assert values["ratio"] is not None
    assert values["ratio"] > 8 / 7 - 0.01


def test_streamed_weights_are_labelled() -> None:
    answer = layer_breakeven(real_layer(), setting(weights_on_chip=0.5))
    values = answer.to_json()
    assert values["streaming"] == "streaming: modelled, not yet in RTL"
    assert values["weights_on_chip"] == 0.5
    full = measured().to_json()
    assert values["baseline"]["weight_sram_share"] < full["baseline"]["weight_sram_share"]


def test_progress_names_the_layer() -> None:
    told: list[tuple[str, int, int]] = []
    layer_breakeven(real_layer(), setting(progress=lambda *args: told.append(args)))
    names = {what for what, _, _ in told}
    assert names >= {
        "conv2: choose the dense design",
        "conv2: choose the sparse design at 1.6x",
        "conv2: choose the sparse design for the network's own mask",
        "conv2: curve",
    }
    assert all(name.startswith("conv2: c") for name in names)
    assert all(0 <= done <= total for _, done, total in told)


@pytest.mark.parametrize("portion", [0.0, 1.5, -1.0, float("nan")])
def test_bad_portions_are_refused(portion: float) -> None:
    with pytest.raises(InputError, match="--weights-on-chip must be above 0 and at most 1"):
        layer_breakeven(real_layer(), setting(weights_on_chip=portion))


def test_too_little_on_chip_is_refused() -> None:
    with pytest.raises(FitError, match="streaming needs 8 at least"):
        layer_breakeven(real_layer(), setting(weights_on_chip=0.01))


def test_ideal_hardware_breaks_even_where_the_closed_form_says() -> None:
    """R* = (1 + c W (1 + k)) / (c (1 + W)), up to whole lanes and the 1 % grid."""
    shape = LayerShape("ideal", "conv", 24, 240, height=4, width=4)
    c, w, k, rows = 0.95 / 1.25, 1.0, 0.5, 40
    cost = IdealCost(1.0, 1.25, rows / (240 * 24), k, 0.0, 1.0, 0.95)
    space = SearchSpace((1,), (16,), (1,), (8,), (1,), (1,), (2,))
    question = Setting("net", baseline_design("40x1"), Bench(cost, IdealSimulator()), space=space)
    rng = np.random.default_rng(0)
    layer = PrunedLayer(shape, np.ones(shape.weight_shape, bool), rng.normal(size=(240, 24, 1, 1)))
    answer = layer_breakeven(layer, question)
    expected = (1 + c * w * (1 + k)) / (c * (1 + w))
    assert answer.ratio is not None
    # Random filters leave the fuller lanes' memories partly empty in the others: R* is higher.
    assert expected <= answer.ratio < 1.25 * expected
