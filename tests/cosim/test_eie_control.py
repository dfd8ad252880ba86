"""EIE array under a host: runs that are ended, held up, repeated, or wrong from the start."""

from dataclasses import replace
from functools import cache
from typing import Any

import numpy as np
import pytest
from accelerators import right

from bosquet.engine.integer import layer_outputs
from bosquet.hw.design import Design
from bosquet.hw.image import Image
from bosquet.hw.program import Program
from bosquet.hw.registers import CONTROL, LAYER_BASE, ErrorCode, control_word
from bosquet.hw.top import Accelerator
from bosquet.models.layer import Layer, LayerShape, Requantization
from bosquet.sim.amaranth_rtl import run_rtl
from bosquet.sim.exact import simulate
from bosquet.sim.rtl_host import Pace, RtlHost, Run

SMALL = replace(Design.eie(3), feed=4, acc_rows=2, fifo_depth=2)
TREE = replace(Design.eie(18), feed=4, acc_rows=1, fifo_depth=2)
LONG = 5000
each_design = pytest.mark.parametrize("design", [SMALL, TREE], ids=lambda design: design.name)


@cache
def image_on(design: Design) -> tuple[Image, int]:
    """Return two images of 20 filters on a design, and the cycles they take."""
    rng = np.random.default_rng(4)
    shape = LayerShape("small", "fc", 15, 20, batch=2)
    mask = rng.random(shape.weight_shape) < np.linspace(0.1, 0.9, 20)[:, None, None, None]
    weight = np.where(mask, rng.integers(-128, 128, shape.weight_shape), 0)
    scale = Requantization(rng.integers(1 << 15, 1 << 16, 20), np.full((20,), 23), 3, -128, 127)
    layer = Layer(shape, weight, mask, rng.integers(-999, 999, 20), scale, zero_point_in=9)
    features = np.maximum(rng.integers(-128, 128, (2, 15, 1, 1)), 9)
    program = Program.plan(layer, design).with_features(layer, features)
    image = Image.of(program, layer, features, layer_outputs(layer, features))
    return image, simulate(program).cycles


async def loaded(ctx: Any, host: RtlHost, image: Image) -> None:
    await host.configure(ctx, image)
    await host.load(ctx, "weights", image.weight_load)
    await host.load(ctx, "features", image.feature_load)


async def completed(ctx: Any, host: RtlHost, *bits: str) -> Run:
    run = Run()
    await host.start(ctx, *bits)
    await ctx.tick()
    await host.take(ctx, run, LONG)
    await host.finish(ctx, run)
    return run


@each_design
@pytest.mark.parametrize("cycles", [1, 3, 5, 6, 7, 20, 41, 60])
def test_abort_in_mid_layer(design: Design, cycles: int) -> None:
    image, takes = image_on(design)
    host = RtlHost(Accelerator(image.design, image.buffers))

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.start(ctx, "swap_weights", "swap_features")
        ctx.set(host.dut.m_axis_tready, 1)
        await ctx.tick().repeat(cycles)
        await host.write(ctx, CONTROL, control_word("abort"))
        for _ in range(2):
            run = await completed(ctx, host, "clear_counters")
            assert right(run, image)
            assert run.counters["cycles"] == takes

    host.simulate(script)


@each_design
@pytest.mark.parametrize("held", [(True, False), (False, True, True, True), (True,) * 9 + (False,)])
def test_output_that_is_held_up(design: Design, held: tuple[bool, ...]) -> None:
    image, _ = image_on(design)
    run = run_rtl(image, LONG, Pace(weights=held[::-1], features=held, output=held))
    assert right(run, image)


@pytest.mark.parametrize(
    ("name", "value", "error"),
    [("words", 0, ErrorCode.COUNT), ("groups", 0, ErrorCode.COUNT),
     ("tiles_per_group", 0, ErrorCode.COUNT), ("last_tile_lanes", 4, ErrorCode.LANES),
     ("high", -128, ErrorCode.CLAMP)],
)  # fmt: skip
def test_registers_that_cannot_be_right(name: str, value: int, error: ErrorCode) -> None:
    image, _ = image_on(SMALL)
    host = RtlHost(Accelerator(image.design, image.buffers))
    address = LAYER_BASE + list(image.registers).index(name)

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        if name == "high":
            await host.write(ctx, address - 1, 0)
        await host.write(ctx, address, value)
        run = await completed(ctx, host, "swap_weights", "swap_features")
        assert not run.beats
        assert run.error == error

    host.simulate(script)
