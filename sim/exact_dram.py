"""Exact cycles of the ``dram`` environment: loads that runs wait for, and a slow output stream.

What a run itself takes does not depend on its loads. With one buffer set a host loads for a run
when the one before has ended. With two it does so while that one goes on: run i + 1 waits for what
is left, as the contract says ("runs that overlap").
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from ..hw.design import Design
from ..hw.dram import Dram
from ..hw.loads import loads_of_runs
from ..hw.program import Program
from ..hw.registers import layer_layout
from ..hw.schedule import Schedule
from .counters import Counters
from .exact import count
from .output_stage import groups_with_filters
from .recorder import UNRECORDED, Recorder
from .stalled_output import StalledOutputStage

__all__ = [
    "LoadWait",
    "Loading",
    "after_waiting",
    "predicted_in_dram",
    "run_in_dram",
    "simulate_in_dram",
    "simulate_schedule_in_dram",
    "waiting_cycles",
    "waits_for_loads",
]

_ACCEPT_TO_FIRST_REGISTER = 2
"""A host that reads STATUS in every cycle sees in the cycle after it that a start was accepted."""


def simulate_in_dram(
    program: Program, load_beats: Sequence[int], dram: Dram, recorder: Recorder = UNRECORDED
) -> Counters:
    """Return the counters of a single run in the ``dram`` environment, its loading included.

    Parameters
    ----------
    program : Program
    load_beats : sequence of int
        Beats of each load that comes before the run, all in the cycle in which it is started.
    dram : Dram
    recorder : Recorder, optional
        Who hears what happens, in cycles of the run itself.
    """
    counted = run_in_dram(program, dram, recorder)
    return after_waiting(counted, waiting_cycles(load_beats, dram, program.design))


def simulate_schedule_in_dram(schedule: Schedule, dram: Dram) -> Counters:
    """Return the counters of all runs of a layer together, in the ``dram`` environment."""
    programs = [run.program for run in schedule.runs]
    loads = [list(own.values()) for own in loads_of_runs(schedule)]
    return predicted_in_dram(programs, loads, dram)


def predicted_in_dram(
    programs: Sequence[Program], load_beats: Sequence[Sequence[int]], dram: Dram
) -> Counters:
    """Return the counters of runs that follow each other on one accelerator.

    Parameters
    ----------
    programs : sequence of Program
    load_beats : sequence of sequence of int
        Beats of the loads of each run.
    dram : Dram
    """
    counted = [run_in_dram(program, dram) for program in programs]
    design = programs[0].design
    waits = waits_for_loads([run.cycles for run in counted], load_beats, design, dram)
    return Counters.total(
        [after_waiting(run, waited) for run, waited in zip(counted, waits, strict=True)]
    )


def waits_for_loads(
    run_cycles: Sequence[int], load_beats: Sequence[Sequence[int]], design: Design, dram: Dram
) -> list[int]:
    """Return the cycles in which each run waits for its loads and no run goes on.

    Parameters
    ----------
    run_cycles : sequence of int
        What each run takes once it is loaded.
    load_beats : sequence of sequence of int
        Beats of the loads of each run.
    design : Design
        Of one buffer set or two.
    dram : Dram
    """
    loading = Loading(design, dram)
    waits = []
    for cycles, own in zip(run_cycles, load_beats, strict=True):
        waits.append(loading.wait(own).cycles)
        loading.ran(cycles)
    return waits


class LoadWait(NamedTuple):
    """How a start waits for its loads.

    Attributes
    ----------
    cycles : int
        For which it waits while no run goes on.
    early : int
        Cycles from the one in which its loads are offered to the last one of the run before, 0 if
        that has ended.
    """

    cycles: int
    early: int


class Loading:
    """A host that loads for one run after the other, and what starts wait for it.

    Parameters
    ----------
    design : Design
    dram : Dram
    """

    def __init__(self, design: Design, dram: Dram) -> None:
        self._design = design
        self._dram = dram
        self._overlaps = design.buffer_sets == 2
        self._registers = len(layer_layout(design).members)
        self._written, self._accepted, self._ended = 0, 0, -1

    def wait(self, load_beats: Sequence[int]) -> LoadWait:
        """Return how the next run waits for loads of so many beats."""
        waiting = waiting_cycles(load_beats, self._dram, self._design)
        if not self._overlaps:
            return LoadWait(waiting, 0)
        free = max(self._written, self._ended) + 1
        self._accepted = max(free, self._written + 1 + waiting)
        return LoadWait(self._accepted - free, max(0, self._ended - self._written))

    def ran(self, cycles: int) -> None:
        """Go on to the end of the run, which took so many cycles itself."""
        self._ended = self._accepted + cycles
        self._written = self._accepted + _ACCEPT_TO_FIRST_REGISTER + self._registers


def waiting_cycles(load_beats: Sequence[int], dram: Dram, design: Design) -> int:
    """Return the cycles for which a start waits for loads that are offered when it is written."""
    return max((dram.load_cycles(beats, design) for beats in load_beats), default=1) - 1


def run_in_dram(program: Program, dram: Dram, recorder: Recorder = UNRECORDED) -> Counters:
    """Return what a run counts whose loads are complete."""
    design = program.design
    sends = groups_with_filters(program.first_filters, design)
    tiles = [tile for tile, _ in program.passes()]
    stage = StalledOutputStage(
        design,
        dram.output_period(design),
        lambda number: sends[tiles[number]],
        program.group_cycles,
        recorder,
    )
    return count(program, stage, recorder)


def after_waiting(counted: Counters, waited: int) -> Counters:
    """Return the counters of a run that waited so many cycles for its loads."""
    return replace(
        counted,
        cycles=counted.cycles + waited,
        stalls={**counted.stalls, "dram": counted.lanes * waited},
    )
