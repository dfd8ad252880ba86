"""Streamed weights by hand: halves of two tiles, one bandwidth, no waiting for the baseline."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import FitError, InputError
from bosquet.hw.design import Buffers, Design
from bosquet.sim.streaming import LABEL, WeightSupply
from bosquet.sim.workload import Bounds, Load

DESIGN = Design.dense(2, 4)


def load(words: list[int], bits: list[int]) -> Load:
    return Load(
        busiest=np.array(words),
        weight_words=sum(words),
        index_words=0,
        tile_weight_words=max(words),
        tile_index_words=0,
        tile_bits=np.array(bits),
        reordered=False,
    )


def bounds(cycles: list[int]) -> Bounds:
    return Bounds(sum(cycles), 0, 0, np.array(cycles))


def buffers(weight_words: int) -> Buffers:
    return Buffers(weight_words, 0, 1, 1, 1)


FOUR = load([10, 10, 10, 10], [80, 80, 80, 80])


def test_all_on_chip_takes_the_simulated_time() -> None:
    supply = WeightSupply()
    assert supply.label is None
    assert supply.words(DESIGN, [FOUR]) == (40, 0)
    time = supply.latency_s(100, 2.0, FOUR, bounds([20] * 4), buffers(40))
    assert time == 50


def test_a_slow_stream_by_hand() -> None:
    # Tiles of 10 s; tiles 2 and 3 load in 20 s each, from when a half is free: tile 2 from 10 to
    # 30, tile 3 from 30 to 50 (its half is free at 20, the stream at 30). So tile 2 runs from 30
    # to 40 and tile 3 from 50 to 60.
    supply = WeightSupply(0.5, bits_per_s=4.0)
    assert supply.label == LABEL
    assert supply.words(DESIGN, [FOUR]) == (20, 0)
    time = supply.latency_s(40, 1.0, FOUR, bounds([7] * 4), buffers(20))
    assert time == pytest.approx(60)


def test_the_bandwidth_needed_is_just_enough() -> None:
    needed = WeightSupply.bits_per_s_needed(40, 1.0, FOUR, bounds([7] * 4))
    assert needed == pytest.approx(8)

    def time(bits_per_s: float) -> float:
        supply = WeightSupply(0.5, bits_per_s)
        return supply.latency_s(40, 1.0, FOUR, bounds([7] * 4), buffers(20))

    assert time(needed) == pytest.approx(40)
    assert time(0.99 * needed) > 40 * 1.001


def test_cycles_are_shared_out_by_bounds() -> None:
    # 12 s over bounds 1, 2, 3: 2, 4 and 6 s. Tile 2 loads from 2 on, 10 s, so it ends at 18.
    uneven = load([1, 2, 3], [1, 2, 30])
    supply = WeightSupply(1 - 1e-9, bits_per_s=3.0)
    assert supply.latency_s(12, 1.0, uneven, bounds([1, 2, 3]), buffers(5)) == pytest.approx(18)


def test_a_layer_that_fits_is_not_streamed() -> None:
    supply = WeightSupply(0.5, bits_per_s=1e-9)
    assert supply.latency_s(40, 1.0, FOUR, bounds([7] * 4), buffers(40)) == 40


def test_memories_cover_the_layers_that_stream_and_those_that_do_not() -> None:
    small = load([6], [48])
    supply = WeightSupply(0.5)
    assert supply.words(DESIGN, [FOUR, small]) == (20, 0)
    assert supply.words(DESIGN, [small, FOUR]) == (20, 0)


def test_less_than_two_tiles_are_refused() -> None:
    with pytest.raises(FitError, match=r"--weights-on-chip 0\.4 .* two filter tiles, 20") as caught:
        WeightSupply(0.4).words(DESIGN, [FOUR])
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("fraction", [0.0, -0.1, 1.01, float("nan"), float("inf")])
def test_portions_that_do_not_exist(fraction: float) -> None:
    with pytest.raises(InputError, match=r"--weights-on-chip must be above 0 and at most 1"):
        WeightSupply(fraction)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(1, 400)), min_size=3, max_size=8),
    st.floats(0.1, 100),
    st.floats(1.0, 4.0),
)
def test_more_bandwidth_never_takes_longer(
    tiles: list[tuple[int, int]], bits_per_s: float, more: float
) -> None:
    bound = bounds([cycles for cycles, _ in tiles])
    work = load([1] * len(tiles), [bits for _, bits in tiles])

    def time(speed: float) -> float:
        supply = WeightSupply(0.9, speed)
        return supply.latency_s(bound.together, 1.0, work, bound, buffers(2))

    slow, fast = time(bits_per_s), time(bits_per_s * more)
    assert bound.together * (1 - 1e-9) <= fast <= slow * (1 + 1e-9)
