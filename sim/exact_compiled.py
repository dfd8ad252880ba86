"""The contract of the sparse family, entry by entry, compiled by Numba where it is installed.

The same cycles as ``sim.exact_sparse``, with one of its shortcuts: entry after entry is worked off
by the formulas of the timing contract, in a few nanoseconds each, until two passes of a tile have
begun and ended alike; then the rest of the tile repeats. ``sim.compilation`` says when it is used.
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


@njit(cache=True)
def _waited_before(cycle, latest, ending, starts, waited, steps):  # type: ignore[no-untyped-def]
    """Cycles the feeder waited before a cycle; ``latest``: the last window of which it is known.

    After ``ending``, the last window of the run, it waits for nothing.
    """
    while starts[latest] > cycle:
        latest -= 1
    if latest == ending:
        return waited[latest]
    return waited[latest] + max(0, cycle - starts[latest] - steps[latest])


@njit(cache=True)
def _count_cycles(work):  # type: ignore[no-untyped-def]
    """Work off all passes; return waits, last issues, begins of the last groups, first fed."""
    window_of, steps_of, first = work.window, work.steps, work.first
    tiles, lanes = first.shape[0], first.shape[1] - 1
    depth, passes, gate = work.fifo_depth, work.passes, work.gate
    to_fed, run_ahead = work.to_fed, work.run_ahead
    per_pass = max(1, work.window_steps.size)
    port = work.window_steps.size == 0

    decoded = work.decoded.copy()
    head = decoded + _EMIT_TO_HEAD
    issued = np.full((lanes, depth), _NEVER)  # the last issues of each lane, in a ring
    oldest = np.zeros(lanes, np.int64)  # place in the ring of the issue ``depth`` entries ago
    latest_issue = np.full(lanes, _NEVER)
    taken = np.full(lanes, _NEVER)
    entry = np.zeros(lanes, np.int64)
    waits = np.zeros(4, np.int64)

    groups = (work.lanes + work.drain - 1) // work.drain
    begins = np.zeros(groups, np.int64)
    output_end = -1

    # Windows of the pass before, of this one, and those that are started ahead.
    starts = np.zeros(2 * per_pass + run_ahead, np.int64)
    waited = np.zeros(starts.size, np.int64)
    steps = np.ones(starts.size, np.int64)
    if not port:
        for place in range(starts.size):
            steps[place] = work.window_steps[place % per_pass]
    known = per_pass  # places of which the start is known
    left = tiles * passes * per_pass  # windows from the first of this pass to the end of the run
    next_start, stepped = _FIRST_STEP, 0
    fed = head.min()  # private ports: from the first entry on
    if not port:
        for _ in range(run_ahead):
            starts[known] = next_start
            waited[known] = next_start - stepped
            next_start += steps[known]
            stepped += steps[known]
            known += 1
        fed = starts[per_pass] + steps[per_pass] - 1 + to_fed
    first_fed = fed

    pass_steps = work.window_steps.sum()
    # At the end of a tile the next one shows, at the end of the run there is nothing to feed.
    unlike = 1 + (run_ahead + per_pass - 1) // per_pass
    state = np.empty(lanes * (3 + depth) + run_ahead + 1, np.int64)
    state_before, waits_before = state.copy(), waits.copy()

    for tile in range(tiles):
        number = alike = clock_before = 0
        while number < passes:
            last_pass = number == passes - 1
            for lane in range(lanes):
                entry[lane] = first[tile, lane]
            for window in range(per_pass):
                here = per_pass + window
                if not port:
                    fed = starts[here] + steps[here] - 1 + to_fed
                past = _NEVER
                for lane in range(lanes):
                    e, end = entry[lane], first[tile, lane + 1]
                    if e < end and window_of[e] == window:
                        ahead, before = head[lane], latest_issue[lane]
                        free = taken[lane] + 1
                        gated = first[tile, lane] if gate == 1 else end - 1
                        place = oldest[lane]
                        while e < end and window_of[e] == window:
                            # What it waits for, since the issue before.
                            since = max(before + 1, first_fed)
                            at_head = max(ahead, since)
                            waits[0] += at_head - since
                            issue = at_head
                            if e == gated and free > issue:
                                waits[1] += free - issue
                                issue = free
                            if issue < fed:
                                ending = per_pass + left - 1
                                latest = min(known - 1, ending)
                                blocked = _waited_before(
                                    fed, latest, ending, starts, waited, steps
                                ) - _waited_before(issue, latest, ending, starts, waited, steps)
                                waits[2] += blocked
                                waits[3] += fed - issue - blocked
                                issue = fed
                            before = issue
                            issued[lane, place] = issue
                            place = place + 1 if place + 1 < depth else 0
                            # The entry behind it: in this pass, the next one, or the next tile.
                            e += 1
                            following = e
                            if e == end:
                                following = first[tile, lane]
                                if last_pass:
                                    following = first[tile + 1, lane] if tile + 1 < tiles else -1
                            ahead = issue + 1
                            if following >= 0:
                                room = issued[lane, place] + 1
                                ready = max(decoded[lane] + steps_of[following], room)
                                decoded[lane] = ready
                                ahead = max(ahead, ready + _EMIT_TO_HEAD)
                        entry[lane] = e
                        head[lane], latest_issue[lane], oldest[lane] = ahead, before, place
                    past = max(past, head[lane] - 1)
                if not port:
                    start = max(next_start, max(fed, past) + work.release_to_step)
                    starts[known] = start
                    waited[known] = start - stepped
                    next_start = start + steps[known]
                    stepped += steps[known]
                    known += 1
            for group in range(groups):
                begin = output_end + 1
                for lane in range(group * work.drain, min((group + 1) * work.drain, work.lanes)):
                    begin = max(begin, latest_issue[lane // work.simd_group] + work.to_ready)
                begins[group] = begin
                output_end = begin + work.group_cycles - 1
            for lane in range(lanes):
                group = ((lane + 1) * work.simd_group - 1) // work.drain
                taken[lane] = begins[group] + work.group_cycles - 1
            if not port:
                starts[: per_pass + run_ahead] = starts[per_pass:].copy()
                waited[: per_pass + run_ahead] = waited[per_pass:].copy()
                known -= per_pass
                left -= per_pass
            number += 1

            # All that the passes to come depend on, from the end of this one.
            clock = output_end
            at = 0
            for lane in range(lanes):
                state[at], state[at + 1], state[at + 2] = head[lane], decoded[lane], taken[lane]
                at += 3
                for age in range(depth):
                    state[at] = issued[lane, (oldest[lane] + age) % depth]
                    at += 1
            state[at:] = clock
            if not port:
                state[at] = next_start
                state[at + 1 :] = starts[per_pass : per_pass + run_ahead]
            state -= clock
            alike = alike + 1 if (state == state_before).all() else 0
            # The waits of a pass depend on the windows of the one before, too: two of the same.
            if alike >= 2 and passes - number > unlike:
                skipped = passes - number - unlike
                later = skipped * (clock - clock_before)
                waits += skipped * (waits - waits_before)
                for own in (head, decoded, taken, latest_issue, begins, starts):
                    own += later
                issued += later
                waited += later - skipped * pass_steps
                output_end += later
                next_start += later
                stepped += skipped * pass_steps
                left -= skipped * per_pass
                number += skipped
                alike = 0
            clock_before = output_end
            state_before[:] = state
            waits_before[:] = waits
    return waits, latest_issue, begins, first_fed
