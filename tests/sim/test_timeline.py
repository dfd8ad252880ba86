"""Timelines: their intervals add up to the counters, cover every cycle, and are the contract's.

``timing_contract`` steps through the contract cycle by cycle and says what each lane does.
"""

from dataclasses import dataclass, replace
from functools import cache
from itertools import pairwise

import numpy as np
import pytest
from dram_contract import held
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from timing_contract import array_of

from bosquet.errors import InputError
from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.program import Masked
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.sim.case import Case
from bosquet.sim.counters import Counters
from bosquet.sim.exact import simulate, simulate_schedule
from bosquet.sim.exact_dram import LoadWait, simulate_schedule_in_dram
from bosquet.sim.random_cases import random_case
from bosquet.sim.random_recipes import BLOCK
from bosquet.sim.timeline.intervals import Intervals
from bosquet.sim.timeline.lanes import CAUSES
from bosquet.sim.timeline.layer import LayerTimeline
from bosquet.sim.timeline.run import RunTimeline
from bosquet.sim.timeline.sparse import SparseEvents
from bosquet.sim.timeline.vcd import layer_waves

SEED = 20
INTERPRETED = 15_000
"""Lane-cycles at most that are stepped one by one."""


@dataclass(frozen=True)
class Kept:
    shape: LayerShape
    mask: NDArray[np.bool_]


def pointwise(kept: list[list[int]], kind: str = "conv") -> Kept:
    """Return a layer of one position that keeps the given weights (out, in)."""
    mask = np.array(kept, np.bool_)
    out, channels = mask.shape
    shape = LayerShape("hand", "fc" if kind == "fc" else "conv", channels, out)
    return Kept(shape, mask[:, :, None, None])


def whole(layer: Masked, design: Design, form: IndexFormat | None = None) -> RunTimeline:
    (placed,) = LayerTimeline.of(Schedule.plan(layer, design, form)).runs
    return placed.run


def words(lanes: Intervals, tracks: int) -> list[str]:
    """Return the cycles of each lane, a span as ``cause cycles``."""
    return [
        ", ".join(
            f"{CAUSES[kind]} {cycles}"
            for kind, cycles in zip(own.kind.tolist(), own.cycles.tolist(), strict=True)
        )
        for own in lanes.by_track(tracks)
    ]


# ---- by hand -------------------------------------------------------------------------------------


def test_a_sparse_layer_by_hand() -> None:
    """Three lanes, windows of two steps, one window ahead; one position.

    Filters go to lanes as 2, 1, 0: {0}, {0, 2}, {0, 1, 2}. Window 0 (inputs 0 and 1) is written in
    cycles 4 and 5 and fed at 6; heads are there from cycle 4 on. Lane 2 issues input 1 at 7, so
    window 0 is released at 7 and window 1 written at 8: the feeder waits at 6 and 7. It is fed at
    9. Sums are ready 4 after the last issue: 10, 13, 13; groups begin at 10, 13, 14, and beats
    leave 8 later. So there are 22 + 1 cycles.
    """
    design = Design("sparse", 3, 1, window=2, run_ahead=1, feed=1, feed_order="natural",
                    index_bits=(4,))  # fmt: skip
    run = whole(pointwise([[1, 1, 1], [1, 0, 1], [1, 0, 0]]), design, Relative(4))
    assert run.counters.cycles == 23
    assert words(run.lanes, 3) == [
        "fill 6, compute 1, imbalance 3, drain 13",
        "fill 6, compute 1, window 1, feed 1, compute 1, drain 13",
        "fill 6, compute 2, feed 1, compute 1, drain 13",
    ]
    assert isinstance(run.events, SparseEvents)
    windows = run.events.windows
    assert windows.begin.tolist() == [4, 8]
    assert windows.end.tolist() == [6, 9]
    assert windows.fed.tolist() == [6, 9]
    assert windows.released.tolist() == [[7], [9]]
    assert run.groups.begin.tolist() == [10, 13, 14]
    assert run.groups.end.tolist() == [11, 14, 15]
    assert run.beats.begin.tolist() == [18, 21, 22]
    assert run.sums.begin.tolist() == [10, 13, 13]


