"""The compiled recurrence on layers that the NumPy one has counted: equal cycles, CPU seconds."""

import time
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from timed_simulation import TimedSimulation

from bosquet.errors import ToolError
from bosquet.sim.output_stage import OutputStage

__all__ = ["compiled_times"]


def compiled_times(done: Sequence[TimedSimulation]) -> dict[str, Any]:
    """Count layers again, compiled; times are None without Numba, or for another family.

    Returns
    -------
    dict
        ``load_cpu_s``: CPU seconds of loading Numba and the compiled code, or of compiling it, with
        the first layer; ``compiled_cpu_s``: of counting all layers after that.

    Raises
    ------
    ToolError
        If the cycles are others.
    """
    sparse = all(one.schedule.design.family == "sparse" for one in done)
    if find_spec("numba") is None or not sparse:
        return {"load_cpu_s": None, "compiled_cpu_s": None}
    start_s = time.process_time()
    _count(done[0])
    loaded_s = time.process_time()
    found = [_count(one) for one in done]
    ended_s = time.process_time()
    if found != [one.cycles for one in done]:
        raise ToolError(f"compiled {found}, in NumPy {[one.cycles for one in done]}: report this")
    return {"load_cpu_s": loaded_s - start_s, "compiled_cpu_s": ended_s - loaded_s}


def _count(one: TimedSimulation) -> int:
    from bosquet.sim.exact_compiled import simulate_compiled

    programs = [run.program for run in one.schedule.runs]
    return sum(
        simulate_compiled(program, OutputStage(program.design, program.group_cycles)).cycles
        for program in programs
    )
