"""Placed designs come back from JSON as they were; what is no placed design is refused."""

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from placed_points import DENSE, MEMORIES, SPARSE, placed_point

from bosquet.errors import BosquetError, InputError
from bosquet.hw.design import Design
from bosquet.hw.synth.nextpnr import gateware_id
from bosquet.hw.synth.placed_point import PlacedPoint

EXAMPLES = Path(__file__).parents[2] / "examples" / "ecp5"


@pytest.mark.parametrize("design", [DENSE, SPARSE], ids=["dense", "sparse"])
def test_from_json_of_to_json(design: Design, tmp_path: Path) -> None:
    point = placed_point(design, 100)
    path = tmp_path / "point.json"
    path.write_text(json.dumps(point.to_json()))
    again = PlacedPoint.read(path)
    assert (again.design, again.buffers, again.placed) == (design, point.buffers, point.placed)
    assert again.design.buffers is None


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"fields": None}, "no placed design: fields, with its buffers, is missing"),
        ({"fields": 5}, "no placed design: fields"),
        ({"fields": {"family": "sparse", "buffers": None}}, "no placed design: fields"),
        ({"fields": {"lanes": 4, "buffers": vars(MEMORIES)}}, "design.family is missing"),
        ({"lut": "many"}, "lut: Input should be a valid integer"),
        ({"device": ["a"]}, "device: Input should be a valid string"),
        ({"device": "ecp5-9k"}, "device: there is no 'ecp5-9k'; there are ecp5-25k-8"),
        ({"critical_path": None}, "critical_path: Input should be a valid tuple"),
        ({"freq_hz": 0.0}, "freq_hz must be above 0 and finite, not 0.0"),
        ({"freq_hz": float("inf")}, "freq_hz must be above 0 and finite, not inf"),
        ({"freq_hz": "fast"}, "freq_hz: Input should be a valid number"),
        ({"seed": None}, "seed: Input should be a valid integer"),
        ({"available": {"lut": 10}}, "available.dsp is missing"),
    ],
)
def test_what_is_no_placed_design(changes: dict[str, Any], said: str) -> None:
    with pytest.raises(BosquetError, match=re.escape(said)) as caught:
        PlacedPoint.from_json(placed_point(SPARSE, 100).to_json() | changes, "point.json")
    assert str(caught.value).startswith("point.json: ")


def test_what_is_missing_is_named() -> None:
    values = placed_point(SPARSE, 100).to_json()
    del values["bram"]
    with pytest.raises(InputError, match=r"point.json: bram: Field required"):
        PlacedPoint.from_json(values, "point.json")


@pytest.mark.parametrize(
    ("text", "said"), [("{", "not valid JSON"), ("[]", "holds no JSON object"), (None, "cannot be")]
)
def test_a_file_that_is_none(text: str | None, said: str, tmp_path: Path) -> None:
    path = tmp_path / "point.json"
    if text is not None:
        path.write_text(text)
    with pytest.raises(InputError, match=said):
        PlacedPoint.read(path)


EXAMPLE_DESIGNS = {path.stem: Design.from_toml(path) for path in EXAMPLES.glob("*.toml")}


def test_the_shipped_points_are_the_examples() -> None:
    """Dense ones have been placed as often as any; all by the same tools."""
    points = PlacedPoint.shipped("ecp5-25k-8")
    seeds: dict[str, set[int]] = {name: set() for name in EXAMPLE_DESIGNS}
    for point in points:
        whole = replace(point.design, buffers=point.buffers)
        (name,) = (name for name, design in EXAMPLE_DESIGNS.items() if design == whole)
        seeds[name].add(point.placed.seed)
        for what, have in point.placed.available.items():
            assert 0 < getattr(point.placed, what) <= have
    tried = set().union(*seeds.values())
    for name, own in seeds.items():
        assert len(own) >= 2, name
        if EXAMPLE_DESIGNS[name].family == "dense":
            assert own == tried, name
    assert len({frozenset(point.placed.tools.items()) for point in points}) == 1


@pytest.mark.parametrize("name", sorted(EXAMPLE_DESIGNS))
def test_the_shipped_points_are_of_the_gateware(name: str) -> None:
    design = EXAMPLE_DESIGNS[name]
    assert design.buffers is not None
    now = gateware_id(design, design.buffers)
    stored = {
        point.placed.gateware
        for point in PlacedPoint.shipped("ecp5-25k-8")
        if replace(point.design, buffers=point.buffers) == design
    }
    assert stored == {now}, "run benchmarks/placements.py --store"


def test_a_device_without_points() -> None:
    with pytest.raises(InputError, match="no design comes placed on 'ice40-up5k'; there are some"):
        PlacedPoint.shipped("ice40-up5k")
