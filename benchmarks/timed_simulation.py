"""A layer through the exact simulator, in CPU seconds: encoding apart from counting cycles."""

import time
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from bosquet.hw.design import Design
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.program import Masked
from bosquet.hw.schedule import Run, Schedule
from bosquet.sim.exact import simulate_schedule

__all__ = ["TimedSimulation"]


@dataclass(frozen=True, eq=False)
class TimedSimulation:
    """What one layer took, to simulate and on the accelerator.

    Attributes
    ----------
    schedule : Schedule
        The encoded layer, kept as a simulation of a network keeps it.
    cycles : int
        Of the accelerator.
    plan_cpu_s, simulate_cpu_s : float
        CPU seconds (user and system, all threads) of laying out and encoding, and of counting.
    """

    schedule: Schedule
    cycles: int
    plan_cpu_s: float
    simulate_cpu_s: float

    @classmethod
    def of(
        cls, layer: Masked, design: Design, active: NDArray[np.bool_] | None = None
    ) -> "TimedSimulation":
        """Lay a layer out for a design and count its cycles.

        Parameters
        ----------
        layer : Masked
            Geometry and mask, made beforehand.
        design : Design
        active : bool array (batch, in), optional
            Activations that are not zero, for the EIE array; all of them if not given.
        """
        start_s = time.process_time()
        schedule = Schedule.plan(layer, design)
        if active is not None:
            schedule = replace(schedule, runs=tuple(_fed(run, active) for run in schedule.runs))
        planned_s = time.process_time()
        cycles = simulate_schedule(schedule).cycles
        done_s = time.process_time()
        return cls(schedule, cycles, planned_s - start_s, done_s - planned_s)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of both."""
        return self.plan_cpu_s + self.simulate_cpu_s


def _fed(run: Run, active: NDArray[np.bool_]) -> Run:
    """Return a run of the EIE array on so many of the activations as are not zero."""
    assert isinstance(run.program, EieProgram)
    images, inputs = run.part.images, run.part.channels
    own = active[images.start : images.stop, inputs.start : inputs.stop]
    return replace(run, program=replace(run.program, active=own))
