"""Runs that overlap: the next one is loaded and started while one goes on, all streams stalled.

Double buffers at random paces. Every run works on activations of its own, some on the weights of
the run before.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from accelerators import DENSE, PORT, SPARSE, image_on, right
from numpy.typing import NDArray

from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.loads import loads_of_runs
from bosquet.hw.program import Program
from bosquet.hw.registers import ErrorCode
from bosquet.hw.schedule import Schedule
from bosquet.hw.top import Accelerator
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_layer
from bosquet.sim.cosim import compare_schedule
from bosquet.sim.random_cases import random_case
from bosquet.sim.rtl_host import Pace, RtlHost, Run

RUNS = 5
LONG = 20_000


class Overlapping:
    """A host that does each thing as soon as it may, or some cycles later."""

    def __init__(self, design: Design, seed: int) -> None:
        rng = np.random.default_rng(seed)
        self.images = [image_on(design, int(rng.integers(4))) for _ in range(RUNS)]
        self.fresh_weights = [True, *(rng.random(RUNS - 1) < 0.5).tolist()]
        self.pauses = rng.integers(0, 80, RUNS).tolist()
        held = [(rng.random(211) < share).tolist() for share in rng.uniform(0.1, 0.9, 3)]
        first = self.images[0]
        self.host = RtlHost(Accelerator(design, first.buffers), Pace(*held))
        self.runs = [Run() for _ in range(RUNS)]
        self.unstable = 0

    def simulate(self) -> None:
        self.host.simulate(self.take, self.control, self.weights, self.features, self.watch)

    async def control(self, ctx: Any) -> None:
        for image, fresh, pause in zip(self.images, self.fresh_weights, self.pauses, strict=True):
            while await self.host.status(ctx, "pending"):
                pass
            for _ in range(pause):
                await ctx.tick()
            await self.host.configure(ctx, image)
            await self.host.start(ctx, "swap_features", *(["swap_weights"] if fresh else []))

    async def weights(self, ctx: Any) -> None:
        for image, fresh in zip(self.images, self.fresh_weights, strict=True):
            if fresh:
                await self.host.load(ctx, "weights", image.weight_load)

    async def features(self, ctx: Any) -> None:
        for image in self.images:
            await self.host.load(ctx, "features", image.feature_load)

    async def take(self, ctx: Any) -> None:
        for run in self.runs:
            await self.host.take(ctx, run, LONG)
        await self.host.finish(ctx, self.runs[-1])

    async def watch(self, ctx: Any) -> None:
        """Count the beats that are offered, not taken, and then not offered as they were."""
        dut, offered = self.host.dut, None
        while True:
            *_, valid, ready, last, beat = await ctx.tick().sample(
                dut.m_axis_tvalid, dut.m_axis_tready, dut.m_axis_tlast, dut.m_axis_tdata
            )
            now = (bool(valid), bool(last), int(beat))
            self.unstable += offered is not None and now != offered
            offered = now if valid and not ready else None


DESIGNS = {"sparse": SPARSE, "port": PORT, "dense": DENSE}


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("name", DESIGNS)
def test_overlapping_runs_at_any_pace(name: str, seed: int) -> None:
    host = Overlapping(replace(DESIGNS[name], buffer_sets=2), seed)
    host.simulate()
    assert all(right(run, image) for run, image in zip(host.runs, host.images, strict=True))
    assert host.runs[-1].error == ErrorCode.NONE
    assert host.unstable == 0
    counters = host.runs[-1].counters
    assert counters["output_beats"] == sum(len(image.beats) for image in host.images)


WAITING = Dram(16, 40)


def check(schedule: Schedule, features: NDArray[np.int64], dram: Dram, waits: bool) -> None:
    found = compare_schedule(schedule, features, dram)
    assert len(schedule.runs) > 1
    assert found.equal, (schedule.design, found)
    assert (found.rtl["dram"] > 0) == waits


@pytest.mark.parametrize("index", [22, 38, 44, 48, 87])
def test_cycles_of_runs_that_are_loaded_meanwhile(index: int) -> None:
    """Random layers on small arrays of every kind, in two to four runs."""
    case = random_case(23, index)
    design = replace(case.design, buffer_sets=2)
    schedule = Schedule.plan(case.layer, design, case.form)
    check(schedule, case.features, WAITING, waits=True)


@pytest.mark.parametrize("dram", [WAITING, Dram(64, 5), Dram(1024, 0)])
def test_cycles_of_an_eie_array_loaded_meanwhile(dram: Dram) -> None:
    """Three images of one layer: the weights are loaded once."""
    layer = synthetic_layer(LayerShape("fc", "fc", 24, 20, batch=3), 3.0, 8, 8, 4)
    design = replace(Design.eie(4), buffer_sets=2)
    need = Program.plan(layer, design).buffers
    schedule = Schedule.plan(layer, replace(design, buffers=replace(need, feature_words=3)))
    features = np.random.default_rng(1).integers(-128, 1, (3, 24, 1, 1))
    assert [len(loads) for loads in loads_of_runs(schedule)] == [2, 1, 1]
    check(schedule.with_features(features), features, dram, waits=True)


def test_a_host_may_be_too_late_for_runs_that_are_short() -> None:
    """Loads of a few cycles: a run has ended before the next one is started, so nothing waits."""
    shape = LayerShape("short", "conv", 4, 4, (1, 1), height=2, width=2)
    layer = synthetic_layer(shape, 2.0, 8, 8, 4)
    design = replace(Design.dense(4, 2), buffer_sets=2)
    buffers = Program.plan(layer, design).buffers
    schedule = Schedule.cut(
        layer, replace(design, buffers=buffers), replace(Cuts.none(shape), rows=1)
    )
    assert isinstance(schedule, Schedule)
    features = np.random.default_rng(1).integers(-128, 127, (1, 4, 2, 2))
    alone = compare_schedule(schedule, features, Dram(1024, 0))
    assert alone.equal, alone
