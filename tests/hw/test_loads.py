"""The size of loads, counted from the program, against the loads that are made."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Design
from bosquet.hw.loads import Loads, loads_of_runs
from bosquet.hw.program import Program
from bosquet.hw.run_image import run_images
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_layer
from bosquet.sim.random_cases import random_case

SHAPE = LayerShape("cut", "conv", 16, 16, (3, 3), padding=(1, 1, 1, 1), height=9, width=9)
WHOLE = Cuts.none(SHAPE)


@pytest.mark.parametrize("index", range(60))
def test_loads_of_random_cases(index: int) -> None:
    case = random_case(5, index)
    outputs = layer_outputs(case.layer, case.features)
    runs = run_images([(case.schedule, case.features, outputs)])
    assert [run.loads for run in runs] == beats_of(case.schedule)
    for run in runs:
        found = Loads.of(run.run.program)
        assert found.weight_beats == len(run.image.weight_load)
        assert found.feature_beats == len(run.image.feature_load)


def beats_of(schedule: Schedule) -> list[tuple[int, ...]]:
    return [tuple(loads.values()) for loads in loads_of_runs(schedule)]


def loading(cuts: Cuts) -> list[tuple[bool, bool]]:
    """Cut a layer of 16 filters and 9 rows; return which runs load weights and features."""
    layer = synthetic_layer(SHAPE, 3.0, 8, 8, 1)
    design = Design.named("sparse-4x4")
    design = replace(design, buffers=Program.plan(layer, design).buffers)
    schedule = Schedule.cut(layer, design, cuts)
    assert isinstance(schedule, Schedule)
    features = np.random.default_rng(2).integers(-128, 128, (1, 16, 9, 9))
    runs = run_images([(schedule, features, layer_outputs(layer, features))])
    for before, run in pairwise(runs):
        assert run.swaps_weights == (run.image.weight_load != before.image.weight_load)
        assert run.swaps_features == (run.image.feature_load != before.image.feature_load)
    assert [run.loads for run in runs] == beats_of(schedule)
    return [(run.swaps_weights, run.swaps_features) for run in runs]


def test_parts_of_the_filters_share_the_activations() -> None:
    assert loading(replace(WHOLE, filters=8)) == [(True, True), (True, False)]


def test_equal_parts_of_the_rows_share_the_weights() -> None:
    assert loading(replace(WHOLE, rows=3)) == [(True, True), (False, True), (False, True)]


def test_a_last_part_of_fewer_rows_has_offsets_of_its_own() -> None:
    assert loading(replace(WHOLE, rows=5)) == [(True, True), (True, True)]


def test_the_inner_loop_says_what_stays() -> None:
    both = replace(WHOLE, filters=8, rows=3)
    assert loading(both) == [
        (True, True), (False, True), (False, True), (True, True), (False, True), (False, True),
    ]  # fmt: skip
    assert loading(replace(both, inner="filters")) == [
        (True, True), (True, False), (True, True), (True, False), (True, True), (True, False),
    ]  # fmt: skip
