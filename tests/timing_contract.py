"""The timing contract of ARCHITECTURE.md, stepped cycle by cycle: slow, and plain to check.

Each stage is a state machine that knows only its own line of the table. It shares nothing with
the simulator but the ``Program`` and ``Counters``.
"""

from dataclasses import dataclass, field
from typing import Protocol

from bosquet.hw.eie_program import EieProgram
from bosquet.hw.program import Program
from bosquet.sim.counters import STALLS, Counters


class Array(Protocol):
    """An array that can be run; then it tells what each lane (SIMD group) did in each cycle."""

    told: list[list[str]]

    def run(self) -> Counters: ...


def interpret(program: Program) -> Counters:
    """Run a program one cycle at a time."""
    return array_of(program).run()


def array_of(program: Program) -> Array:
    """Return the array that runs a program."""
    if isinstance(program, EieProgram):
        from eie_contract import EieArray  # here, since it builds on this module

        return EieArray(program)
    if program.design.family == "dense":
        return DenseArray(program)
    return PortArray(program) if program.design.delivery == "port" else SparseArray(program)


def stages(consumers: int) -> int:
    """Broadcast stages, as the contract spells them out: 0 up to 16, 1 up to 256."""
    assert consumers <= 256
    return 0 if consumers <= 16 else 1


@dataclass(frozen=True)
class Entry:
    window: int
    steps: int
    filler: bool
    pass_number: int
    first: bool
    last: bool


class OutputStage:
    """One group at a time, each for ``drain_cycles`` cycles."""

    def __init__(self, program: Program) -> None:
        design = program.design
        self.program = program
        self.groups = [
            list(range(low, min(low + design.drain, design.lanes)))
            for low in range(0, design.lanes, design.drain)
        ]
        # A lane whose columns have filters of their own is visited once for each column.
        self.filters = program.assignment.reshape(program.tiles, design.lanes, -1)
        own_filters = self.filters.shape[2] > 1
        self.duration = design.vector if own_filters else design.drain_cycles
        self.tiles = [tile for tile, _ in program.passes()]
        self.visits = [(p, g) for p in range(len(self.tiles)) for g in range(len(self.groups))]
        self.next_visit = 0
        self.left = 0  # cycles left of the group being taken
        self.taken: dict[tuple[int, int], int] = {}  # (pass, lane): cycle
        self.beats: list[int] = []

    @property
    def finished(self) -> bool:
        return self.next_visit == len(self.visits) and not self.left

    def step(self, now: int, ready: dict[tuple[int, int], int]) -> None:
        if not self.left and self.next_visit < len(self.visits):
            p, g = self.visits[self.next_visit]
            if all(ready.get((p, lane), now + 1) <= now for lane in self.groups[g]):
                self.left = self.duration
                self.next_visit += 1
                tile = self.tiles[p]
                latency = 7 + (1 if len(self.groups) <= 16 else 2)
                if any((self.filters[tile][lane] >= 0).any() for lane in self.groups[g]):
                    self.beats += [now + i + latency for i in range(self.duration)]
        if self.left:
            self.left -= 1
            if not self.left:
                p, g = self.visits[self.next_visit - 1]
                for lane in self.groups[g]:
                    self.taken[p, lane] = now

    def is_free(self, p: int, lane: int, now: int) -> bool:
        """Return whether the accumulators of a lane no longer hold the sums before pass ``p``."""
        return p == 0 or self.taken.get((p - 1, lane), now) < now


