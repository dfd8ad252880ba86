"""The signals of the RTL that a timeline tells, under the names they have in the RTL's own waves.

Each is a member or a plainly named register of the gateware, so that it has the same name in
Amaranth's simulator, in Icarus Verilog and in Verilator. Strobes and levels are those of the cycle
itself; what an array reports to the counters (``state``, ``fed_any``, ``feeder_waits``,
``operand``, ``filled``) is of the cycle before, which in cycle 0 belongs to the run before.
"""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from ...hw.eie_words import queue_places
from ...hw.front import LaneState
from ...hw.program import WINDOW_COUNT_BITS
from ..exact_dense import issue_to_operand
from .dense import DenseEvents
from .eie import EieEvents
from .intervals import Intervals
from .lanes import CAUSES, Cause
from .layer import PlacedRun
from .run import RunTimeline
from .sparse import SparseEvents
from .waves import Wave

__all__ = ["CAUSE", "DONE", "RUNNING", "Signal", "run_waves"]

CAUSE = "cause"
"""The one signal of each lane that the RTL does not have: its cause as a word."""

_STATE_BITS = max(LaneState).bit_length()

_STATES = {
    Cause.COMPUTE: LaneState.COMPUTE,
    Cause.FILLER: LaneState.FILLER,
    Cause.IMBALANCE: LaneState.DONE,
    Cause.WEIGHT_BUFFER: LaneState.EMPTY,
    Cause.WINDOW: LaneState.NOT_FED,
    Cause.FEED: LaneState.NOT_FED,
}
"""What a lane says it does, where that depends on its cause alone."""

_FIRST = Intervals.of(0, 0, 1)


class Signal(NamedTuple):
    """A signal of the RTL.

    Attributes
    ----------
    scope : str
        Where it is, below the accelerator; "" for its ports.
    name : str
    bits : int
        0 for a word.
    """

    scope: str
    name: str
    bits: int


DONE = Signal("", "done", 1)
RUNNING = Signal("shell.control", "running", 1)
"""What changes with the end of a run."""


def run_waves(placed: PlacedRun) -> dict[Signal, Wave]:
    """Return the waves of a run, in cycles of the run."""
    return dict(_waves(placed.run, placed.number == 0))


def _waves(run: RunTimeline, is_first: bool) -> Iterator[tuple[Signal, Wave]]:
    yield from _host(run)
    yield from _output(run)
    if isinstance(run.events, SparseEvents):
        lane = "lane"
        yield from _streams(run, run.events, is_first)
        yield from _windows(run, run.events, is_first)
    elif isinstance(run.events, EieEvents):
        lane = "pe"
        yield from _pes(run, run.events, is_first)
    else:
        lane = "lane"
        yield from _steps(run, run.events)
    for number, own in enumerate(run.lanes.by_track(run.tracks)):
        yield Signal(f"array.{lane}_{number}", CAUSE, 0), Wave.kinds(own, list(CAUSES), "")


def _host(run: RunTimeline) -> Iterator[tuple[Signal, Wave]]:
    """Yield what the host sees, and what the control unit makes of it."""
    last = run.beats.begin[run.beats.end == run.cycles]
    yield Signal("", "m_axis_tvalid", 1), Wave.level(run.beats)
    yield Signal("", "m_axis_tlast", 1), Wave.level(Intervals.of(0, last, run.cycles))
    yield DONE, Wave.strobe(np.array([run.cycles]))
    yield RUNNING, Wave.level(Intervals.of(0, [0], run.cycles))
    yield Signal("shell.control", "waiting", 1), Wave.level(Intervals.of(0, [-run.waited], 0))


def _output(run: RunTimeline) -> Iterator[tuple[Signal, Wave]]:
    """Yield what the output stage does."""
    lanes, last = run.program.design.lanes, run.groups.group == run.groups.group.max(initial=0)
    taken = Intervals.of(run.sums.track, run.sums.end - 1, run.sums.end)
    held = Intervals.of(0, run.beats.begin, run.beats.end - 1)
    yield Signal("output", "ready", lanes), Wave.bits(run.sums)
    yield Signal("output", "take", lanes), Wave.bits(taken)
    yield Signal("output", "finished", 1), Wave.strobe(run.groups.end[last] - 1)
    yield Signal("output", "flow", 1), Wave.level(held).inverted()


