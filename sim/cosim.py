"""Co-simulation: one program through the RTL, the simulator and the integer reference.

The RTL runs in Amaranth's own simulator from the very image a host would load. Its outputs must
equal the reference bit for bit, its counters the simulator's number for number.
"""

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..engine.integer import layer_outputs
from ..hw.dram import Dram, DramAccelerator
from ..hw.image import Image
from ..hw.program import Program
from ..hw.registers import COUNTERS
from ..hw.top import Accelerator
from ..models.layer import Layer
from .exact import simulate, simulate_in_dram
from .rtl_host import Pace, RtlHost, Run, Script

__all__ = ["Comparison", "Run", "compare", "predicted_counters", "run_rtl"]


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
        await host.start(ctx, "swap_weights", "swap_features", "clear_counters")
        await ctx.tick()  # the cycle in which it starts, before cycle 0
        await host.take(ctx, run, limit)
        await host.finish(ctx, run)

    host.simulate(script)
    return run


def run_rtl_in_dram(image: Image, dram: Dram, limit: int) -> Run:
    """Run an image behind the channels of an outside memory; its loading is part of the run.

    The host writes the start in the cycle in which it begins to offer both loads.
    """
    host = RtlHost(DramAccelerator(image.design, image.buffers, dram))
    run = Run()

    async def script(ctx: Any) -> None:
        await host.configure(ctx, image)
        await host.start(ctx, "swap_weights", "swap_features", "clear_counters")
        await host.take(ctx, run, limit)
        await host.finish(ctx, run)

    def load(stream: str, beats: list[int]) -> Script:
        async def begin(ctx: Any) -> None:
            await ctx.tick().repeat(len(image.registers))
            await host.load(ctx, stream, beats)

        return begin

    host.simulate(script, load("weights", image.weight_load), load("features", image.feature_load))
    return run


def predicted_counters(program: Program, image: Image, dram: Dram | None = None) -> dict[str, int]:
    """Return every counter as the exact simulator predicts it.

    Without ``dram`` in the ``ideal`` environment.
    """
    loads = len(image.weight_load), len(image.feature_load)
    counted = simulate_in_dram(program, loads, dram) if dram else simulate(program)
    return {
        "cycles": counted.cycles,
        "compute": counted.compute,
        **{name: counted.stalls[name] for name in COUNTERS if name in counted.stalls},
        "load_beats": sum(loads),
        "output_beats": counted.output_beats,
    }


def compare(
    program: Program, layer: Layer, features: NDArray[np.int64], dram: Dram | None = None
) -> Comparison:
    """Run one layer on activations (batch, in, h, w) and compare everything.

    Without ``dram`` in the ``ideal`` environment.
    """
    program = program.with_features(layer, features)
    image = Image.of(program, layer, features, layer_outputs(layer, features))
    simulated = predicted_counters(program, image, dram)
    limit = 2 * simulated["cycles"] + 1000
    run = run_rtl_in_dram(image, dram, limit) if dram else run_rtl(image, limit)
    return compared(image, run, simulated)


def compared(image: Image, run: Run, simulated: dict[str, int]) -> Comparison:
    """Compare what the RTL did with what was expected."""
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