class DenseArray:
    def __init__(self, program: Program) -> None:
        self.program = program
        self.output = OutputStage(program)

    def run(self) -> Counters:
        program, design = self.program, self.program.design
        steps, lanes = program.layout.steps, design.lanes
        passes = program.tiles * program.layout.position_tiles
        gate = steps - 1 if design.acc_sets == 2 else 0
        ready: dict[tuple[int, int], int] = {}
        operands: dict[int, int] = {}  # cycle: pass
        columns = 1 + stages(design.vector) if design.weights_per_row > 1 else 0
        to_operand = 4 + columns + stages(lanes)
        p = step = now = 0
        while p < passes or not self.output.finished:
            self.output.step(now, ready)
            if p < passes and (step != gate or self.output.is_free(p, lanes - 1, now)):
                operands[now + to_operand] = p
                step += 1
                if step == steps:
                    ready |= {(p, lane): now + to_operand + 2 for lane in range(lanes)}
                    p, step = p + 1, 0
            now += 1
        cycles = max(self.output.beats) + 1
        first_operand = min(operands)
        self.told = []
        for now in range(cycles):
            if now not in operands:
                self.told.append(["fill" if now < first_operand else "drain"] * lanes)
                continue
            filters = self.output.filters[operands[now] // program.layout.position_tiles]
            has_filter = (filters >= 0).any(axis=1)
            self.told.append(["compute" if own else "imbalance" for own in has_filter])
        return counters(lanes, self.told, 1, len(self.output.beats))


@dataclass
class Lane:
    """Decoder, FIFO and issue of one lane."""

    entries: list[Entry]
    depth: int
    reads_words: bool
    decoding: int = 0  # decoder cycles spent on the next entry
    emitted: list[int] = field(default_factory=list)  # x of the entries emitted so far
    issued: list[int] = field(default_factory=list)

    @property
    def done(self) -> bool:
        return len(self.issued) == len(self.entries)

    def decode(self, now: int) -> None:
        """Work on the next entry; emit it when its steps are done and a place is free."""
        e = len(self.emitted)
        if e == len(self.entries) or now < (2 if e == 0 and self.reads_words else 0):
            return
        self.decoding += 1
        room = e < self.depth or (e - self.depth < len(self.issued))
        if self.decoding >= self.entries[e].steps and room:
            self.emitted.append(now)
            self.decoding = 0

    def reached(self, now: int) -> int:
        """Return the window of the latest entry that has stood at the head, -1 before the first."""
        stood = len(self.issued) + (self.head(now) is not None)
        return self.entries[stood - 1].window if stood else -1

    def head(self, now: int) -> Entry | None:
        """Return the entry at the head of the FIFO in this cycle."""
        e = len(self.issued)
        if e < len(self.emitted) and self.emitted[e] + 2 <= now:
            return self.entries[e]
        return None


class SparseArray:
    """A lane is a SIMD group here: one index stream, ``group`` lanes of the output stage."""

    def __init__(self, program: Program) -> None:
        design, layout = program.design, program.layout
        self.program = program
        self.passes = program.tiles * layout.position_tiles
        self.group = design.simd_group
        self.lanes = [self.lane(number) for number in range(design.lanes // self.group)]
        self.output = OutputStage(program)
        self.delay = 1 + stages(len(self.lanes))
        self.add = 4 + stages(design.vector)
        self.to_reuse = 1 + max(0, stages(design.vector) - stages(len(self.lanes)))
        per_window = design.window // design.feed
        in_pass = [min(per_window, layout.steps - s) for s in range(0, layout.steps, per_window)]
        self.window_steps = in_pass * self.passes
        self.window_count = len(self.window_steps)
        # Feeder
        self.window, self.step = 0, 0  # the next step
        self.fed: dict[int, int] = {}
        # Windows released by each cluster, and the cycle of the last release.
        clusters = range(0, len(self.lanes), 16)
        self.clusters = [self.lanes[low : low + 16] for low in clusters]
        self.released: list[list[int]] = [[] for _ in clusters]

    def lane(self, number: int) -> Lane:
        program, layout = self.program, self.program.layout
        windows = -(-layout.steps // layout.window_steps)
        entries: list[Entry] = []
        for p in range(self.passes):
            stream = program.streams[p // layout.position_tiles][number]
            steps = program.format.decode_steps(stream, program.design.scan_bits)
            count = len(stream.entry_positions)
            for e, k in enumerate(stream.entry_positions):
                window = int(k) // layout.step_vectors // layout.window_steps
                entries.append(
                    Entry(
                        p * windows + window,
                        int(steps[e]),
                        bool(stream.entry_is_filler[e]),
                        p,
                        e == 0,
                        e == count - 1,
                    )
                )
        reads_words = len(program.streams[0][number].words) > 0
        return Lane(entries, program.design.fifo_depth, reads_words)

    def is_released(self, window: int, now: int) -> bool:
        """Return whether every cluster released a window early enough."""
        since = now - self.to_reuse
        return all(len(own) > window and own[window] <= since for own in self.released)

    def feed(self, now: int) -> bool:
        """Write a step if possible; return whether the feeder waits for a release."""
        if now < 4 or self.window == self.window_count:
            return False
        oldest = self.window - self.program.design.run_ahead
        if self.step == 0 and oldest >= 0 and not self.is_released(oldest, now):
            return True
        self.step += 1
        if self.step == self.window_steps[self.window]:
            self.fed[self.window] = now + self.delay
            self.window, self.step = self.window + 1, 0
        return False

    def release(self, now: int) -> None:
        """Let each cluster release at most one window, once the lanes have issued in this cycle."""
        for own, lanes in zip(self.released, self.clusters, strict=True):
            window = len(own)
            if window == self.window_count or self.fed.get(window, now + 1) > now:
                continue
            if all(lane.done or lane.reached(now + 1) > window for lane in lanes):
                own.append(now)

    def run(self) -> Counters:
        design = self.program.design
        ready: dict[tuple[int, int], int] = {}
        causes: list[list[str]] = []  # of each cycle, of each lane
        now = 0
        while not (self.output.finished and all(lane.done for lane in self.lanes)):
            assert now < 200_000, "deadlock"
            waits = self.feed(now)
            self.output.step(now, ready)
            all_done = all(lane.done for lane in self.lanes)
            row = []
            for number, lane in enumerate(self.lanes):
                cause = self.cause(number, now, waits, all_done)
                row.append(cause)
                lane.decode(now)
                if cause in ("compute", "filler"):
                    entry = lane.entries[len(lane.issued)]
                    lane.issued.append(now)
                    if entry.last:
                        for lane_of_group in range(number * self.group, (number + 1) * self.group):
                            ready[entry.pass_number, lane_of_group] = now + self.add
            self.release(now)
            causes.append(row)
            now += 1
        cycles = max(self.output.beats) + 1
        causes += [["drain"] * len(self.lanes) for _ in range(cycles - len(causes))]
        self.told = causes[:cycles]
        return counters(design.lanes, self.told, self.group, len(self.output.beats))

    def cause(self, number: int, now: int, feeder_waits: bool, all_done: bool) -> str:
        """Go down the rows of the counter table: what a lane does in this cycle."""
        lane = self.lanes[number]
        head = lane.head(now)
        if head is not None:
            gate = head.last if self.program.design.acc_sets == 2 else head.first
            last_of_group = (number + 1) * self.group - 1
            free = not gate or self.output.is_free(head.pass_number, last_of_group, now)
            fed = self.fed.get(head.window, now + 1) <= now
            if fed and free:
                return "filler" if head.filler else "compute"
        if self.fed.get(0, now + 1) > now:
            return "fill"
        if lane.done:
            return "drain" if all_done else "imbalance"
        if head is None:
            return "weight_buffer"
        if not free:
            return "drain"
        return "window" if feeder_waits else "feed"


class PortArray(SparseArray):
    """Nothing to wait for but the lane itself: all is fed when the first entry is there."""

    def __init__(self, program: Program) -> None:
        super().__init__(program)
        self.add = 8

    def feed(self, now: int) -> bool:
        if not self.fed and any(lane.head(now) for lane in self.lanes):
            self.fed = dict.fromkeys(range(self.window_count), now)
        return False

    def release(self, now: int) -> None:
        """There is nothing to release."""


def counters(lanes: int, told: list[list[str]], weight: int, beats: int) -> Counters:
    """Add up the causes of each cycle; each is that of so many lanes."""
    tally = dict.fromkeys(("compute", *STALLS), 0)
    for row in told:
        for cause in row:
            tally[cause] += weight
    return Counters(
        lanes=lanes,
        cycles=len(told),
        compute=tally["compute"],
        stalls={name: tally[name] for name in STALLS},
        output_beats=beats,
    )
