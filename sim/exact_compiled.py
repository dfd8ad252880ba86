"""The contract of the sparse family, entry by entry, compiled by Numba where it is installed.

The same cycles as ``sim.exact_sparse``, without its shortcuts: every entry of every pass is worked
off by the formulas of the timing contract. Compiled, that takes a few nanoseconds each. Windows are
numbered from 0 to the end of the run; what is remembered of them goes round in rings.
"""

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from ..hw.design import broadcast_stages
from ..hw.program import Program
from .counters import Counters
from .exact_sparse import FIRST_WORD_TO_ENTRY, issue_to_ready, sparse_counters
from .feeder import STEP_TO_WINDOW, release_to_step, window_steps
from .output_stage import OutputStage
from .segments import Ints, decode_steps

__all__ = ["simulate_compiled"]

_NEVER = -(1 << 60)
_FIRST_STEP = 4
_EMIT_TO_HEAD = 2


class _Work(NamedTuple):
    """A program as arrays and numbers.

    Attributes
    ----------
    window : int32 array (entries,)
        Window of each entry in its pass; tile after tile, lane after lane.
    steps : int32 array (entries,)
        Decoder cycles of each.
    first : int64 array (tiles, lanes + 1)
        Where the entries of a lane begin; those of the next one follow.
    decoded : int64 array (lanes,)
        Cycle in which the first entry of each lane leaves the decoder.
    passes : int
        Of each tile.
    fifo_depth : int
    gate : int
        1: the first entry of a pass waits for the accumulators; 2: the last one.
    window_steps : int64 array (windows,)
        Feed steps of each window of a pass; empty with private ports.
    run_ahead : int
    to_fed : int
        Cycles from the last step of a window to the one in which it can be read.
    release_to_step : int
    to_ready : int
        Cycles from the issue of a pass's last entry until its sums are ready.
    simd_group, lanes, drain, group_cycles : int
    """

    window: NDArray[np.int32]
    steps: NDArray[np.int32]
    first: Ints
    decoded: Ints
    passes: int
    fifo_depth: int
    gate: int
    window_steps: Ints
    run_ahead: int
    to_fed: int
    release_to_step: int
    to_ready: int
    simd_group: int
    lanes: int
    drain: int
    group_cycles: int


def simulate_compiled(program: Program, stage: OutputStage) -> Counters:
    """Count the cycles of a program of the sparse family; ``stage`` is left as it is at the end.

    Parameters
    ----------
    program : Program
    stage : OutputStage
        Of the ``ideal`` environment.
    """
    waits, last_issues, begins, first_fed = _count_cycles(_work_of(program, stage))
    stage.begins, stage.end = begins, int(begins[-1]) + stage.group_cycles - 1
    return sparse_counters(program, stage, waits, last_issues, first_fed)


def _work_of(program: Program, stage: OutputStage) -> _Work:
    design, layout = program.design, program.layout
    streams = [stream for tile in program.streams for stream in tile]
    counts = np.array([stream.entry_positions.size for stream in streams], np.int64)
    ends = np.cumsum(counts)
    first = np.empty((program.tiles, design.streams + 1), np.int64)
    first[:, 0] = (ends - counts).reshape(first.shape[0], -1)[:, 0]
    first[:, 1:] = ends.reshape(first.shape[0], -1)
    positions = np.concatenate([stream.entry_positions for stream in streams])
    if program.format.has_empty_words:
        tiles = range(program.tiles)
        steps = np.concatenate([own for tile in tiles for own in decode_steps(program, tile)])
    else:
        steps = np.ones(positions.size, np.int64)
    reads = np.array([stream.words.size > 0 for stream in program.streams[0]])
    port = design.delivery == "port"
    return _Work(
        window=layout.window_of(positions).astype(np.int32),
        steps=steps.astype(np.int32),
        first=first,
        decoded=np.where(reads, FIRST_WORD_TO_ENTRY + steps[first[0, :-1]], 0),
        passes=layout.position_tiles,
        fifo_depth=design.fifo_depth,
        gate=design.acc_sets,
        window_steps=np.zeros(0, np.int64) if port else window_steps(layout),
        run_ahead=design.run_ahead,
        to_fed=STEP_TO_WINDOW + broadcast_stages(design.streams),
        release_to_step=release_to_step(design),
        to_ready=issue_to_ready(design),
        simd_group=design.simd_group,
        lanes=design.lanes,
        drain=design.drain,
        group_cycles=stage.group_cycles,
    )


@njit(cache=True)  # type: ignore[untyped-decorator]
def _waited_before(cycle, latest, starts, waited, window_steps, windows):  # type: ignore[no-untyped-def] # noqa: ANN
    """Cycles the feeder waited before a cycle; ``latest``: a window that starts after, or at it."""
    ring = starts.size
    while starts[latest % ring] > cycle:
        latest -= 1
    place = latest % ring
    if latest == windows - 1:  # after the last window there is nothing to wait for
        return waited[place]
    waiting_from = starts[place] + window_steps[latest % window_steps.size]
    return waited[place] + max(0, cycle - waiting_from)


