"""The parts of a design: counted right, and with the ports they claim."""

import re
from dataclasses import replace

import pytest

from bosquet.errors import DesignError
from bosquet.hw.design import Design
from bosquet.hw.synth.parts import PARTS, Part, parts_of

SMALL = {
    "dense": Design.dense(3, 2),
    "fc": replace(Design.dense(3, 2), weights_per_row=2),
    "sparse": Design("sparse", 3, 2, window=4, run_ahead=1, feed=2),
    "port": Design.port(3, 2),
    "eie": Design.eie(3),
}


def counts(design: Design) -> dict[str, float]:
    return {part.name: count for part, count in parts_of(design)}


def test_up_to_16_lanes_need_no_tree() -> None:
    assert counts(Design("sparse", 16, 4)) == {
        "sparse_lane": 16, "window": 1, "sparse_feeder": 1, "output_stage": 1,
        "sparse_control": 1,
    }  # fmt: skip
    assert counts(Design.port(40, 4)) == {"port_lane": 40, "output_stage": 1, "port_control": 1}
    assert counts(Design.dense(16, 4)) == {
        "dense_lane": 16, "dense_feeder": 1, "output_stage": 1, "dense_control": 1,
    }  # fmt: skip
    assert counts(replace(Design.dense(16, 4), weights_per_row=4)) == {
        "fc_lane": 16, "fc_feeder": 1, "fc_output_stage": 1, "fc_control": 1,
    }  # fmt: skip

    assert counts(Design.eie(16)) == {
        "eie_pe": 16, "eie_feeder": 1, "output_stage": 1, "eie_control": 1,
    }  # fmt: skip


def test_all_pes_behind_a_tree_are_alike() -> None:
    parts = [dict(parts_of(Design.eie(lanes))) for lanes in (3, 16, 17, 256)]
    pes = [next(part for part in found if part.name == "eie_pe") for found in parts]
    assert pes[0] == pes[1] != pes[2] == pes[3]


def test_tree_registers_by_hand() -> None:
    # 2 copies of an item: 4 flags, a pointer address of 12 bits, a value of 9
    assert counts(Design.eie(17))["tree"] == 2 * (4 + 12 + 9) / 64
    # 40 lanes: 3 copies of a vector of 4 x 8 bits
    assert counts(Design.dense(40, 4))["tree"] == 3 * 32 / 64
    # 3 copies of 8 such vectors, valid, last, and a step of 4 (32 vectors, 8 at a time)
    assert counts(Design("sparse", 40, 4))["tree"] == 3 * (8 * 32 + 2 + 2) / 64
    assert counts(Design("sparse", 40, 4))["window"] == 3


def test_only_what_a_part_depends_on_tells_parts_apart() -> None:
    one, other = Design("sparse", 16, 4), Design("sparse", 32, 4, drain=2)
    assert Part.of("sparse_lane", one) == Part.of("sparse_lane", other)
    assert Part.of("output_stage", one) != Part.of("output_stage", other)
    assert Part.of("output_stage", Design.dense(16, 4)) == Part.of("output_stage", one)


@pytest.mark.parametrize(
    "part",
    [
        *dict.fromkeys(part for design in SMALL.values() for part, _ in parts_of(design)),
        Part.of("tree", SMALL["dense"]),
        Part("register_file", (("depth", 1),)),
        Part("register_file", (("depth", 3),)),
    ],
    ids=lambda part: f"{part.name}-{'-'.join(str(v) for _, v in part.values)}",
)
def test_every_part_converts_and_has_its_memory_ports(part: Part) -> None:
    text = part.verilog()
    kind = PARTS[part.name]
    ports = [("input", port) for port in kind.memory_reads.values()]
    ports += [("output", port) for port in kind.memory_writes]
    top = text[text.rindex(f"module {part.name}(") :]
    for direction, port in ports:
        assert re.search(rf"^ *{direction} (wire |reg )?(signed )?(\[\d+:0\] )?{port};", top, re.M)
    assert part.fingerprint() == part.fingerprint()


def test_the_fingerprint_tells_gateware_apart() -> None:
    prints = {
        Part.of("dense_lane", design).fingerprint()
        for design in (Design.dense(3, 2), Design.dense(3, 3), Design.dense(4, 2))
    }
    assert len(prints) == 2


def test_a_part_that_is_too_wide_is_refused() -> None:
    part = Part.of("output_stage", Design("sparse", 64, 64))  # 64 x 64 sums of 24 bits, and more
    with pytest.raises(DesignError, match="64 x 64 x 24 = 98,304 bits of sums cannot be"):
        part.fingerprint()
