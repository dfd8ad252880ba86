"""Runs that overlap: the next one is loaded and started while one goes on, all streams stalled.

Double buffers at random paces. Every run works on activations of its own, some on the weights of
the run before.
"""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from accelerators import DENSE, PORT, SPARSE, image_on, right

from bosquet.hw.design import Design
from bosquet.hw.registers import ErrorCode
from bosquet.hw.top import Accelerator
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
