"""The timeline of one run: what lanes, feeder, windows, output stage and loads did, and when.

Everything comes from the recurrences of the exact simulator (``sim.recorder``). Cycles are those of
the run: 0 is the cycle after its start was accepted. The cycles before it are those in which the
start waited for its loads (``dram`` environment), as they are counted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ...hw.dram import Dram
from ...hw.eie_program import EieProgram
from ...hw.program import Program
from ..counters import Counters
from ..exact import simulate
from ..exact_dram import LoadWait, after_waiting, run_in_dram
from ..output_stage import beat_latency, groups_with_filters
from .dense import DenseEvents
from .eie import EieEvents
from .intervals import NOTHING, Intervals, Ints
from .lanes import CAUSES, Cause
from .recording import Recording
from .sparse import SparseEvents

__all__ = ["LOADS", "Groups", "RunTimeline"]

LOADS = ("weights", "features")
"""The load streams; the kind of a load is a place in here."""

Events = SparseEvents | DenseEvents | EieEvents


@dataclass(frozen=True, eq=False)
class Groups:
    """Groups of lanes that the output stage visited, in order; arrays (groups,).

    Attributes
    ----------
    passes, group : int64 array
        Pass of the output stage, and which group of it.
    begin, end : int64 array
        First cycle, and the one after the last.
    sends : bool array
        Beats come of it.
    """

    passes: Ints
    group: Ints
    begin: Ints
    end: Ints
    sends: NDArray[np.bool_]

    @classmethod
    def of(cls, recording: Recording) -> "Groups":
        """Return those of the recorded passes."""
        program, drained = recording.program, recording.drained_passes
        groups = np.arange(program.design.drain_groups)
        number = np.array([one.number for one in drained], np.int64)
        each = (
            np.repeat(number, groups.size),
            np.tile(groups, number.size),
            np.array([one.begins for one in drained], np.int64).ravel(),
            np.array([one.ends for one in drained], np.int64).ravel() + 1,
        )
        sends = groups_with_filters(program.first_filters, program.design)
        return cls(*each, sends[_tiles(program, number)].ravel())

    def beats(self, recording: Recording) -> Intervals:
        """Return the beats that come of them where the output stream is always ready."""
        latency = beat_latency(recording.program.design)
        first = self.begin[self.sends] + latency
        cycle = first[:, None] + np.arange(recording.program.group_cycles)
        return Intervals.of(0, cycle, cycle + 1)


@dataclass(frozen=True, eq=False)
class RunTimeline:
    """What happened in some cycles of a run; more than those may be told of what is not a lane.

    Attributes
    ----------
    program : Program
    counters : Counters
        Of the whole run.
    span : range
        Cycles that are told, those of waiting for loads below 0.
    waited : int
        Cycles for which the start waited for its loads.
    loads : Intervals
        Loads, from the first beat to the last; the kind is a place in ``LOADS``.
    groups : Groups
    beats : Intervals
        Output beats, from the cycle in which each is due up to the one in which it is taken.
    sums : Intervals
        Finished sums of each lane (the track), until they are taken.
    events : SparseEvents or DenseEvents or EieEvents
        What the lanes and what feeds them did.
    """

    program: Program
    counters: Counters
    span: range
    waited: int
    loads: Intervals
    groups: Groups
    beats: Intervals
    sums: Intervals
    events: Events

    @classmethod
    def of(cls, program: Program, span: range) -> "RunTimeline":
        """Simulate a run in the ``ideal`` environment."""
        recording = Recording(program, span)
        counters = simulate(program, recording)
        groups = Groups.of(recording)
        told = _common(span, range(counters.cycles))
        return cls(
            program, counters, told, 0, NOTHING, groups, groups.beats(recording),
            _sums(recording), _events(recording, told, counters.cycles),
        )  # fmt: skip

    @classmethod
    def in_dram(
        cls, program: Program, span: range, loads: Mapping[str, int], dram: Dram, wait: LoadWait
    ) -> "RunTimeline":
        """Simulate a run in the ``dram`` environment, given the beats of its loads by stream."""
        beats, design = list(loads.values()), program.design
        # What the lanes begin with is asked for even if only the cycles before it are wanted.
        recording = Recording(program, range(span.start, max(1, span.stop)))
        counted = run_in_dram(program, dram, recording)
        cycles, waited = counted.cycles, wait.cycles
        counters = after_waiting(counted, waited)
        # The loads are offered in the cycle before it waits, or while the run before went on.
        opened = -waited - 1 - wait.early
        ends = np.array([dram.load_cycles(number, design) for number in beats], np.int64)
        passing = Intervals.of(
            0, opened + dram.latency_cycles, opened + ends, [LOADS.index(name) for name in loads]
        )
        taken = np.array(recording.beats, np.int64).reshape(-1, 2)
        told = _common(span, range(-waited, cycles))
        return cls(
            program, counters, told, waited, passing, Groups.of(recording),
            Intervals.of(0, taken[:, 0], taken[:, 1] + 1),
            _sums(recording), _events(recording, told, cycles),
        )  # fmt: skip

    @cached_property
    def lanes(self) -> Intervals:
        """What each lane, PE or SIMD group did in the told cycles; the kinds are causes."""
        waiting = Intervals.of(np.arange(self.tracks), -self.waited, 0, Cause.DRAM)
        return Intervals.joined([waiting, self.events.lanes]).within(self.span).merged()

    @property
    def tracks(self) -> int:
        """Lanes, PEs or SIMD groups: what has a cause of its own."""
        design = self.program.design
        return design.streams if design.family == "sparse" else design.lanes

    @property
    def cycles(self) -> int:
        """Cycles of the run without those of waiting for loads."""
        return self.counters.cycles - self.waited

    def lane_cycles(self) -> dict[str, int]:
        """Return the lane-cycles of each cause in the told cycles."""
        share = self.program.design.lanes // self.tracks
        found = np.bincount(self.lanes.kind, self.lanes.cycles, len(CAUSES)).astype(np.int64)
        return {cause: share * int(count) for cause, count in zip(CAUSES, found, strict=True)}


def _common(one: range, other: range) -> range:
    return range(max(one.start, other.start), min(one.stop, other.stop))


def _events(recording: Recording, told: range, cycles: int) -> Events:
    """Return what the lanes and what feeds them did in a run of so many cycles."""
    program = recording.program
    if program.design.family == "dense":
        return DenseEvents(program, recording.dense, told, cycles)
    if isinstance(program, EieProgram):
        return EieEvents(program, recording.scans, told, cycles)
    return SparseEvents(program, recording.sparse, told, cycles)


def _sums(recording: Recording) -> Intervals:
    """Return how long the finished sums of each lane wait, in each recorded pass."""
    design = recording.program.design
    lanes = np.arange(design.lanes)
    return Intervals.joined(
        Intervals.of(lanes, one.ready, one.ends[lanes // design.drain] + 1)
        for one in recording.drained_passes
    )


def _tiles(program: Program, passes: Ints) -> Ints:
    """Return the filter tile of each pass of the output stage; of the EIE family, the row."""
    if isinstance(program, EieProgram):
        return passes % program.tiles
    return passes // program.layout.position_tiles
