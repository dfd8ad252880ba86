"""Programs: every filter is dealt once, its stream says where its weights are, or it is refused."""

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bosquet.errors import FitError
from bosquet.hw.deal import deal
from bosquet.hw.design import Buffers, Design
from bosquet.hw.order import reordered
from bosquet.hw.program import ABSENT, Program, check_arithmetic
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import Layer, LayerShape, Requantization

SPARSE = Design("sparse", 3, 4, window=4, feed=2)


@dataclass(frozen=True)
class Mask:
    """A layer of which only the mask is known."""

    shape: LayerShape
    mask: NDArray[np.bool_]


def masked(shape: LayerShape, density: float = 0.4, seed: int = 0) -> Mask:
    rng = np.random.default_rng(seed)
    return Mask(
        shape,
        rng.random(shape.weight_shape) < density * rng.random((shape.out_channels, 1, 1, 1)) * 2,
    )


def quantized(shape: LayerShape, weight: int = 1) -> Layer:
    ones = np.ones(shape.out_channels, np.int64)
    return Layer(
        shape, np.full(shape.weight_shape, weight), np.ones(shape.weight_shape, np.bool_), 0 * ones,
        Requantization(ones, ones, 0, -128, 127),
    )  # fmt: skip


CONV = LayerShape("conv", "conv", 4, 14, (3, 3), groups=2, height=6, width=6)
FORMS = (Relative(4), Bitmap(), Dense())


