"""Streamed weights by hand: rings of pieces, one bandwidth, no waiting for the baseline."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import FitError, InputError
from bosquet.hw.design import Buffers, Design
from bosquet.sim.streaming import LABEL, WeightSupply
from bosquet.sim.workload import Bounds, Load

DESIGN = Design.dense(2, 4)


def load(words: list[int], bits: list[int], order_words: int = 0) -> Load:
    return Load(
        busiest=np.array(words),
        weight_words=sum(words),
        index_words=0,
        tile_weight_words=np.array(words),
        tile_index_words=np.zeros(len(words), np.int64),
        tile_bits=np.array(bits),
        order_words=order_words,
    )


def bounds(cycles: list[int], passes: int = 1) -> Bounds:
    return Bounds(sum(cycles), 0, 0, np.array(cycles), passes, positions=passes + 1)


def buffers(weight_words: int) -> Buffers:
    return Buffers(weight_words, 0, 1, 1, 1)


FOUR = load([16, 16, 16, 16], [80, 80, 80, 80])


def test_all_on_chip_takes_the_simulated_time() -> None:
    supply = WeightSupply()
    assert supply.label is None
    assert supply.buffers(DESIGN, [FOUR], [buffers(64)]) == buffers(64)
    assert supply.latency_s(100, 2.0, FOUR, bounds([20] * 4), buffers(64)) == 50


def test_a_tile_that_fills_the_memory_by_hand() -> None:
    # A tile takes 8 s, in one pass 1 s for each of its eight pieces; loading one takes 2 s. Tile 0
    # is there at the start and ends at 8. Piece i of tile 1 loads when piece i of tile 0 has left:
    # from 1 on, one after the other, so that it is there at 3, 5, .. 17, and the tile ends at 18.
    # Those of tile 2 follow, from 17 to 33, since there is always room; and of tile 3, to 49.
    supply = WeightSupply(0.25, bits_per_s=5.0)
    assert supply.label == LABEL
    assert supply.buffers(DESIGN, [FOUR], [buffers(64)]) == buffers(16)
    assert supply.latency_s(32, 1.0, FOUR, bounds([7] * 4), buffers(16)) == pytest.approx(50)


def test_a_tile_that_fits_is_loaded_once() -> None:
    # As before, but four passes of 2 s, 0.25 s for a piece: room comes in the last one only. The
    # first piece of tile 1 loads from 6.25 to 8.25, its last one from 20.25 to 22.25. The three
    # passes behind the first take 6 s, and the last piece of the first 0.25: it ends at 28.5.
    # Tile 2 begins to load when the first piece of tile 1 has left, at 26.75; tile 3 likewise.
    supply = WeightSupply(0.25, bits_per_s=5.0)
    time = supply.latency_s(32, 1.0, FOUR, bounds([7] * 4, passes=4), buffers(16))
    assert time == pytest.approx(28.5 + 2 * (28.5 - 8))


def test_a_tile_that_does_not_fit_is_loaded_in_every_pass() -> None:
    # Memories of half a tile: 16 pieces of half a second in one pass, of a quarter in two. The
    # first eight are there, each other one takes 1 s to load and begins when one has left.
    supply = WeightSupply(0.5, bits_per_s=5.0)
    one = load([16], [80])
    for passes, loads in ((1, 8), (2, 24)):
        piece_s = 8 / 16 / passes
        time = supply.latency_s(8, 1.0, one, bounds([7], passes), buffers(8))
        assert time == pytest.approx(piece_s + loads * 1.0 + piece_s)


@pytest.mark.parametrize(
    ("words", "passes", "needed"), [(16, 1, 24 / 30), (8, 2, 60 / 31.5), (8, 1, 28 / 31)]
)
def test_the_bandwidth_needed_is_just_enough(words: int, passes: int, needed: float) -> None:
    """In tiles of 80 bits and 8 s, loaded once or twice.

    Between the time at which the first piece has left and the one at which the last one is needed:
    24 pieces of an eighth of 80 bits from 1 to 31 s; 120 of a sixteenth from 0.25 to 31.75 s, in
    two passes; 56 of a sixteenth from 0.5 to 31.5 s.
    """
    bound, memory = bounds([7] * 4, passes), buffers(words)
    found = WeightSupply.bits_per_s_needed(32, 1.0, FOUR, bound, memory)
    assert found == pytest.approx(needed * 10)

    def time(bits_per_s: float) -> float:
        return WeightSupply(0.5, bits_per_s).latency_s(32, 1.0, FOUR, bound, memory)

    assert time(found) == pytest.approx(32)
    assert time(0.99 * found) > 32 * 1.001


def test_a_layer_that_fits_needs_no_bandwidth() -> None:
    assert WeightSupply.bits_per_s_needed(32, 1.0, FOUR, bounds([7] * 4), buffers(64)) == 0.0


def test_cycles_are_shared_out_by_bounds() -> None:
    # 12 s over bounds 1, 2, 3: 2, 4 and 6 s. The first two tiles fill the memory. The third, as
    # large as both, has eight pieces of 30 bits, 10 s each: the first of them loads when the first
    # tile, of one piece, has left, at 2, the second from 12 to 22 (its room comes at 4), ...
    uneven = load([1, 7, 8], [1, 2, 240])
    supply = WeightSupply(1 - 1e-9, bits_per_s=3.0)
    time = supply.latency_s(12, 1.0, uneven, bounds([1, 2, 3]), buffers(8))
    assert time == pytest.approx(2 + 8 * 10 + 6 / 8)


def test_index_words_fill_their_memory_too() -> None:
    """What is fuller of the two decides how much of the rings a tile needs."""
    indexed = load([4, 4, 4, 4], [80] * 4)
    indexed = replace(indexed, index_words=64, tile_index_words=np.array([16] * 4))
    weights = WeightSupply(0.25, 5.0).latency_s(32, 1.0, FOUR, bounds([7] * 4), buffers(16))
    index = WeightSupply(0.25, 5.0).latency_s(
        32, 1.0, indexed, bounds([7] * 4), Buffers(64, 16, 1, 1, 1)
    )
    assert index == weights


def test_weights_used_once_are_read_no_faster_than_the_baseline_does() -> None:
    supply = WeightSupply(once_bits_per_s=4.0)
    fully_connected = replace(bounds([7] * 4), positions=1)
    assert supply.latency_s(32, 1.0, FOUR, fully_connected, buffers(64)) == 320 / 4
    assert supply.latency_s(100, 1.0, FOUR, fully_connected, buffers(64)) == 100
    assert supply.latency_s(32, 1.0, FOUR, bounds([7] * 4), buffers(64)) == 32


def test_a_layer_that_fits_is_not_streamed() -> None:
    supply = WeightSupply(0.5, bits_per_s=1e-9)
    assert supply.latency_s(40, 1.0, FOUR, bounds([7] * 4), buffers(64)) == 40


def test_memories_cover_the_layers_that_stream_and_those_that_do_not() -> None:
    small = load([6], [48])
    supply = WeightSupply(0.5)
    whole = [buffers(64), buffers(6)]
    assert supply.buffers(DESIGN, [FOUR, small], whole) == buffers(32)
    assert supply.buffers(DESIGN, [small, FOUR], whole[::-1]) == buffers(32)


def with_orders(weight_words: int, offset_words: int) -> Buffers:
    return replace(buffers(weight_words), offset_words=offset_words)


def test_orders_are_streamed_with_their_tiles() -> None:
    # Of the orders of four tiles two are on chip at least. One that serves all tiles stays whole.
    ordered = load([16, 16, 16, 16], [80, 80, 80, 80], order_words=10)
    for on_chip, words, orders in ((0.5, 32, 20), (0.25, 16, 20), (0.75, 48, 30), (1.0, 64, 40)):
        found = WeightSupply(on_chip).buffers(DESIGN, [ordered], [with_orders(64, 40)])
        assert found == with_orders(words, orders)
        assert (
            WeightSupply(on_chip).buffers(DESIGN, [FOUR], [with_orders(64, 40)]).offset_words == 40
        )


def test_orders_take_bandwidth_by_hand() -> None:
    # Tiles of 8 s in four passes, rings of two tiles: tiles 2 and 3 wait for room, which comes in
    # the last pass of the tile two before, and load in 80 bits / 5 bits per s = 16 s, or with
    # their orders in (80 + 40) / 5 = 24 s.
    ordered = load([16, 16, 16, 16], [80, 80, 80, 80], order_words=10)
    plain, with_order = bounds([8] * 4, passes=4), replace(bounds([8] * 4, passes=4), order_bits=40)
    supply = WeightSupply(0.5, bits_per_s=5.0)
    without = supply.latency_s(32, 1.0, FOUR, plain, with_orders(32, 20))
    streamed = supply.latency_s(32, 1.0, ordered, with_order, with_orders(32, 20))
    whole = supply.latency_s(32, 1.0, ordered, with_order, with_orders(32, 40))
    assert whole == without
    assert streamed == pytest.approx(without + 2 * 8)


def test_less_than_eight_pieces_are_refused() -> None:
    with pytest.raises(FitError, match=r"--weights-on-chip 0\.1 .* 6 weights, .* 8 at") as caught:
        WeightSupply(0.1).buffers(DESIGN, [FOUR], [buffers(64)])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan"), float("inf")])
def test_portions_that_do_not_exist(fraction: float) -> None:
    with pytest.raises(InputError, match=r"--weights-on-chip must be above 0 and at most 1"):
        WeightSupply(fraction)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 400)), min_size=3, max_size=8),
    st.integers(1, 4),
    st.integers(4, 40),
    st.floats(0.1, 100),
    st.floats(1.0, 4.0),
)
def test_more_bandwidth_never_takes_longer(
    tiles: list[tuple[int, int]], passes: int, memory: int, bits_per_s: float, more: float
) -> None:
    bound = bounds([cycles for cycles, _ in tiles], passes)
    work = load([8 * cycles for cycles, _ in tiles], [bits for _, bits in tiles])

    def time(speed: float) -> float:
        supply = WeightSupply(0.9, speed)
        return supply.latency_s(bound.together, 1.0, work, bound, buffers(memory))

    slow, fast = time(bits_per_s), time(bits_per_s * more)
    assert bound.together * (1 - 1e-9) <= fast <= slow * (1 + 1e-9)


@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 400)), min_size=1, max_size=6),
    st.integers(1, 6),
    st.integers(8, 60),
    st.floats(0.5, 500),
)
def test_no_layer_is_faster_than_its_bound(
    tiles: list[tuple[int, int]], passes: int, room: int, bits_per_s: float
) -> None:
    words, bits = (list(one) for one in zip(*tiles, strict=True))
    layer, cycles = load(words, bits), bounds(words, passes)
    supply = WeightSupply(0.5, bits_per_s=bits_per_s)
    asked = (sum(words) * passes, 1.0, layer, cycles, buffers(room))
    assert supply.least_s(*asked) <= supply.latency_s(*asked) * (1 + 1e-9)


def test_the_bound_is_reached_where_nothing_but_loading_counts() -> None:
    """Three of four tiles arrive after the start: 240 bits, and computing takes no time."""
    supply = WeightSupply(0.25, bits_per_s=1.0)
    asked = (0.001, 1.0, FOUR, bounds([7] * 4), buffers(16))
    assert supply.least_s(*asked) == pytest.approx(240)
    assert supply.latency_s(*asked) == pytest.approx(240, rel=1e-3)
