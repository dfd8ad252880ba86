"""Bounds of a layer: by hand, and that the exact cycles are never below any of them."""

from dataclasses import replace

import numpy as np
import pytest
from checked_layers import layer_of
from hypothesis import given, settings
from hypothesis import strategies as st

from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.loads import loads_of_runs
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.sim.bound import BOUNDS, Bound
from bosquet.sim.random_cases import random_cases
from bosquet.sim.tiling import simulated

NARROW = Dram(1, 0)
DESIGN = Design("sparse", 2, 2, window=4, feed=4, drain=1, drain_cycles=1)
DESIGNS = (
    DESIGN,
    Design("sparse", 8, 2, window=4, feed=2, run_ahead=4, simd_group=4, drain=2, drain_cycles=2),
    Design("sparse", 6, 3, window=8, feed=4, run_ahead=3, acc_sets=1, drain=4),
    Design("sparse", 5, 4, window=2, feed=1, run_ahead=1, fifo_depth=2, feed_order="natural"),
    replace(Design.port(4, 2), drain_cycles=2),
    replace(Design.dense(3, 4), drain_cycles=2),
    replace(Design.dense(4, 2), acc_sets=1, drain=3, weights_per_row=2),
)


def planned(
    shape: LayerShape, mask: np.ndarray, design: Design, form: IndexFormat | None = None
) -> Schedule:
    layer = MaskedPart(shape, mask)
    return Schedule.of(Program.plan(layer, design, form), layer)


def three_filters(design: Design = DESIGN, form: IndexFormat | None = None) -> Schedule:
    """Three filters of 4, 2 and 1 of 8 weights; 4 positions."""
    mask = np.zeros((3, 8, 1, 1), np.bool_)
    mask[0, :4] = mask[1, :2] = mask[2, 0] = True
    return planned(LayerShape("layer", "conv", 8, 3, height=1, width=4), mask, design, form)


def test_by_hand() -> None:
    # Two lanes and two passes of each tile: the tiles {2, 4} and {1, none}. The light filters come
    # first, so lane 0 has 2 + 1 entries and lane 1 has 4 and a filler, the last of which nothing
    # waits for: 2 x (4 + 1) - 1.
    found = Bound.of(three_filters(form=Relative(4)))
    # 4 passes of 2 steps; the last one needs but its first window, of one step.
    # 4 passes of 2 lanes, but for the last lane of the last one.
    assert vars(found) == {"busiest_lane": 9, "feed": 7, "drain": 7, "memory": None}
    assert (found.name, found.cycles) == ("busiest_lane", 9)
    assert found.to_json()["memory"] is None
    assert "ideal" in found.to_json()["memory_reason"]


def test_a_dense_row_takes_every_step() -> None:
    found = Bound.of(three_filters(Design.dense(2, 2)))
    # 2 tiles of 2 passes of 8 steps.
    assert (found.busiest_lane, found.feed, found.name) == (32, 32, "busiest_lane")


def test_ports_have_no_feed() -> None:
    assert Bound.of(three_filters(Design.port(2, 2))).feed == 0


def test_a_bitmap_takes_its_blank_words() -> None:
    mask = np.zeros((1, 160, 1, 1), np.bool_)
    mask[0, 159] = True
    shape = LayerShape("layer", "conv", 160, 1)
    design = Design("sparse", 1, 1, scan_bits=16, feed_order="natural")
    assert Bound.of(planned(shape, mask, design, Bitmap())).busiest_lane == 10
    assert Bound.of(planned(shape, mask, design, Relative(8))).busiest_lane == 1
    assert Bound.of(planned(shape, mask, design, Dense())).busiest_lane == 160


def test_an_eie_array_by_hand() -> None:
    """Three PEs, five inputs, two of them zero; the filters keep 2, 3 and 0 weights."""
    shape = LayerShape("tiny", "fc", 5, 3)
    mask = np.array([[1, 1, 0, 0, 0], [1, 0, 1, 1, 0], [0, 0, 0, 0, 0]], np.bool_)
    layer = layer_of(shape, mask.reshape(shape.weight_shape))
    zero = layer.zero_point_in
    features = np.array([5, 6, zero, 7, zero]).reshape(1, 5, 1, 1)
    schedule = Schedule.plan(layer, replace(Design.eie(3), feed=2)).with_features(features)
    found = Bound.of(schedule)
    assert found.busiest_lane == 2
    # Words of two activations: two non-zero, one, none.
    assert found.feed == 2 + 1 + 1
    assert found.drain == 3


