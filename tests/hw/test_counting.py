"""Counters in halves: the carry or borrow between them comes a cycle later, and is not lost."""

from typing import Any

import pytest
from amaranth.hdl import Module, Signal
from amaranth.sim import Simulator

from bosquet.hw.control import out_of_time
from bosquet.hw.counters import HALF_BITS, LAG, Counters
from bosquet.hw.design import Design
from bosquet.hw.loader import Loader, MemoryKind, Room, header_layout
from bosquet.hw.passes import follows, last_of

DESIGN = Design("sparse", 3, 2, window=4, run_ahead=1, feed=2)


def simulate(m: Any, testbench: Any) -> None:
    simulator = Simulator(m)
    simulator.add_clock(1e-9)
    simulator.add_testbench(testbench)
    simulator.run()


def test_follows_is_one_more() -> None:
    m, number, other, found = Module(), Signal(4), Signal(4), Signal()
    m.d.comb += found.eq(follows(number, other))

    async def script(ctx: Any) -> None:
        for a in range(16):
            for b in range(16):
                ctx.set(number, a)
                ctx.set(other, b)
                assert ctx.get(found) == ((a + 1) % 16 == b)

    simulator = Simulator(m)
    simulator.add_testbench(script)
    simulator.run()


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_last_one_is_known_in_its_cycle(count: int) -> None:
    m, restart, step = Module(), Signal(), Signal()
    last = last_of(m, Signal(16, init=count), restart, step, "it")

    async def script(ctx: Any) -> None:
        for steps in (1, 2 * count + 1):  # a restart from anywhere
            ctx.set(restart, 1)
            ctx.set(step, steps > 1)
            await ctx.tick()
            ctx.set(restart, 0)
            for number in range(steps):
                ctx.set(step, 0)
                await ctx.tick()
                assert ctx.get(last) == (number % count == count - 1)
                ctx.set(step, 1)
                await ctx.tick()

    simulate(m, script)


@pytest.mark.parametrize("limit", [1, 2, 3, (1 << 16) + 2])
def test_the_last_allowed_cycle(limit: int) -> None:
    m, start = Module(), Signal()
    found = out_of_time(m, start, Signal(32, init=limit))

    async def script(ctx: Any) -> None:
        await ctx.tick().repeat(3)
        ctx.set(start, 1)
        await ctx.tick()
        ctx.set(start, 0)
        for cycle in range(1, limit + 1):
            assert ctx.get(found) == (cycle == limit), cycle
            await ctx.tick()

    simulate(m, script)


def test_a_carry_reaches_the_upper_half() -> None:
    dut = Counters(DESIGN)
    before = (1 << HALF_BITS) - 3

    async def script(ctx: Any) -> None:
        ctx.set(dut.values.cycles, before)
        ctx.set(dut.running, 1)
        await ctx.tick().repeat(5)
        ctx.set(dut.running, 0)
        await ctx.tick().repeat(LAG)
        assert ctx.get(dut.values.cycles) == before + 5
        ctx.set(dut.clear, 1)
        await ctx.tick()
        ctx.set(dut.clear, 0)
        await ctx.tick().repeat(LAG)
        assert ctx.get(dut.values.cycles) == 0

    simulate(dut, script)


def test_the_beats_of_both_loads_count_when_a_run_swaps_them_in() -> None:
    dut = Counters(DESIGN)

    async def script(ctx: Any) -> None:
        for weights, features in ((1, 1), (1, 0), (0, 1)):  # a beat of the next load with the swap
            ctx.set(dut.weight_beat, 1)
            await ctx.tick().repeat(4)
            ctx.set(dut.feature_beat, 1)
            await ctx.tick().repeat(3)
            ctx.set(dut.weights_swapped, weights)
            ctx.set(dut.features_swapped, features)
            await ctx.tick()
            for member in ("weight_beat", "feature_beat", "weights_swapped", "features_swapped"):
                ctx.set(getattr(dut, member), 0)
            await ctx.tick().repeat(LAG)
        # Weights 7; 1 + 7; features 3; then 1 and 3 + 1 held over the run without them, and 3.
        assert ctx.get(dut.values.load_beats) == (7 + 3) + (1 + 7) + (1 + 4 + 3)

    simulate(dut, script)


@pytest.mark.parametrize(("beats", "missing"), [(1, 0), (1, 1), (2, 0), (2, 1), ((1 << 16) + 1, 0)])
def test_a_section_ends_with_its_last_beat(beats: int, missing: int) -> None:
    dut = Loader(DESIGN, {MemoryKind.FEATURES: Room(2, 1 << 17)})
    header = header_layout().const({"memory": MemoryKind.FEATURES, "unit": 1, "beats": beats})
    sent = beats - missing  # besides the header

    async def script(ctx: Any) -> None:
        ctx.set(dut.open, 1)
        ctx.set(dut.load.valid, 1)
        ctx.set(dut.load.payload.data, header.as_value().value)
        ctx.set(dut.load.payload.last, sent == 0)
        for number in range(sent):
            await ctx.tick()
            ctx.set(dut.load.payload.data, 0)
            ctx.set(dut.load.payload.last, number == sent - 1)
        assert ctx.get(dut.ended) == (not missing)  # a load that is cut does not count
        assert ctx.get(dut.cut) == missing
        await ctx.tick()
        # The next beat is a header again: a wrong one is told.
        ctx.set(dut.load.payload.data, 0)
        ctx.set(dut.load.payload.last, 0)
        await ctx.tick()
        assert ctx.get(dut.wrong_section)

    simulate(dut, script)


@pytest.mark.parametrize(
    ("memory", "unit", "beats", "right"),
    [
        (MemoryKind.FEATURES, 1, 3, True),
        (MemoryKind.FEATURES, 2, 3, False),
        (MemoryKind.FEATURES, 1, 4, False),
        (MemoryKind.FEATURES, 1, 1 << 24, False),
        (MemoryKind.WEIGHTS, 1, 3, False),
    ],
)
def test_a_section_without_room_writes_nothing(
    memory: MemoryKind, unit: int, beats: int, right: bool
) -> None:
    dut = Loader(DESIGN, {MemoryKind.FEATURES: Room(2, 3)})
    header = header_layout().const({"memory": memory, "unit": unit, "beats": beats})
    writes: list[int] = []

    async def script(ctx: Any) -> None:
        ctx.set(dut.open, 1)
        ctx.set(dut.load.valid, 1)
        ctx.set(dut.load.payload.data, header.as_value().value)
        await ctx.tick()
        assert ctx.get(dut.wrong_section) == (not right)
        for number in range(min(beats, 9)):
            ctx.set(dut.load.payload.last, number == beats - 1)
            assert ctx.get(dut.ended) == (right and number == beats - 1)
            await ctx.tick()
            writes.append(ctx.get(dut.written.enable))

    simulate(dut, script)
    assert writes == [int(right)] * min(beats, 9)
