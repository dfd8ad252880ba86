"""The exact simulator counts what the timing contract says, stepped cycle by cycle.

``timing_contract`` interprets the table of ARCHITECTURE.md; small cases are worked out by hand.
Laws that any cycle count must obey are in ``test_laws``.
"""

from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from timing_contract import interpret

from bosquet.hw.design import Design
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.sim import exact_sparse
from bosquet.sim.exact import simulate


@dataclass(frozen=True)
class Masked:
    shape: LayerShape
    mask: NDArray[np.bool_]


# ---- random programs -----------------------------------------------------------------------------


@st.composite
def designs(
    draw: st.DrawFn,
    family: str,
    vectors: tuple[int, ...],
    lanes: tuple[int, ...] = (1, 2, 3, 5, 8, 16, 17, 33, 40),
) -> Design:
    chosen = draw(st.sampled_from(lanes))
    vector = draw(st.sampled_from(vectors))
    output: dict[str, Any] = {
        "drain": draw(st.integers(1, min(4, chosen))),
        "drain_cycles": draw(st.sampled_from([n for n in range(1, 21) if vector % n == 0])),
        "acc_sets": draw(st.sampled_from([1, 2])),
    }
    if family == "dense":
        weights = draw(st.sampled_from([1, vector]))
        return replace(Design.dense(chosen, vector), weights_per_row=weights, **output)
    feed = draw(st.sampled_from([1, 2, 4, 8]))
    return Design(
        "sparse",
        chosen,
        vector,
        feed=feed,
        window=draw(st.sampled_from([n for n in (1, 2, 4, 8, 16) if n >= feed])),
        run_ahead=draw(st.sampled_from([1, 2, 3, 4])),
        feed_order=draw(st.sampled_from(["natural", "balanced"])),
        fifo_depth=draw(st.integers(1, 6)),
        scan_bits=draw(st.sampled_from([16, 32])),
        index_bits=(2, 3, 4, 12),
        **output,
    )


@st.composite
def layers(draw: st.DrawFn, densities: tuple[float, ...] = (0.0, 0.05, 0.3, 1.0)) -> Masked:
    """Layers whose filters have densities of their own, empty and full ones among them."""
    groups = draw(st.sampled_from([1, 1, 2, 3]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (2, 3)]))
    shape = LayerShape(
        "random",
        "conv",
        in_channels=groups * draw(st.integers(1, 40 if kernel == (1, 1) else 6)),
        out_channels=groups * draw(st.integers(1, 24)),
        kernel=kernel,
        stride=draw(st.sampled_from([(1, 1), (2, 2), (1, 2)])),
        padding=draw(st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1)])),
        groups=groups,
        height=draw(st.integers(kernel[0], 6)),
        width=draw(st.integers(kernel[1], 6)),
        batch=draw(st.sampled_from([1, 3])),
    )
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    chosen = draw(st.lists(st.sampled_from(densities), min_size=1, max_size=4))
    density = random.choice(chosen, size=(shape.out_channels, 1, 1, 1))
    return Masked(shape, random.random(shape.weight_shape) < density)


def pointwise(kept: NDArray[np.bool_], positions: int = 1) -> Masked:
    """Return a 1x1 layer that keeps the given weights (out, in), on a map of one row."""
    out, channels = kept.shape
    shape = LayerShape("hand", "conv", channels, out, width=positions)
    return Masked(shape, kept[:, :, None, None])


ONE_LANE = Design(
    "sparse", 1, 1, window=1, run_ahead=1, feed=1, feed_order="natural", index_bits=(4,)
)

FORMATS = (Bitmap(), Dense(), Relative(2), Relative(4), Relative(12))


@given(
    design=designs("sparse", (1, 2, 3, 4, 12, 17, 20)),
    layer=layers(),
    form=st.sampled_from(FORMATS),
)
@settings(max_examples=200)
def test_sparse_counters_are_those_of_the_contract(
    design: Design, layer: Masked, form: IndexFormat
) -> None:
    program = Program.plan(layer, design, form)
    counted = simulate(program)
    assume(counted.lane_cycles < 40_000)  # the interpreter is slow
    assert counted == interpret(program)