def test_a_dense_layer_by_hand() -> None:
    """Two lanes, three filters of two weights, one position: two passes of two steps.

    Steps are issued at 0, 1, 2; the last one waits until both lanes of pass 0 are taken (ready at
    1 + 6 = 7, taken at 7 and 8): 9. Operands come 4 later. Lane 1 has no filter in pass 1. The
    sums of pass 1 are ready at 15, its only beat leaves at 23.
    """
    run = whole(pointwise([[1, 1], [1, 1], [1, 1]]), Design.dense(2, 1))
    assert run.counters.cycles == 24
    assert words(run.lanes, 2) == [
        "fill 4, compute 3, drain 6, compute 1, drain 10",
        "fill 4, compute 2, imbalance 1, drain 6, imbalance 1, drain 10",
    ]
    assert run.groups.begin.tolist() == [7, 8, 15, 16]
    assert run.groups.sends.tolist() == [True, True, True, False]
    assert run.beats.begin.tolist() == [15, 16, 23]


def test_an_eie_layer_by_hand() -> None:
    """Two PEs, three inputs, two of a word.

    Slots are 2, 3 and 4, columns arrive 3 later; no PE has an entry for input 1. Both read input 0
    at 5 and issue it at 6; PE 0 reads input 2 at 7. PE 1 is done when the scan closes, at 7, PE 0
    at 9. Sums are ready 4 after the last issue, at 12 and 10: the groups begin at 12 and 13.
    """
    design = replace(Design.eie(2), feed=2)
    run = whole(pointwise([[1, 0, 1], [1, 0, 0]], "fc"), design)
    assert run.counters.cycles == 22
    assert words(run.lanes, 2) == [
        "fill 5, weight_buffer 1, compute 1, weight_buffer 1, compute 1, drain 13",
        "fill 5, weight_buffer 1, compute 1, imbalance 2, drain 13",
    ]
    assert run.groups.begin.tolist() == [12, 13]
    assert run.beats.begin.tolist() == [20, 21]


# ---- laws ----------------------------------------------------------------------------------------


def covers(timeline: LayerTimeline) -> bool:
    """Return whether the spans of each lane follow each other from 0 to the end."""
    lanes = timeline.lanes.by_track(timeline.runs[0].run.tracks)
    return all(
        own.begin[0] == 0
        and own.end[-1] == timeline.span.stop
        and np.array_equal(own.begin[1:], own.end[:-1])
        for own in lanes
    )


def counted(counters: Counters) -> dict[str, int]:
    return {"compute": counters.compute, **counters.stalls}


@pytest.mark.parametrize("seed", [SEED, 3])
def test_intervals_add_up_to_the_counters(seed: int) -> None:
    for index in range(BLOCK):
        case = random_case(seed, index)
        counters = simulate_schedule(case.schedule)
        timeline = LayerTimeline.of(case.schedule)
        assert timeline.span == range(counters.cycles), index
        assert timeline.lane_cycles() == counted(counters), index
        assert covers(timeline), index


def in_dram(case: Case, span: range | None = None) -> LayerTimeline:
    assert case.dram
    return LayerTimeline.in_dram(case.schedule, case.dram, *([] if span is None else [span]))


@cache
def dram_cases() -> list[Case]:
    return [case for case in (random_case(SEED, index) for index in range(BLOCK)) if case.dram]


def test_intervals_add_up_in_dram() -> None:
    for case in dram_cases():
        assert case.dram
        timeline = in_dram(case)
        total = simulate_schedule_in_dram(case.schedule, case.dram)
        assert timeline.span == range(total.cycles)
        assert timeline.lane_cycles() == counted(total)
        assert covers(timeline)


def test_loads_that_overlap_begin_while_the_run_before_goes_on() -> None:
    overlapping = 0
    for case in dram_cases():
        schedule = Schedule.plan(case.layer, replace(case.design, buffer_sets=2), case.form)
        schedule = schedule.with_features(case.features)
        for dram in (Dram(16, 30), Dram(512, 0)):
            timeline = LayerTimeline.in_dram(schedule, dram)
            total = simulate_schedule_in_dram(schedule, dram)
            assert timeline.span == range(total.cycles)
            assert timeline.lane_cycles() == counted(total)
            for before, one in pairwise(timeline.runs):
                assert one.start == before.end + one.run.waited
                if one.run.loads.begin.size:
                    overlapping += one.start + int(one.run.loads.begin.min()) < before.end
    assert overlapping


# ---- the contract --------------------------------------------------------------------------------


def matrix(lanes: Intervals, tracks: int, cycles: int) -> list[list[str]]:
    """Return the cause of each lane in each cycle."""
    each = [np.repeat(own.kind, own.cycles) for own in lanes.by_track(tracks)]
    assert all(own.size == cycles for own in each)
    return [[CAUSES[kind] for kind in row] for row in np.array(each).T.tolist()]


