"""Tracks: the events of a run as a trace viewer shows them, one row of slices for each actor.

First what feeds and drains the lanes, then the lanes, in their order; then numbers over time.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from .dense import DenseEvents
from .eie import EieEvents
from .intervals import Intervals
from .lanes import CAUSES
from .layer import PlacedRun
from .run import LOADS, RunTimeline
from .sparse import SparseEvents, Windows
from .waves import Wave

__all__ = ["Counter", "Track", "counters_of", "tracks_of"]


@dataclass(frozen=True, eq=False)
class Track:
    """A row of slices, which do not overlap.

    Attributes
    ----------
    name : str
    spans : Intervals
        In cycles of the run; the kind is a place in ``labels`` and ``details``.
    labels : sequence of str
    details : sequence of dict
        What else is known; perhaps of none.
    """

    name: str
    spans: Intervals
    labels: Sequence[str]
    details: Sequence[dict[str, Any]] = ()


@dataclass(frozen=True, eq=False)
class Counter:
    """Numbers that belong together, as they change.

    Attributes
    ----------
    name : str
    waves : dict of str to Wave
        In cycles of the run.
    """

    name: str
    waves: dict[str, Wave]


def tracks_of(placed: PlacedRun) -> Iterator[Track]:
    """Yield the tracks of a run, the same ones for every run of a layer."""
    run = placed.run
    totals = {"cycles": run.counters.cycles, "compute": run.counters.compute}
    whole = Intervals.of(0, [-run.waited], run.cycles)
    yield Track("runs", whole, [f"run {placed.number}"], [{**totals, **run.counters.stalls}])
    for kind, stream in enumerate(LOADS):
        yield Track(f"load {stream}", run.loads.of_kinds([kind]), LOADS)
    if isinstance(run.events, SparseEvents):
        yield from _window_tracks(placed, run.events)
    elif isinstance(run.events, EieEvents):
        yield _scan_track(run.events)
    else:
        yield _step_track(run, run.events)
    yield from _output_tracks(run)
    yield from _lane_tracks(run)


def counters_of(run: RunTimeline) -> Iterator[Counter]:
    """Yield the numbers of a run: lanes by cause, and what waits between feeder and lanes."""
    share = run.program.design.lanes // run.tracks
    counted = {"compute": run.counters.compute, **run.counters.stalls}
    lanes = {
        cause: Wave.balance(run.lanes.of_kinds([kind]), share)
        for kind, cause in enumerate(CAUSES)
        if counted[cause]
    }
    yield Counter("lanes", lanes)
    events = run.events
    if isinstance(events, SparseEvents) and events.windows.number.size:
        yield Counter("windows held", {"windows": Wave.balance(events.windows.held)})
    if isinstance(events, EieEvents):
        yield Counter("columns in FIFOs", {"columns": Wave.balance(events.in_fifo)})


def _window_tracks(placed: PlacedRun, events: SparseEvents) -> Iterator[Track]:
    """Yield the feeder, and the places of the ring that windows come and go in."""
    run, windows = placed.run, events.windows
    design = run.program.design
    if design.delivery == "port":
        return
    number = np.arange(windows.number.size)
    written = Intervals.of(0, windows.begin, windows.end, number)
    waits = events.waits
    waiting = Intervals(waits.track, waits.begin, waits.end, waits.kind + number.size)
    labels = [f"window {one}" for one in windows.number.tolist()]
    details = _window_details(placed, windows)
    feeder = Intervals.joined([written, waiting])
    yield Track("feeder", feeder, [*labels, "wait for release"], [*details, {}])
    for place in range(design.run_ahead):
        own = windows.held.of_kinds(number[windows.number % design.run_ahead == place].tolist())
        yield Track(f"window place {place}", own, labels, details)


def _window_details(placed: PlacedRun, windows: Windows) -> list[dict[str, Any]]:
    """Return what is known of each window; cycles are those of the layer."""
    each = placed.run.program.layout.windows
    fed, released = windows.fed + placed.start, windows.released + placed.start
    return [
        {"pass": number // each, "window of pass": number % each, "fed": begin, "released": ends}
        for number, begin, ends in zip(
            windows.number.tolist(), fed.tolist(), released.tolist(), strict=True
        )
    ]


def _scan_track(events: EieEvents) -> Track:
    """Return when each scan is open at the PEs."""
    numbers = events.opened.kind.tolist()
    tiles = len(events.program.columns)
    opened = events.opened
    return Track(
        "scans",
        Intervals(opened.track, opened.begin, opened.end, np.arange(len(opened))),
        [f"scan {number}" for number in numbers],
        [{"image": number // tiles, "row tile": number % tiles} for number in numbers],
    )


def _step_track(run: RunTimeline, events: DenseEvents) -> Track:
    """Return when the dense feeder issues steps."""
    return Track("feeder", events.steps, [f"tile {tile}" for tile in range(run.program.tiles)])


def _output_tracks(run: RunTimeline) -> Iterator[Track]:
    """Yield the output stage and its stream."""
    groups = run.groups
    number = np.arange(groups.group.size)
    labels = [f"group {group}" for group in groups.group.tolist()]
    details = [{"pass": one} for one in groups.passes.tolist()]
    visits = Intervals.of(0, groups.begin, groups.end, number)
    yield Track("output stage", visits, labels, details)
    yield Track("output stream", run.beats, ["beat"])


def _lane_tracks(run: RunTimeline) -> Iterator[Track]:
    """Yield what each lane does."""
    design = run.program.design
    for number, own in enumerate(run.lanes.by_track(run.tracks)):
        if design.family == "eie":
            name = f"PE {number}"
        elif run.tracks < design.lanes:
            first = number * design.simd_group
            name = f"lanes {first}-{first + design.simd_group - 1}"
        else:
            name = f"lane {number}"
        yield Track(name, own, CAUSES)