@given(
    design=designs("sparse", (1,), lanes=(1, 2, 3)),
    channels=st.integers(1, 64),
    densities=st.lists(st.sampled_from([0.0, 0.03, 0.2, 1.0]), min_size=1, max_size=7),
    positions=st.integers(8, 40),
    seed=st.integers(0, 2**32),
    form=st.sampled_from(FORMATS),
)
@settings(max_examples=150)
def test_passes_that_repeat_are_counted_as_if_they_did_not(
    design: Design,
    channels: int,
    densities: list[float],
    positions: int,
    seed: int,
    form: IndexFormat,
) -> None:
    # Few lanes and many positions: most passes are skipped, in periods of 1 to 4 passes.
    random = np.random.default_rng(seed)
    kept = random.random((len(densities), channels)) < np.array(densities)[:, None]
    program = Program.plan(pointwise(kept, positions), design, form)
    counted = simulate(program)
    assume(counted.lane_cycles < 30_000)
    assert counted == interpret(program)


@given(design=designs("sparse", (1, 2)), layer=layers(), form=st.sampled_from(FORMATS))
@settings(max_examples=60)
def test_skipping_passes_changes_nothing(design: Design, layer: Masked, form: IndexFormat) -> None:
    # Larger programs than the interpreter has time for, with and without skipping.
    shape = replace(layer.shape, height=12, width=12)
    program = Program.plan(Masked(shape, layer.mask), design, form)
    assume(program.tiles * program.layout.position_tiles * program.layout.windows < 4000)
    with patch.object(exact_sparse._Run, "_passes_alike", return_value=-1):
        every_pass = simulate(program)
    assert simulate(program) == every_pass


def test_the_next_tile_can_slow_down_the_last_pass_of_a_tile() -> None:
    # Lane 0 holds window 0 until the decoder has found its next entry. That is the first of the
    # same filter (no zero word), after the last pass of the tile that of another (7 zero words).
    kept = np.zeros((4, 128), np.bool_)
    kept[0] = True
    kept[1, :2] = True
    kept[2:, 127] = True
    design = replace(ONE_LANE, lanes=2, window=16, feed=16, fifo_depth=1)
    program = Program.plan(pointwise(kept, positions=8), design, Bitmap())
    assert simulate(program) == interpret(program)


@given(design=designs("dense", (1, 2, 3, 4, 12, 17, 20)), layer=layers())
@settings(max_examples=40)
def test_dense_counters_are_those_of_the_contract(design: Design, layer: Masked) -> None:
    program = Program.plan(layer, design)
    counted = simulate(program)
    assume(counted.lane_cycles < 80_000)
    assert counted == interpret(program)


# ---- by hand -------------------------------------------------------------------------------------


def counts(layer: Masked, design: Design, form: IndexFormat) -> dict[str, int]:
    """Return the counters of a layer that are not zero."""
    found = simulate(Program.plan(layer, design, form))
    listed = {"cycles": found.cycles, "beats": found.output_beats, "compute": found.compute}
    return {name: count for name, count in (listed | dict(found.stalls)).items() if count}


def test_a_window_at_a_time() -> None:
    # Window 0: W0 = 4, fed = 5; entry 0 issued and, as entry 1 is behind it, the window released
    # at 5; window 1: W0 = 6, fed = 7. Entry 1 is at the head from 6 and waits for the feed (the
    # feeder waits in 5). Issued at 7, ready at 11, beat at 11 + 8 = 19.
    assert counts(pointwise(np.ones((1, 2), np.bool_)), ONE_LANE, Relative(4)) == {
        "cycles": 20, "beats": 1, "compute": 2, "fill": 5, "feed": 1, "drain": 12,
    }  # fmt: skip


def test_a_fifo_of_one_entry() -> None:
    # Both entries in window 0, issued at 5 and, since x(1) = 5 + 1 and head(1) = 6 + 2, at 8.
    # Ready at 12, beat at 20.
    design = replace(ONE_LANE, window=2, feed=2, fifo_depth=1)
    assert counts(pointwise(np.ones((1, 2), np.bool_)), design, Relative(4)) == {
        "cycles": 21, "beats": 1, "compute": 2, "fill": 5, "weight_buffer": 2, "drain": 12,
    }  # fmt: skip


