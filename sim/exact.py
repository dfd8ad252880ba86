"""The exact cycle simulator: counts what the RTL counts, from the timing contract alone.

The contract is the table in ARCHITECTURE.md. Nothing here is taken from the gateware, and there
is no loop over cycles: ``exact_dense`` is a formula, ``exact_sparse`` a recurrence over windows
and entries that skips the passes that repeat, ``exact_eie`` one over the non-zero activations.
"""

from ..hw.eie_program import EieProgram
from ..hw.program import Program
from ..hw.schedule import Schedule
from .compilation import compiled_pays
from .counters import Counters
from .exact_dense import simulate_dense
from .exact_eie import simulate_eie
from .exact_sparse import simulate_sparse
from .output_stage import OutputStage
from .recorder import UNRECORDED, Recorder

__all__ = ["count", "simulate", "simulate_schedule"]


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
    return count(program, OutputStage(program.design, program.group_cycles), recorder)


def simulate_schedule(schedule: Schedule) -> Counters:
    """Return the counters of all runs of a layer together, in the ``ideal`` environment."""
    return Counters.total([simulate(run.program) for run in schedule.runs])


def count(program: Program, stage: OutputStage, recorder: Recorder = UNRECORDED) -> Counters:
    """Return the counters of a program whose sums go to an output stage."""
    if program.design.family == "dense":
        return simulate_dense(program, stage, recorder)
    if isinstance(program, EieProgram):
        return simulate_eie(program, stage, recorder)
    if recorder is UNRECORDED and stage.steady and compiled_pays(program):
        from .exact_compiled import simulate_compiled  # here: it brings Numba, which takes time

        return simulate_compiled(program, stage)
    return simulate_sparse(program, stage, recorder)
