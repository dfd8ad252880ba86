"""A host at the ports of an accelerator, in Amaranth's simulator.

It does what a driver does: write registers, send what is to be loaded, start, take the output
beats, read counters. Each stream goes at a pace of its own: a pattern of cycles in which the host
holds it up, repeated.
"""

from collections.abc import Callable, Coroutine, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field
from typing import Any, TextIO

from amaranth.sim import Simulator

from ..hw.counters import LAG
from ..hw.image import Image
from ..hw.registers import (
    CONTROL,
    COUNTER_BASE,
    COUNTERS,
    ERROR,
    LAYER_BASE,
    STATUS,
    STATUS_BITS,
    ErrorCode,
    control_word,
)

__all__ = ["PATIENCE", "Pace", "RtlHost", "Run", "Script"]

PATIENCE = 100_000
"""Cycles after which a beat that the accelerator does not take is a hang; no load is so slow."""


Script = Callable[[Any], Coroutine[Any, Any, None]]
"""What a host does: a coroutine function that is given the simulator's context."""


@dataclass(frozen=True)
class Pace:
    """Cycles in which the host holds a stream up, repeated; empty: never.

    Attributes
    ----------
    weights, features, output : sequence of bool
        True where the stream's beat is not offered, or not taken.

    Raises
    ------
    ValueError
        If a stream is held up for ever.
    """

    weights: Sequence[bool] = ()
    features: Sequence[bool] = ()
    output: Sequence[bool] = ()

    def __post_init__(self) -> None:
        for name, held in vars(self).items():
            if held and all(held):
                raise ValueError(f"Pace.{name}: every cycle is held up; leave one free")


@dataclass
class Run:
    """What the RTL did with an image.

    Attributes
    ----------
    beats : list of int
        Output beats, in order.
    beat_cycles : list of int
        Cycle of the run in which each was taken.
    ended : bool
        The last beat had ``tlast``.
    counters : dict
        Every performance counter, by name (``hw.registers.COUNTERS``).
    error : ErrorCode
    """

    beats: list[int] = field(default_factory=list)
    beat_cycles: list[int] = field(default_factory=list)
    ended: bool = False
    counters: dict[str, int] = field(default_factory=dict)
    error: ErrorCode = ErrorCode.NONE


class RtlHost:
    """A host for one accelerator.

    Parameters
    ----------
    dut : Accelerator, or anything with its ports
    pace : Pace
    top : elaboratable
        What is simulated, if it is not ``dut`` itself.
    waves : text file
        Where the waves of all signals go, as VCD.
    """

    def __init__(
        self, dut: Any, pace: Pace | None = None, top: Any = None, waves: TextIO | None = None
    ) -> None:
        self.dut = dut
        self._top = top or dut
        self._pace = pace or Pace()
        self._waves = waves

    def simulate(self, *scripts: Script) -> None:
        """Run scripts of the host together."""
        simulator = Simulator(self._top)
        simulator.add_clock(1e-6)
        for number, script in enumerate(scripts):
            # The first one decides how long the simulation takes.
            simulator.add_testbench(script, background=number > 0)
        with nullcontext() if self._waves is None else simulator.write_vcd(self._waves):
            simulator.run()

    async def write(self, ctx: Any, address: int, value: int) -> None:
        """Write a register."""
        dut = self.dut
        ctx.set(dut.reg_address, address)
        ctx.set(dut.reg_write_data, value & 0xFFFFFFFF)
        ctx.set(dut.reg_write, 1)
        await ctx.tick()
        ctx.set(dut.reg_write, 0)

    async def read(self, ctx: Any, address: int) -> int:
        """Read a register."""
        ctx.set(self.dut.reg_address, address)
        await ctx.tick()
        return int(ctx.get(self.dut.reg_read_data))

    async def status(self, ctx: Any, name: str) -> bool:
        """Read a bit of STATUS."""
        return bool(await self.read(ctx, STATUS) >> STATUS_BITS.index(name) & 1)

    async def configure(self, ctx: Any, image: Image) -> None:
        """Write the layer registers."""
        for i, value in enumerate(image.registers.values()):
            await self.write(ctx, LAYER_BASE + i, value)

    async def load(self, ctx: Any, stream: str, beats: Sequence[int]) -> None:
        """Send a load over a stream, ``weights`` or ``features``, the last beat with ``tlast``.

        Raises
        ------
        TimeoutError
            If a beat is not taken within ``PATIENCE`` cycles.
        """
        ports = {
            name: getattr(self.dut, f"s_axis_{stream}_{name}")
            for name in ("tdata", "tvalid", "tready", "tlast")
        }
        held = getattr(self._pace, stream)
        cycle = 0
        for place, beat in enumerate(beats):
            taken, offered = False, cycle
            while not taken:
                if cycle - offered > PATIENCE:
                    raise TimeoutError(f"s_axis_{stream} takes no beat for {PATIENCE} cycles")
                ctx.set(ports["tdata"], beat)
                ctx.set(ports["tlast"], place == len(beats) - 1)
                ctx.set(ports["tvalid"], not (held and held[cycle % len(held)]))
                *_, taken = await ctx.tick().sample(ports["tvalid"] & ports["tready"])
                cycle += 1
        ctx.set(ports["tvalid"], 0)

    async def start(self, ctx: Any, *bits: str) -> None:
        """Write *start* and other bits to CONTROL."""
        await self.write(ctx, CONTROL, control_word("start", *bits))

    async def take(self, ctx: Any, run: Run, limit: int) -> None:
        """Take output beats until the run ends, for at most ``limit`` cycles."""
        dut, held = self.dut, self._pace.output
        for cycle in range(limit):
            ctx.set(dut.m_axis_tready, not (held and held[cycle % len(held)]))
            *_, taken, last, beat, error = await ctx.tick().sample(
                dut.m_axis_tvalid & dut.m_axis_tready, dut.m_axis_tlast, dut.m_axis_tdata,
                dut.error,
            )  # fmt: skip
            if taken:
                run.beats.append(int(beat))
                run.beat_cycles.append(cycle)
                run.ended = bool(last)
            if run.ended or error:
                break
        ctx.set(dut.m_axis_tready, 0)

    async def finish(self, ctx: Any, run: Run) -> None:
        """Read the counters and the error."""
        await ctx.tick().repeat(LAG)
        for i, name in enumerate(COUNTERS):
            low = await self.read(ctx, COUNTER_BASE + 2 * i)
            high = await self.read(ctx, COUNTER_BASE + 2 * i + 1)
            run.counters[name] = high << 32 | low
        run.error = ErrorCode(await self.read(ctx, ERROR))
