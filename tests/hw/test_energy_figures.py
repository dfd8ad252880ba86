"""Energies of a card: what was published, what the fits are made of, what may be left out."""

from importlib.resources import files
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.hw.tech.card import load_card
from bosquet.hw.tech.energy import EnergyFigures
from bosquet.hw.tech.logical_effort import builtin_library

TEXT = (files("bosquet.hw.tech") / "cards" / "generic40.toml").read_text()


def figures(card: str) -> EnergyFigures:
    found = load_card(card).energy
    assert found is not None
    return found


@pytest.mark.parametrize("card", ["generic40", "sg13g2"])
def test_at_45_nm_logic_takes_what_horowitz_printed(card: str) -> None:
    """ISSCC 2014: 8-bit multiplication 0.2 pJ, 32-bit 3.1 pJ, 32-bit addition 0.1 pJ."""
    logic = figures(card).logic
    factor = logic.from_45nm.value
    assert logic.multiply_pj(8, 8) == pytest.approx(0.2 * factor)
    assert logic.multiply_pj(32, 32) == pytest.approx(3.1 * factor)
    assert logic.add_pj(32) == pytest.approx(0.1 * factor)
    # Register file of 32 bits, 1 pJ (Han et al. 2015); register bit 0.009 pJ (Accelergy).
    assert logic.select_pj(32) == pytest.approx(1.0 * factor)
    assert logic.register_pj(1000) == pytest.approx(9.0 * factor)


def test_the_way_to_another_node() -> None:
    """Stillmaker and Baas 2017, HP45 and 130 nm, E(V) = a V^2 + b V + c."""
    at_45nm = 1.018 * 0.9**2 - 0.3107 * 0.9 + 0.1539
    at_32nm = 0.8367 * 0.9**2 - 0.4341 * 0.9 + 0.1701
    at_130nm = 7.171 * 1.2**2 - 6.709 * 1.2 + 2.904
    at_40nm = at_32nm + (40 - 32) / (45 - 32) * (at_45nm - at_32nm)
    assert figures("generic40").logic.from_45nm.value == pytest.approx(at_40nm / at_45nm, abs=5e-4)
    assert figures("sg13g2").logic.from_45nm.value == pytest.approx(at_130nm / at_45nm, abs=5e-3)


def test_a_multiplier_of_two_widths_is_a_square_one_of_as_many_cells() -> None:
    logic = figures("generic40").logic
    assert logic.multiply_pj(4, 16) == logic.multiply_pj(8, 8) == logic.multiply_pj(16, 4)
    assert logic.multiply_pj(2, 8) < logic.multiply_pj(4, 8) < logic.multiply_pj(8, 8)


CACTI_40_HP = {
    (512, 8): (0.466, 0.516),
    (1024, 16): (1.409, 1.252),
    (256, 64): (1.864, 2.786),
    (2048, 128): (13.990, 17.793),
    (16384, 256): (100.865, 92.437),
}
"""pJ of a read and of a write by depth and width, as CACTI 7 printed them."""

IHP = {
    (64, 64): (39.051, 50.498),
    (1024, 8): (15.596, 19.918),
    (256, 48): (37.820, 48.443),
    (4096, 16): (58.644, 72.490),
    (2048, 64): (122.394, 155.368),
}
"""The same of foundry macros, from their Liberty files."""


@pytest.mark.parametrize(
    ("card", "known", "read_error", "write_error"),
    [("generic40", CACTI_40_HP, 0.36, 0.161), ("sg13g2", IHP, 0.053, 0.032)],
)
def test_sram_fits_are_as_near_as_they_say(
    card: str,
    known: dict[tuple[int, int], tuple[float, float]],
    read_error: float,
    write_error: float,
) -> None:
    energy = figures(card)
    for (depth, width), (read_pj, write_pj) in known.items():
        assert energy.sram_read.access_pj(depth, width) == pytest.approx(read_pj, rel=read_error)
        assert energy.sram_write.access_pj(depth, width) == pytest.approx(write_pj, rel=write_error)


@given(st.integers(64, 1 << 15), st.integers(8, 255), st.sampled_from(["generic40", "sg13g2"]))
def test_a_larger_macro_never_takes_less(depth: int, width: int, card: str) -> None:
    for access in (figures(card).sram_read, figures(card).sram_write):
        assert 0 < access.access_pj(depth, width) <= access.access_pj(depth + 1, width)
        assert access.access_pj(depth, width) < access.access_pj(depth, width + 1)


def test_every_figure_has_a_source() -> None:
    sources = figures("sg13g2").sources
    assert sources["energy.dram.pj_per_bit"].startswith("QKeras")
    assert "12.0859" in sources["energy.leakage.sram_pw_per_bit"]
    assert all(sources.values())
    assert len(sources) == 6 + 5 + 5 + 1 + 2
    assert figures("generic40").leakage is None


def test_another_library_has_no_energy() -> None:
    """Area and delay of a library say nothing of its energy."""
    assert load_card().for_library(builtin_library(60e-12)).energy is None


def test_a_card_without_energy(tmp_path: Path) -> None:
    path = tmp_path / "card.toml"
    path.write_text(TEXT[: TEXT.index("[energy.logic]")])
    assert load_card(str(path)).energy is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("value = 0.009", "value = 0", "energy.logic.register_pj_per_bit: .*greater than 0"),
        ("value = 20.3125", "value = inf", "energy.dram.pj_per_bit.value: .*finite"),
        ("[energy.dram]", "[energy.flash]", "energy.dram: Field required"),
        ("value = 9.40e-6", "value = -1", "energy.sram_read.pj_per_bit.value: .*found -1"),
    ],
)
def test_rejects(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    path = tmp_path / "card.toml"
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(InputError, match=message):
        load_card(str(path))
