"""Exact cycles of the sparse family: the timing contract as a recurrence.

Within a pass, windows are visited in order and, in each, the segments of all lanes at once (see
``segments``). After a window, the next entry of every lane is in a later one, so ``past`` is the
cycle before its ``head``. The window ``run_ahead`` on waits for all clusters, so the slowest lane
decides::

    max over clusters of released(w) = max(fed(w), past(l, w) over all lanes)

The contract's ``released(w-1) + 1`` needs no term: windows start at least a cycle apart, so that
``W0(w + run_ahead) > W0(w-1 + run_ahead) >= released(w-1) + 1`` anyway.

A lane's stalls between two issues follow from the cycles where one cause ends and the next one
begins, since the causes apply in the order of the contract::

    previous issue | weight_buffer | drain   | window and feed | issue
                                 head(e)   free(e)           fed(win(e))

*Passes that repeat.* What the rest of a tile still depends on at the end of a pass is a list of
cycles (``_Run._state``). If two such lists are equal but for a shift of time, the passes between
them repeat for the rest of the tile, and are skipped by arithmetic. Only three things tell the
passes of a tile apart: the first pass of a run waits for no accumulator (a wait for ``NEVER``),
the entry that the decoder prepares at the end of the last pass is another tile's, and near the
end of the run the feeder has no more windows to wait for.
"""

import numpy as np

from ..hw.design import Design, broadcast_stages
from ..hw.program import Program
from .counters import Counters
from .exact_port import Ports
from .feeder import Feeder
from .output_stage import OutputStage, beats_per_tile, last_group
from .recorder import UNRECORDED, DrainedPass, Recorder, SparsePass
from .segments import NEVER, Ints, Segments, decode_steps, decoder_can_bind

__all__ = ["FIRST_WORD_TO_ENTRY", "WAITS", "issue_to_ready", "simulate_sparse", "sparse_counters"]

_EMIT_TO_HEAD = 2
FIRST_WORD_TO_ENTRY = 1
_ISSUE_TO_READY = 4
_ISSUE_TO_READY_BY_PORT = 8

WAITS = ("weight_buffer", "drain", "window", "feed")
"""What a lane waits for between two issues, in the order of the contract's priorities."""


def simulate_sparse(
    program: Program, stage: OutputStage, recorder: Recorder = UNRECORDED
) -> Counters:
    """Count the cycles of a program of the sparse family; its sums go to ``stage``."""
    run = _Run(program, stage, recorder)
    for tile in range(program.tiles):
        run.work_off(tile)
    return run.counters()


def issue_to_ready(design: Design) -> int:
    """Return the cycles from the issue of the last entry of a pass until its sums are ready."""
    if design.delivery == "port":
        return _ISSUE_TO_READY_BY_PORT
    return _ISSUE_TO_READY + broadcast_stages(design.vector)


def sparse_counters(
    program: Program, stage: OutputStage, waits: Ints, last_issues: Ints, first_fed: int
) -> Counters:
    """Return the counters of a run at its end.

    Parameters
    ----------
    program : Program
    stage : OutputStage
        Which has taken all passes.
    waits : int64 array (4,)
        Cycles that lanes waited between two issues, by the causes ``WAITS``.
    last_issues : int64 array (streams,)
    first_fed : int
        Cycle from which the first window can be read.
    """
    design, group = program.design, program.design.simd_group
    passes = program.layout.position_tiles
    cycles = stage.cycles(last_group(program.assignment[-1], design))
    lanes_done = int(last_issues.max())
    entries = sum(one.entry_positions.size for tile in program.streams for one in tile)
    weights = int(program.stored_weights.sum())
    waited = dict(zip(WAITS, waits.tolist(), strict=True))
    return Counters(
        lanes=design.lanes,
        cycles=cycles,
        compute=group * weights * passes,
        stalls={
            "imbalance": group * int((lanes_done - last_issues).sum()),
            "window": group * waited["window"],
            "feed": group * waited["feed"],
            "filler": group * (entries - weights) * passes,
            "weight_buffer": group * waited["weight_buffer"],
            "dram": 0,
            "drain": group * waited["drain"] + design.lanes * (cycles - 1 - lanes_done),
            "fill": design.lanes * first_fed,
        },
        output_beats=int(beats_per_tile(program.assignment, design).sum()) * passes,
    )


