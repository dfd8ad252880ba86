"""The EIE part of the timing contract of ARCHITECTURE.md, stepped cycle by cycle.

As ``timing_contract``: state machines that each know their own lines of the table only.
"""

from dataclasses import dataclass, field

from timing_contract import OutputStage, counters, stages

from bosquet.hw.eie_program import EieProgram
from bosquet.sim.counters import Counters


def interpret_eie(program: EieProgram) -> Counters:
    """Run a program one cycle at a time."""
    return EieArray(program).run()


@dataclass
class Pe:
    """FIFO and entries of one PE; a column is a list of its entries, True for a filler."""

    arriving: list[tuple[int, list[bool]]] = field(default_factory=list)  # (cycle, column)
    queue: list[list[bool]] = field(default_factory=list)
    levels: list[int] = field(default_factory=list)  # columns in the FIFO, cycle by cycle
    reading: list[bool] = field(default_factory=list)  # left of the column in work
    read_before: bool | None = None  # what was read in the cycle before: now it is issued
    last_issue: int | None = None  # in the present scan

    def arrive(self, now: int) -> None:
        while self.arriving and self.arriving[0][0] <= now:
            self.queue.append(self.arriving.pop(0)[1])
        self.levels.append(len(self.queue))

    @property
    def idle(self) -> bool:
        return not (self.queue or self.reading) and self.read_before is None

    def read(self) -> bool | None:
        """Read an entry, if there is one; return whether it is a filler."""
        if not self.reading and self.queue:
            self.reading = list(self.queue.pop(0))
        return self.reading.pop(0) if self.reading else None


class EieArray:
    def __init__(self, program: EieProgram) -> None:
        self.program = program
        self.delay = 3 + stages(program.design.lanes)
        self.pes = [Pe() for _ in range(program.design.lanes)]
        self.output = OutputStage(program)
        self.scans = [
            (image, tile)
            for image in range(program.shape.batch)
            for tile in range(len(program.columns))
        ]
        self.scan = 0
        self.slots = self.slots_of(0)
        self.opened: list[int] = []
        self.closed: list[int] = []
        self.may_scan = 2
        self.ready: dict[tuple[int, int], int] = {}

    def slots_of(self, scan: int) -> list[int | None]:
        """Return the input of each slot of a scan, None for a word without a non-zero."""
        active = self.program.active[self.scans[scan][0]]
        feed = self.program.design.feed
        slots: list[int | None] = []
        for low in range(0, active.size, feed):
            found: list[int | None] = [i for i in range(low, min(low + feed, active.size))
                                       if active[i]]  # fmt: skip
            slots += found or [None]
        return slots

    def column(self, pe: int, number: int) -> list[bool]:
        """Return the entries of a column of the present scan: True for a filler."""
        columns = self.program.columns[self.scans[self.scan][1]][pe]
        start, count = columns.starts[number], columns.counts[number]
        return [bool(filler) for filler in columns.filler[start : start + count]]

    def step_scanner(self, now: int) -> None:
        if not self.slots or now < self.may_scan:
            return
        design = self.program.design
        heard = now - stages(design.lanes)
        room = all(pe.levels[heard] < design.fifo_depth for pe in self.pes)
        if self.slots[0] is not None and not room:
            return
        if len(self.opened) == self.scan:
            self.opened.append(now + self.delay)
        number = self.slots.pop(0)
        if number is not None:
            for index, pe in enumerate(self.pes):
                if column := self.column(index, number):
                    pe.arriving.append((now + self.delay, column))
        if not self.slots:
            self.closed.append(now + self.delay)

    def rows(self) -> list[int]:
        """Return the numbers of the passes of the present scan."""
        image, tile = self.scans[self.scan]
        tiles, height = self.program.tiles, self.program.design.acc_rows
        first = image * tiles + tile * height
        return list(range(first, min(first + height, (image + 1) * tiles)))

    def step_drain(self, now: int) -> bool:
        """Say which sums are ready; return whether the scan is drained."""
        if len(self.closed) == self.scan:
            return False
        rows, closed = self.rows(), self.closed[self.scan]
        for index, pe in enumerate(self.pes):
            if pe.idle and not pe.arriving:
                last = closed if pe.last_issue is None else max(closed, pe.last_issue + 3)
                self.ready.setdefault((rows[0], index), last + 1)
            for row in rows[1:]:
                if (taken := self.output.taken.get((row - 1, index))) is not None:
                    self.ready.setdefault((row, index), taken + 1)
        self.output.step(now, self.ready)
        return (rows[-1], len(self.pes) - 1) in self.output.taken

    def run(self) -> Counters:
        drain_since: list[list[str]] = []  # causes of each cycle
        now = 0
        while self.scan < len(self.scans):
            assert now < 200_000, "deadlock"
            for pe in self.pes:
                pe.arrive(now)
            self.step_scanner(now)
            drain_since.append(self.causes(now))
            for pe in self.pes:
                if pe.read_before is not None:
                    pe.last_issue = now
                pe.read_before = pe.read()
            if self.step_drain(now):
                self.scan += 1
                self.may_scan = now + 1
                for pe in self.pes:
                    pe.last_issue = None
                if self.scan < len(self.scans):
                    self.slots = self.slots_of(self.scan)
            now += 1
        cycles = max(self.output.beats) + 1
        drain_since += [["drain"] * len(self.pes) for _ in range(cycles - now)]
        self.told = drain_since[:cycles]
        return counters(len(self.pes), self.told, 1, len(self.output.beats))

    def causes(self, now: int) -> list[str]:
        """Return what each PE does in this cycle."""
        scan = len([cycle for cycle in self.opened if cycle <= now]) - 1  # that has opened last
        closed = 0 <= scan < len(self.closed) and self.closed[scan] <= now
        done = [closed and pe.idle for pe in self.pes]
        causes = []
        for pe, own in zip(self.pes, done, strict=True):
            if pe.read_before is not None:
                causes.append("filler" if pe.read_before else "compute")
            elif scan < 0:
                causes.append("fill")
            elif own:
                causes.append("drain" if all(done) else "imbalance")
            else:
                causes.append("weight_buffer" if pe.queue else "feed")
        return causes
