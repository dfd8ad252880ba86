"""A timeline as a Chrome trace: JSON that ui.perfetto.dev and chrome://tracing open.

The JSON Object Format of the Trace Event Format (Google, 2016), written event by event: ``X``
slices, ``C`` counters, and ``M`` names. Its times are microseconds; here one is one cycle.
"""

import json
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

import numpy as np

from .layer import LayerTimeline, PlacedRun
from .tracks import Counter, Track, counters_of, tracks_of

__all__ = ["write_chrome_trace"]

_PROCESS = 1
_FIRST_THREAD = 2
"""A thread with the number of the process would be shown as its main thread."""


def write_chrome_trace(timeline: LayerTimeline, facts: Mapping[str, str], file: TextIO) -> None:
    """Write a timeline.

    Parameters
    ----------
    timeline : LayerTimeline
    facts : mapping of str to str
        What it is of, for the metadata.
    file : text file
    """
    about = {"time": "1 us = 1 cycle", **facts}
    file.write(f'{{"displayTimeUnit":"ns","otherData":{_text(about)},"traceEvents":[\n')
    separator = ""
    for event in _events(timeline):
        file.write(separator + _text(event))
        separator = ",\n"
    file.write("\n]}\n")


def _events(timeline: LayerTimeline) -> Iterator[dict[str, Any]]:
    """Yield all events. Threads stand in the order of the tracks, those without slices left out."""
    name = f"{timeline.name} on {timeline.design.name}, 1 us = 1 cycle"
    yield _named("process_name", 0, {"name": name})
    named = set()
    for placed in timeline.runs:
        for thread, track in enumerate(tracks_of(placed), start=_FIRST_THREAD):
            slices = list(_slices(track, placed, thread))
            if slices and thread not in named:
                named.add(thread)
                yield _named("thread_name", thread, {"name": track.name})
                yield _named("thread_sort_index", thread, {"sort_index": thread})
            yield from slices
        for counter in counters_of(placed.run):
            yield from _samples(counter, placed)


def _named(what: str, thread: int, arguments: dict[str, Any]) -> dict[str, Any]:
    return {"ph": "M", "name": what, "pid": _PROCESS, "tid": thread, "args": arguments}


def _slices(track: Track, placed: PlacedRun, thread: int) -> Iterator[dict[str, Any]]:
    """Yield a slice for each span, as far as it is told."""
    spans = track.spans.within(placed.run.span)
    begins = (spans.begin + placed.start).tolist()
    for begin, cycles, kind in zip(begins, spans.cycles.tolist(), spans.kind.tolist(), strict=True):
        event = {"ph": "X", "name": track.labels[kind], "pid": _PROCESS, "tid": thread,
                 "ts": begin, "dur": cycles}  # fmt: skip
        if track.details and track.details[kind]:
            event["args"] = track.details[kind]
        yield event


def _samples(counter: Counter, placed: PlacedRun) -> Iterator[dict[str, Any]]:
    """Yield all numbers of a counter wherever one changes."""
    waves = {name: wave.within(placed.run.span) for name, wave in counter.waves.items()}
    cycles = np.unique(np.concatenate([wave.cycles for wave in waves.values()]))
    columns = [wave.at(cycles) for wave in waves.values()]
    for cycle, *values in zip((cycles + placed.start).tolist(), *columns, strict=True):
        numbers = dict(zip(waves, values, strict=True))
        yield {"ph": "C", "name": counter.name, "pid": _PROCESS, "ts": cycle, "args": numbers}


def _text(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), allow_nan=False)
