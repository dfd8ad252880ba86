"""The mix of random cases: every kind is there by construction, whatever the seed."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.errors import InputError
from bosquet.hw.program import check_arithmetic
from bosquet.hw.run_image import run_images
from bosquet.sim.case import Case
from bosquet.sim.cosim import predicted_counters
from bosquet.sim.counters import STALLS
from bosquet.sim.coverage import LARGE_CYCLES, LARGE_SIDE, Coverage
from bosquet.sim.exact import simulate_schedule
from bosquet.sim.random_cases import (
    LAYERS_PER_DESIGN,
    RandomBatch,
    random_batches,
    random_case,
    random_cases,
)
from bosquet.sim.random_recipes import BLOCK, recipes

LEAST = 3
"""Cases of every kind among 50 (issue 2)."""


def counted(case: Case) -> Mapping[str, int]:
    """Return what the simulator counts for a case in its environment."""
    outputs = layer_outputs(case.layer, case.features)
    runs = run_images([(case.schedule, case.features, outputs)])
    total: Counter[str] = Counter()
    for run in runs:
        total.update(predicted_counters(run.run.program, run.loads, case.dram))
    return total


@pytest.mark.parametrize("seed", [7, 8])
def test_every_kind_is_covered(seed: int) -> None:
    cases = random_cases(BLOCK, seed)
    coverage = Coverage.of(cases, [counted(case) for case in cases]).document()
    macs = coverage.pop("macs")
    rare = {
        (aspect, kind): count
        for aspect, counts in coverage.items()
        for kind, count in counts.items()
        if count < LEAST
    }
    assert rare == {}
    assert set(coverage["format"]) == {"dense", "bitmap", "relative4", "relative6", "relative8"}
    assert set(coverage["stalls"]) == set(STALLS)
    assert macs["median"] >= 20_000
    assert coverage["size"]["large"] >= BLOCK / 10


def test_large_cases_are_large() -> None:
    large = [index for index, recipe in enumerate(recipes(9, 0)) if recipe.size == "large"]
    for index in large:
        case = random_case(9, index)
        assert min(case.design.lanes, case.design.vector) >= LARGE_SIDE
        assert simulate_schedule(case.schedule).cycles > LARGE_CYCLES


@pytest.mark.parametrize("count", range(50, 151))
def test_a_tenth_of_any_number_of_cases_is_large(count: int) -> None:
    sizes = [recipe.size for block in range(3) for recipe in recipes(1, block)][:count]
    assert sizes.count("large") >= count / 10


def test_blocks_and_seeds_differ() -> None:
    assert recipes(1, 0) == recipes(1, 0)
    assert recipes(1, 0) != recipes(1, 1)
    assert recipes(1, 0) != recipes(2, 0)


def test_a_case_depends_on_seed_and_index_alone() -> None:
    first, again = random_cases(5, 3)[4], random_case(3, 4)
    assert first.layer.shape == again.layer.shape
    assert first.design == again.design
    assert first.form == again.form
    np.testing.assert_array_equal(first.layer.weight, again.layer.weight)
    np.testing.assert_array_equal(first.features, again.features)


def test_cases_fit_their_designs() -> None:
    for index, case in enumerate(random_cases(20, 11)):
        check_arithmetic(case.layer, case.design)
        assert case.layer.name == f"random_{index}"
        shape = case.layer.shape
        assert case.features.shape == (
            shape.batch, shape.in_channels, shape.height, shape.width,
        )  # fmt: skip


def test_ten_cases_share_a_design() -> None:
    """Layers of every kind, on the memories and widths that the first one needs."""
    for place in (0, 2, 7):
        indices = range(place, BLOCK * LAYERS_PER_DESIGN, BLOCK)
        lead, *others = RandomBatch(5, tuple(indices)).cases()
        for index, case in zip(indices[1:], others, strict=True):
            assert case.design == replace(lead.design, buffers=lead.buffers)
            assert (case.dram, case.buffers) == (lead.dram, lead.buffers)
            assert case.layer.name == f"random_{index}"
            check_arithmetic(case.layer, case.design)
        assert len({case.layer.shape for case in others}) > 5


def test_every_kind_is_among_the_other_layers_too() -> None:
    cases = [random_case(7, index) for index in range(BLOCK, 2 * BLOCK)]
    coverage = Coverage.of(cases, [counted(case) for case in cases]).document()
    kinds = ("layer_kind", "groups", "stride", "padding", "tiled", "parts", "density")
    absent = [kind for name in kinds for kind, count in coverage[name].items() if count < 2]
    assert absent == []


def test_a_layer_beyond_the_counters_is_drawn_again() -> None:
    """The first layer drawn for this case has more windows than the design counts."""
    case = random_case(11, 1519)
    assert case.design.family == "sparse"
    assert simulate_schedule(case.schedule).cycles > LARGE_CYCLES


def test_batches_hold_all_cases_once() -> None:
    batches = random_batches(2 * BLOCK + 7, 3)
    assert len(batches) == BLOCK
    assert batches[0].indices == (0, BLOCK, 2 * BLOCK)
    assert sorted(i for batch in batches for i in batch.indices) == list(range(2 * BLOCK + 7))
    block = BLOCK * LAYERS_PER_DESIGN
    assert random_batches(block + 1, 3)[BLOCK].indices == (block,)


def test_negative_seed_is_refused() -> None:
    with pytest.raises(InputError, match="seed must not be negative"):
        random_cases(1, -1)
