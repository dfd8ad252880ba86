"""Co-simulation: the runs of a layer through the RTL, the simulator and the integer reference.

The RTL runs in Amaranth's own simulator from the very image a host would load. Its outputs must
equal the reference bit for bit, its counters the simulator's number for number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from typing import Any, TextIO

import numpy as np
from numpy.typing import NDArray

from ..engine.integer import layer_outputs
from ..hw.dram import Dram, DramAccelerator
from ..hw.image import Image
from ..hw.job import Job
from ..hw.manifest import layer_facts
from ..hw.program import Program
from ..hw.registers import COUNTERS
from ..hw.run_image import RunImage, run_images
from ..hw.schedule import Schedule
from ..hw.top import Accelerator
from ..models.layer import Layer
from .counters import Counters
from .exact import simulate
from .exact_dram import predicted_in_dram, simulate_in_dram
from .rtl_host import Pace, RtlHost, Run, Script

__all__ = [
    "Comparison",
    "Run",
    "compare",
    "compare_schedule",
    "predicted_counters",
    "predicted_job",
    "run_all",
    "run_all_in_dram",
    "run_overlapping_in_dram",
    "run_rtl",
]


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
    first_bad_cycle : int or None
        Cycle in which the first wrong beat left the RTL.
    missing_beats : int
        Beats that were expected and did not come (negative: too many).
    simulator : str
        What ran the RTL.
    """

    rtl: dict[str, int]
    simulated: dict[str, int]
    counter_mismatches: tuple[str, ...] = field(default=())
    bit_mismatches: int = 0
    first_bad_cycle: int | None = None
    missing_beats: int = 0
    simulator: str = f"amaranth {version('amaranth')}"

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


def predicted_counters(
    program: Program, loads: Sequence[int], dram: Dram | None = None
) -> dict[str, int]:
    """Return every counter of a run as the exact simulator predicts it.

    Parameters
    ----------
    program : Program
    loads : sequence of int
        Beats of each load that comes before the run.
    dram : Dram, optional
        Without it in the ``ideal`` environment.
    """
    counted = simulate_in_dram(program, loads, dram) if dram else simulate(program)
    return _by_name(counted, sum(loads))


def _by_name(counted: Counters, load_beats: int) -> dict[str, int]:
    return {
        "cycles": counted.cycles,
        "compute": counted.compute,
        **{name: counted.stalls[name] for name in COUNTERS if name in counted.stalls},
        "load_beats": load_beats,
        "output_beats": counted.output_beats,
    }


def predicted_job(work: Iterable[tuple[Schedule, NDArray[np.int64]]]) -> Job:
    """Return the runs of some layers, each on activations (batch, in, h, w), with predictions.

    Raises
    ------
    FitError
        If a layer's numbers do not fit the design's widths.
    """
    parts = []
    for schedule, features in work:
        assert isinstance(schedule.layer, Layer)
        outputs = layer_outputs(schedule.layer, features)
        parts.append((schedule.with_features(features), features, outputs))
    runs = run_images(parts)
    facts = {schedule.layer.shape.name: layer_facts(schedule) for schedule, _, _ in parts}
    counters = tuple(predicted_counters(run.run.program, run.loads) for run in runs)
    return Job(tuple(facts.values()), runs, counters)


def compare(
    program: Program, layer: Layer, features: NDArray[np.int64], dram: Dram | None = None
) -> Comparison:
    """Run one program on activations (batch, in, h, w) and compare everything.

    Without ``dram`` in the ``ideal`` environment.
    """
    return compare_schedule(Schedule.of(program, layer), features, dram)


def compare_schedule(
    schedule: Schedule, features: NDArray[np.int64], dram: Dram | None = None
) -> Comparison:
    """Do the runs of a layer on activations (batch, in, h, w) and compare everything of each."""
    assert isinstance(schedule.layer, Layer)
    outputs = layer_outputs(schedule.layer, features)
    runs = run_images([(schedule.with_features(features), features, outputs)])
    if dram and schedule.design.buffer_sets == 2:
        return _compared_overlapping(runs, dram)
    simulated = [predicted_counters(run.run.program, run.loads, dram) for run in runs]
    limits = [2 * counters["cycles"] + 1000 for counters in simulated]
    done = run_all_in_dram(runs, limits, dram) if dram else run_all(runs, limits)
    found = [
        compared(run.image, got, counters)
        for run, got, counters in zip(runs, done, simulated, strict=False)
    ]
    undone = sum(len(run.image.beats) for run in runs[len(done) :])
    return _all_of(found, undone)


def _compared_overlapping(runs: Sequence[RunImage], dram: Dram) -> Comparison:
    """Compare runs of which each is loaded while the one before goes on: counters as sums."""
    loads = [run.loads for run in runs]
    counted = predicted_in_dram([run.run.program for run in runs], loads, dram)
    done = run_overlapping_in_dram(runs, 2 * counted.cycles + 1000, dram)
    joined = Run(counters=done[-1].counters)
    before = 0
    for run in done:
        joined.beats += run.beats
        joined.beat_cycles += [before + cycle for cycle in run.beat_cycles]
        before = joined.beat_cycles[-1] + 1 if joined.beat_cycles else 0
    image = replace(
        runs[0].image,
        beats=[beat for run in runs for beat in run.image.beats],
        care=[care for run in runs for care in run.image.care],
    )
    return compared(image, joined, _by_name(counted, sum(map(sum, loads))))


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
        first_bad_cycle=run.beat_cycles[bad[0]] if bad else None,
        missing_beats=len(image.beats) - len(run.beats),
    )


def _all_of(found: Sequence[Comparison], undone: int) -> Comparison:
    """Add up what was found in the runs of a layer; ``undone`` beats are of runs not reached."""
    bad, before = None, 0
    for one in found:
        if bad is None and one.first_bad_cycle is not None:
            bad = before + one.first_bad_cycle
        before += one.rtl["cycles"]
    return Comparison(
        rtl={name: sum(one.rtl[name] for one in found) for name in COUNTERS},
        simulated={name: sum(one.simulated[name] for one in found) for name in COUNTERS},
        counter_mismatches=tuple(
            name for name in COUNTERS if any(name in one.counter_mismatches for one in found)
        ),
        bit_mismatches=sum(one.bit_mismatches for one in found),
        first_bad_cycle=bad,
        missing_beats=undone + sum(one.missing_beats for one in found),
    )
