"""A recording: the passes and scans of a simulation that touch the wanted cycles.

It keeps what the simulator says as it is; ``sparse``, ``dense`` and ``eie`` make events of it
afterwards. What lies wholly before or after the wanted cycles may be left out of the simulation as
ever; in between, passes that repeat are simulated one by one.
"""

from dataclasses import dataclass, field, replace

from ...hw.program import Program
from ..exact_eie import slot_to_fifo
from ..output_stage import beat_latency
from ..recorder import DensePass, DrainedPass, EieScan, SparsePass

__all__ = ["Recording"]

_REGISTERED = 1
"""A register of the RTL can say what was so many cycles before."""


@dataclass(eq=False)
class Recording:
    """A ``Recorder`` of the cycles of one run.

    Attributes
    ----------
    program : Program
    span : range
        Wanted cycles.
    sparse, dense, scans, drained_passes : list
        What was heard, in order.
    beats : list of (int, int)
        When each was due and when it was taken.
    """

    program: Program
    span: range
    sparse: list[SparsePass] = field(default_factory=list)
    dense: list[DensePass] = field(default_factory=list)
    scans: list[EieScan] = field(default_factory=list)
    drained_passes: list[DrainedPass] = field(default_factory=list)
    beats: list[tuple[int, int]] = field(default_factory=list)

    @property
    def _start(self) -> int:
        return self.span.start - _REGISTERED

    @property
    def _slack(self) -> int:
        """Cycles from what the recurrences say to the last thing that follows from it.

        A group's beats leave, and windows that could be released together are, one a cycle.
        """
        design = self.program.design
        return self.program.group_cycles + beat_latency(design) + design.run_ahead

    def repeats(self, most: int, earliest: int, latest: int, cycles: int) -> int:
        """Return how many repetitions lie wholly outside the wanted cycles."""
        if earliest >= self.span.stop:
            return most
        return min(most, max(0, (self._start - 1 - self._slack - latest) // cycles))

    def sparse_pass(self, one: SparsePass) -> None:
        """Keep a pass of sparse lanes."""
        # A run begins with waiting for the first window.
        earliest = min([int(one.since.min()), *one.written[0][:1].tolist()]) if one.number else 0
        latest = max([int(one.next_heads.max()), *one.written[1][-1:].tolist()])
        last = one.number == self._passes - 1
        if earliest < self.span.stop and (last or self._is_wanted(latest)):
            self.sparse.append(replace(one, next_heads=one.next_heads.copy()))

    def dense_passes(self, period: int, lasting: int, count: int) -> range:
        """Return the passes that can reach into the wanted cycles."""
        first = max(0, (self._start - lasting - self._slack) // period)
        return range(min(first, count), min(count, self.span.stop // period + 2))

    def dense_pass(self, one: DensePass) -> None:
        """Keep a pass of dense lanes."""
        self.dense.append(one)

    def scan(self, one: EieScan) -> None:
        """Keep a scan: the first too, and the last one before the wanted cycles, for the waits."""
        if self.scans and one.first >= self.span.stop:
            return
        if one.first + slot_to_fifo(self.program.design) <= self._start:
            self.scans.clear()
        self.scans.append(one)

    def drained(self, one: DrainedPass) -> None:
        """Keep a pass of the output stage."""
        if int(one.ready.min()) < self.span.stop and self._is_wanted(int(one.ends[-1])):
            self.drained_passes.append(replace(one, begins=one.begins.copy()))

    def beat(self, due: int, taken: int) -> None:
        """Keep an output beat."""
        if due < self.span.stop and taken >= self._start:
            self.beats.append((due, taken))

    @property
    def _passes(self) -> int:
        return self.program.tiles * self.program.layout.position_tiles

    def _is_wanted(self, latest: int) -> bool:
        """Return whether what follows from something at ``latest`` can be wanted."""
        return latest + self._slack >= self._start
