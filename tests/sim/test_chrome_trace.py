"""Chrome traces: what the Trace Event Format asks for, and slices that are the timeline's."""

import io
import json
from collections import Counter, defaultdict
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
from small_bundles import JOBS, small_job

from bosquet.hw.loads import loads_of_runs
from bosquet.hw.schedule import Schedule
from bosquet.sim.counters import Counters
from bosquet.sim.exact import simulate_schedule
from bosquet.sim.random_cases import random_case
from bosquet.sim.timeline.chrome_trace import write_chrome_trace
from bosquet.sim.timeline.layer import WHOLE, LayerTimeline

Event = dict[str, Any]


def written(timeline: LayerTimeline) -> dict[str, Any]:
    file = io.StringIO()
    write_chrome_trace(timeline, {"design": timeline.design.name}, file)
    loaded = json.loads(file.getvalue(), parse_constant=pytest.fail)
    assert isinstance(loaded, dict)
    return loaded


def of_kind(kind: str, span: range = WHOLE) -> tuple[list[Event], Counters]:
    """Return the events of a small layer, and what is counted in it."""
    schedule = small_job(kind).runs[0].schedule
    return written(LayerTimeline.of(schedule, span))["traceEvents"], simulate_schedule(schedule)


def threads(events: list[Event]) -> dict[str, list[Event]]:
    """Return the slices of each thread by its name."""
    names = {event["tid"]: event["args"]["name"] for event in events
             if event["ph"] == "M" and event["name"] == "thread_name"}  # fmt: skip
    slices = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            slices[names[event["tid"]]].append(event)
    return dict(slices)


def test_metadata_says_what_a_microsecond_is() -> None:
    timeline = LayerTimeline.of(small_job("sparse").runs[0].schedule)
    trace = written(timeline)
    assert trace["otherData"] == {"time": "1 us = 1 cycle", "design": "sparse-3x4"}
    assert trace["displayTimeUnit"] in ("ms", "ns")


@pytest.mark.parametrize("kind", JOBS)
def test_events_have_what_the_format_asks_for(kind: str) -> None:
    """Trace Event Format, sections "Complete Events", "Counter Events", "Metadata Events"."""
    events, _ = of_kind(kind)
    named = set()
    for event in events:
        assert isinstance(event["name"], str)
        assert isinstance(event["pid"], int)
        if event["ph"] == "X":
            assert isinstance(event["tid"], int)
            assert event["tid"] in named
            assert event["ts"] >= 0
            assert event["dur"] >= 1
        elif event["ph"] == "C":
            assert event["ts"] >= 0
            assert all(isinstance(value, int) for value in event["args"].values())
        else:
            assert event["ph"] == "M"
            argument = {"thread_sort_index": "sort_index"}.get(event["name"], "name")
            assert set(event["args"]) == {argument}
            named.add(event["tid"])


@pytest.mark.parametrize("kind", JOBS)
def test_slices_of_a_thread_do_not_overlap(kind: str) -> None:
    events, _ = of_kind(kind)
    for name, slices in threads(events).items():
        for before, after in pairwise(sorted(slices, key=lambda event: event["ts"])):
            assert before["ts"] + before["dur"] <= after["ts"], name


@pytest.mark.parametrize("kind", JOBS)
def test_lanes_are_filled_with_their_causes(kind: str) -> None:
    events, counters = of_kind(kind)
    lanes = {name: own for name, own in threads(events).items() if name.startswith(("lane", "PE"))}
    assert len(lanes) == counters.lanes
    total: Counter[str] = Counter()
    for own in lanes.values():
        assert sum(event["dur"] for event in own) == counters.cycles
        for event in own:
            total[event["name"]] += event["dur"]
    expected = {"compute": counters.compute, **counters.stalls}
    assert total == {cause: count for cause, count in expected.items() if count}


@pytest.mark.parametrize("kind", JOBS)
def test_each_lane_counts_once_at_any_time(kind: str) -> None:
    events, counters = of_kind(kind)
    samples = [event for event in events if event["ph"] == "C" and event["name"] == "lanes"]
    assert samples[0]["ts"] == 0
    assert all(sum(event["args"].values()) == counters.lanes for event in samples)
    ends = [event["ts"] for event in samples[1:]] + [counters.cycles]
    computed = sum(
        event["args"]["compute"] * (end - event["ts"])
        for event, end in zip(samples, ends, strict=True)
    )
    assert computed == counters.compute


def test_tracks_of_each_family() -> None:
    places = {"window place 0", "window place 1"}
    output = {"runs", "output stage", "output stream"}
    lanes = {"lane 0", "lane 1", "lane 2"}
    assert set(threads(of_kind("sparse")[0])) == {"feeder"} | places | output | lanes
    assert set(threads(of_kind("port")[0])) == output | lanes
    assert set(threads(of_kind("dense")[0])) == {"feeder"} | output | lanes
    assert set(threads(of_kind("eie")[0])) == {"scans", "PE 0", "PE 1", "PE 2"} | output


def test_windows_go_round_the_ring() -> None:
    slices = threads(of_kind("sparse")[0])
    written_windows = [event for event in slices["feeder"] if event["name"].startswith("window")]
    assert [event["name"] for event in written_windows] == [
        f"window {number}" for number in range(len(written_windows))
    ]
    for event in written_windows:
        number = int(event["name"].split()[1])
        (held,) = [own for own in slices[f"window place {number % 2}"]
                   if own["name"] == event["name"]]  # fmt: skip
        assert held["ts"] == event["ts"]
        assert held["ts"] + held["dur"] == max(held["args"]["released"]) + 1
        assert event["ts"] + event["dur"] <= held["args"]["fed"] <= min(held["args"]["released"])


def test_a_range_holds_its_cycles_only() -> None:
    events, _ = of_kind("sparse", range(100, 150))
    for event in events:
        if event["ph"] == "X":
            assert 100 <= event["ts"] < event["ts"] + event["dur"] <= 150
        if event["ph"] == "C":
            assert 100 <= event["ts"] < 150


def test_lanes_of_a_simd_group_are_one_thread() -> None:
    case = random_case(20, 34)
    assert case.design.simd_group == 16
    slices = threads(written(LayerTimeline.of(case.schedule))["traceEvents"])
    assert {name for name in slices if "lane" in name} == {"lanes 0-15", "lanes 16-31"}


def test_loads_in_dram() -> None:
    """The loads of a run pass while it waits for them; the output stream holds beats back."""
    case = random_case(20, 37)
    assert case.dram
    schedule = Schedule.plan(case.layer, replace(case.design, buffer_sets=1), case.form)
    loads = loads_of_runs(schedule)
    events = written(LayerTimeline.in_dram(schedule, case.dram))["traceEvents"]
    slices = threads(events)
    waits = [event for event in slices["lane 0"] if event["name"] == "dram"]
    assert len(waits) == sum(bool(own) for own in loads)
    for load in slices["load weights"] + slices["load features"]:
        (wait,) = [own for own in waits if own["ts"] <= load["ts"] < own["ts"] + own["dur"]]
        assert load["ts"] + load["dur"] <= wait["ts"] + wait["dur"]
    assert len(slices["runs"]) == len(loads)
