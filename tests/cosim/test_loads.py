"""Loads under a host: cut, wrong, broken off, while a start waits, while a run goes on."""

from dataclasses import replace
from typing import Any

import pytest
from accelerators import SPARSE, image_on, right, small_layer
from amaranth.hdl import ResetInserter, Signal
from control_host import CLEAR_ERROR, LONG, SWAPS, completed, each_family, host_of, loaded

from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind, header_layout
from bosquet.hw.program import Program
from bosquet.hw.registers import (
    CONTROL,
    ERROR,
    STATUS,
    ErrorCode,
    control_word,
)
from bosquet.hw.top import Accelerator
from bosquet.sim.exact import simulate
from bosquet.sim.rtl_host import RtlHost, Run


def test_reset_within_a_load() -> None:
    image = image_on(SPARSE)
    dut, reset = Accelerator(image.design, image.buffers), Signal()
    host = RtlHost(dut, top=ResetInserter(reset)(dut))

    async def script(ctx: Any) -> None:
        await host.load(ctx, "features", image.feature_load)
        ctx.set(dut.s_axis_weights_tvalid, 1)
        for beat in image.weight_load[:5]:
            ctx.set(dut.s_axis_weights_tdata, beat)
            await ctx.tick()
        ctx.set(dut.s_axis_weights_tvalid, 0)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        await loaded(ctx, host, image)
        assert right(await completed(ctx, host, *SWAPS), image)

    host.simulate(script)


def test_abort_within_a_load() -> None:
    image = image_on(SPARSE)
    host = host_of(image)
    dut = host.dut

    async def script(ctx: Any) -> None:
        ctx.set(dut.s_axis_weights_tvalid, 1)
        for beat in image.weight_load[:5]:
            ctx.set(dut.s_axis_weights_tdata, beat)
            await ctx.tick()
        ctx.set(dut.s_axis_weights_tvalid, 0)
        await host.write(ctx, CONTROL, control_word("abort"))
        await loaded(ctx, host, image)
        run = await completed(ctx, host, *SWAPS)
        assert right(run, image)
        assert run.error == ErrorCode.NONE

    host.simulate(script)


def test_wrong_loads_are_told() -> None:
    image = image_on(SPARSE)
    host = host_of(image)
    features = header_layout().const({"memory": MemoryKind.FEATURES, "unit": 0, "beats": 1})

    async def script(ctx: Any) -> None:
        await host.load(ctx, "weights", image.weight_load[:3])  # the last with tlast
        assert await host.read(ctx, ERROR) == ErrorCode.LOAD_CUT
        await host.write(ctx, CONTROL, control_word("abort"))  # forget what is loaded
        await host.write(ctx, STATUS, CLEAR_ERROR)
        assert await host.read(ctx, ERROR) == ErrorCode.NONE
        await host.load(ctx, "weights", [features.as_value().value, 0])
        assert await host.read(ctx, ERROR) == ErrorCode.LOAD_SECTION
        await host.write(ctx, CONTROL, control_word("abort"))
        await host.write(ctx, STATUS, CLEAR_ERROR)
        await loaded(ctx, host, image)
        run = await completed(ctx, host, *SWAPS)
        assert right(run, image)
        assert run.error == ErrorCode.NONE

    host.simulate(script)


@each_family
def test_a_start_waits_for_a_load_that_counts(design: Design) -> None:
    """One that is cut, or has a section that there is no room for, has to be sent again."""
    image = image_on(design)
    host = host_of(image)
    depth = image.buffers.filter_words
    sections = ((MemoryKind.FEATURES, 0, 1), (MemoryKind.FILTERS, 99, 1),
                (MemoryKind.FILTERS, 0, depth + 1))  # fmt: skip
    wrong = [
        header_layout().const({"memory": memory, "unit": unit, "beats": beats}).as_value().value
        for memory, unit, beats in sections
    ]

    async def script(ctx: Any) -> None:
        await host.configure(ctx, image)
        await host.load(ctx, "features", image.feature_load)
        await host.load(ctx, "weights", image.weight_load[:3])
        assert not await host.status(ctx, "weights_full")
        for header, (_, _, beats) in zip(wrong, sections, strict=True):
            await host.write(ctx, STATUS, CLEAR_ERROR)
            await host.load(ctx, "weights", [header, *[0] * beats])
            assert not await host.status(ctx, "weights_full")
            assert await host.read(ctx, ERROR) == ErrorCode.LOAD_SECTION
        await host.start(ctx, *SWAPS)
        await ctx.tick().repeat(50)
        assert await host.status(ctx, "pending")
        await host.load(ctx, "weights", image.weight_load)
        run = Run()
        await host.write(ctx, STATUS, CLEAR_ERROR)
        await host.take(ctx, run, LONG)
        assert right(run, image)

    host.simulate(script)


@pytest.mark.parametrize("sets", [1, 2])
def test_what_a_start_works_on_is_not_replaced_while_it_waits(sets: int) -> None:
    image = image_on(replace(SPARSE, buffer_sets=sets))
    host = host_of(image)
    dut = host.dut

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        assert right(await completed(ctx, host, *SWAPS), image)
        await host.start(ctx, "swap_features")  # on the weights of the run before
        await ctx.tick()
        assert ctx.get(dut.s_axis_weights_tready) == (sets == 2)
        await host.load(ctx, "features", image.feature_load)
        run = Run()
        await host.take(ctx, run, LONG)
        assert right(run, image)

    host.simulate(script)


@each_family
def test_the_next_run_is_loaded_while_one_goes_on(design: Design) -> None:
    """Three runs on other activations, the third with its weights sent again."""
    images = [image_on(replace(design, buffer_sets=2), seed) for seed in range(3)]
    host = host_of(images[0])
    runs = [Run(), Run(), Run()]
    fresh_weights = (True, False, True)

    async def control(ctx: Any) -> None:
        for image, fresh in zip(images, fresh_weights, strict=True):
            while await host.status(ctx, "pending"):
                pass
            await host.configure(ctx, image)
            await host.start(ctx, "swap_features", *(["swap_weights"] if fresh else []))

    async def take(ctx: Any) -> None:
        for run in runs:
            await host.take(ctx, run, LONG)

    async def send_weights(ctx: Any) -> None:
        for image, fresh in zip(images, fresh_weights, strict=True):
            if fresh:
                await host.load(ctx, "weights", image.weight_load)

    async def send_features(ctx: Any) -> None:
        for image in images:
            await host.load(ctx, "features", image.feature_load)

    async def both(ctx: Any) -> None:
        await take(ctx)
        await host.finish(ctx, runs[-1])

    host.simulate(both, control, send_weights, send_features)
    for run, image in zip(runs, images, strict=True):
        assert right(run, image)
    counters = runs[-1].counters
    beats = 2 * len(images[0].weight_load) + 3 * len(images[0].feature_load)
    assert counters["load_beats"] == beats
    assert counters["output_beats"] == 3 * len(images[0].beats)
    # All loads but the first are hidden behind a run: the waits are those of the first alone.
    waits = counters["dram"] // design.lanes
    alone = simulate(Program.plan(small_layer(), design)).cycles
    assert counters["cycles"] == 3 * alone + waits
    assert waits < len(images[0].weight_load) + len(images[0].feature_load)
