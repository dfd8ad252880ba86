"""The control unit at work: errors that do not hang, abort, reset, interrupts, double buffers."""

from dataclasses import replace
from typing import Any

import pytest
from accelerators import PORT, SPARSE, image_on, right
from amaranth.hdl import ResetInserter, Signal
from control_host import CLEAR_ERROR, LONG, SWAPS, completed, each_family, host_of, loaded

from bosquet.hw.design import Design
from bosquet.hw.registers import (
    CONTROL,
    CYCLE_LIMIT,
    ERROR,
    IDENTITY,
    IRQ_ENABLE,
    LAYER_BASE,
    LONGEST_RUN,
    STATUS,
    STATUS_BITS,
    ErrorCode,
    control_word,
    identity,
    layer_layout,
)
from bosquet.hw.top import Accelerator
from bosquet.sim.rtl_host import RtlHost, Run

WRONG = {
    "format": (3, ErrorCode.FORMAT),
    "index_select": (9, ErrorCode.INDEX_SELECT),
    "feed_shift": (2, ErrorCode.FEED_SHIFT),
    "position_tiles": (0, ErrorCode.COUNT),
    "length": (0, ErrorCode.COUNT),
    "last_tile_lanes": (4, ErrorCode.LANES),
    "steps": (40, ErrorCode.OFFSETS),
    "low": (127, ErrorCode.CLAMP),
}


WRONG_PORT = {
    "channels": (0, ErrorCode.COUNT),
    "channel_shift": (1, ErrorCode.OFFSETS),  # taps of 2 channels: twice as many
}


@pytest.mark.parametrize(
    ("register", "design"),
    [*((name, SPARSE) for name in WRONG), *((name, PORT) for name in WRONG_PORT)],
    ids=lambda value: value if isinstance(value, str) else value.delivery,
)
def test_a_register_that_cannot_be_right_keeps_the_run_from_starting(
    register: str, design: Design
) -> None:
    image = image_on(design)
    host = host_of(image)
    value, code = (WRONG | WRONG_PORT)[register]
    place = LAYER_BASE + list(layer_layout(design).members).index(register)
    assert value != image.registers[register]

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.write(ctx, place, value)
        if register == "index_select":
            await host.write(ctx, LAYER_BASE, 1)  # only the relative format has one
        if register == "low":
            await host.write(ctx, place + 1, 126)
        run = await completed(ctx, host, *SWAPS)
        assert not run.beats
        assert run.error == code
        assert not await host.status(ctx, "busy")
        assert not await host.status(ctx, "done")
        assert run.counters["cycles"] == 0
        # Mended, it runs on what is loaded.
        await host.write(ctx, STATUS, CLEAR_ERROR)
        await host.configure(ctx, image)
        run = await completed(ctx, host, *SWAPS)
        assert right(run, image)
        assert run.error == ErrorCode.NONE

    host.simulate(script)


@each_family
def test_a_cycle_limit_ends_a_run(design: Design) -> None:
    image = image_on(design)
    host = host_of(image)

    async def script(ctx: Any) -> None:
        await host.write(ctx, CYCLE_LIMIT, 40)
        await loaded(ctx, host, image)
        run = await completed(ctx, host, *SWAPS)
        assert run.error == ErrorCode.CYCLE_LIMIT
        assert run.counters["cycles"] == 40
        assert not run.ended
        # The buffers still hold the layer.
        await host.write(ctx, CYCLE_LIMIT, 0)
        await host.write(ctx, STATUS, CLEAR_ERROR)
        assert right(await completed(ctx, host), image)

    host.simulate(script)


@each_family
def test_a_start_behind_a_run_that_is_ended_is_forgotten(design: Design) -> None:
    """Its beats would follow those of the run that was cut off, with no tlast between them."""
    image = image_on(replace(design, buffer_sets=2))
    host = host_of(image)

    async def script(ctx: Any) -> None:
        await host.write(ctx, CYCLE_LIMIT, 100)
        await loaded(ctx, host, image)
        await host.start(ctx, *SWAPS)
        await host.load(ctx, "weights", image.weight_load)
        await host.write(ctx, CONTROL, control_word("start", "swap_weights"))
        assert await host.status(ctx, "pending")
        beats = 0
        for _ in range(LONG):
            beats += bool(ctx.get(host.dut.m_axis_tvalid))  # none is taken
            await ctx.tick()
        assert await host.read(ctx, ERROR) == ErrorCode.CYCLE_LIMIT
        assert not await host.status(ctx, "busy")
        assert not await host.status(ctx, "done")
        await host.write(ctx, CYCLE_LIMIT, 0)
        await host.write(ctx, STATUS, CLEAR_ERROR)
        assert right(await completed(ctx, host, "swap_weights"), image)

    host.simulate(script)


@each_family
def test_a_limit_of_just_enough_cycles_is_no_error(design: Design) -> None:
    image = image_on(design)
    host = host_of(image)

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        cycles = (await completed(ctx, host, *SWAPS)).counters["cycles"]
        await host.write(ctx, CYCLE_LIMIT, cycles)
        run = await completed(ctx, host)
        assert (run.error, run.ended) == (ErrorCode.NONE, True)
        await host.write(ctx, CYCLE_LIMIT, cycles - 1)
        assert (await completed(ctx, host)).error == ErrorCode.CYCLE_LIMIT

    host.simulate(script)


