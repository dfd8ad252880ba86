"""Lanes with ports of their own: the simulator against the contract, and their use."""

from dataclasses import replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from timing_contract import interpret

from bosquet.errors import FitError
from bosquet.hw.design import Design
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim import exact_sparse
from bosquet.sim.counters import Counters
from bosquet.sim.exact import simulate

FORMATS = (Bitmap(), Dense(), Relative(2), Relative(4), Relative(12))


@st.composite
def designs(draw: st.DrawFn) -> Design:
    lanes = draw(st.sampled_from([1, 2, 3, 5, 17]))
    vector = draw(st.sampled_from([1, 2, 4, 12, 20]))
    return replace(
        Design.port(lanes, vector),
        drain=draw(st.integers(1, min(4, lanes))),
        drain_cycles=draw(st.sampled_from([n for n in range(1, 21) if vector % n == 0])),
        acc_sets=draw(st.sampled_from([1, 2])),
        fifo_depth=draw(st.integers(1, 6)),
        scan_bits=draw(st.sampled_from([16, 32])),
        index_bits=(2, 3, 4, 12),
    )


@st.composite
def layers(draw: st.DrawFn) -> MaskedPart:
    """Layers whose filters have densities of their own, empty and full ones among them."""
    groups = draw(st.sampled_from([1, 2, 3, 8]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (2, 3)]))
    shape = LayerShape(
        "random", "conv", groups * draw(st.integers(1, 9)), groups * draw(st.integers(1, 4)),
        kernel,
        stride=draw(st.sampled_from([(1, 1), (2, 2), (1, 2)])),
        padding=draw(st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1)])),
        groups=groups,
        height=draw(st.integers(kernel[0], 6)),
        width=draw(st.integers(kernel[1], 6)),
        batch=draw(st.sampled_from([1, 3])),
    )  # fmt: skip
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    chosen = draw(st.lists(st.sampled_from((0.0, 0.05, 0.3, 1.0)), min_size=1, max_size=4))
    density = random.choice(chosen, size=(shape.out_channels, 1, 1, 1))
    return MaskedPart(shape, random.random(shape.weight_shape) < density)


@given(design=designs(), layer=layers(), form=st.sampled_from(FORMATS))
@settings(max_examples=150, deadline=None)
def test_counters_are_those_of_the_contract(
    design: Design, layer: MaskedPart, form: IndexFormat
) -> None:
    program = Program.plan(layer, design, form)
    counted = simulate(program)
    assume(counted.lane_cycles < 40_000)  # the interpreter is slow
    assert counted == interpret(program)


@given(design=designs(), layer=layers(), form=st.sampled_from(FORMATS))
@settings(max_examples=60, deadline=None)
def test_skipping_passes_changes_nothing(
    design: Design, layer: MaskedPart, form: IndexFormat
) -> None:
    shape = replace(layer.shape, height=14, width=14)
    program = Program.plan(MaskedPart(shape, layer.mask), design, form)
    with patch.object(exact_sparse._Run, "_passes_alike", return_value=-1):
        every_pass = simulate(program)
    assert simulate(program) == every_pass


# ---- by hand -------------------------------------------------------------------------------------


def pointwise(kept: Any, positions: int = 1) -> MaskedPart:
    """Return a 1x1 layer that keeps the given weights (out, in), on a map of one row."""
    mask = np.array(kept, np.bool_)
    out, channels = mask.shape
    shape = LayerShape("hand", "conv", channels, out, width=positions)
    return MaskedPart(shape, mask[:, :, None, None])


def counts(layer: MaskedPart, design: Design, form: IndexFormat) -> dict[str, int]:
    """Return the counters of a layer that are not zero."""
    found = simulate(Program.plan(layer, design, form))
    listed = {"cycles": found.cycles, "beats": found.output_beats, "compute": found.compute}
    return {name: count for name, count in (listed | dict(found.stalls)).items() if count}


def test_one_lane_and_two_weights() -> None:
    # x(0) = 2, head(0) = 4, issued at 4 and 5; ready at 5 + 8 = 13, beat at 13 + 8 = 21.
    assert counts(pointwise([[1, 1]]), Design.port(1, 1), Relative(4)) == {
        "cycles": 22, "beats": 1, "compute": 2, "fill": 4, "drain": 16,
    }  # fmt: skip


def test_without_an_index_the_first_entry_is_there_two_cycles_earlier() -> None:
    assert counts(pointwise([[1, 1]]), Design.port(1, 1), Dense()) == {
        "cycles": 20, "beats": 1, "compute": 2, "fill": 2, "drain": 16,
    }  # fmt: skip


def test_lanes_wait_for_nobody() -> None:
    # Lane 0 (filter 0) issues at 4, lane 1 at 4 .. 19, whatever lies between their weights.
    kept = np.zeros((2, 16))
    kept[0, 15] = kept[1] = 1
    assert counts(pointwise(kept), Design.port(2, 1), Bitmap()) == {
        "cycles": 19 + 8 + 8 + 1, "beats": 2, "compute": 17, "fill": 8, "imbalance": 15,
        "drain": 32,
    }  # fmt: skip


def test_one_accumulator_set_waits_for_the_output_stage() -> None:
    # Pass 0: issued at 4, ready and taken at 12. Pass 1 waits from 5 on: issued at 13.
    design = replace(Design.port(1, 1), acc_sets=1)
    assert counts(pointwise([[1]], positions=2), design, Relative(4)) == {
        "cycles": 13 + 8 + 8 + 1, "beats": 2, "compute": 2, "fill": 4, "drain": 8 + 16,
    }  # fmt: skip


# ---- what ports are good for ---------------------------------------------------------------------


def test_depthwise_layers_use_all_lanes() -> None:
    lanes = 8
    shape = LayerShape("depthwise", "conv", 32, 32, (3, 3), padding=(1, 1, 1, 1), groups=32,
                       height=28, width=28)  # fmt: skip
    layer = MaskedPart(shape, uneven_mask(shape.weight_shape, 0.6, seed=1))
    window = Program.plan(layer, Design("sparse", lanes, 4), Relative(4))
    port = Program.plan(layer, Design.port(lanes, 4), Relative(4))
    assert (window.tiles, port.tiles) == (32, 32 // lanes)

    def used(program: Program) -> tuple[Counters, float]:
        counted = simulate(program)
        return counted, counted.compute / counted.lane_cycles

    (_, shared), (_, private) = used(window), used(port)
    assert shared <= 1 / lanes
    # With few weights in a filter, draining 8 lanes one by one takes longer than working it off.
    assert private > 4 * shared


def test_grouped_filters_share_tiles() -> None:
    shape = LayerShape("grouped", "conv", 6, 9, groups=3, width=4)
    layer = MaskedPart(shape, np.ones(shape.weight_shape, np.bool_))
    program = Program.plan(layer, Design.port(5, 2))
    assert (program.tiles, program.groups, program.last_tile_lanes) == (2, 1, 4)
    assert sorted(number for number in program.assignment.flat if number >= 0) == list(range(9))


def test_groups_that_a_shared_stream_does_not_fit_are_refused() -> None:
    shape = LayerShape("grouped", "conv", 6, 9, groups=3, width=4)
    layer = MaskedPart(shape, np.ones(shape.weight_shape, np.bool_))
    with pytest.raises(FitError, match="simd_group that divides them, such as 1"):
        Program.plan(layer, replace(Design.port(4, 2), simd_group=2))
