"""Corners that random cases do not reach by themselves: RTL == simulator == reference."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checked_layers import CONV, SPARSE, SPARSE_FORMS, check, half_mask, layer_of

from bosquet.hw.bundle import emit
from bosquet.hw.design import Buffers, Design
from bosquet.hw.program import Program
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.sim.cosim import compare, predicted_job
from bosquet.sim.verilog_run import available_simulators, run_bundle

needs_a_simulator = pytest.mark.skipif(
    not available_simulators(), reason="needs Icarus Verilog, or Verilator with g++ and make"
)
EVERY = (SPARSE, replace(Design.port(2, 4), fifo_depth=2), Design.dense(2, 4))
"""A design of every family and delivery that runs convolutions."""


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


def test_a_kernel_of_thousands_of_taps() -> None:
    shape = LayerShape("wide", "conv", 1, 3, (1, 4200), height=1, width=4201)
    check(layer_of(shape, half_mask(shape)), replace(Design.dense(2, 2), acc_bits=26))


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


@pytest.mark.parametrize("lanes", [2, 17])
def test_operands_that_are_picked_late(lanes: int) -> None:
    """More columns than one broadcast reaches: a window is still read when its last entry went."""
    shape = LayerShape("wide", "conv", 4, lanes + 1, (2, 1), height=5, width=9)
    design = replace(SPARSE, lanes=lanes, vector=18, window=2, run_ahead=1)
    check(layer_of(shape, half_mask(shape)), design, Bitmap())


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


@pytest.mark.parametrize("design", EVERY, ids=lambda design: design.name)
def test_one_position_output(design: Design) -> None:
    shape = LayerShape("one_position", "conv", 5, 7, (3, 2), height=3, width=2)
    assert (shape.out_height, shape.out_width) == (1, 1)
    check(layer_of(shape, half_mask(shape)), design)


@pytest.mark.parametrize("design", EVERY, ids=lambda design: design.name)
def test_one_channel(design: Design) -> None:
    shape = LayerShape("one_channel", "conv", 1, 5, (3, 3), padding=(1, 1, 1, 1), height=4, width=5)
    check(layer_of(shape, half_mask(shape)), design)


@pytest.mark.parametrize("design", EVERY, ids=lambda design: design.name)
def test_vector_wider_than_the_output(design: Design) -> None:
    shape = LayerShape("narrow", "conv", 3, 5, (2, 2), height=3, width=3)
    assert shape.positions < 9
    wide = replace(design, vector=9, drain_cycles=3)
    check(layer_of(shape, half_mask(shape)), wide)


@pytest.mark.parametrize("design", EVERY, ids=lambda design: design.name)
def test_filters_without_an_entry(design: Design) -> None:
    """The first, the last, and two that follow each other; a tile has one filter, or none."""
    shape = LayerShape("empty_filters", "conv", 3, 9, (2, 2), height=4, width=4)
    mask = half_mask(shape)
    mask[[0, 3, 4, 8]] = False
    check(layer_of(shape, mask), design)


@pytest.mark.parametrize("form", SPARSE_FORMS, ids=lambda form: form.name)
def test_first_and_last_window_empty(form: IndexFormat) -> None:
    shape = LayerShape("middle", "fc", 20, 3, batch=5)
    mask = np.zeros(shape.weight_shape, np.bool_)
    mask[:, 4:16] = np.random.default_rng(4).random((3, 12, 1, 1)) < 0.5
    layer, design = layer_of(shape, mask), replace(SPARSE, feed_order="natural")
    assert Program.plan(layer, design, form).layout.windows == 5  # of 4 inputs each
    check(layer, design, form)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_gaps_longer_than_the_index_can_say(bits: int) -> None:
    """One more than a code says, as many, and one less, each behind the other."""
    longest = (1 << bits) - 1
    gaps = [longest + 1, longest, longest - 1, 3 * longest + 1]
    kept = np.cumsum([0, *(gap + 1 for gap in gaps)])
    shape = LayerShape("gaps", "fc", int(kept[-1]) + 1, 2)
    mask = np.zeros(shape.weight_shape, np.bool_)
    mask[0, kept] = True
    mask[1, kept[-1]] = True
    check(layer_of(shape, mask), replace(SPARSE, index_bits=(bits,)), Relative(bits))


@needs_a_simulator
def test_all_formats_in_one_network(tmp_path: Path) -> None:
    """Layer after layer on one accelerator, each in a format of its own."""
    design = replace(SPARSE, index_bits=(4, 6, 8), buffers=Buffers(64, 64, 64, 32, 64))
    work = []
    for seed, form in enumerate((Relative(4), Bitmap(), Dense(), Relative(6), Relative(8))):
        shape = replace(CONV, name=f"layer_{form.name}")
        schedule = Schedule.plan(layer_of(shape, half_mask(shape), seed), design, form)
        work.append((schedule, np.random.default_rng(seed).integers(-128, 128, (1, 3, 4, 4))))
    job = predicted_job(work)
    assert {run.run.program.format.name for run in job.runs} == {
        "relative4", "relative6", "relative8", "bitmap", "dense",
    }  # fmt: skip
    run = run_bundle(emit(job, "all_formats", tmp_path))
    assert run.failures == ()
    assert run.cycles == job.totals["cycles"]
