"""Co-simulation in Verilator: the emitted Verilog of a layer, compiled and run by its testbench.

For layers that would take Amaranth's own simulator minutes. The testbench says whether all is as
predicted; what exactly differs is then found with Amaranth's simulator.
"""

import tempfile
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import ToolError
from ..hw.bundle import emit
from ..hw.schedule import Schedule
from .cosim import Comparison, compare_schedule, predicted_job
from .verilog_run import run_bundle

__all__ = ["compare_in_verilog"]


def compare_in_verilog(schedule: Schedule, features: NDArray[np.int64]) -> Comparison:
    """Do the runs of a layer on activations (batch, in, h, w) and compare everything of each.

    Raises
    ------
    ToolError
        If Verilator cannot be run, or sees a difference that Amaranth's simulator does not.
    """
    job = predicted_job([(schedule, features)])
    with tempfile.TemporaryDirectory(prefix="bosquet-verify-") as folder:
        bundle = emit(job, "verified_layer", Path(folder))
        run = run_bundle(bundle, "verilator")
    if run.passed:
        return Comparison(job.totals, job.totals, simulator=run.version)
    found = compare_schedule(schedule, features)
    if found.equal:
        raise ToolError(
            f"layer {schedule.layer.shape.name}: differs in {run.version} alone: {run.failures[0]}"
        )
    return replace(found, simulator=run.version)
