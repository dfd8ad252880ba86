"""What memories are made of, by hand on the default card."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.hw.loader import MemoryKind
from bosquet.hw.memories import Memory
from bosquet.hw.tech.card import load_card
from bosquet.sim.storage import flip_flops, macros

CARD = load_card("generic40")
SLOW = 1.0  # a period of one second: any macro is fast enough


def memory(depth: int, width: int) -> Memory:
    return Memory(MemoryKind.WEIGHTS, 1, depth, width)


def test_one_macro_by_hand() -> None:
    found = macros(memory(1024, 64), CARD, 0.0, SLOW)
    assert (found.kind, found.macros) == ("SRAM", 1)
    assert found.area_um2 == pytest.approx(0.311 * 65536 + 10.9 * 64 + 0.010 * 1024)
    assert found.access_s == pytest.approx((5.215e-4 * 256 + 0.1295) * 1e-9)
    assert found.cycle_s == pytest.approx((6.21e-4 * 256 + 0.084) * 1e-9)


@pytest.mark.parametrize(("depth", "width"), [(9, 30), (64, 3), (1, 1)])
def test_no_macro_is_smaller_than_the_smallest(depth: int, width: int) -> None:
    least = macros(memory(max(depth, 64), max(width, 8)), CARD, 0.0, SLOW)
    assert macros(memory(depth, width), CARD, 0.0, SLOW).area_um2 == least.area_um2


def test_a_wide_memory_is_macros_abreast() -> None:
    found = macros(memory(1024, 520), CARD, 0.0, SLOW)
    assert (found.macros, found.abreast) == (3, 3)
    one = macros(memory(1024, 174), CARD, 0.0, SLOW)  # ceil(520 / 3)
    assert found.area_um2 == pytest.approx(3 * one.area_um2)
    assert found.access_s == one.access_s
    assert macros(memory(1024, 256), CARD, 0.0, SLOW).abreast == 1


def test_a_slow_macro_is_split_into_as_few_as_are_fast_enough() -> None:
    deep = memory(32768, 64)
    whole = macros(deep, CARD, 2e-10, SLOW)
    assert whole.access_s == pytest.approx((5.215e-4 * sqrt(2**21) + 0.1295) * 1e-9)
    period_s = whole.access_s + 2e-10 - 1e-12
    halves = macros(deep, CARD, 2e-10, period_s)
    assert halves.macros == 2
    assert halves.access_s + 2e-10 <= period_s
    # two macros of half the depth, and a two-way multiplexer of 64 bits
    half = macros(memory(16384, 64), CARD, 0.0, SLOW)
    assert halves.area_um2 == pytest.approx(2 * half.area_um2 + 64 * 2.33 * 0.63)
    assert halves.access_s == pytest.approx(half.access_s + 1.4 * 2e-11)


def test_out_of_reach_the_fastest_is_taken() -> None:
    deep = memory(32768, 64)
    fastest = macros(deep, CARD, 0.0, 1e-12)
    assert fastest.macros > 1
    assert all(
        macros(deep, CARD, 0.0, period_s * 1e-12).access_s >= fastest.access_s
        for period_s in range(100, 1000, 100)
    )


def test_flip_flops_are_in_proportion_to_the_width() -> None:
    found = flip_flops(memory(1, 32), CARD, file_ge=600.0, read_s=1e-10)
    assert found.area_um2 == pytest.approx(600 / 2 * 0.63)
    assert (found.kind, found.access_s) == ("flip-flops", 1e-10)


@given(st.integers(1, 100_000), st.integers(1, 256), st.floats(0, 1e-9), st.floats(1e-10, 2e-9))
def test_more_words_never_take_less_area(
    depth: int, width: int, behind_s: float, period_s: float
) -> None:
    one = macros(memory(depth, width), CARD, behind_s, period_s)
    more = macros(memory(depth + 1, width), CARD, behind_s, period_s)
    assert more.area_um2 >= one.area_um2 or more.macros < one.macros
    assert one.macros in (1, 2, 4, 8, 16, 32)
