"""Counted without encoding: what the program stores, and never more cycles than it takes."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bosquet.hw.design import Design
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.exact import simulate
from bosquet.sim.workload import Workload, formats_of


@st.composite
def cases(draw: st.DrawFn) -> tuple[Workload, Design, IndexFormat]:
    groups = draw(st.sampled_from([1, 2]))
    shape = LayerShape(
        "layer",
        "conv",
        groups * draw(st.integers(1, 6)),
        groups * draw(st.integers(1, 12)),
        (draw(st.integers(1, 3)), 2),
        (draw(st.integers(1, 2)), 1),
        groups=groups,
        height=5,
        width=draw(st.integers(2, 6)),
    )
    density = draw(st.sampled_from([0.05, 0.3, 0.8, 1.0]))
    mask = uneven_mask(shape.weight_shape, density, draw(st.integers(0, 99)))
    lanes, vector = draw(st.integers(1, 20)), draw(st.sampled_from([1, 4, 6]))
    if draw(st.booleans()):
        dense = replace(
            Design.dense(lanes, vector), weights_per_row=draw(st.sampled_from([1, vector]))
        )
        if draw(st.booleans()):
            shape = replace(shape, kernel=(1, 1), height=1, width=1, batch=draw(st.integers(1, 3)))
            mask = mask[:, :, :1, :1]
        return Workload(shape, mask), dense, Dense()
    design = Design(
        "sparse",
        lanes,
        vector,
        window=8,
        run_ahead=draw(st.sampled_from([1, 2])),
        feed=draw(st.sampled_from([1, 2, 8])),
        drain=draw(st.integers(1, min(3, lanes))),
        drain_cycles=draw(st.sampled_from([1, vector])),
    )
    return Workload(shape, mask), design, draw(st.sampled_from(formats_of(design)))


@given(cases())
@settings(max_examples=60)
def test_memory_depths_are_those_of_the_program(case: tuple[Workload, Design, IndexFormat]) -> None:
    workload, design, form = case
    program = workload.program(design, form)
    load = workload.load(design, form)
    counted = workload.buffers(design, load)
    if isinstance(form, Relative | Bitmap):  # balanced steps may need fewer index words
        assert counted.index_words >= program.buffers.index_words
        counted = replace(counted, index_words=program.buffers.index_words)
    assert counted == program.buffers
    assert load.tiles == program.tiles


@given(cases())
@settings(max_examples=60)
def test_stored_bits_are_those_of_the_streams(case: tuple[Workload, Design, IndexFormat]) -> None:
    workload, design, form = case
    program = workload.program(design, form)
    bits = [
        sum(
            int((~stream.entry_is_filler).sum()) * design.weight_bits
            + stream.words.size * (design.scan_bits + 1)
            for stream in lanes
        )
        for lanes in program.streams
    ]
    counted = workload.load(design, form).tile_bits
    if isinstance(form, Relative | Bitmap):
        assert (counted >= bits).all()
    else:
        assert counted.tolist() == bits


@given(cases())
@settings(max_examples=60)
def test_no_bound_is_above_the_simulated_cycles(case: tuple[Workload, Design, IndexFormat]) -> None:
    workload, design, form = case
    bounds = workload.bounds(design, workload.load(design, form))
    cycles = simulate(workload.program(design, form)).cycles
    assert max(bounds.busiest_lane, bounds.feed, bounds.drain) <= bounds.together <= cycles


def test_bounds_by_hand() -> None:
    # Three filters of 4, 2 and 1 of 8 weights on two lanes: tiles {4, 2} and {1}. Four positions
    # in vectors of two: two passes of each tile.
    mask = np.zeros((3, 8, 1, 1), np.bool_)
    mask[0, :4] = mask[1, :2] = mask[2, 0] = True
    workload = Workload(LayerShape("layer", "conv", 8, 3, height=1, width=4), mask)
    design = Design("sparse", 2, 2, window=4, feed=4, drain=1, drain_cycles=1)
    load = workload.load(design, Relative(4))
    bounds = workload.bounds(design, load)
    assert load.busiest.tolist() == [4, 1]
    # The last lane of the last pass has no filter and need not be drained.
    assert (bounds.busiest_lane, bounds.feed, bounds.drain) == (10, 8, 7)
    assert bounds.of_tile.tolist() == [8, 4]
    assert bounds.together == 12
    assert bounds.holding == "busiest_lane"
    assert workload.ratio == 24 / 7


def test_a_bitmap_takes_at_least_its_words() -> None:
    mask = np.zeros((1, 160, 1, 1), np.bool_)
    mask[0, 159] = True
    workload = Workload(LayerShape("layer", "conv", 160, 1), mask)
    design = Design("sparse", 1, 1, scan_bits=16, feed_order="natural")
    assert workload.load(design, Bitmap()).busiest.tolist() == [10]
    assert workload.load(design, Relative(8)).busiest.tolist() == [1]


def test_workloads_are_told_apart_by_shape_and_mask() -> None:
    shape = LayerShape("layer", "conv", 4, 4)
    ones = np.ones(shape.weight_shape, np.bool_)
    fewer = ones.copy()
    fewer[0, 0] = False
    assert Workload(shape, ones).key == Workload(shape, ones.copy()).key
    assert Workload(shape, ones).key != Workload(shape, fewer).key


@pytest.mark.parametrize(
    ("design", "names"),
    [
        (Design.dense(4, 4), ["dense"]),
        (Design("sparse", 4, 4, index_bits=(4,)), ["dense", "bitmap", "relative4"]),
    ],
)
def test_formats_of_a_design(design: Design, names: list[str]) -> None:
    assert [form.name for form in formats_of(design)] == names
