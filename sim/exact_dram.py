"""Exact cycles of the ``dram`` environment: loads that runs wait for, and a slow output stream.

What a run itself takes does not depend on its loads. With one buffer set a host loads for a run
when the one before has ended. With two it does so while that one goes on: run i + 1 waits for what
is left, as the contract says ("runs that overlap").
"""

from collections.abc import Sequence
from dataclasses import replace

from ..hw.design import Design
from ..hw.dram import Dram
from ..hw.loads import loads_of_runs
from ..hw.program import Program
from ..hw.registers import layer_layout
from ..hw.schedule import Schedule
from .counters import Counters
from .exact import count
from .output_stage import groups_with_filters
from .stalled_output import StalledOutputStage

__all__ = [
    "predicted_in_dram",
    "simulate_in_dram",
    "simulate_schedule_in_dram",
    "waits_for_loads",
]

_ACCEPT_TO_FIRST_REGISTER = 2
"""A host that reads STATUS in every cycle sees in the cycle after it that a start was accepted."""


def simulate_in_dram(program: Program, load_beats: Sequence[int], dram: Dram) -> Counters:
    """Return the counters of a single run in the ``dram`` environment, its loading included.

    Parameters
    ----------
    program : Program
    load_beats : sequence of int
        Beats of each load that comes before the run, all in the cycle in which it is started.
    dram : Dram
    """
    return _after_waiting(_loaded(program, dram), _load_cycles(load_beats, program.design, dram))


def simulate_schedule_in_dram(schedule: Schedule, dram: Dram) -> Counters:
    """Return the counters of all runs of a layer together, in the ``dram`` environment."""
    programs = [run.program for run in schedule.runs]
    return predicted_in_dram(programs, loads_of_runs(schedule), dram)


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
    design = programs[0].design
    loaded = [_loaded(program, dram) for program in programs]
    waits = waits_for_loads([run.cycles for run in loaded], load_beats, design, dram)
    return Counters.total(
        [_after_waiting(run, waited) for run, waited in zip(loaded, waits, strict=True)]
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
    if design.buffer_sets == 1:
        return [_load_cycles(own, design, dram) for own in load_beats]
    registers = len(layer_layout(design).members)
    waits = []
    written, ended = 0, -1  # the start; the run before
    for cycles, own in zip(run_cycles, load_beats, strict=True):
        free = max(written, ended) + 1
        accepted = max(free, written + 1 + _load_cycles(own, design, dram))
        waits.append(accepted - free)
        ended = accepted + cycles
        written = accepted + _ACCEPT_TO_FIRST_REGISTER + registers
    return waits


def _load_cycles(load_beats: Sequence[int], design: Design, dram: Dram) -> int:
    """Return the cycles from the one in which loads are offered to that of their last beat."""
    return max((dram.load_cycles(beats, design) for beats in load_beats), default=1) - 1


def _loaded(program: Program, dram: Dram) -> Counters:
    """Return what a run counts whose loads are complete."""
    design = program.design
    sends = groups_with_filters(program.first_filters, design)
    tiles = [tile for tile, _ in program.passes()]
    stage = StalledOutputStage(
        design,
        dram.output_period(design),
        lambda number: sends[tiles[number]],
        program.group_cycles,
    )
    return count(program, stage)


def _after_waiting(counted: Counters, waited: int) -> Counters:
    """Return the counters of a run that waited so many cycles for its loads."""
    return replace(
        counted,
        cycles=counted.cycles + waited,
        stalls={**counted.stalls, "dram": counted.lanes * waited},
    )
