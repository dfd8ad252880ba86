"""RTL == simulator == reference: every counter and every output bit, on layers of every kind.

A part of the random cases of ``bosquet verify``, and corners they do not reach by themselves.
"""

from dataclasses import replace

import numpy as np
import pytest

from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram
from bosquet.hw.program import Program
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.cosim import compare, compare_schedule
from bosquet.sim.random_cases import random_case

SEED = 20
CHEAP = (0, 5, 7, 9, 12, 13, 15, 18, 20, 21, 23, 30, 48)
"""Random cases that take a second or two."""


@pytest.mark.parametrize("index", CHEAP)
def test_random_case(index: int) -> None:
    case = random_case(SEED, index)
    found = compare_schedule(case.schedule, case.features, case.dram)
    assert found.equal, found


def layer_of(shape: LayerShape, mask: np.ndarray, seed: int = 1) -> Layer:
    """Return a layer with the given mask and otherwise random numbers."""
    rng = np.random.default_rng(seed)
    out = shape.out_channels
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1, 1 << 16, out), np.full(out, 22), -3, -128, 127)
    return Layer(shape, weight, mask, rng.integers(-999, 999, out), scale, zero_point_in=11)


def check(layer: Layer, design: Design, form: IndexFormat | None = None) -> None:
    shape = layer.shape
    rng = np.random.default_rng(2)
    features = rng.integers(-128, 128, (shape.batch, shape.in_channels, shape.height, shape.width))
    found = compare(Program.plan(layer, design, form), layer, features)
    assert found.equal, found


CONV = LayerShape("corner", "conv", in_channels=3, out_channels=3, kernel=(2, 2), height=4, width=4)
SPARSE = Design("sparse", lanes=2, vector=4, window=4, feed=2, run_ahead=2, fifo_depth=2)
SPARSE_FORMS = (Relative(4), Bitmap(), Dense())


def half_mask(shape: LayerShape) -> np.ndarray:
    return np.random.default_rng(3).random(shape.weight_shape) < 0.5


@pytest.mark.parametrize("form", SPARSE_FORMS, ids=lambda form: form.name)
def test_one_lane_of_one_position(form: IndexFormat) -> None:
    design = Design("sparse", 1, 1, window=1, feed=1, run_ahead=1, fifo_depth=1)
    check(layer_of(CONV, half_mask(CONV)), design, form)


def test_dense_array_of_one_mac() -> None:
    check(layer_of(CONV, half_mask(CONV)), Design.dense(1, 1))


@pytest.mark.parametrize("form", SPARSE_FORMS, ids=lambda form: form.name)
def test_single_weight(form: IndexFormat) -> None:
    shape = LayerShape("one", "fc", 1, 1)
    check(layer_of(shape, np.ones((1, 1, 1, 1), np.bool_)), SPARSE, form)


@pytest.mark.parametrize("form", SPARSE_FORMS, ids=lambda form: form.name)
def test_no_weight_at_all(form: IndexFormat) -> None:
    check(layer_of(CONV, np.zeros(CONV.weight_shape, np.bool_)), SPARSE, form)


def test_only_the_last_weight_of_a_long_filter() -> None:
    """Many fillers, or many all-zero words, and nothing in all windows but the last."""
    shape = LayerShape("late", "fc", 200, 2)
    mask = np.zeros((2, 200, 1, 1), np.bool_)
    mask[:, -1] = True
    for form in (Relative(4), Bitmap()):
        check(layer_of(shape, mask), SPARSE, form)


def test_kept_weight_that_is_zero() -> None:
    layer = layer_of(CONV, np.ones(CONV.weight_shape, np.bool_))
    check(replace(layer, weight=np.zeros_like(layer.weight)), SPARSE, Relative(4))


def test_extreme_sums() -> None:
    """The largest sums of each sign that the accumulators must hold, and not a bit more."""
    shape = LayerShape("extreme", "fc", 12, 2)
    layer = layer_of(shape, np.ones((2, 12, 1, 1), np.bool_))
    weight = np.stack([np.full((12, 1, 1), -128), np.full((12, 1, 1), 127)])
    layer = replace(layer, weight=weight, bias=np.zeros(2, np.int64), zero_point_in=0)
    design = replace(SPARSE, acc_bits=layer.accumulator_bits)
    for extreme in (-128, 127):
        features = np.full((1, 12, 1, 1), extreme)
        for each in (design, replace(Design.dense(2, 4), acc_bits=design.acc_bits)):
            found = compare(Program.plan(layer, each), layer, features)
            assert found.equal, found


