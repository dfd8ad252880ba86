"""Exact cycles of the dense family, in closed form.

With K steps a pass and G output groups of D cycles (V, if each column has a filter of its own, else
``drain_cycles``), the output stage always finds all lanes ready
at once, and idle, since a pass ends (``free``) only after the previous one is taken:

    finished(p) = ready(p) + G D - 1 = F(last step of p) + 6 + W + B + G D - 1

so the distance ``finished(p) - F(last step of p)`` is the constant ``turn = 5 + W + B + G D``, and

    acc_sets = 2:  F(last of p) = max(F(last of p - 1) + K, finished(p - 1) + 1)
                                = F(last of p - 1) + max(K, turn + 1)
    acc_sets = 1:  F(last of p) = finished(p - 1) + 1 + K - 1 = F(last of p - 1) + turn + K
"""

from dataclasses import dataclass

import numpy as np

from ..hw.design import Design, broadcast_stages
from ..hw.program import Program
from .counters import Counters
from .output_stage import OutputStage, beat_latency, groups_with_filters, last_group
from .recorder import UNRECORDED, DensePass, DrainedPass, Recorder

__all__ = ["SteadyPasses", "issue_to_operand", "simulate_dense"]

_ISSUE_TO_OPERAND = 4
_LAST_STEP_TO_READY = 6


def simulate_dense(
    program: Program, stage: OutputStage, recorder: Recorder = UNRECORDED
) -> Counters:
    """Count the cycles of a program of the dense family; its sums go to ``stage``."""
    design = program.design
    steps = program.layout.steps
    passes = program.tiles * program.layout.position_tiles
    group = last_group(program.first_filters[-1], design)
    if stage.steady:
        steady = SteadyPasses(design, stage, steps)
        cycles = steady.cycles(passes, group)
        lasting = steps + steady.turn + beat_latency(design)
        wanted = recorder.dense_passes(steady.period, lasting, passes)
        if wanted.start:
            last_step = steady.last_step(wanted.start - 1)
            stage.end = last_step + steady.turn
        else:
            last_step = -1
        _pass_by_pass(program, wanted, last_step, stage, recorder)
    else:
        _pass_by_pass(program, range(passes), -1, stage, recorder)
        cycles = stage.cycles(group)

    operand_cycles = passes * steps
    lanes_at_work = int((program.first_filters >= 0).sum())  # over all tiles
    compute = lanes_at_work * program.layout.position_tiles * steps
    groups_at_work = int(groups_with_filters(program.first_filters, design).sum())
    fill_cycles = issue_to_operand(design)
    return Counters(
        lanes=design.lanes,
        cycles=cycles,
        compute=compute,
        stalls={
            "imbalance": design.lanes * operand_cycles - compute,
            "window": 0,
            "feed": 0,
            "filler": 0,
            "weight_buffer": 0,
            "dram": 0,
            "drain": design.lanes * (cycles - operand_cycles - fill_cycles),
            "fill": design.lanes * fill_cycles,
        },
        output_beats=groups_at_work * stage.group_cycles * program.layout.position_tiles,
    )


@dataclass(frozen=True)
class SteadyPasses:
    """Passes of so many steps, where the output stage always moves on.

    Attributes
    ----------
    design : Design
    stage : OutputStage
    steps : int
    """

    design: Design
    stage: OutputStage
    steps: int

    @property
    def turn(self) -> int:
        """Cycles from the last step of a pass until its last sums are taken."""
        taken = self.design.drain_groups * self.stage.group_cycles
        return _LAST_STEP_TO_READY + _broadcast(self.design) + taken - 1

    @property
    def period(self) -> int:
        """Cycles from a pass to the next one."""
        if self.design.acc_sets == 2:
            return max(self.steps, self.turn + 1)
        return self.turn + self.steps

    def last_step(self, number: int) -> int:
        """Return the cycle of the last step of a pass, the first one being 0."""
        return self.steps - 1 + number * self.period

    def cycles(self, passes: int, last_group: int) -> int:
        """Return the cycles of a run of so many passes.

        Parameters
        ----------
        passes : int
        last_group : int
            Last output group with a filter in the last pass.
        """
        ready = self.last_step(passes - 1) + _LAST_STEP_TO_READY + _broadcast(self.design)
        last_begin = ready + last_group * self.stage.group_cycles
        return last_begin + self.stage.cycles_after_last_begin


def issue_to_operand(design: Design) -> int:
    """Return the cycles from the issue of a step to its operand at the MACs."""
    return _ISSUE_TO_OPERAND + _broadcast(design)


def _broadcast(design: Design) -> int:
    """Return the stages from the feeder to the lanes: W + B of the contract."""
    columns = 1 + broadcast_stages(design.vector) if design.weights_per_row > 1 else 0
    return columns + broadcast_stages(design.lanes)


def _pass_by_pass(
    program: Program, passes: range, last_step: int, stage: OutputStage, recorder: Recorder
) -> None:
    """Do some passes, given the last step of the pass before them; ``stage`` stands there too."""
    design, steps = program.design, program.layout.steps
    to_ready = _LAST_STEP_TO_READY + _broadcast(design)
    for number in passes:
        free = stage.end + 1 if number else 0
        begin = last_step + 1
        if design.acc_sets == 2:
            last_step = max(last_step + steps, free)
        else:
            begin = max(begin, free)
            last_step = begin + steps - 1
        ready = np.full(design.lanes, last_step + to_ready)
        stage.take(ready)
        recorder.dense_pass(DensePass(number, begin, last_step))
        recorder.drained(DrainedPass(number, ready, stage.begins, stage.ends))