@each_family
@pytest.mark.parametrize("cycles", [0, 1, 30, 77])
def test_abort_in_mid_layer(design: Design, cycles: int) -> None:
    image = image_on(design)
    host = host_of(image)

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.start(ctx, *SWAPS)
        for _ in range(cycles):
            await ctx.tick()
        await host.write(ctx, CONTROL, control_word("abort"))
        assert not await host.status(ctx, "busy")
        run = await completed(ctx, host, "clear_counters")
        assert right(run, image)

    host.simulate(script)


@each_family
@pytest.mark.parametrize("cycles", [1, 30, 77])
def test_reset_in_mid_layer(design: Design, cycles: int) -> None:
    image = image_on(design)
    dut, reset = Accelerator(image.design, image.buffers), Signal()
    host = RtlHost(dut, top=ResetInserter(reset)(dut))

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.start(ctx, *SWAPS)
        ctx.set(dut.m_axis_tready, 1)
        await ctx.tick().repeat(cycles)
        ctx.set(reset, 1)
        await ctx.tick()
        ctx.set(reset, 0)
        assert await host.read(ctx, STATUS) == 0
        await loaded(ctx, host, image)
        run = await completed(ctx, host, *SWAPS)
        assert right(run, image)
        assert run.counters["load_beats"] == len(image.weight_load) + len(image.feature_load)

    host.simulate(script)


def test_what_happens_while_it_is_cleared_is_told() -> None:
    image = image_on(SPARSE)
    host = host_of(image)
    dut = host.dut
    done = 1 << STATUS_BITS.index("done")

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.start(ctx, *SWAPS)
        ctx.set(dut.reg_address, STATUS)
        ctx.set(dut.reg_write_data, done | CLEAR_ERROR)
        ctx.set(dut.reg_write, 1)
        await host.take(ctx, Run(), LONG)  # returns with the edge that takes the last beat
        ctx.set(dut.reg_write, 0)
        assert ctx.get(dut.done)
        await host.load(ctx, "weights", image.weight_load[:3])
        ctx.set(dut.reg_address, STATUS)
        ctx.set(dut.reg_write, 1)
        await host.load(ctx, "weights", image.weight_load[:3])
        ctx.set(dut.reg_write, 0)
        assert await host.read(ctx, ERROR) == ErrorCode.LOAD_CUT

    host.simulate(script)


def test_an_address_without_a_register_reads_as_0() -> None:
    host = host_of(image_on(SPARSE))

    async def script(ctx: Any) -> None:
        for address in (CONTROL, 200, 255):
            assert await host.read(ctx, IDENTITY) != 0
            assert await host.read(ctx, address) == 0

    host.simulate(script)


def test_a_reset_sets_a_limit() -> None:
    host = host_of(image_on(SPARSE))

    async def script(ctx: Any) -> None:
        assert await host.read(ctx, CYCLE_LIMIT) == LONGEST_RUN

    host.simulate(script)


def test_what_must_wait_for_the_run_is_told() -> None:
    image = image_on(SPARSE)
    host = host_of(image)

    async def script(ctx: Any) -> None:
        await loaded(ctx, host, image)
        await host.start(ctx, *SWAPS)
        await host.write(ctx, LAYER_BASE + 3, 1)  # keeps its value
        assert await host.read(ctx, ERROR) == ErrorCode.BUSY
        await host.write(ctx, STATUS, CLEAR_ERROR)
        await host.start(ctx)
        assert await host.read(ctx, ERROR) == ErrorCode.BUSY
        await host.write(ctx, STATUS, CLEAR_ERROR)
        run = Run()
        await host.take(ctx, run, LONG)
        assert right(run, image)

    host.simulate(script)


def test_interrupts_and_status() -> None:
    image = image_on(SPARSE)
    host = host_of(image)
    dut = host.dut

    async def script(ctx: Any) -> None:
        assert await host.read(ctx, IDENTITY) == identity(image.design, image.buffers)
        await host.write(ctx, IRQ_ENABLE, 0b01)
        await host.configure(ctx, image)
        await host.start(ctx, *SWAPS)
        assert await host.status(ctx, "pending")
        assert await host.status(ctx, "busy")
        await host.load(ctx, "features", image.feature_load)
        assert await host.status(ctx, "features_full")
        assert not await host.status(ctx, "weights_full")
        await host.load(ctx, "weights", image.weight_load)
        run = Run()
        await host.take(ctx, run, LONG)
        await host.finish(ctx, run)
        assert right(run, image)
        assert run.counters["dram"] > len(image.feature_load) * SPARSE.lanes
        assert ctx.get(dut.irq)
        await host.write(ctx, STATUS, 1 << STATUS_BITS.index("done"))
        assert not ctx.get(dut.irq)
        assert not ctx.get(dut.done)
        await host.write(ctx, LAYER_BASE, 3)
        await host.start(ctx)
        await ctx.tick().repeat(4)
        assert ctx.get(dut.error)
        assert not ctx.get(dut.irq)
        await host.write(ctx, IRQ_ENABLE, 0b10)
        assert ctx.get(dut.irq)

    host.simulate(script)
