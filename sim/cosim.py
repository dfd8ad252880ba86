"""Co-simulation: the runs of a layer through the RTL, the simulator and the integer reference.

The RTL runs from the very image a host would load, in Amaranth's own simulator or compiled by
Verilator. Its outputs must equal the reference bit for bit, its counters the simulator's number for
number.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ..engine.integer import layer_outputs
from ..hw.dram import Dram
from ..hw.image import Image
from ..hw.job import Job
from ..hw.manifest import layer_facts
from ..hw.program import Program
from ..hw.registers import COUNTERS
from ..hw.run_image import RunImage, run_images
from ..hw.schedule import Schedule
from ..models.layer import Layer
from .amaranth_rtl import AmaranthRtl
from .counters import Counters
from .exact import simulate
from .exact_dram import predicted_in_dram, simulate_in_dram
from .rtl_host import Run

__all__ = [
    "Comparison",
    "Rtl",
    "Run",
    "compare",
    "compare_schedule",
    "predicted_counters",
    "predicted_job",
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
    simulator: str = ""

    @property
    def equal(self) -> bool:
        """Whether every counter and every bit agrees."""
        return not (self.counter_mismatches or self.bit_mismatches or self.missing_beats)


class Rtl(Protocol):
    """What does runs on the RTL of one design, in one environment."""

    @property
    def simulator(self) -> str:
        """Name and version of what runs the RTL."""

    def in_turn(self, runs: Sequence[RunImage], limits: Sequence[int]) -> list[Run]:
        """Do runs one after the other, each for at most ``limits`` cycles.

        A run that does not end is the last one that is returned.
        """

    def overlapping(self, runs: Sequence[RunImage], limit: int) -> list[Run]:
        """Do runs of which each is loaded while the one before goes on."""


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
    schedule: Schedule,
    features: NDArray[np.int64],
    dram: Dram | None = None,
    rtl: Rtl | None = None,
) -> Comparison:
    """Do the runs of a layer on activations (batch, in, h, w) and compare everything of each.

    Parameters
    ----------
    schedule : Schedule
    features : int64 array (batch, in, h, w)
    dram : Dram, optional
        Without it in the ``ideal`` environment.
    rtl : Rtl, optional
        RTL of the design in that environment; without it Amaranth's simulator makes one.
    """
    assert isinstance(schedule.layer, Layer)
    outputs = layer_outputs(schedule.layer, features)
    runs = run_images([(schedule.with_features(features), features, outputs)])
    rtl = rtl or AmaranthRtl(dram)
    if dram and schedule.design.buffer_sets == 2:
        found = _compared_overlapping(runs, dram, rtl)
    else:
        found = _compared_in_turn(runs, dram, rtl)
    return replace(found, simulator=rtl.simulator)


def _compared_in_turn(runs: Sequence[RunImage], dram: Dram | None, rtl: Rtl) -> Comparison:
    """Compare runs of which each begins when the one before has ended."""
    simulated = [predicted_counters(run.run.program, run.loads, dram) for run in runs]
    done = rtl.in_turn(runs, [2 * counters["cycles"] + 1000 for counters in simulated])
    found = [
        compared(run.image, got, counters)
        for run, got, counters in zip(runs, done, simulated, strict=False)
    ]
    undone = sum(len(run.image.beats) for run in runs[len(done) :])
    return _all_of(found, undone)


def _compared_overlapping(runs: Sequence[RunImage], dram: Dram, rtl: Rtl) -> Comparison:
    """Compare runs of which each is loaded while the one before goes on: counters as sums."""
    loads = [run.loads for run in runs]
    counted = predicted_in_dram([run.run.program for run in runs], loads, dram)
    done = rtl.overlapping(runs, 2 * counted.cycles + 1000)
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
