"""The script for a compiled host, line by line, and what the host tells."""

from dataclasses import replace

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.hw.counters import LAG
from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Design
from bosquet.hw.registers import COUNTER_BASE, COUNTERS, ERROR, ErrorCode
from bosquet.hw.run_image import RunImage, run_images
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_layer
from bosquet.sim.host_script import in_turn, in_turn_in_dram, overlapping_in_dram, read_runs

READS = [f"read {COUNTER_BASE + i}" for i in range(2 * len(COUNTERS))]
FINISH = ["finish", f"idle {LAG}", *READS, f"read {ERROR}"]
CLEAR, SWAP_FEATURES, SWAP_WEIGHTS, START = 16, 4, 2, 1


@pytest.fixture(scope="module")
def runs() -> tuple[RunImage, ...]:
    """Two runs, an image each, with the same weights."""
    shape = LayerShape("two", "fc", 3, 2, batch=2)
    layer = synthetic_layer(shape, 1.0, 8, 8, 1)
    design = Design.dense(2, 1)
    design = replace(design, buffers=Schedule.plan(layer, design).buffers)
    schedule = Schedule.cut(layer, design, replace(Cuts.none(shape), images=1))
    assert isinstance(schedule, Schedule)
    features = np.arange(6).reshape(2, 3, 1, 1)
    return run_images([(schedule, features, layer_outputs(layer, features))])


def parts(script: str) -> tuple[list[str], list[list[str]]]:
    """Split a script into its loads and the steps of each actor, without layer registers."""
    lines = script.splitlines()
    loads, rest = lines[1 : 1 + 2 * int(lines[0])], lines[1 + 2 * int(lines[0]) :]
    actors = []
    count, rest = int(rest[0]), rest[1:]
    for _ in range(count):
        steps, rest = rest[1 : 1 + int(rest[0])], rest[1 + int(rest[0]) :]
        actors.append([one for one in steps if not one.startswith("write") or " 0 " in one])
    assert rest == []
    return loads, actors


def test_weights_that_stay_are_not_sent_again(runs: tuple[RunImage, ...]) -> None:
    loads, _ = parts(in_turn(runs, [9, 9]))
    first, second = (run.image for run in runs)
    assert loads == [
        " ".join([str(len(beats)), *(f"{beat:x}" for beat in beats)])
        for beats in (first.weight_load, [], first.feature_load, second.feature_load)
    ]


def test_runs_in_turn(runs: tuple[RunImage, ...]) -> None:
    _, (steps,) = parts(in_turn(runs, [70, 80]))
    everything = START + SWAP_WEIGHTS + SWAP_FEATURES + CLEAR
    assert steps == [
        "offer", "loaded", f"write 0 {everything}", "idle 1", "take 70", *FINISH, "next",
        "offer", "loaded", f"write 0 {everything - SWAP_WEIGHTS}", "idle 1", "take 80", *FINISH,
        "next",
    ]  # fmt: skip


def test_loads_are_part_of_a_run_in_an_outside_memory(runs: tuple[RunImage, ...]) -> None:
    _, (steps,) = parts(in_turn_in_dram(runs[:1], [70]))
    assert steps == ["offer", "write 0 23", "take 70", *FINISH, "next"]


def test_runs_that_overlap_are_started_as_soon_as_they_may_be(runs: tuple[RunImage, ...]) -> None:
    _, (takes, starts) = parts(overlapping_in_dram(runs, 90))
    assert takes == ["take 90", "take 90", *FINISH]
    assert starts == ["offer", "write 0 23", "settled 1 8", "offer", "write 0 5"]


def test_what_a_host_tells() -> None:
    words = [word for i in range(len(COUNTERS)) for word in (i, 0)]
    words[3] = 1  # the high word of the second counter
    read = " ".join(map(str, [*words, ErrorCode.CLAMP.value]))
    first, last = read_runs(f"1 2 7 000000ff 9 10\n0 0 {read}\n")
    assert (first.ended, first.beats, first.beat_cycles) == (True, [0xFF, 0x10], [7, 9])
    assert first.counters == {}
    assert (last.ended, last.beats, last.error) == (False, [], ErrorCode.CLAMP)
    assert last.counters == {name: i + (i == 1) * 2**32 for i, name in enumerate(COUNTERS)}
