"""The narrow port: everything that goes through wide ports goes through few pins too."""

from typing import Any

from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out
from amaranth.sim import Simulator

from bosquet.hw.synth.narrow import NARROW_PINS, Narrow


class Adder(wiring.Component):
    """Keeps the sum of two numbers, and counts how often it was told to."""

    def __init__(self) -> None:
        super().__init__({"a": In(11), "add": In(1), "b": In(7), "total": Out(12), "count": Out(5)})

    def elaborate(self, platform: object) -> Module:
        m = Module()
        with m.If(self.add):
            m.d.sync += [self.total.eq(self.a + self.b), self.count.eq(self.count + 1)]
        return m


def test_frames_go_in_and_out() -> None:
    narrow = Narrow(Adder())
    assert (narrow.beats(In), narrow.beats(Out)) == (3, 3)  # 19 and 17 bits
    seen: list[int] = []

    async def host(ctx: Any) -> None:
        async def exchange(a: int, add: int, b: int) -> int:
            frame = a | add << 11 | b << 12
            ctx.set(narrow.shift, 1)
            for beat in range(narrow.beats(In)):
                ctx.set(narrow.sent, frame >> NARROW_PINS * beat & 0xFF)
                await ctx.tick()
            ctx.set(narrow.shift, 0)
            ctx.set(narrow.step, 1)
            await ctx.tick()
            ctx.set(narrow.step, 0)
            await ctx.tick().repeat(4)  # the registers on the way in and out
            found = 0
            ctx.set(narrow.shift, 1)
            for beat in range(narrow.beats(Out)):
                await ctx.tick()
                found |= ctx.get(narrow.received) << NARROW_PINS * beat
            ctx.set(narrow.shift, 0)
            await ctx.tick().repeat(2)
            return found

        await exchange(1500, 1, 100)
        # Steps show the outputs of their own cycle, before what they cause.
        seen.append(await exchange(3, 0, 4))
        await exchange(2047, 1, 127)
        seen.append(await exchange(0, 0, 0))

    sim = Simulator(narrow)
    sim.add_clock(1e-6)
    sim.add_testbench(host)
    sim.run()
    # However often a frame with add = 1 passed by, it counted once per step.
    assert seen == [1600 | 1 << 12, 2174 | 2 << 12]