@pytest.mark.parametrize("buffer_sets", [1, 2])
def test_memory_by_hand(buffer_sets: int) -> None:
    schedule = three_filters(replace(DESIGN, buffer_sets=buffer_sets))
    dram = Dram(32, 10)
    found = Bound.of(schedule, dram)
    (beats,) = loads_of_runs(schedule)
    # Beats of 64 bits come every 2 cycles; 4 passes of 2 lanes and one lane less send outputs of
    # two 8-bit values, which take a cycle each.
    assert found.memory == 10 + (max(beats.values()) - 1) * 2 + 6
    assert set(found.by_name) == set(BOUNDS)


@pytest.mark.parametrize("buffer_sets", [1, 2])
def test_a_narrow_memory_is_what_a_layer_waits_for(buffer_sets: int) -> None:
    schedule = three_filters(replace(DESIGN, buffer_sets=buffer_sets))
    found = Bound.of(schedule, NARROW)
    cycles = simulated(schedule, NARROW).cycles
    assert found.name == "memory"
    assert found.cycles <= cycles < 1.05 * found.cycles


def test_parts_add_up() -> None:
    shape = LayerShape("layer", "conv", 8, 6, (3, 3), height=8, width=8)
    mask = np.random.default_rng(1).random(shape.weight_shape) < 0.3
    whole = planned(shape, mask, DESIGN)
    buffers = replace(whole.buffers, feature_words=whole.buffers.feature_words // 2)
    cut = Schedule.plan(MaskedPart(shape, mask), replace(DESIGN, buffers=buffers))
    assert len(cut.runs) > 1
    each = [Bound.of(replace(cut, runs=(run,))) for run in cut.runs]
    found = Bound.of(cut)
    for name in ("busiest_lane", "feed", "drain"):
        assert getattr(found, name) == sum(getattr(one, name) for one in each)


def test_no_bound_is_above_the_cycles_of_random_cases() -> None:
    """Every family, runs in parts and chains of them, behind memories."""
    for case in random_cases(9, seed=3):
        for dram in {case.dram, None, NARROW}:
            found = Bound.of(case.schedule, dram)
            cycles = simulated(case.schedule, dram).cycles
            assert 0 < found.cycles <= cycles, (case.layer.name, case.design.name, dram)
            assert dram is not NARROW or found.name == "memory"


@st.composite
def schedules(draw: st.DrawFn) -> Schedule:
    """Small layers of uneven filters, whole or in two halves of their rows."""
    shape = LayerShape(
        "drawn", "conv", draw(st.integers(1, 40)), draw(st.integers(1, 12)), (2, 1),
        height=draw(st.integers(3, 6)), width=draw(st.integers(1, 5)),
    )  # fmt: skip
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = random.choice([0.0, 0.02, 0.1, 0.4, 1.0], (shape.out_channels, 1, 1, 1))
    layer = MaskedPart(shape, random.random(shape.weight_shape) < density)
    design = replace(draw(st.sampled_from(DESIGNS)), buffer_sets=draw(st.integers(1, 2)))
    cuts = Cuts.none(shape)
    found = Schedule.cut(layer, design, replace(cuts, rows=draw(st.integers(1, 6))))
    assert isinstance(found, Schedule)
    return found


@given(schedules(), st.none() | st.builds(Dram, st.integers(1, 80), st.integers(0, 9)))
@settings(max_examples=150, deadline=None)
def test_no_bound_is_above_the_cycles(schedule: Schedule, dram: Dram | None) -> None:
    found = Bound.of(schedule, dram)
    cycles = simulated(schedule, dram).cycles
    assert all(0 <= bound <= cycles for bound in found.by_name.values())
    assert found.cycles == found.by_name[found.name] > 0


def test_the_last_windows_without_an_entry_bind_nothing() -> None:
    """A run ends before its last pass is fed, where only the first window has a weight."""
    mask = np.zeros((1, 200, 1, 1), np.bool_)
    mask[0, 0] = True
    design = replace(DESIGN, feed_order="natural")
    schedule = planned(LayerShape("layer", "conv", 200, 1), mask, design)
    assert simulated(schedule).cycles < 50 == 200 // DESIGN.feed
    assert Bound.of(schedule).feed == 1