def test_skipped_bitmap_words() -> None:
    # 33 channels in 3 steps of 16; the only weight in the third word: x(0) = 2 + 3 - 1, head = 6.
    # Windows: W0 = 4; released(0) = 5, W0 = 6, fed 7 = released(1), W0 = 8, fed = 9: issued.
    # From head to issue the feeder waits in 7. Ready at 13, beat at 21.
    design = replace(ONE_LANE, window=16, feed=16)
    assert counts(pointwise(np.arange(33)[None] == 32), design, Bitmap()) == {
        "cycles": 22, "beats": 1, "compute": 1, "fill": 5, "weight_buffer": 1, "window": 1,
        "feed": 2, "drain": 12,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("acc_sets", "cycles", "drain"),
    [
        # Pass 0 is issued at 5 and 6, ready and taken at 10. One set: pass 1 is issued at 11, 12
        # (it stands at the head from 7); ready at 16, beat at 24.
        (1, 25, 4 + 12),
        # Two sets: issued at 7 and, after 8..10, at 11; ready at 15, beat at 23.
        (2, 24, 3 + 12),
    ],
)
def test_waiting_for_accumulators(acc_sets: int, cycles: int, drain: int) -> None:
    design = replace(ONE_LANE, window=2, feed=2, run_ahead=4, acc_sets=acc_sets)
    assert counts(pointwise(np.ones((1, 2), np.bool_), positions=2), design, Dense()) == {
        "cycles": cycles, "beats": 2, "compute": 4, "fill": 5, "drain": drain,
    }  # fmt: skip


def test_a_lane_without_a_filter() -> None:
    # Lane 0 issues at 5 and 6, lane 1 its filler at 5. The beat of lane 0 leaves at 10 + 8, there
    # is none of lane 1. From 7 to 18 both lanes drain.
    design = replace(ONE_LANE, lanes=2, window=2, feed=2)
    assert counts(pointwise(np.ones((1, 2), np.bool_)), design, Relative(4)) == {
        "cycles": 19, "beats": 1, "compute": 2, "filler": 1, "fill": 10, "imbalance": 1,
        "drain": 24,
    }  # fmt: skip


def test_an_empty_filter_still_writes_its_bias() -> None:
    # One filler at 5; ready at 9, beat at 17.
    assert counts(pointwise(np.zeros((1, 1), np.bool_)), ONE_LANE, Bitmap()) == {
        "cycles": 18, "beats": 1, "filler": 1, "fill": 5, "drain": 12,
    }  # fmt: skip


def test_dense_array() -> None:
    # Steps at 0, 1, 2; ready at 8; groups begin at 8 and 9; last beat at 9 + 8 = 17.
    assert counts(pointwise(np.ones((2, 3), np.bool_)), Design.dense(2, 2), Dense()) == {
        "cycles": 18, "beats": 2, "compute": 6, "fill": 8, "drain": 22,
    }  # fmt: skip


def test_dense_columns_with_filters_of_their_own() -> None:
    # 7 filters of 3 weights on 2 rows of 2 columns: 2 tiles of one pass. Last step of pass 0 at 2,
    # ready at 2 + 7; both rows are taken in 9..12, 2 cycles each. So the last step of pass 1 is at
    # 13, ready at 20; row 1 begins at 22, its second beat leaves at 22 + 1 + 8 = 31. There row 1
    # has a filter in one of its columns, and computes all the same.
    design = replace(Design.dense(2, 2), weights_per_row=2)
    kept = np.ones((7, 3), np.bool_)
    assert counts(pointwise(kept), design, Dense()) == {
        "cycles": 32, "beats": 8, "compute": 12, "fill": 10, "drain": 42,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("filters", "batch", "lane_filters"),
    # Passes with V positions, with V filters: 1, 1; 2, 1; 2, 2; 4, 2; 8, 6; 3, 4.
    [(2, 1, 1), (3, 1, 2), (3, 2, 1), (7, 1, 2), (7, 3, 2), (5, 2, 1)],
)
def test_columns_get_what_takes_fewer_passes(filters: int, batch: int, lane_filters: int) -> None:
    design = replace(Design.dense(2, 2), weights_per_row=2)
    layer = Masked(LayerShape("hand", "fc", 3, filters, batch=batch),
                   np.ones((filters, 3, 1, 1), np.bool_))  # fmt: skip
    program = Program.plan(layer, design)
    assert program.layout.lane_filters == lane_filters
    assert simulate(program) == interpret(program)


@given(
    design=designs("dense", (2, 3, 4, 17), lanes=(1, 2, 3, 5, 17)),
    filters=st.integers(1, 90),
    channels=st.integers(1, 60),
    groups=st.sampled_from([1, 1, 3]),
    batch=st.integers(1, 3),
)
@settings(max_examples=60)
def test_columns_of_filters_are_those_of_the_contract(
    design: Design, filters: int, channels: int, groups: int, batch: int
) -> None:
    design = replace(design, weights_per_row=design.vector)
    shape = LayerShape("random", "fc", groups * channels, groups * filters, groups=groups,
                       batch=batch)  # fmt: skip
    program = Program.plan(Masked(shape, np.ones(shape.weight_shape, np.bool_)), design)
    counted = simulate(program)
    assume(counted.lane_cycles < 80_000)
    assert counted == interpret(program)