def test_every_cycle_of_every_lane_is_that_of_the_contract() -> None:
    kinds = set()
    for index in range(BLOCK):
        program = random_case(SEED, index).schedule.runs[0].program
        if simulate(program).lane_cycles > INTERPRETED:
            continue
        array = array_of(program)
        array.run()
        run = RunTimeline.of(program, range(1 << 40))
        assert matrix(run.lanes, run.tracks, run.cycles) == array.told, index
        kinds.add((program.design.family, program.design.delivery, program.design.simd_group > 1))
    assert {(family, delivery) for family, delivery, _ in kinds} == {
        ("dense", "broadcast"), ("eie", "broadcast"), ("sparse", "port"), ("sparse", "window"),
    }  # fmt: skip
    assert any(grouped for *_, grouped in kinds)


def test_every_cycle_in_dram_is_that_of_the_contract() -> None:
    checked = 0
    for case in dram_cases():
        program = case.schedule.runs[0].program
        if program.design.family == "eie" or simulate(program).lane_cycles > INTERPRETED:
            continue
        assert case.dram
        array = held(program, case.dram)
        array.run()
        run = RunTimeline.in_dram(program, range(-1, 1 << 40), {}, case.dram, LoadWait(0, 0))
        assert matrix(run.lanes, run.tracks, run.cycles) == array.told
        checked += 1
    assert checked >= 3


# ---- ranges --------------------------------------------------------------------------------------


@given(
    seed=st.integers(0, 3),
    index=st.integers(0, BLOCK - 1),
    first=st.floats(0, 1, exclude_max=True),
    length=st.integers(1, 3000),
)
@settings(max_examples=60, deadline=None)
def test_any_range_is_a_piece_of_the_whole(
    seed: int, index: int, first: float, length: int
) -> None:
    """Passes that repeat are skipped outside the range only; lanes and waves do not tell."""
    case = random_case(seed, index)
    complete = LayerTimeline.of(case.schedule)
    start = int(first * complete.span.stop)
    part = LayerTimeline.of(case.schedule, range(start, start + length))
    same_piece(complete, part, range(start, min(start + length, complete.span.stop)))


@given(
    index=st.integers(0, 1000),
    first=st.floats(0, 1, exclude_max=True),
    length=st.integers(1, 3000),
)
@settings(max_examples=20, deadline=None)
def test_any_range_in_dram(index: int, first: float, length: int) -> None:
    case = dram_cases()[index % len(dram_cases())]
    complete = in_dram(case)
    start = int(first * complete.span.stop)
    part = in_dram(case, range(start, start + length))
    same_piece(complete, part, range(start, min(start + length, complete.span.stop)))


def same_piece(complete: LayerTimeline, part: LayerTimeline, span: range) -> None:
    assert part.span == span
    expected = complete.lanes.within(span).merged()
    for name in ("track", "begin", "end", "kind"):
        np.testing.assert_array_equal(getattr(part.lanes, name), getattr(expected, name), name)
    cycles = np.array(span)
    found = layer_waves(part)
    for signal, wave in layer_waves(complete).items():
        assert found[signal].at(cycles) == wave.at(cycles), signal


def test_a_short_range_of_a_long_layer_leaves_out_what_repeats() -> None:
    layer = Kept(
        LayerShape("long", "conv", 4, 4, (3, 3), height=200, width=200),
        np.random.default_rng(1).random((4, 4, 3, 3)) < 0.4,
    )
    schedule = Schedule.plan(layer, Design.named("sparse-4x4"))
    passes = schedule.runs[0].program.layout.position_tiles
    assert passes == 9900  # 200 x 198 flat positions by 4: the columns of a row gap count too
    (placed,) = LayerTimeline.of(schedule, range(100_000, 100_100)).runs
    assert isinstance(placed.run.events, SparseEvents)
    assert 1 <= len(placed.run.events.passes) < 20


def test_a_range_behind_the_end_is_refused() -> None:
    schedule = Schedule.plan(pointwise([[1, 1], [1, 1], [1, 1]]), Design.dense(2, 1))
    assert LayerTimeline.of(schedule, range(23, 99)).span == range(23, 24)
    with pytest.raises(InputError, match=r"layer hand: takes 24 cycles; there is no cycle 24"):
        LayerTimeline.of(schedule, range(24, 99))
