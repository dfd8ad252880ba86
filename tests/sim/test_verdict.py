"""The verdict for a network: restored layers, the harmonic mean, and one chip for all layers."""

import json
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from ideal_silicon import IdealCost, IdealSimulator

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.models.layer import LayerShape
from bosquet.sim.bench import Bench
from bosquet.sim.dense_baseline import FrozenBaseline, baseline_design
from bosquet.sim.one_chip import ChipGoal, one_chip
from bosquet.sim.pruned_layer import PrunedLayer
from bosquet.sim.search_space import SearchSpace
from bosquet.sim.setting import Setting
from bosquet.sim.verdict import NetworkBreakEven, network_breakeven

SPACE = SearchSpace(
    vectors=(4, 8), windows=(8,), run_aheads=(2,), feeds=(4,), drains=(1, 2), drain_cycles=(1,)
)
COST = IdealCost(sparse_lane_um2=1.2, word_um2=0.02, feature_word_um2=0.001)
CONV1 = LayerShape("conv1", "conv", 1, 8, (3, 3), height=10, width=10)
CONV2 = LayerShape("conv2", "conv", 8, 16, (3, 3), height=8, width=8)
FC = LayerShape("fc", "fc", 64, 10)


def layers() -> list[PrunedLayer]:
    rng = np.random.default_rng(2)
    made = []
    for shape, ratio in ((CONV1, 1.0), (CONV2, 8.0), (FC, 10.0)):
        weight = rng.normal(size=shape.weight_shape)
        mask = np.abs(weight) >= np.quantile(np.abs(weight), 1 - 1 / ratio)
        made.append(PrunedLayer(shape, mask, weight))
    return made


def setting(**changes: object) -> Setting:
    made = Setting("net", baseline_design("4x8"), Bench(COST), space=SPACE)
    return replace(made, **changes)  # type: ignore[arg-type]


@cache
def answer() -> NetworkBreakEven:
    return network_breakeven(layers(), setting())


def test_has_the_keys_of_the_report() -> None:
    values = json.loads(json.dumps(answer().to_json(), allow_nan=False))
    assert [row["name"] for row in values["layers"]] == ["conv1", "conv2", "fc"]
    assert {"name", "ratio", "given_ratio", "speedup", "verdict"} <= set(values["layers"][0])
    assert set(values["speedup"]) == {"per_layer", "per_layer_unrestored", "one_chip"}
    assert values["one_chip"]["accounting"] == "one_chip"
    assert {"technology", "tools", "seed", "baseline"} <= set(values)


def test_verdicts() -> None:
    verdicts = [layer.verdict for layer in answer().layers]
    assert verdicts == ["keep_dense", "prune", "prune"]
    assert answer().layers[0].layer.ratio == 1


def test_per_layer_is_a_harmonic_mean_over_the_convolutions() -> None:
    speedup = answer().layers[1].speedup
    assert speedup is not None
    expected = (CONV1.macs + CONV2.macs) / (CONV1.macs + CONV2.macs / speedup)
    assert answer().per_layer_speedup == pytest.approx(expected)


def test_without_restoration_every_layer_is_pruned() -> None:
    speedups = [layer.speedup for layer in answer().layers[:2]]
    assert None not in speedups
    first, second = (float(one or 0.0) for one in speedups)
    expected = (CONV1.macs + CONV2.macs) / (CONV1.macs / first + CONV2.macs / second)
    assert answer().unrestored_speedup == pytest.approx(expected)
    assert expected < (answer().per_layer_speedup or 0.0)  # the first layer is slower so


def test_one_chip_adds_up_seconds() -> None:
    chip = answer().chip
    assert chip.sparse is not None
    dense = sum(layer.latency_s for layer in chip.dense.layers)
    sparse = sum(layer.latency_s for layer in chip.sparse.layers)
    assert chip.speedup == pytest.approx(dense / sparse)
    values = chip.to_json()
    assert sum(row["latency_s_dense"] for row in values["layers"]) == pytest.approx(dense)
    assert [row["name"] for row in values["layers"]] == ["conv1", "conv2", "fc"]


def test_one_chip_is_one_design_that_covers_every_layer() -> None:
    chip = answer().chip
    assert chip.sparse is not None
    budget = chip.baseline.area.total_um2 * (1 + 1e-9)
    for side in (chip.dense, chip.sparse):
        assert side.fit.area.total_um2 <= budget
        assert len({layer.fit.design for layer in side.layers}) == 1
        for layer, form in zip(layers(), side.fit.forms, strict=True):
            need = layer.own.program(side.fit.design, form).buffers
            assert side.fit.buffers.covering(need) == side.fit.buffers
    assert chip.dense.latency_s <= chip.baseline.latency_s


def test_each_layer_is_in_a_fast_format() -> None:
    chip = answer().chip
    assert chip.sparse is not None
    assert chip.sparse.fit.forms[0].name == "dense"  # the unpruned layer
    assert chip.sparse.fit.forms[1].name != "dense"


def test_bounds_of_a_chip_are_below_its_time() -> None:
    workloads = tuple(layer.own for layer in layers())
    baseline = FrozenBaseline.of(baseline_design("4x8"), workloads, Bench(COST), 1.0)
    goal = ChipGoal(baseline.equal_area, workloads)
    for vector in (4, 8):
        template = Design("sparse", 2, vector, window=8, feed=4)
        assert goal.least(template) <= goal.simulated(template)


def test_no_sparse_chip_is_told() -> None:
    cost = IdealCost(sparse_lane_um2=1e6, word_um2=0.02)
    workloads = [layer.own for layer in layers()]
    baseline = FrozenBaseline.of(
        baseline_design("4x8"), workloads, Bench(cost, IdealSimulator()), 1.0
    )
    chip = one_chip(baseline, workloads, SPACE, lambda what, done, total: None)
    assert chip.speedup is None
    assert chip.reason is not None
    assert chip.reason.startswith("no sparse chip fits")
    values = json.loads(json.dumps(chip.to_json(), allow_nan=False))
    assert values["sparse"] is None


def test_fc_only_has_no_per_layer_speedup() -> None:
    found = network_breakeven(layers()[2:], setting())
    values = found.to_json()
    assert values["speedup"]["per_layer"] is None
    assert values["reason"]["per_layer"]
    assert values["speedup"]["one_chip"] > 0


def test_a_network_without_layers_is_refused() -> None:
    with pytest.raises(InputError, match="net has no layer with weights"):
        network_breakeven([], setting())
