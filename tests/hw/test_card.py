"""Technology cards: the shipped ones, moving to another library, and bad files."""

from importlib.resources import files
from pathlib import Path

import pytest
from pydantic import ValidationError

from bosquet.errors import InputError
from bosquet.hw.tech.card import DEFAULT_CARD, TechnologyCard, card_names, load_card
from bosquet.hw.tech.logical_effort import builtin_library

TEXT = (files("bosquet.hw.tech") / "cards" / "generic40.toml").read_text()


def write(folder: Path, text: str) -> str:
    path = folder / "card.toml"
    path.write_text(text)
    return str(path)


def test_default_card() -> None:
    card = load_card()
    assert card.name == DEFAULT_CARD == "generic40"
    assert card.device_class == "hp"
    assert card.um2_per_ge == 0.63
    assert card.fo4_s == pytest.approx(20e-12)
    assert card.ge_per_sram_bit == pytest.approx(0.311 / 0.63)


def test_every_shipped_card_loads_under_its_name() -> None:
    assert card_names() == ("generic40", "sg13g2", "sky130")
    for name in card_names():
        assert load_card(name).name == name


def test_every_number_names_its_source() -> None:
    card = load_card()
    for part in (card.logic, card.sram.area, card.sram.access, card.sram.cycle):
        for _, figure in part:
            assert figure.source


def test_a_card_from_a_path_is_the_same(tmp_path: Path) -> None:
    assert load_card(write(tmp_path, TEXT)) == load_card("generic40")


def test_cards_are_frozen() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        load_card().name = "other"  # type: ignore[misc]


def test_moving_to_a_library_keeps_sram_bit_to_gate_and_access_to_fo4() -> None:
    card, slower = load_card(), builtin_library(60e-12)
    moved = card.for_library(slower)  # gate 1 instead of 0.63, FO4 60 instead of 20 ps
    assert moved.um2_per_ge == 1
    assert moved.fo4_s == pytest.approx(60e-12)
    assert moved.ge_per_sram_bit == pytest.approx(card.ge_per_sram_bit)
    assert moved.sram.access.ns_fixed.value == pytest.approx(3 * 0.1295)
    assert "FO4" in moved.sram.access.ns_fixed.source
    assert moved.name == f"{slower.name} (generic40 SRAM)"


def test_unknown_card() -> None:
    with pytest.raises(
        InputError, match="no technology card tsmc7: give one of generic40, sg13g2, sky130"
    ):
        load_card("tsmc7")


def test_a_folder_is_no_card(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot read the technology card"):
        load_card(str(tmp_path))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("node_nm = 40", "node_nm = ", "not valid TOML: .*line 9"),
        ("node_nm = 40", "node_nm = -1", "node_nm: .*greater than 0, found -1"),
        ("node_nm = 40", "", "node_nm: Field required"),
        ("node_nm = 40", "colour = 1\nnode_nm = 40", "colour: Extra inputs .*found 1"),
        ("value = 0.63", "value = 0", "logic.um2_per_ge: .*greater than 0"),
        ("value = 0.63", "value = nan", "logic.um2_per_ge.value: .*finite"),
        ("value = 10.9", "value = -2", "sram.area.um2_per_column.value: .*found -2"),
        ("value = 10.9,", "", "sram.area.um2_per_column.value: Field required"),
        ('"same fit"', '""', "sram.area.um2_per_column.source: .*found ''"),
        ("depth = [64, 32768]", "depth = [64, 8]", r"fitted.depth: .*not \[64, 8\]"),
    ],
)
def test_rejects(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in TEXT
    with pytest.raises(InputError, match=message) as caught:
        load_card(write(tmp_path, TEXT.replace(old, new, 1)))
    assert "card.toml: " in str(caught.value)
    assert "\n" not in str(caught.value)


def test_reports_how_many_more_problems_there_are(tmp_path: Path) -> None:
    text = TEXT.replace("value = 0.63", "value = -1").replace("value = 10.9", "value = -2")
    with pytest.raises(InputError, match=r"\(and 1 more\)$"):
        load_card(write(tmp_path, text))


def test_a_card_is_a_plain_model() -> None:
    card = load_card()
    assert TechnologyCard.model_validate(card.model_dump()) == card
