"""What memories are made of, by hand on the default card."""

from collections.abc import Sequence
from itertools import pairwise, product
from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.hw.loader import MemoryKind
from bosquet.hw.memories import Memory
from bosquet.hw.tech.card import load_card
from bosquet.sim.storage import Storage, choices, flip_flops, together

CARD = load_card("generic40")


def memory(depth: int, width: int) -> Memory:
    return Memory(MemoryKind.WEIGHTS, 1, depth, width)


def test_one_macro_by_hand() -> None:
    found = choices(memory(1024, 64), CARD, 0.0)[0]
    assert (found.kind, found.macros) == ("SRAM", 1)
    assert found.area_um2 == pytest.approx(0.311 * 65536 + 10.9 * 64 + 0.010 * 1024)
    assert found.access_s == pytest.approx((5.215e-4 * 256 + 0.1295) * 1e-9)
    assert found.cycle_s == pytest.approx((6.21e-4 * 256 + 0.084) * 1e-9)
    assert found.period_s == found.access_s
    behind = choices(memory(1024, 64), CARD, 1e-10)[0]
    assert behind.period_s == pytest.approx(found.access_s + 1e-10)


@pytest.mark.parametrize(("depth", "width"), [(9, 30), (64, 3), (1, 1)])
def test_no_macro_is_smaller_than_the_smallest(depth: int, width: int) -> None:
    least = choices(memory(max(depth, 64), max(width, 8)), CARD, 0.0)[0]
    assert choices(memory(depth, width), CARD, 0.0)[0].area_um2 == least.area_um2


def test_a_wide_memory_is_macros_abreast() -> None:
    found = choices(memory(1024, 520), CARD, 0.0)[0]
    assert (found.macros, found.abreast) == (3, 3)
    one = choices(memory(1024, 174), CARD, 0.0)[0]  # ceil(520 / 3)
    assert found.area_um2 == pytest.approx(3 * one.area_um2)
    assert found.access_s == one.access_s
    assert choices(memory(1024, 256), CARD, 0.0)[0].abreast == 1


def test_a_split_by_hand() -> None:
    whole, halves, *_ = choices(memory(32768, 64), CARD, 2e-10)
    assert whole.access_s == pytest.approx((5.215e-4 * sqrt(2**21) + 0.1295) * 1e-9)
    assert halves.macros == 2
    # two macros of half the depth, and a two-way multiplexer of 64 bits
    half = choices(memory(16384, 64), CARD, 0.0)[0]
    assert halves.area_um2 == pytest.approx(2 * half.area_um2 + 64 * 2.33 * 0.63)
    assert halves.access_s == pytest.approx(half.access_s + 1.4 * 2e-11)


@given(st.integers(1, 100_000), st.integers(1, 256), st.floats(0, 1e-9))
def test_each_choice_is_larger_and_faster(depth: int, width: int, behind_s: float) -> None:
    found = choices(memory(depth, width), CARD, behind_s)
    for less, more in pairwise(found):
        assert less.area_um2 < more.area_um2
        assert less.period_s > more.period_s
    assert all(one.macros in (1, 2, 4, 8, 16, 32) for one in found)
    # No larger one is made where the smallest is fast enough.
    assert choices(memory(depth, width), CARD, behind_s, found[0].period_s) == found[:1]
    enough_s = found[0].period_s * 0.999
    assert choices(memory(depth, width), CARD, behind_s, enough_s) == found
    larger = choices(memory(depth + 1, width), CARD, behind_s)[0]
    assert larger.area_um2 >= found[0].area_um2


def test_flip_flops_are_in_proportion_to_the_width() -> None:
    found = flip_flops(memory(1, 32), CARD, file_ge=600.0, read_s=1e-10, behind_s=2e-10)
    assert found.area_um2 == pytest.approx(600 / 2 * 0.63)
    assert (found.kind, found.access_s) == ("flip-flops", 1e-10)
    assert found.period_s == pytest.approx(3e-10)


def made(area_um2: float, period_s: float) -> Storage:
    return Storage("SRAM", 1, 1, None, area_um2, period_s, 0.0, 0.0)


def test_a_memory_is_split_if_that_costs_less_than_waiting() -> None:
    slow, fast = made(100, 2.0), made(150, 1.0)
    # 1000 um2 of logic: 1050 x 1.0 is less than 1000 x 2.0.
    assert together([(1, (slow, fast))], 0.5, 1000) == [fast]
    # Thirty such memories: 2500 x 1.0 is not less than 1000 x 2.0.
    assert together([(30, (slow, fast))], 0.5, 1000) == [slow]
    assert together([(1, (slow, fast))], 2.0, 1000) == [slow]  # the logic waits for no memory


def test_a_memory_is_no_faster_than_the_slowest_one() -> None:
    """A memory that could not be fast enough got its 32 macros, though another one was slower."""
    slow, fast = made(100, 2.0), made(150, 1.0)
    slower, slowest = made(60, 1.5), made(10, 3.0)
    chosen = together([(1, (slow, fast)), (1, (slowest, slower))], 0.5, 1000)
    assert chosen == [fast, slower]  # 1100 x 1.5, not 1050 x 2.0 or 1000 x 3.0
    assert together([(1, (slow, fast)), (1, (made(9, 2.5),))], 0.5, 1000)[0] == slow


ladders = st.lists(st.tuples(st.floats(1, 100), st.floats(0.1, 1)), min_size=1, max_size=4).map(
    lambda steps: _ladder(steps)
)


def _ladder(steps: list[tuple[float, float]]) -> list[Storage]:
    area_um2, period_s, found = 0.0, 10.0, []
    for more, factor in steps:
        area_um2, period_s = area_um2 + more, period_s * factor
        found.append(made(area_um2, period_s))
    return found


@given(
    st.lists(st.tuples(st.integers(1, 9), ladders), min_size=1, max_size=3),
    st.floats(0.01, 20),
    st.floats(0, 1000),
)
def test_no_other_choice_costs_less(
    wanted: list[tuple[int, list[Storage]]], logic_s: float, logic_um2: float
) -> None:
    def cost(chosen: Sequence[Storage]) -> float:
        splits_um2 = sum(
            count * (one.area_um2 - options[0].area_um2)
            for one, (count, options) in zip(chosen, wanted, strict=True)
        )
        return (logic_um2 + splits_um2) * max(logic_s, *(one.period_s for one in chosen))

    least = min(cost(chosen) for chosen in product(*(options for _, options in wanted)))
    assert cost(together(wanted, logic_s, logic_um2)) == pytest.approx(least)
