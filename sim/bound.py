"""The bound of a layer: the part of the accelerator that its runs cannot be faster than.

Four parts work at the same time, and each of them has a number of cycles below which it cannot be
through with its own work, however well the others do:

- ``busiest_lane``: the lane with the most work takes one entry per cycle (bitmap: one word of the
  bitmap at least; dense: one step; eie: one entry of a PE).
- ``feed``: one feed step per cycle comes to the windows (eie: one non-zero activation, or a word
  without any). None with private ports.
- ``drain``: the output stage works on one group of lanes at a time.
- ``memory``: loads and outputs pass their streams at the pace of the ``dram`` environment. It is
  what the runs would take whose array takes no time. Not known in the ``ideal`` environment.

Every bound is the sum over the runs of the layer, which follow one another, and holds: the exact
cycles are never below it. What is above the largest of them was lost between the parts, and the
stalls say how. ``sim.workload`` has bounds of whole layers without a ``Program``, for searches.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..hw.dram import Dram
from ..hw.eie_program import EieProgram
from ..hw.loads import loads_of_runs
from ..hw.program import Program
from ..hw.schedule import Schedule
from ..models.formats import Bitmap, Stream
from .exact_dram import waits_for_loads
from .output_stage import last_group
from .work import output_beats, passes_per_tile

__all__ = ["BOUNDS", "Bound"]

BOUNDS: Mapping[str, str] = {
    "busiest_lane": "entries of the lane that has the most",
    "feed": "steps that bring activations to the lanes",
    "drain": "lanes whose sums the output stage takes",
    "memory": "beats of loads and outputs, and the latency of loads",
}
"""Names of the bounds, and what each counts; of equal ones the first one holds."""

_IDEAL = "ideal environment: buffers are loaded before a run, and its outputs never wait"


@dataclass(frozen=True)
class Bound:
    """Cycles that the runs of a layer cannot do without, one part of the accelerator at a time.

    Attributes
    ----------
    busiest_lane, feed, drain : int
    memory : int or None
        None in the ``ideal`` environment.
    """

    busiest_lane: int
    feed: int
    drain: int
    memory: int | None = None

    @classmethod
    def of(cls, schedule: Schedule, dram: Dram | None = None) -> "Bound":
        """Count the runs of a layer.

        Parameters
        ----------
        schedule : Schedule
        dram : Dram, optional
            What lies at the streams; without it the ``ideal`` environment.
        """
        programs = [run.program for run in schedule.runs]
        return cls(
            busiest_lane=sum(_busiest_lane(program) for program in programs),
            feed=sum(_feed(program) for program in programs),
            drain=sum(_drain(program) for program in programs),
            memory=None if dram is None else _memory(schedule, dram),
        )

    @property
    def by_name(self) -> dict[str, int]:
        """The bounds that are known."""
        found = {name: getattr(self, name) for name in BOUNDS}
        return {name: cycles for name, cycles in found.items() if cycles is not None}

    @property
    def name(self) -> str:
        """Name of the largest bound; of equal ones the first."""
        known = self.by_name
        return max(known, key=lambda name: known[name])

    @property
    def cycles(self) -> int:
        """Cycles of the largest bound."""
        return max(self.by_name.values())

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        reason = {} if self.memory is not None else {"memory_reason": _IDEAL}
        return {"name": self.name, "cycles": self.cycles, **vars(self), **reason}


def _busiest_lane(program: Program) -> int:
    """Return the cycles that the lane with the most work of a run needs for it."""
    if isinstance(program, EieProgram):
        of_lane = program.entry_counts.sum(axis=1, dtype=np.int64)  # (in, PEs)
        return int((program.active.sum(axis=0, dtype=np.int64) @ of_lane).max())
    if program.design.family == "dense":
        return _steps(program)
    scanned = isinstance(program.format, Bitmap)
    taken = np.array([[_taken(one, scanned) for one in lanes] for lanes in program.streams])
    of_lane = taken.sum(axis=0) * program.layout.position_tiles
    # The run may end without the last filler of a lane that has no filter any more.
    without_filter = (program.assignment[-1].reshape(of_lane.size, -1) < 0).all(axis=1)
    of_lane -= without_filter
    return int(of_lane.max())


def _taken(stream: Stream, scanned: bool) -> int:
    """Return the cycles of an index stream: one for each entry or, scanned, blank word of it."""
    blank = int(((stream.words == 0) & ~stream.end).sum()) if scanned else 0
    return stream.entry_is_filler.size + blank


def _feed(program: Program) -> int:
    """Return the cycles that the feeder or the scanner of a run is at work."""
    if isinstance(program, EieProgram):
        images, inputs = program.active.shape
        words = np.zeros((images, program.words * program.design.feed), np.int64)
        words[:, :inputs] = program.active
        of_word = words.reshape(images, program.words, -1).sum(axis=2)
        return int(np.maximum(of_word, 1).sum()) * len(program.columns)
    if program.design.delivery == "port":
        return 0
    if program.design.family == "dense":
        return _steps(program)
    # The run may end before the last pass is fed: nothing waits for windows without an entry.
    layout = program.layout
    last = np.array([stream.entry_positions[-1] for stream in program.streams[-1]])
    needed = (int(layout.window_of(last).max()) + 1) * layout.window_steps
    return _steps(program) - max(0, layout.steps - needed)


def _steps(program: Program) -> int:
    return program.tiles * program.layout.position_tiles * program.layout.steps


def _drain(program: Program) -> int:
    """Return the cycles that the output stage of a run is at work."""
    passes = program.tiles * passes_per_tile(program)
    # The run ends with the last beat: the lanes behind its own need not be visited any more.
    last = last_group(program.first_filters[-1], program.design) + 1
    return ((passes - 1) * program.design.drain_groups + last) * program.group_cycles


def _memory(schedule: Schedule, dram: Dram) -> int:
    """Return the cycles of the runs if all they did was to wait for loads and to send outputs."""
    period = dram.output_period(schedule.design)
    sends = [(output_beats(run.program) - 1) * period + 1 for run in schedule.runs]
    loads = [list(own.values()) for own in loads_of_runs(schedule)]
    waits = waits_for_loads(sends, loads, schedule.design, dram)
    return sum(waits) + sum(sends)
