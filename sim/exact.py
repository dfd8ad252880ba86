"""The exact cycle simulator: counts what the RTL counts, from the timing contract alone.

The contract is the table in ARCHITECTURE.md. Nothing here is taken from the gateware, and there
is no loop over cycles: ``exact_dense`` is a formula, ``exact_sparse`` a recurrence over windows
and entries that skips the passes that repeat, ``exact_eie`` one over the non-zero activations.
"""

from collections.abc import Sequence
from dataclasses import replace

from ..hw.design import Design
from ..hw.dram import Dram
from ..hw.eie_program import EieProgram
from ..hw.program import Program
from ..hw.schedule import Schedule
from .counters import Counters
from .exact_dense import simulate_dense
from .exact_eie import simulate_eie
from .exact_sparse import simulate_sparse
from .output_stage import OutputStage, groups_with_filters
from .recorder import UNRECORDED, Recorder
from .stalled_output import StalledOutputStage

__all__ = ["simulate", "simulate_in_dram", "simulate_schedule", "waiting_cycles"]


def simulate(program: Program, recorder: Recorder = UNRECORDED) -> Counters:
    """Return the counters of a program in the ``ideal`` environment.

    Parameters
    ----------
    program : Program
        A layer laid out for a design; its buffers are loaded before ``start``.
    recorder : Recorder, optional
        Who hears what happens.

    Returns
    -------
    Counters
        Cycles, compute and stalls of the whole layer, equal to those of the RTL.
    """
    return _run(program, OutputStage(program.design, program.group_cycles), recorder)


def simulate_schedule(schedule: Schedule) -> Counters:
    """Return the counters of all runs of a layer together, in the ``ideal`` environment."""
    return Counters.total([simulate(run.program) for run in schedule.runs])


def simulate_in_dram(
    program: Program, load_beats: Sequence[int], dram: Dram, recorder: Recorder = UNRECORDED
) -> Counters:
    """Return the counters of a program in the ``dram`` environment, its loading included.

    Parameters
    ----------
    program : Program
    load_beats : sequence of int
        Beats of each load that comes before the run, all in the cycle in which it is started.
    dram : Dram
    recorder : Recorder, optional
        Who hears what happens, in cycles of the run itself.
    """
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
    counted = _run(program, stage, recorder)
    waited = waiting_cycles(load_beats, dram, design)
    return replace(
        counted,
        cycles=counted.cycles + waited,
        stalls={**counted.stalls, "dram": design.lanes * waited},
    )


def waiting_cycles(load_beats: Sequence[int], dram: Dram, design: Design) -> int:
    """Return the cycles for which a start waits for loads of so many beats."""
    # The start is pending from the cycle after it was written.
    return max((dram.load_cycles(beats, design) for beats in load_beats), default=1) - 1


def _run(program: Program, stage: OutputStage, recorder: Recorder) -> Counters:
    if program.design.family == "dense":
        return simulate_dense(program, stage, recorder)
    if isinstance(program, EieProgram):
        return simulate_eie(program, stage, recorder)
    return simulate_sparse(program, stage, recorder)