def test_lanes_that_the_drain_does_not_divide() -> None:
    shape = LayerShape("odd", "conv", 2, 5, (1, 1), height=3, width=3)
    for design in (SPARSE, Design.dense(2, 4)):
        wide = replace(design, lanes=5, drain=3, drain_cycles=2)
        check(layer_of(shape, half_mask(shape)), wide)


def test_unused_buffer_words() -> None:
    """Buffers far deeper than the layer needs, in sizes that are no powers of two."""
    design = replace(SPARSE, buffers=Buffers(77, 33, 50, 21, 29))
    check(layer_of(CONV, half_mask(CONV)), design, Relative(6))


def test_two_clusters_and_a_two_stage_output_multiplexer() -> None:
    shape = LayerShape("many", "conv", 4, 19, (1, 1), height=2, width=3)
    check(layer_of(shape, half_mask(shape)), replace(SPARSE, lanes=18, vector=2), Relative(4))


def test_index_words_of_64_bits() -> None:
    """With the end flag they are wider than a beat of the smallest load stream."""
    check(layer_of(CONV, half_mask(CONV)), replace(SPARSE, scan_bits=64), Bitmap())


def test_lane_that_waits_for_its_decoder_does_not_hold_a_window_back() -> None:
    """A FIFO that runs empty after an entry of a later window: the earlier one stays released."""
    shape = LayerShape("gaps", "fc", 36, 2, batch=9)
    mask = np.zeros(shape.weight_shape, np.bool_)
    mask[0, ::9] = True  # two or three fillers lie between its weights
    mask[1] = True
    design = replace(SPARSE, window=2, run_ahead=4, fifo_depth=1, index_bits=(2,))
    check(layer_of(shape, mask), design, Relative(2))


FC = LayerShape("neurons", "fc", in_channels=7, out_channels=19)
CORNER = LayerShape(
    "whole_map", "conv", 4, 30, kernel=(2, 2), stride=(2, 2), padding=(0, 0, 1, 1), groups=2,
    height=2, width=2, batch=3,
)  # fmt: skip
"""Outputs of one position, whose images do not follow each other."""


@pytest.mark.parametrize(
    ("shape", "design"),
    [
        (FC, replace(Design.dense(2, 4), acc_sets=1)),
        (replace(FC, batch=2, out_channels=23), replace(Design.dense(3, 4), drain=2)),
        (replace(FC, batch=3), replace(Design.dense(5, 3), drain=3, drain_cycles=3)),
        (replace(FC, out_channels=61), replace(Design.dense(2, 18), drain_cycles=3)),
        (replace(FC, out_channels=75), Design.dense(17, 2)),
        (replace(FC, out_channels=1, in_channels=5), Design.dense(2, 2)),
        (replace(FC, in_channels=14, out_channels=46, groups=2), Design.dense(2, 4)),
        (CORNER, replace(Design.dense(2, 4), drain=2)),
        (CONV, replace(Design.dense(2, 4), drain_cycles=2)),
        (replace(CONV, out_channels=5, stride=(2, 1)), Design.dense(2, 3)),
        (replace(CONV, kernel=(1, 1)), Design.dense(1, 18)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_rows_that_read_a_weight_for_each_column(shape: LayerShape, design: Design) -> None:
    """Columns on filters of their own, and convolutions, whose words hold consecutive weights."""
    several = replace(design, weights_per_row=design.vector)
    check(layer_of(shape, half_mask(shape)), several)


def test_rows_of_filters_behind_a_slow_output() -> None:
    """Every chunk of a visit waits for the stream."""
    layer = layer_of(FC, half_mask(FC))
    features = np.random.default_rng(2).integers(-128, 128, (1, 7, 1, 1))
    design = replace(Design.dense(2, 4), weights_per_row=4)
    dram = Dram(bandwidth_bits=10, latency_cycles=5)
    found = compare(Program.plan(layer, design), layer, features, dram)
    assert found.equal, found


def test_neurons_in_parts_keep_a_column_each() -> None:
    """Filters and input channels in parts; the columns go on from their sums."""
    shape = replace(FC, in_channels=25, out_channels=11)
    buffers = Buffers(
        weight_words=10, index_words=0, feature_words=99, filter_words=99, offset_words=1
    )
    design = replace(Design.dense(2, 4), weights_per_row=4, buffers=buffers)
    layer = layer_of(shape, half_mask(shape))
    schedule = Schedule.plan(layer, design)
    assert any(run.accumulate and run.program.layout.columns == "filters" for run in schedule.runs)
    features = np.random.default_rng(2).integers(-128, 128, (1, 25, 1, 1))
    found = compare_schedule(schedule, features)
    assert found.equal, found