@given(st.integers(1, 9), st.integers(1, 3), st.integers(1, 7))
def test_every_filter_is_dealt_once_to_its_group(lanes: int, groups: int, each: int) -> None:
    shape = LayerShape("dealt", "conv", groups, groups * each, groups=groups)
    program = Program.plan(masked(shape), replace(SPARSE, lanes=lanes))
    dealt = program.assignment[program.assignment >= 0]
    assert sorted(dealt) == list(range(groups * each))
    assert program.tiles == groups * -(-each // lanes)
    for tile, own in enumerate(program.assignment):
        group = tile // program.tiles_per_group
        assert {f // each for f in own if f >= 0} == {group}
        filled = (own >= 0).sum()
        assert (own[:filled] >= 0).all(), "filters take the first lanes"
        last = tile % program.tiles_per_group == program.tiles_per_group - 1
        assert filled == (program.last_tile_lanes if last else lanes)


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_streams_decode_to_the_mask(form: IndexFormat) -> None:
    layer = masked(CONV)
    program = Program.plan(layer, SPARSE, form)
    mask = program.layout.to_index_space(layer.mask)
    for tile, (own, streams) in enumerate(zip(program.assignment, program.streams, strict=True)):
        for number, stream in zip(own, streams, strict=True):
            if number < 0:
                assert stream is ABSENT
            elif not isinstance(form, Dense):
                decoded = form.decode(stream, program.layout.length, SPARSE.scan_bits)
                order = program.order_of(tile)
                (row,) = reordered(mask[[number]], order, program.layout.step_vectors)
                np.testing.assert_array_equal(decoded, np.flatnonzero(row))


def test_tiles_hold_filters_of_like_work() -> None:
    program = Program.plan(masked(CONV, seed=3), SPARSE, Relative(4))
    entries = [[len(s.entry_positions) for s in lanes] for lanes in program.streams]
    for first, second in pairwise(entries[: program.tiles_per_group]):
        assert min(first) >= max(second)


def test_tiles_are_dealt_to_and_fro_by_hand() -> None:
    """Three tiles of two lanes: blocks of 9 and 8, 7 and 3, 2 and 1 weights.

    The first and the last tile begin with their lighter block, the second one with its heavier: the
    lanes store 8 + 7 + 1 and 9 + 3 + 2.
    """
    stored = np.array([9, 3, 8, 7, 2, 1])
    shape = LayerShape("conv", "conv", 1, 6)
    dealt = deal(np.array([6, 3, 5, 4, 2, 1]), shape, replace(SPARSE, lanes=2))
    assert stored[dealt].tolist() == [[8, 9], [7, 3], [1, 2]]


def test_the_next_group_is_dealt_the_other_way_round() -> None:
    shape = LayerShape("conv", "conv", 2, 4, groups=2)
    dealt = deal(np.array([2, 1, 2, 1]), shape, replace(SPARSE, lanes=2))
    assert dealt.tolist() == [[1, 0], [2, 3]]


@given(st.integers(1, 6), st.integers(1, 16), st.integers(0, 2**32 - 1))
def test_dealt_memories_are_even(pairs: int, lanes: int, seed: int) -> None:
    """Over an even number of whole tiles lanes differ by no more than the first tile's do."""
    stored = np.sort(np.random.default_rng(seed).integers(0, 50, 2 * pairs * lanes))
    shape = LayerShape("conv", "conv", 1, stored.size)
    dealt = deal(np.arange(stored.size), shape, replace(SPARSE, lanes=lanes))
    assert sorted(dealt.ravel()) == list(range(stored.size))
    spreads = [np.ptp(stored[row]) for row in dealt]
    assert np.ptp(stored[dealt].sum(axis=0)) <= sum(abs(a - b) for a, b in pairwise(spreads)) + max(
        spreads
    )


def test_buffers_are_what_the_program_needs() -> None:
    """1 filter of 4 weights, 1 feed step a lane and tile; 2 tiles on 2 lanes; drain 1."""
    shape = LayerShape("fc", "fc", 4, 4)
    program = Program.plan(quantized(shape), replace(SPARSE, lanes=2), Bitmap())
    assert program.buffers == Buffers(
        weight_words=8, index_words=2, feature_words=program.layout.feature_words,
        filter_words=4, offset_words=4,
    )  # fmt: skip
    assert program.kept_weights == 16
    exact = replace(SPARSE, lanes=2, buffers=program.buffers)
    assert Program.plan(quantized(shape), exact, Bitmap()).buffers == program.buffers


@pytest.mark.parametrize(
    "field", ["weight_words", "index_words", "feature_words", "filter_words", "offset_words"]
)
def test_a_buffer_one_word_too_small_is_refused(field: str) -> None:
    layer = masked(CONV)
    need = Program.plan(layer, SPARSE, Relative(4)).buffers
    short = replace(need, **{field: getattr(need, field) - 1})
    with pytest.raises(FitError, match=rf"layer conv: needs \d+ words in design.buffers.{field}"):
        Program.plan(layer, replace(SPARSE, buffers=short), Relative(4))


def test_formats_the_design_cannot_read_are_refused() -> None:
    layer = masked(CONV)
    with pytest.raises(FitError, match="unpacks relative indices of 4, 6, 8 bits, not 5"):
        Program.plan(layer, SPARSE, Relative(5))
    with pytest.raises(FitError, match="dense-2x2 reads the dense format only, not bitmap"):
        Program.plan(layer, Design.dense(2, 2), Bitmap())


def test_filters_too_long_are_refused() -> None:
    with pytest.raises(FitError, match=r"a filter has 65536 index positions; .* counts to 65535"):
        Program.plan(masked(LayerShape("long", "fc", 65536, 1)), SPARSE)
    many_windows = replace(SPARSE, window=1, feed=1)
    with pytest.raises(FitError, match="2049 windows; sparse-3x4 counts to 2048"):
        Program.plan(masked(LayerShape("windows", "fc", 2049, 1)), many_windows)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"weight_bits": 7}, "needs weight_bits = 8; sparse-3x4 has 7"),
        ({"act_bits": 7}, "needs act_bits = 8; sparse-3x4 has 7"),
        ({"acc_bits": 16}, "needs acc_bits = 17; sparse-3x4 has 16"),
    ],
)
def test_numbers_too_wide_are_refused(changes: dict[str, Any], message: str) -> None:
    """Sums of 4 products of 127 and -128 reach -65024: 17 bits."""
    layer = quantized(LayerShape("wide", "fc", 4, 1), weight=127)
    check_arithmetic(layer, replace(SPARSE, acc_bits=17))
    with pytest.raises(FitError, match=message):
        check_arithmetic(layer, replace(SPARSE, **changes))
