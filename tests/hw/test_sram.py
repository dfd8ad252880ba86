"""The SRAM model, by hand and by what must hold for any size."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import DesignError
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.sram import BankedMemory, SramMacro

CARD = load_card("generic40")
IHP = load_card("sg13g2")

DEPTHS = st.integers(1, 1 << 16)
WIDTHS = st.integers(1, 1 << 10)


def test_area_by_hand() -> None:
    # 0.311 * 65536 + 10.9 * 64 + 0.010 * 1024
    assert SramMacro(1024, 64).area_um2(CARD) == pytest.approx(20381.696 + 697.6 + 10.24)


def test_times_by_hand() -> None:
    macro = SramMacro(1024, 64)  # sqrt(bits) = 256, log2(depth) = 10
    assert macro.access_s(CARD) == pytest.approx((5.215e-4 * 256 + 0.1295) * 1e-9)
    assert macro.cycle_s(CARD) == pytest.approx((6.21e-4 * 256 + 0.084) * 1e-9)
    assert macro.access_s(IHP) == pytest.approx((2.164e-3 * 256 + 0.3605 * 10 + 0.5054) * 1e-9)


@pytest.mark.parametrize(
    ("depth", "width", "area_um2", "access_ns"),
    # area attribute and clock-to-output in the Liberty files of the macros RM_IHPSG13_1P_*
    [
        (64, 64, 50489.1, 3.272),
        (256, 48, 70849.9, 3.324),
        (1024, 8, 49419.2, 4.423),
        (1024, 64, 263946.1, 4.549),
        (2048, 64, 491633.6, 5.596),
        (4096, 16, 257608.5, 5.533),
    ],
)
def test_against_real_macros(depth: int, width: int, area_um2: float, access_ns: float) -> None:
    macro = SramMacro(depth, width)
    assert macro.area_um2(IHP) == pytest.approx(area_um2, rel=0.033)
    assert macro.access_s(IHP) == pytest.approx(access_ns * 1e-9, rel=0.15)
    assert not macro.extrapolated(IHP)


@given(DEPTHS, WIDTHS)
def test_more_words_or_wider_words_never_cost_less(depth: int, width: int) -> None:
    macro = SramMacro(depth, width)
    for larger in (SramMacro(depth + 1, width), SramMacro(depth, width + 1)):
        for card in (CARD, IHP):
            assert larger.area_um2(card) > macro.area_um2(card)
            assert larger.access_s(card) >= macro.access_s(card)


@given(DEPTHS, WIDTHS, st.integers(2, 64))
def test_banks_hold_all_words_and_cost_more_than_one_macro(
    words: int, width: int, banks: int
) -> None:
    memory = BankedMemory.interleaved(words, width, banks)
    assert memory.macro.depth * banks >= words > (memory.macro.depth - 1) * banks
    assert memory.area_um2(CARD) > SramMacro(words, width).area_um2(CARD)
    assert memory.access_s(CARD) <= SramMacro(words, width).access_s(CARD)


def test_banked_memory_by_hand() -> None:
    memory = BankedMemory.interleaved(1000, 16, 3)
    assert memory == BankedMemory(SramMacro(334, 16), 3)
    assert memory.bits == 3 * 334 * 16
    assert memory.area_um2(CARD) == 3 * SramMacro(334, 16).area_um2(CARD)
    assert memory.cycle_s(CARD) == SramMacro(334, 16).cycle_s(CARD)


def test_extrapolation_is_told() -> None:
    assert not SramMacro(64, 64).extrapolated(CARD)
    assert SramMacro(63, 256).extrapolated(CARD)  # too shallow
    assert SramMacro(64, 257).extrapolated(CARD)  # too wide
    assert SramMacro(64, 8).extrapolated(CARD)  # too few bits
    assert BankedMemory(SramMacro(64, 8), 9).extrapolated(CARD)


@pytest.mark.parametrize(("depth", "width"), [(0, 8), (8, 0), (-1, 8)])
def test_rejects_empty_macros(depth: int, width: int) -> None:
    with pytest.raises(DesignError, match=r"^SRAM macro: (depth|width) must be at least 1, not"):
        SramMacro(depth, width)


def test_rejects_no_banks() -> None:
    with pytest.raises(DesignError, match="banks must be at least 1, not 0"):
        BankedMemory.interleaved(8, 8, 0)
    with pytest.raises(DesignError, match="banks must be at least 1, not 0"):
        BankedMemory(SramMacro(8, 8), 0)
