"""Register bits against the flip-flops that synthesis found in the same parts."""

from collections.abc import Mapping
from dataclasses import fields
from typing import Any

import pytest

from bosquet.hw.design import CLUSTER_LANES, Design
from bosquet.hw.synth.components import ADDRESS_WORDS
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.row import Row
from bosquet.sim.register_traffic import register_traffic
from bosquet.sim.tensors import TENSORS
from bosquet.sim.work import Work

NOTHING = {field.name: 0 for field in fields(Work)}
NO_LOADS = dict.fromkeys(TENSORS, 0)


def counted(design: Design, **work: int) -> int:
    """Return the bits that come into registers when so much is worked off."""
    found = register_traffic(Work(**(NOTHING | work)), NO_LOADS, design, ADDRESS_WORDS)
    return sum(bits.write_bits for bits in found.values())


def one_entry(family: str, values: Mapping[str, Any]) -> int:
    """Return the bits of a lane that an entry fills which begins and ends a pass."""
    design = Design.from_values({"family": family, "lanes": 16, **values}, "part")
    macs = design.vector * design.simd_group
    streams = {} if family == "dense" else {"index_words": 1, "entries": 1}
    return counted(design, weights=1, macs=macs, sums=macs, **streams)


def rows(part: str) -> list[Row]:
    return [row for row in LaneTable.shipped().rows.values() if row.part.name == part]


@pytest.mark.parametrize(
    ("part", "family", "given", "control"),
    [
        # Address counters, the ends of filters and passes, window numbers, state; of each lane of
        # a group, whether its sums are ready.
        ("sparse_lane", "sparse", {}, range(150, 171)),
        # The same, and the walk through the bases.
        ("port_lane", "sparse", {"delivery": "port"}, range(200, 231)),
        # Whether there are sums, and whether a pass begins or ends.
        ("dense_lane", "dense", {}, range(3, 4)),
        ("fc_lane", "dense", {"weights_per_row": None}, range(4, 5)),
    ],
)
def test_an_entry_fills_every_register_of_a_lane_but_those_of_control(
    part: str, family: str, given: dict[str, Any], control: range
) -> None:
    """What is left is the same for any number of columns, windows and accumulator sets.

    Each lane of a group has a register of its own that says whether a pass begins, and every 16
    columns with weights of their own one that says which weight of the word is wanted.
    """
    measured = rows(part)
    assert len(measured) > 3
    for row in measured:
        values = dict(row.part.values)
        own = {name: value or values["vector"] for name, value in given.items()}
        columns, copies = values["vector"], values.get("simd_group", 1) - 1
        if part == "fc_lane":
            copies += -(-columns // CLUSTER_LANES) * (columns - 1).bit_length()
        assert row.registers - copies - one_entry(family, {**values, **own}) in control, row.part


def test_a_beat_fills_every_register_of_the_output_stage_but_those_of_control() -> None:
    for row in rows("output_stage"):
        values = dict(row.part.values)
        design = Design.from_values({"family": "dense", **values}, "part")
        assert -5 < row.registers - counted(design, beats=1) < 120, row.part
