"""Co-simulation: one program through the RTL, the simulator and the integer reference.

The RTL runs in Amaranth's own simulator from the very image a host would load. Its outputs must
equal the reference bit for bit, its counters the simulator's number for number.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from amaranth.sim import Simulator
from numpy.typing import NDArray

from ..engine.integer import layer_outputs
from ..hw.counters import LAG
from ..hw.image import Image
from ..hw.program import Program
from ..hw.registers import CONTROL, COUNTER_BASE, COUNTERS, LAYER_BASE
from ..hw.top import Accelerator
from ..models.layer import Layer
from .exact import simulate

__all__ = ["Comparison", "Run", "compare", "predicted_counters", "run_rtl"]


@dataclass(frozen=True)
class Run:
    """What the RTL did with an image.

    Attributes
    ----------
    beats : tuple of int
        Output beats, in order.
    counters : dict
        Every performance counter, by name (``hw.registers.COUNTERS``).
    """

    beats: tuple[int, ...]
    counters: dict[str, int]


@dataclass(frozen=True)
class Comparison:
    """RTL against simulator and reference, for one layer on one design.

    Attributes
    ----------
    rtl, simulated : dict
        Counters by name.
    counter_mismatches : tuple of str
        Counters that differ.
    bit_mismatches : int
        Output bits that differ from the reference.
    first_bad_beat : int or None
    missing_beats : int
        Beats that were expected and did not come (negative: too many).
    """

    rtl: dict[str, int]
    simulated: dict[str, int]
    counter_mismatches: tuple[str, ...] = field(default=())
    bit_mismatches: int = 0
    first_bad_beat: int | None = None
    missing_beats: int = 0

    @property
    def equal(self) -> bool:
        """Whether every counter and every bit agrees."""
        return not (self.counter_mismatches or self.bit_mismatches or self.missing_beats)


def run_rtl(image: Image, limit: int, stalls: Sequence[bool] = ()) -> Run:
    """Run an image in Amaranth's simulator, for at most ``limit`` cycles after start.

    ``stalls`` is repeated over the cycles: True where the output stream is not ready. Empty means
    the ``ideal`` environment.
    """
    dut = Accelerator(image.design, image.buffers)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    beats: list[int] = []
    counters: dict[str, int] = {}

    async def write(ctx: Any, address: int, value: int) -> None:
        ctx.set(dut.reg_address, address)
        ctx.set(dut.reg_write_data, value & 0xFFFFFFFF)
        ctx.set(dut.reg_write, 1)
        await ctx.tick()
        ctx.set(dut.reg_write, 0)

    async def read(ctx: Any, address: int) -> int:
        ctx.set(dut.reg_address, address)
        await ctx.tick()
        return int(ctx.get(dut.reg_read_data))

    async def host(ctx: Any) -> None:
        for i, value in enumerate(image.registers.values()):
            await write(ctx, LAYER_BASE + i, value)
        ctx.set(dut.s_axis_tvalid, 1)
        for beat in image.load:
            ctx.set(dut.s_axis_tdata, beat)
            await ctx.tick()
        ctx.set(dut.s_axis_tvalid, 0)
        await ctx.tick()
        await write(ctx, CONTROL, 1)
        for cycle in range(limit):
            ctx.set(dut.m_axis_tready, not (stalls and stalls[cycle % len(stalls)]))
            sampled = await ctx.tick().sample(
                dut.m_axis_tvalid & dut.m_axis_tready, dut.m_axis_tlast, dut.m_axis_tdata
            )
            accepted, last, beat = sampled[2:]
            if accepted:
                beats.append(int(beat))
                if last:
                    break
        await ctx.tick().repeat(LAG)
        for i, name in enumerate(COUNTERS):
            low = await read(ctx, COUNTER_BASE + 2 * i)
            high = await read(ctx, COUNTER_BASE + 2 * i + 1)
            counters[name] = high << 32 | low

    simulator.add_testbench(host)
    simulator.run()
    return Run(tuple(beats), counters)


def predicted_counters(program: Program, image: Image) -> dict[str, int]:
    """Return every counter as the exact simulator predicts it."""
    counted = simulate(program)
    return {
        "cycles": counted.cycles,
        "compute": counted.compute,
        **{name: counted.stalls[name] for name in COUNTERS if name in counted.stalls},
        "load_beats": len(image.load),
        "output_beats": counted.output_beats,
    }


def compare(program: Program, layer: Layer, features: NDArray[np.int64]) -> Comparison:
    """Run one layer on activations (batch, in, h, w) and compare everything."""
    image = Image.of(program, layer, features, layer_outputs(layer, features))
    simulated = predicted_counters(program, image)
    run = run_rtl(image, limit=2 * simulated["cycles"] + 1000)
    wrong = [
        (got ^ want) & care
        for got, want, care in zip(run.beats, image.beats, image.care, strict=False)
    ]
    bad = [i for i, bits in enumerate(wrong) if bits]
    return Comparison(
        rtl=run.counters,
        simulated=simulated,
        counter_mismatches=tuple(n for n in COUNTERS if run.counters[n] != simulated[n]),
        bit_mismatches=sum(bits.bit_count() for bits in wrong),
        first_bad_beat=bad[0] if bad else None,
        missing_beats=len(image.beats) - len(run.beats),
    )
