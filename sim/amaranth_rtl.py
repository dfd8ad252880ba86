"""The RTL in Amaranth's own simulator, from the very images a host would load.

It needs nothing but Python, and seconds where what Verilator has compiled (``verilated``) needs
milliseconds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, TextIO

from ..hw.design import Design
from ..hw.dram import Dram, DramAccelerator
from ..hw.image import Image
from ..hw.run_image import RunImage
from ..hw.top import Accelerator
from .rtl_host import Pace, RtlHost, Run, Script

__all__ = [
    "AmaranthRtl",
    "amaranth_us",
    "run_all",
    "run_all_in_dram",
    "run_overlapping_in_dram",
    "run_rtl",
]


def amaranth_us(design: Design, cycles: int) -> int:
    """Return about how many microseconds cycles of a design take, measured with Amaranth 0.5.10."""
    if design.family == "dense":
        lane_us = 30 + 2 * design.vector
    else:
        lane_us = 130 + design.vector * design.ring
    return cycles * design.lanes * lane_us


@dataclass(frozen=True)
class AmaranthRtl:
    """The RTL in Amaranth's simulator, in an outside memory or, without, as fast as it goes."""

    dram: Dram | None = None
    simulator: str = f"amaranth {version('amaranth')}"

    def in_turn(self, runs: Sequence[RunImage], limits: Sequence[int]) -> list[Run]:
        """Do runs one after the other."""
        return run_all_in_dram(runs, limits, self.dram) if self.dram else run_all(runs, limits)

    def overlapping(self, runs: Sequence[RunImage], limit: int) -> list[Run]:
        """Do runs of which each is loaded while the one before goes on."""
        assert self.dram is not None
        return run_overlapping_in_dram(runs, limit, self.dram)


def run_rtl(image: Image, limit: int, pace: Pace | None = None) -> Run:
    """Run an image in Amaranth's simulator, for at most ``limit`` cycles after start.

    Without a pace the streams go as fast as the accelerator: the ``ideal`` environment.
    """
    host = RtlHost(Accelerator(image.design, image.buffers), pace)
    run = Run()

    async def script(ctx: Any) -> None:
        await host.configure(ctx, image)
        await host.load(ctx, "weights", image.weight_load)
        await host.load(ctx, "features", image.feature_load)
        await _go(ctx, host, run, limit, ("start", "swap_weights", "swap_features"))

    host.simulate(script)
    return run


def run_all(
    runs: Sequence[RunImage], limits: Sequence[int], waves: TextIO | None = None
) -> list[Run]:
    """Do runs one after the other on one accelerator, each for at most ``limits`` cycles.

    A run that does not end is the last one that is returned. All waves go to ``waves``, as VCD.
    """
    image = runs[0].image
    host = RtlHost(Accelerator(image.design, image.buffers), waves=waves)
    done: list[Run] = []

    async def script(ctx: Any) -> None:
        for run, limit in zip(runs, limits, strict=True):
            await host.configure(ctx, run.image)
            if run.swaps_weights:
                await host.load(ctx, "weights", run.image.weight_load)
            if run.swaps_features:
                await host.load(ctx, "features", run.image.feature_load)
            done.append(Run())
            await _go(ctx, host, done[-1], limit, run.control)
            if not done[-1].ended:
                break

    host.simulate(script)
    return done


def run_all_in_dram(
    runs: Sequence[RunImage], limits: Sequence[int], dram: Dram, waves: TextIO | None = None
) -> list[Run]:
    """Do runs behind the channels of an outside memory; the loads of each are part of it.

    The host writes a start in the cycle in which it begins to offer the loads of the run. All
    waves go to ``waves``, as VCD.
    """
    image = runs[0].image
    host = RtlHost(DramAccelerator(image.design, image.buffers, dram), waves=waves)
    done: list[Run] = []

    async def script(ctx: Any) -> None:
        for run, limit in zip(runs, limits, strict=True):
            await host.configure(ctx, run.image)
            done.append(Run())
            await host.start(ctx, *run.control[1:], "clear_counters")
            await host.take(ctx, done[-1], limit)
            await host.finish(ctx, done[-1])
            if not done[-1].ended:
                break

    def loads(stream: str, beats: Sequence[list[int]]) -> Script:
        async def load(ctx: Any) -> None:
            for number, own in enumerate(beats):
                while len(done) <= number:
                    await ctx.tick()
                await host.load(ctx, stream, own)

        return load

    host.simulate(
        script,
        loads("weights", [run.image.weight_load if run.swaps_weights else [] for run in runs]),
        loads("features", [run.image.feature_load if run.swaps_features else [] for run in runs]),
    )
    return done


def run_overlapping_in_dram(runs: Sequence[RunImage], limit: int, dram: Dram) -> list[Run]:
    """Do runs behind the channels of an outside memory, on an accelerator with two buffer sets.

    The host waits until the start of a run is accepted. Then it writes the registers of the next
    one and starts it, and offers its loads from that cycle on. The counters go on from run to run;
    they are read at the end of the last one.
    """
    image = runs[0].image
    host = RtlHost(DramAccelerator(image.design, image.buffers, dram))
    done = [Run() for _ in runs]
    started = 0

    async def take(ctx: Any) -> None:
        for run in done:
            await host.take(ctx, run, limit)
            if not run.ended:
                break
        await host.finish(ctx, done[-1])

    async def control(ctx: Any) -> None:
        nonlocal started
        for number, run in enumerate(runs):
            while number and await host.status(ctx, "pending"):
                pass
            await host.configure(ctx, run.image)
            started += 1
            await host.start(ctx, *run.control[1:], *(() if number else ("clear_counters",)))

    def loads(stream: str, beats: Sequence[list[int]]) -> Script:
        async def load(ctx: Any) -> None:
            for number, own in enumerate(beats):
                while started <= number:
                    await ctx.tick()
                await host.load(ctx, stream, own)

        return load

    host.simulate(
        take,
        control,
        loads("weights", [run.image.weight_load if run.swaps_weights else [] for run in runs]),
        loads("features", [run.image.feature_load if run.swaps_features else [] for run in runs]),
    )
    return done


async def _go(ctx: Any, host: RtlHost, run: Run, limit: int, control: Sequence[str]) -> None:
    """Start a run on what is loaded, and see it through."""
    await host.start(ctx, *control[1:], "clear_counters")
    await ctx.tick()  # the cycle in which it starts, before cycle 0
    await host.take(ctx, run, limit)
    await host.finish(ctx, run)