@njit(cache=True)  # type: ignore[untyped-decorator]
def _count_cycles(work):  # type: ignore[no-untyped-def] # noqa: ANN
    """Work off all passes; return the fields of an ``Outcome``."""
    tiles, lanes = work.first.shape[0], work.first.shape[1] - 1
    depth, passes = work.fifo_depth, work.passes
    per_pass = max(1, work.window_steps.size)
    windows = tiles * passes * per_pass
    port = work.window_steps.size == 0

    decoded = work.decoded.copy()
    head = decoded + _EMIT_TO_HEAD
    issued = np.full((lanes, depth), _NEVER)  # the last issues of each lane, in a ring
    turn = np.zeros(lanes, np.int64)
    taken = np.full(lanes, _NEVER)
    entry = np.zeros(lanes, np.int64)
    waits = np.zeros(4, np.int64)

    groups = (work.lanes + work.drain - 1) // work.drain
    begins = np.zeros(groups, np.int64)
    ends = np.zeros(groups, np.int64)
    output_end = -1

    ring = 2 * per_pass + work.run_ahead + 2
    starts = np.full(ring, _NEVER)
    waited = np.zeros(ring, np.int64)
    fed = head.min()  # private ports: from the first entry on
    started, next_start, stepped = 0, _FIRST_STEP, 0
    if not port:
        for started in range(work.run_ahead):
            starts[started] = next_start
            waited[started] = next_start - stepped
            next_start += work.window_steps[started % per_pass]
            stepped += work.window_steps[started % per_pass]
        started = work.run_ahead
        fed = starts[0] + work.window_steps[0] - 1 + work.to_fed
    first_fed = fed

    number = 0
    for tile in range(tiles):
        for a_pass in range(passes):
            for lane in range(lanes):
                entry[lane] = work.first[tile, lane]
            last_pass = a_pass == passes - 1
            for window in range(per_pass):
                if not port:
                    fed = starts[number % ring] + work.window_steps[window] - 1 + work.to_fed
                past = _NEVER
                for lane in range(lanes):
                    end = work.first[tile, lane + 1]
                    while entry[lane] < end and work.window[entry[lane]] == window:
                        e = entry[lane]
                        place = turn[lane]
                        before = issued[lane, place - 1]
                        gated = e == (work.first[tile, lane] if work.gate == 1 else end - 1)
                        free = taken[lane] + 1 if gated else _NEVER
                        issue = max(head[lane], max(fed, free))
                        # What it waited for since the issue before.
                        since = max(before + 1, first_fed)
                        at_head = max(head[lane], since)
                        waits[0] += at_head - since
                        freed = max(at_head, free)
                        waits[1] += freed - at_head
                        if freed < fed:
                            latest = min(number + work.run_ahead, windows) - 1
                            blocked = _waited_before(
                                fed, latest, starts, waited, work.window_steps, windows
                            ) - _waited_before(
                                freed, latest, starts, waited, work.window_steps, windows
                            )
                            waits[2] += blocked
                            waits[3] += fed - freed - blocked
                        issued[lane, place] = issue
                        turn[lane] = (place + 1) % depth
                        # The entry behind it: in this pass, the next one, or the next tile.
                        entry[lane] = e + 1
                        following = e + 1
                        if following == end:
                            following = work.first[tile, lane]
                            if last_pass:
                                following = -1 if tile == tiles - 1 else work.first[tile + 1, lane]
                        head[lane] = issue + 1
                        if following >= 0:
                            room = issued[lane, turn[lane]] + 1
                            decoded[lane] = max(decoded[lane] + work.steps[following], room)
                            head[lane] = max(head[lane], decoded[lane] + _EMIT_TO_HEAD)
                    past = max(past, head[lane] - 1)
                number += 1
                if not port:
                    released = max(fed, past)
                    start = max(next_start, released + work.release_to_step)
                    starts[started % ring] = start
                    waited[started % ring] = start - stepped
                    next_start = start + work.window_steps[started % per_pass]
                    stepped += work.window_steps[started % per_pass]
                    started += 1
            for group in range(groups):
                begin = output_end + 1 if group == 0 else ends[group - 1] + 1
                for lane in range(group * work.drain, min((group + 1) * work.drain, work.lanes)):
                    stream = lane // work.simd_group
                    ready = issued[stream, turn[stream] - 1] + work.to_ready
                    begin = max(begin, ready)
                begins[group] = begin
                ends[group] = begin + work.group_cycles - 1
            output_end = ends[groups - 1]
            for lane in range(lanes):
                taken[lane] = ends[((lane + 1) * work.simd_group - 1) // work.drain]
    last_issues = np.empty(lanes, np.int64)
    for lane in range(lanes):
        last_issues[lane] = issued[lane, turn[lane] - 1]
    return waits, last_issues, begins, first_fed