class _Run:
    """The array at work; between two calls it stands between two tiles."""

    def __init__(self, program: Program, stage: OutputStage, recorder: Recorder) -> None:
        design = program.design
        self._program = program
        self._recorder = recorder
        self._passes = program.layout.position_tiles  # of each tile
        self._decoder_binds = decoder_can_bind(program)
        depth = design.fifo_depth if self._decoder_binds else 1
        self._stage = stage
        reads = np.array([stream.words.size > 0 for stream in program.streams[0]])
        self._decoded = np.where(reads, FIRST_WORD_TO_ENTRY + self._first_steps(0), 0)
        self._heads = self._decoded + _EMIT_TO_HEAD
        self._feeder: Feeder | Ports
        if design.delivery == "port":
            self._feeder = Ports(int(self._heads.min()))
        else:
            self._feeder = Feeder(program.layout, design, program.tiles * self._passes)
        self._issue_to_ready = issue_to_ready(design)
        self._first_fed = self._feeder.fed(0)
        self._history = np.full((depth, design.streams), NEVER)
        self._taken = np.full(design.streams, NEVER)
        self._waits = np.zeros(len(WAITS), np.int64)

    def work_off(self, tile: int) -> None:
        """Run all passes of a tile."""
        cut = Segments.of_entries if self._decoder_binds else Segments.of_runs
        work = cut(self._program, tile)
        own = self._first_steps(tile)
        last_tile = tile == self._program.tiles - 1
        following = None if last_tile else self._first_steps(tile + 1)

        alike = self._passes_alike(tile, own, following)
        seen: dict[bytes, tuple[int, int, Ints]] = {}
        done = 0
        while done < self._passes:
            if self._stage.steady and done <= alike and (tile or done):
                state, now, waits = self._state(), self._feeder.clock(), self._waits.copy()
                before = seen.get(state, (done, now, waits))
                seen[state] = done, now, waits
                period = done - before[0]
                most = (alike - done) // period if period else 0
                if most and (repeats := self._repeats(most, now - before[1])):
                    self._skip(repeats * period, repeats * (now - before[1]))
                    self._waits += repeats * (waits - before[2])
                    done += repeats * period
                    seen.clear()
                    continue
            number = tile * self._passes + done
            self._pass(number, work, following if done == self._passes - 1 else own)
            done += 1

    def counters(self) -> Counters:
        """Return the counters at the end of the last tile."""
        return sparse_counters(
            self._program, self._stage, self._waits, self._history[-1], self._first_fed
        )

    def _first_steps(self, tile: int) -> Ints:
        """Return the decoder cycles of the first entry of each lane."""
        return np.array([steps[0] for steps in decode_steps(self._program, tile)])

    def _passes_alike(self, tile: int, own: Ints, following: Ints | None) -> int:
        """How many passes of a tile, from its first, follow the same rules (see the module)."""
        alike = self._passes
        if self._decoder_binds and (following is None or not np.array_equal(own, following)):
            alike -= 1
        # The feeder looks run_ahead windows ahead of the last one of a pass.
        end_effect = -(-self._feeder.ahead // self._feeder.windows)
        left_after = (self._program.tiles - 1 - tile) * self._passes
        return min(alike, self._passes + left_after - end_effect)

    def _repeats(self, most: int, cycles: int) -> int:
        """Return how many of so many repetitions of so many cycles may be left out."""
        clock = self._feeder.clock()
        earliest = min(int(self._history[-1].min()) + 1, clock)
        latest = max(int(self._heads.max()), self._stage.end, clock)
        return self._recorder.repeats(most, earliest, latest, cycles)

    def _pass(self, number: int, work: Segments, following: Ints | None) -> None:
        """Run one pass; ``following``: decoder cycles of the lanes' next entries, if any."""
        count, history = work.window.size, self._history.size
        next_steps, next_room = work.next_steps.copy(), work.next_room.copy()
        if following is None:
            next_steps[work.last] = NEVER
            next_room[work.last] = history + count
        else:
            next_steps[work.last] = following
        free = np.full(count, NEVER)
        free[work.gated] = self._taken + 1
        more = work.entries - 1
        heads = np.empty(count, np.int64)
        issues = np.concatenate([self._history.ravel(), np.empty(count, np.int64), [NEVER]])
        last_issues = issues[history:]  # a view: the last entry of each segment

        for window, turns in enumerate(work.turns):
            fed = self._feeder.fed(window)
            for start, stop, lanes in turns:
                head = self._heads[lanes]
                heads[start:stop] = head
                issue = np.maximum(head, free[start:stop])
                np.maximum(issue, fed, out=issue)
                issue += more[start:stop]
                last_issues[start:stop] = issue
                head = issue + 1
                if self._decoder_binds:
                    decoded = self._decoded[lanes] + next_steps[start:stop]
                    np.maximum(decoded, issues[next_room[start:stop]] + 1, out=decoded)
                    self._decoded[lanes] = decoded
                    np.maximum(head, decoded + _EMIT_TO_HEAD, out=head)
                self._heads[lanes] = head
            self._feeder.release(max(fed, int(self._heads.max()) - 1))

        waited = self._attribute(work, heads, free, issues)
        self._history = issues[work.history]
        group = self._program.design.simd_group
        ready = np.repeat(self._history[-1] + self._issue_to_ready, group)
        self._taken = self._stage.take(ready)[group - 1 :: group]  # the last lane's
        self._recorder.sparse_pass(
            SparsePass(
                number, work, heads, *waited, last_issues[:-1], self._first_fed,
                self._feeder.written(), self._feeder.fed_all(), self._heads,
            )
        )  # fmt: skip
        self._recorder.drained(DrainedPass(number, ready, self._stage.begins, self._stage.ends))
        self._feeder.next_pass()

    def _attribute(
        self, work: Segments, heads: Ints, free: Ints, issues: Ints
    ) -> tuple[Ints, Ints, Ints, Ints]:
        """Charge the waits before the first entry of each segment of a pass.

        Return from when on it was waited for each (``SparsePass``).
        """
        since = np.maximum(issues[work.previous] + 1, self._first_fed)  # before that: fill
        head = np.maximum(heads, since)
        freed = np.maximum(head, free)
        fed = self._feeder.fed_all()
        late = np.flatnonzero(freed < fed[work.window])
        windows, arrivals = work.window[late], freed[late]
        missing = int((fed[windows] - arrivals).sum())
        waits = self._feeder.waits_before(fed)[windows] - self._feeder.waits_before(arrivals)
        blocked = int(waits.sum())
        self._waits += (
            int((head - since).sum()),
            int((freed - head).sum()),
            blocked,
            missing - blocked,
        )
        return since, head, freed, fed[work.window]

    def _state(self) -> bytes:
        """All that the passes to come depend on, relative to the feeder's clock.

        Cycles too early to make a difference are replaced, so that they do not hide a repetition:
        a FIFO place freed before the decoder needs it, accumulators taken before the next entry
        stands at the head, and windows fed before the earliest cycle that is still to be charged.
        """
        last_issues = self._history[-1]
        parts = [  # the heads follow from the last issues and the decoder
            last_issues,
            np.maximum(self._taken, self._heads - 1),
            [self._stage.end],
        ]
        if self._decoder_binds:
            parts += [self._decoded, np.maximum(self._history, self._decoded - 1).ravel()]
        pending = self._feeder.pending(int(last_issues.min()) + 1)
        return np.concatenate([np.concatenate(parts) - self._feeder.clock(), pending]).tobytes()

    def _skip(self, passes: int, cycles: int) -> None:
        """Move on by passes that repeat what came before, ``cycles`` later."""
        for values in (self._heads, self._decoded, self._history, self._taken):
            values += cycles
        self._stage.end += cycles
        self._stage.begins += cycles
        self._feeder.skip(passes, cycles)
