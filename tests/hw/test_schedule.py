"""Layers too large for the buffers: the parts are the whole, in every dimension."""

from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from bosquet.engine.integer import layer_outputs
from bosquet.engine.windows import convolve
from bosquet.errors import DesignError, FitError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.part import Part
from bosquet.hw.program import COUNT_LIMIT
from bosquet.hw.schedule import Schedule, covering_buffers
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.coverage import cut_dimensions

SPARSE = Design("sparse", 4, 4, window=4, feed=2, run_ahead=2, index_bits=(4,))
CONV = LayerShape("conv", "conv", 6, 10, (3, 3), padding=(1, 1, 1, 1), height=9, width=11, batch=3)
GROUPED = replace(CONV, name="grouped", groups=2, stride=(2, 1), dilation=(1, 2))
FC = LayerShape("fc", "fc", 120, 9, batch=6)


def layer_of(shape: LayerShape, seed: int = 0, density: float = 0.4) -> Layer:
    rng = np.random.default_rng(seed)
    mask = rng.random(shape.weight_shape) < density
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    filters = shape.out_channels
    scale = Requantization(
        rng.integers(1 << 15, 1 << 16, filters), np.full(filters, 26), -3, -128, 127
    )
    return Layer(shape, weight, mask, rng.integers(-999, 999, filters), scale, zero_point_in=7)


def inputs_of(shape: LayerShape, seed: int = 1) -> NDArray[np.int64]:
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    return np.random.default_rng(seed).integers(-128, 128, size)