def _streams(
    run: RunTimeline, events: SparseEvents, is_first: bool
) -> Iterator[tuple[Signal, Wave]]:
    """Yield the fronts of the sparse lanes, one for each index stream."""
    lanes = events.lanes.merged()
    issued = lanes.of_kinds([Cause.COMPUTE, Cause.FILLER]).by_track(run.tracks)
    at_head = events.at_head.merged()
    states = _states(events, lanes, at_head).later(1).by_track(run.tracks)
    heads = at_head.by_track(run.tracks)
    idle = LaneState.EMPTY if is_first else LaneState.DONE
    done = np.full(run.tracks, run.span.stop) if events.last_issues is None else events.last_issues
    for number in range(run.tracks):
        front = f"array.lane_{number}.front"
        state = Wave.kinds(states[number], list(LaneState), idle)
        ended = Intervals.of(0, done[number] + 1, run.cycles + 1)
        yield Signal(front, "issue", 1), Wave.level(issued[number])
        yield Signal(front, "head_valid", 1), Wave.level(heads[number])
        yield Signal(front, "done", 1), Wave.level(ended)
        yield Signal(front, "state", _STATE_BITS), state


def _states(events: SparseEvents, lanes: Intervals, at_head: Intervals) -> Intervals:
    """Return what each stream says of itself; the kinds are ``LaneState``."""
    first_fed = events.passes[0].first_fed
    heads = np.full(events.program.design.streams, first_fed)
    np.minimum.at(heads, at_head.track, at_head.begin)
    stream = np.arange(heads.size)
    drain = lanes.of_kinds([Cause.DRAIN])
    if events.last_issues is None:
        ended = np.zeros(len(drain), np.bool_)
    else:
        ended = drain.begin > events.last_issues[drain.track]
    known = lanes.of_kinds(list(_STATES))
    states = np.array([_STATES.get(kind, 0) for kind in range(len(CAUSES))])
    return Intervals.joined(
        [
            Intervals.of(stream, 0, heads, LaneState.EMPTY),
            Intervals.of(stream, heads, first_fed, LaneState.NOT_FED),
            Intervals(known.track, known.begin, known.end, states[known.kind]),
            Intervals.of(drain.track, drain.begin, drain.end,
                         np.where(ended, LaneState.DONE, LaneState.NOT_FREE)),
        ]
    ).merged()  # fmt: skip


def _windows(
    run: RunTimeline, events: SparseEvents, is_first: bool
) -> Iterator[tuple[Signal, Wave]]:
    """Yield the windows, and the feeder that waits for them; lanes with ports have neither."""
    there = Intervals.of(0, [events.passes[0].first_fed + 1], run.cycles + 1)
    if run.program.design.delivery == "port":
        yield Signal("array", "fed_any", 1), Wave.level(there)
        return
    windows, before = events.windows, [] if is_first else [_FIRST]
    first, modulus = int(windows.number[0]), 1 << WINDOW_COUNT_BITS
    waits = events.waits
    yield Signal("array", "fed_any", 1), Wave.level(Intervals.joined([*before, there]))
    yield Signal("array", "feeder_waits", 1), Wave.level(waits.later(1))
    yield Signal("array.feeder", "hold", 1), Wave.level(waits)
    for cluster, released in enumerate(windows.released.T):
        ring = f"array.window_{cluster}"
        yield Signal(ring, "give_back", 1), Wave.strobe(released)
        for name, cycles in (("fed", windows.fed), ("released", released + 1)):
            yield Signal(ring, name, WINDOW_COUNT_BITS), Wave.count(cycles, first, modulus)


def _steps(run: RunTimeline, events: DenseEvents) -> Iterator[tuple[Signal, Wave]]:
    """Yield the steps of the dense feeder, and their operands at the MACs."""
    to_report = issue_to_operand(run.program.design) + 1
    filled = Intervals.of(0, [to_report], run.cycles + 1)
    yield Signal("array.feeder.walk", "advance", 1), Wave.level(events.steps)
    yield Signal("array", "operand", 1), Wave.level(events.steps.later(to_report))
    yield Signal("array", "filled", 1), Wave.level(filled)


def _pes(run: RunTimeline, events: EieEvents, is_first: bool) -> Iterator[tuple[Signal, Wave]]:
    """Yield the PEs of the EIE family."""
    lanes = events.lanes.merged().later(1)
    states = [_STATES.get(kind, LaneState.DONE) for kind in range(len(CAUSES))]
    opened = Wave.level(events.opened)
    begun = int(events.opened.begin[0]) if events.opened.kind[0] == 0 else run.span.start - 1
    before = [] if is_first else [_FIRST]
    there = Intervals.of(0, begun + 1, run.cycles + 1)
    yield Signal("array", "fed_any", 1), Wave.level(Intervals.joined([*before, there]))
    queue_bits = queue_places(run.program.design).bit_length()
    for number, (state, reads, in_fifo) in enumerate(
        zip(*(one.by_track(run.tracks) for one in (lanes, events.reads.merged(),
                                                   events.in_fifo.sorted())), strict=True)
    ):  # fmt: skip
        pe = f"array.pe_{number}"
        yield Signal(pe, "state", _STATE_BITS), Wave.kinds(state, states, LaneState.DONE)
        yield Signal(pe, "entry_enable", 1), Wave.level(reads)
        yield Signal(pe, "opened", 1), opened
        yield Signal(f"{pe}.queue", "level", queue_bits), Wave.balance(in_fifo)
