"""Specifications: what a value or a list means, and the one line that says what is wrong."""

import re
import tomllib
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.sim.sweep.grid import Grid
from bosquet.sim.sweep.spec import KNOWN, SweepSpec, checked_spec, read_spec

DESIGN = {"base": "sparse-4x4"}


def spec(**values: Any) -> SweepSpec:
    return checked_spec({"network": "lenet5", "design": DESIGN, **values}, "s.toml")


def test_every_field_of_a_design_can_be_swept() -> None:
    assert set(KNOWN["design"]) == {"base", *(field.name for field in fields(Design))}


def test_a_value_is_a_list_of_one() -> None:
    found = spec(sweep={"ratio": 2, "batch": [1, 4]}).to_json()
    assert found["network"] == ["lenet5"]
    assert found["sweep"] == {"ratio": (2.0,), "batch": (1, 4)}
    assert found["design"] == [{"base": ("sparse-4x4",)}]


def test_fields_that_are_lists_themselves() -> None:
    one = spec(design={**DESIGN, "index_bits": [4, 6]}).to_json()
    assert one["design"][0]["index_bits"] == ((4, 6),)
    two = spec(design={**DESIGN, "index_bits": [[4], [4, 6]]}).to_json()
    assert two["design"][0]["index_bits"] == ((4,), (4, 6))


def test_sizes_are_square_unless_they_are_lists() -> None:
    found = spec(layer={"kernel": [3, [1, 5]], "padding": 1}).to_json()
    assert found["layer"] == {"kernel": ((3, 3), (1, 5)), "padding": ((1, 1, 1, 1),)}


def test_the_order_of_the_file_does_not_matter() -> None:
    one = spec(sweep={"seed": 1, "ratio": 2}, design={"base": "eie-4", "feed": 2})
    other = spec(design={"feed": 2, "base": "eie-4"}, sweep={"ratio": 2, "seed": 1})
    assert list(one.to_json()["sweep"]) == list(other.to_json()["sweep"])
    assert list(one.to_json()["design"][0]) == list(other.to_json()["design"][0])


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"design": {"lane": 4}}, "unknown field design.lane; did you mean design.lanes?"),
        ({"desing": {}}, "unknown field desing; did you mean design?"),
        ({"ratio": 2}, "unknown field ratio; did you mean sweep.ratio?"),
        ({"layer": {"xyz": 1}}, "unknown field layer.xyz; known are in_channels, "),
        (
            {"design": {**DESIGN, "network": "lenet5"}},
            "unknown field design.network; network stands at the top of the file",
        ),
        (
            {"exclude": [{"design": {"lane": 4}}]},
            "unknown field exclude[0].design.lane; did you mean design.lanes?",
        ),
        (
            {"design": {"buffers": {"weight_word": 4}}},
            "unknown field design.buffers.weight_word; did you mean design.buffers.weight_words?",
        ),
        ({"design": {"lanes": [4, "8"]}}, "design.lanes[1]: Input should be a valid integer"),
        ({"design": {"lanes": 4.0}}, "design.lanes: Input should be a valid integer, found 4.0"),
        ({"design": {"lanes": True}}, "design.lanes: Input should be a valid integer, found True"),
        ({"design": {"lanes": 1 << 63}}, "design.lanes: Input should be less than"),
        ({"design": [DESIGN, {"family": "spars"}]}, "design[1].family: Input should be 'dense'"),
        ({"design": {"lanes": []}}, "design.lanes: an empty list gives no points"),
        ({"design": {"lanes": [4, 8, 4]}}, "design.lanes: 4 is there twice"),
        ({"design": 4}, "design: must be a table, found 4"),
        ({"network": []}, "network: an empty list gives no points"),
        ({"layers": []}, "layers: an empty list gives no points"),
        ({"sweep": {"ratio": [2, 0.5]}}, "sweep.ratio[1]: must be all weights / kept weights"),
        ({"sweep": {"ratio": float("nan")}}, "sweep.ratio: must be all weights / kept weights"),
        ({"sweep": {"ratio": float("inf")}}, "sweep.ratio: must be all weights / kept weights"),
        ({"sweep": {"ratio": True}}, "sweep.ratio: must be all weights / kept weights"),
        ({"sweep": {"seed": -1}}, "sweep.seed: Input should be greater than or equal to 0"),
        ({"sweep": {"batch": 0}}, "sweep.batch: Input should be greater than or equal to 1"),
        ({"sweep": {"format": "bitmpa"}}, "'bitmpa', did you mean bitmap;"),
        ({"sweep": {"format": 4}}, "sweep.format: must be the name of an index format"),
        ({"layer": {"kernel": [[3, 3, 3]]}}, "layer.kernel[0]: each value must be a whole number"),
        ({"tier": "exakt"}, "tier: Input should be 'exact' or 'fast', found 'exakt'"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        spec(**values)
    message = str(error.value)
    assert message.startswith("s.toml: ")
    assert told in message
    assert "\n" not in message


def test_a_long_list_is_checked_at_once_and_told_by_its_beginning() -> None:
    """200,000 seeds: comparing each with all others took minutes."""
    many = list(range(200_000))
    assert len(spec(sweep={"seed": many}).sweep.seed) == 200_000
    with pytest.raises(InputError, match=r"sweep\.seed: 7 is there twice, found \[0, 1, ") as error:
        spec(sweep={"seed": [*many, 7]})
    assert len(str(error.value)) < 200


def test_one_layer_and_one_exclusion_need_no_list() -> None:
    rule = {"design": {"lanes": 4}}
    one = spec(layers="conv1", exclude=rule)
    assert one == spec(layers=["conv1"], exclude=[rule])
    assert one.layers == ["conv1"]


def test_a_missing_field() -> None:
    with pytest.raises(InputError, match=r"^s.toml: network is missing$"):
        checked_spec({"design": DESIGN}, "s.toml")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none.toml: cannot be read: No such file"):
        read_spec(tmp_path / "none.toml")
    broken = tmp_path / "broken.toml"
    broken.write_text("network = \n")
    with pytest.raises(InputError, match=r"broken.toml: not valid TOML: .*line 1"):
        read_spec(broken)
    broken.write_bytes(b"network = '\xff'\n")
    with pytest.raises(InputError, match=r"broken.toml: not valid TOML"):
        read_spec(broken)


ROOT = Path(__file__).parents[3]


def test_the_examples_are_specifications() -> None:
    example = Grid.of(read_spec(ROOT / "examples" / "sweep.toml"), 0)
    assert (len(example), example.combinations) == (126, 144)
    blocks = re.findall(
        r"^```toml\n(.*?)^```", (ROOT / "docs" / "sweep.md").read_text(), re.M | re.S
    )
    assert blocks
    for block in blocks:
        assert len(Grid.of(checked_spec(tomllib.loads(block), "docs/sweep.md"), 0))