def sums_of(layer: Layer, features: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what the accumulators hold at the end, the folded bias included."""
    relative = features - layer.zero_point_in
    sums = convolve(relative, layer.weight, layer.shape).astype(np.int64)
    total: NDArray[np.int64] = sums + layer.bias[:, None, None]
    return total


def assert_the_whole(schedule: Schedule, layer: Layer) -> None:
    """Add up chains, requantize what counts, and compare with the whole layer."""
    features = inputs_of(layer.shape)
    outputs, chain = [], None
    for run, own in zip(schedule.runs, schedule.inputs(features), strict=True):
        assert isinstance(run.layer, Layer)
        assert own.shape[1:] == (
            run.layer.shape.in_channels, run.layer.shape.height, run.layer.shape.width,
        )  # fmt: skip
        assert run.accumulate == (chain is not None)
        sums = sums_of(run.layer, own) + (0 if chain is None else chain)
        chain = None if run.counts else sums
        outputs.append(run.layer.requantization(sums))
    np.testing.assert_array_equal(schedule.assembled(outputs), layer_outputs(layer, features))


@pytest.mark.parametrize(
    ("shape", "less", "cut"),
    [
        (CONV, {"feature_words": 300}, {"images"}),
        (CONV, {"feature_words": 60}, {"images", "rows"}),
        (CONV, {"feature_words": 30}, {"images", "rows", "columns"}),
        (CONV, {"feature_words": 8}, {"images", "rows", "columns", "filters", "channels"}),
        (CONV, {"weight_words": 40}, {"filters"}),
        (CONV, {"weight_words": 20}, {"images", "rows", "columns", "filters", "channels"}),
        (GROUPED, {"weight_words": 30}, {"groups"}),
        (GROUPED, {"weight_words": 16}, {"groups", "filters"}),
        (GROUPED, {"feature_words": 300}, {"groups"}),
        (FC, {"feature_words": 70}, {"images"}),
        (FC, {"weight_words": 60}, {"filters"}),
        (FC, {"weight_words": 40}, {"images", "filters", "channels"}),
        (FC, {"filter_words": 4}, {"filters"}),
    ],
)
def test_a_layer_is_cut_where_it_is_too_large(
    shape: LayerShape, less: dict[str, int], cut: set[str]
) -> None:
    layer = layer_of(shape)
    need = Schedule.plan(layer, SPARSE).buffers
    assert all(getattr(need, name) > words for name, words in less.items())
    design = replace(SPARSE, buffers=replace(need, **less))
    schedule = Schedule.plan(layer, design)
    assert cut_dimensions(schedule) == cut
    assert design.buffers is not None
    assert design.buffers == design.buffers.covering(schedule.buffers)
    assert_the_whole(schedule, layer)


def test_a_chain_keeps_its_filters_in_their_lanes() -> None:
    layer = layer_of(FC)
    buffers = replace(Schedule.plan(layer, SPARSE).buffers, weight_words=40)
    runs = Schedule.plan(layer, replace(SPARSE, buffers=buffers)).runs
    for run, following in pairwise(runs):
        if following.accumulate:
            assert not run.counts
            assert run.program.assignment.tolist() == following.program.assignment.tolist()
            assert run.program.layout.position_tiles == run.program.tiles == 1


def test_what_fits_is_one_run() -> None:
    layer = layer_of(CONV)
    (run,) = Schedule.plan(layer, SPARSE).runs
    assert run.layer is layer
    assert run.part == Part.whole(CONV)
    assert (run.accumulate, run.counts) == (False, True)


def test_buffers_that_cover_all_layers() -> None:
    layers = [layer_of(CONV), layer_of(FC)]
    buffers = covering_buffers(layers, SPARSE)
    for layer in layers:
        assert len(Schedule.plan(layer, replace(SPARSE, buffers=buffers)).runs) == 1


@pytest.mark.parametrize(
    ("less", "message"),
    [
        ({"weight_words": 1}, "layer conv: not even one filter tile of one input channel at one"
                              " vector of positions fits design.buffers.weight_words of"
                              " sparse-4x4:"),
        ({"filter_words": 1}, "design.buffers.filter_words of sparse-4x4:"),
        ({"offset_words": 1}, "design.buffers.offset_words of sparse-4x4:"
                              " 9 words needed, 1 there; make it larger"),
    ],
)  # fmt: skip
def test_what_cannot_be_cut_is_refused(less: dict[str, int], message: str) -> None:
    layer = layer_of(CONV)
    buffers = replace(Schedule.plan(layer, SPARSE).buffers, **less)
    with pytest.raises(FitError) as error:
        Schedule.plan(layer, replace(SPARSE, buffers=buffers))
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_padding_wider_than_the_kernel_cannot_be_cut() -> None:
    layer = layer_of(replace(CONV, padding=(4, 4, 4, 4)))
    buffers = replace(Schedule.plan(layer, SPARSE).buffers, feature_words=30)
    with pytest.raises(FitError, match=r"padding .* is wider than the kernel"):
        Schedule.plan(layer, replace(SPARSE, buffers=buffers))


@pytest.mark.parametrize(
    ("name", "batch", "cut"), [("sparse-2x2", 1, {"rows"}), ("dense-1x4", 3, {"images"})]
)
def test_more_positions_than_the_counters_is_cut(name: str, batch: int, cut: set[str]) -> None:
    """Registers count 65,535 vectors of positions: a large picture takes several runs."""
    shape = LayerShape("large", "conv", 1, 2, (1, 1), (1, 1), (0, 0, 0, 0), (1, 1), 1,
                       400, 400, batch)  # fmt: skip
    layer = layer_of(shape, density=1.0)
    schedule = Schedule.plan(layer, Design.named(name))
    assert cut_dimensions(schedule) == cut
    assert all(run.program.layout.position_tiles <= COUNT_LIMIT for run in schedule.runs)
    assert_the_whole(schedule, layer)


def test_a_filter_longer_than_the_counters_is_cut() -> None:
    shape = LayerShape("long", "fc", 70_000, 2)
    mask = np.zeros(shape.weight_shape, np.bool_)
    mask[:, ::500] = True
    ones = np.ones(2, np.int64)
    layer = Layer(shape, mask.astype(np.int64), mask, 0 * ones, Requantization(ones, ones, 0, 0, 1))
    design = replace(SPARSE, window=32, feed=16)
    schedule = Schedule.plan(layer, design)
    assert cut_dimensions(schedule) == {"channels"}
    assert_the_whole(schedule, layer)


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_parts_are_the_whole(data: Any) -> None:
    def number(low: int, high: int) -> int:
        return int(data.draw(st.integers(low, high)))

    groups = number(1, 3)
    kernel = (number(1, 3), number(1, 3))
    padding = tuple(number(0, size - 1) for size in (*kernel, *kernel))
    stride = (number(1, 3), number(1, 3))
    shape = LayerShape(
        "any", "conv", groups * number(1, 5), groups * number(1, 6), kernel, stride=stride,
        padding=(padding[0], padding[1], padding[2], padding[3]), groups=groups,
        height=number(3, 9), width=number(3, 9), batch=number(1, 3),
    )  # fmt: skip
    layer = layer_of(shape, number(0, 99), number(0, 10) / 10)
    design = data.draw(st.sampled_from([SPARSE, Design.dense(3, 4)]))
    need = Schedule.plan(layer, design).buffers
    share = number(1, 10) / 10
    less = Buffers(*(max(1, int(words * share)) if words else 0 for words in (
        need.weight_words, need.index_words, need.feature_words, need.filter_words,
        need.offset_words,
    )))  # fmt: skip
    try:
        schedule = Schedule.plan(layer, replace(design, buffers=less))
    except (DesignError, FitError):
        return
    assert_the_whole(schedule, layer)


@pytest.mark.parametrize(("channels", "words"), [(120, 40), (23, 12), (7, 3), (3, 1)])
def test_channels_are_cut_at_whole_feed_steps(channels: int, words: int) -> None:
    """Only the last part of a chain may have a step that is not full, as the whole layer has."""
    shape = replace(FC, in_channels=channels, batch=1)
    need = Schedule.plan(layer_of(shape, density=1), SPARSE).buffers
    small = replace(SPARSE, buffers=replace(need, weight_words=words))
    parts = [run.part.channels for run in Schedule.plan(layer_of(shape, density=1), small).runs]
    assert len(parts) > 1
    widest = max(map(len, parts))
    assert (
        all(len(part) % SPARSE.feed == 0 for part in parts if part.stop < channels) or widest == 1
    )


def test_an_fc_layer_with_more_inputs_than_a_filter_has_index_positions() -> None:
    """EIE PEs count words of activations, not index positions."""
    shape = LayerShape("wide", "fc", 70_000, 2)
    layer = layer_of(shape, density=0.001)
    assert len(Schedule.plan(layer, replace(Design.eie(2), feed=8)).runs) == 1


def test_parts_know_which_of_their_activations_are_zero() -> None:
    layer = layer_of(LayerShape("fc", "fc", 20, 24, batch=3))
    design = Design.named("eie-2")
    need = Schedule.plan(layer, design).buffers
    few = replace(need, feature_words=need.feature_words // 3, weight_words=need.weight_words // 2)
    schedule = Schedule.plan(layer, replace(design, buffers=few))
    assert cut_dimensions(schedule) == {"images", "filters"}
    features = inputs_of(layer.shape)
    features[:, ::3] = layer.zero_point_in
    known = schedule.with_active(features != layer.zero_point_in)
    for run, other in zip(known.runs, schedule.with_features(features).runs, strict=True):
        assert isinstance(run.program, EieProgram)
        assert isinstance(other.program, EieProgram)
        (image,) = run.part.images
        assert (run.program.active == other.program.active).all()
        assert (run.program.active == (features[image, :, 0, 0] != layer.zero_point_in)).all()
