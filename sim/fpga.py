"""Break-even on an FPGA: the resources of one device for both sides, clocks after routing.

On silicon the budget is an area, and lanes are bought with what pruning saves. An FPGA has its
look-up tables, multipliers and block memories whether they are used or not: the budget is the
vector of what the device has, and any design that was placed on it is within. So the curve is over
designs that were placed and routed, dense and sparse ones, and the fastest of each side counts at
every ratio.

Memories are those that were placed. Weights that they do not hold stream, over the bandwidth at
which the fastest dense design never waits (``sim.streaming``: modelled, not yet in RTL).
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import FitError, InputError
from ..hw.design import Buffers, Design
from ..hw.synth.placed_point import PlacedPoint
from ..models.formats import Dense, IndexFormat
from .bench import Bench
from .curve import Crossing, crossing, refined
from .pruned_layer import PrunedLayer
from .streaming import LABEL, RING_WORDS, WeightSupply
from .workload import Workload, formats_of

__all__ = ["FpgaBreakEven", "FpgaPoint", "fpga_breakeven"]

_STREAMED = ("weight_words", "index_words")

_FINALISTS = 2
"""Designs and formats that are simulated, of those that are predicted."""


@dataclass(frozen=True)
class FpgaRun:
    """A layer on a placed design.

    Attributes
    ----------
    point : PlacedPoint
    form : IndexFormat
    cycles : int
        With all weights on chip.
    latency_s : float
        Seconds, with waits for streamed weights.
    """

    point: PlacedPoint
    form: IndexFormat
    cycles: int
    latency_s: float


@dataclass(frozen=True, eq=False)
class FpgaPoint:
    """The layer at one pruned portion.

    Attributes
    ----------
    ratio : float
        Pruning ratio.
    dense : FpgaRun
        The fastest dense design.
    runs : tuple of FpgaRun or None
        The fastest sparse design with each mask, the slowest mask first; None, before all others:
        no design has room.
    reason : str or None
        Why not.
    """

    ratio: float
    dense: FpgaRun
    runs: tuple[FpgaRun | None, ...]
    reason: str | None = None

    @property
    def speedups(self) -> tuple[float, ...]:
        """Speedup of each mask, ascending; 0 where no design has room."""
        return tuple(self.dense.latency_s / run.latency_s if run else 0.0 for run in self.runs)

    @property
    def median(self) -> FpgaRun | None:
        """The run of the median mask; of an even number the slower one."""
        return self.runs[(len(self.runs) - 1) // 2]

    @property
    def speedup(self) -> float:
        """Median over the masks."""
        return self.speedups[(len(self.runs) - 1) // 2]

    @property
    def speedup_cycles(self) -> float:
        """The same if both sides had one clock, and no weight came late."""
        return self.dense.cycles / self.median.cycles if self.median else 0.0

    def to_json(self) -> dict[str, Any]:
        """Return the point as plain values."""
        run = self.median
        low, high = (float(np.quantile(self.speedups, q)) for q in (0.25, 0.75))
        return {
            "pruned_portion": round(1 - 1 / self.ratio, 12),
            "ratio": self.ratio,
            "speedup": self.speedup if run else None,
            "speedup_interval": [low, high],
            "speedup_cycles": self.speedup_cycles if run else None,
            "reason": None if run else self.reason,
            "design": run.point.name if run else None,
            "format": run.form.name if run else None,
            "cycles_sparse": run.cycles if run else None,
            "freq_hz_sparse": run.point.freq_hz if run else None,
            "latency_s_dense": self.dense.latency_s,
            "latency_s_sparse": run.latency_s if run else None,
        }


@dataclass(frozen=True, eq=False)
class FpgaBreakEven:
    """The answer for a layer on a device.

    Attributes
    ----------
    layer : PrunedLayer
    seed : int
        Of made-up masks.
    designs : tuple of PlacedPoint
        All that were compared, dense and sparse.
    dense : FpgaRun
        The layer on the fastest dense one.
    supply : WeightSupply
        Its bandwidth; 0: all weights are on chip.
    answer : Crossing
    interval : (Crossing, Crossing)
        Crossings of the upper and of the lower quartile of the masks.
    at_one_clock : Crossing
        Of the cycles of the same runs alone: routing differs by a fifth from seed to seed.
    points : tuple of FpgaPoint
        The curve by ratio.
    own : FpgaPoint
        The layer's own mask.
    """

    layer: PrunedLayer
    seed: int
    designs: tuple[PlacedPoint, ...]
    dense: FpgaRun
    supply: WeightSupply
    answer: Crossing
    interval: tuple[Crossing, Crossing]
    at_one_clock: Crossing
    points: tuple[FpgaPoint, ...]
    own: FpgaPoint

    @property
    def device(self) -> str:
        """The FPGA."""
        return self.dense.point.placed.device

    @property
    def label(self) -> str | None:
        """What a report must say about the numbers."""
        return LABEL if self.supply.bits_per_s else None

    def to_json(self) -> dict[str, Any]:
        """Return the answer with the keys of ``breakeven NET:LAYER --fpga``."""
        return {
            "layer": self.layer.name,
            "ratio": self.answer.ratio,
            "interval": [bound.ratio for bound in self.interval],
            "ratio_at_one_clock": self.at_one_clock.ratio,
            "reason": self.answer.reason,
            "device": self.device,
            "available": dict(self.dense.point.placed.available),
            "dense": self.dense.point.name,
            "cycles_dense": self.dense.cycles,
            "freq_hz_dense": self.dense.point.freq_hz,
            "stream_bits_per_s": self.supply.bits_per_s,
            "label": self.label,
            "masks": self.layer.masks(self.seed),
            "seed": self.seed,
            "designs": [point.to_json() for point in self.designs],
            "own": self.own.to_json(),
            "curve": [point.to_json() for point in self.points],
        }


def fpga_breakeven(
    layer: PrunedLayer,
    designs: Sequence[PlacedPoint],
    seed: int,
    bench: Bench,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> FpgaBreakEven:
    """Find the break-even of a layer among designs placed on one device.

    Parameters
    ----------
    layer : PrunedLayer
    designs : sequence of PlacedPoint
        At least one dense and one sparse design.
    seed : int
        Of made-up masks.
    bench : Bench
        Predicts and simulates; its areas are not asked for.
    progress : callable
        Told how many points of the curve are done, and of how many.

    Raises
    ------
    InputError
        If a side has no design, they were placed on different devices, or have not the same widths.
    FitError
        If the layer fits no dense design.
    """
    dense, sparse = _sides(designs)
    question = _FpgaQuestion(layer, dense, sparse, seed, bench)
    speedups = (lambda point: point.speedup, lambda point: point.speedup_cycles)
    points = refined(question.point, speedups, progress)

    def read(q: float) -> Crossing:
        return crossing({p: float(np.quantile(point.speedups, q)) for p, point in points.items()})

    return FpgaBreakEven(
        layer=layer,
        seed=seed,
        designs=tuple(designs),
        dense=question.dense,
        supply=question.supply,
        answer=crossing({p: point.speedup for p, point in points.items()}),
        interval=(read(0.75), read(0.25)),
        at_one_clock=crossing({p: point.speedup_cycles for p, point in points.items()}),
        points=tuple(points[p] for p in sorted(points)),
        own=question.of_masks(layer.ratio, [layer.own]),
    )


def _sides(designs: Sequence[PlacedPoint]) -> tuple[list[PlacedPoint], list[PlacedPoint]]:
    """Return the dense and the sparse designs, each at its fastest placement."""
    fastest: dict[tuple[Design, Buffers], PlacedPoint] = {}
    for point in sorted(designs, key=lambda point: -point.freq_hz):
        fastest.setdefault((point.design, point.buffers), point)
    dense = [one for one in fastest.values() if one.design.family == "dense"]
    sparse = [one for one in fastest.values() if one.design.family == "sparse"]
    devices = sorted({point.placed.device for point in designs})
    if not (dense and sparse) or len(devices) != 1:
        raise InputError(
            "break-even on an FPGA compares dense and sparse designs on one device, not"
            f" {len(dense)} dense and {len(sparse)} sparse ones on {', '.join(devices) or 'none'}"
        )
    for name in ("weight_bits", "act_bits"):
        widths = sorted({getattr(one.design, name) for one in (*dense, *sparse)})
        if len(widths) > 1:
            raise InputError(
                f"break-even on an FPGA compares designs of one width: design.{name} is"
                f" {' and '.join(map(str, widths))} among them"
            )
    return dense, sparse


@dataclass(frozen=True, eq=False)
class _FpgaQuestion:
    layer: PrunedLayer
    dense_designs: Sequence[PlacedPoint]
    sparse_designs: Sequence[PlacedPoint]
    seed: int
    bench: Bench

    @cached_property
    def dense(self) -> FpgaRun:
        """The layer on the fastest dense design that has room, its weights there in time."""
        workload, runs = self.layer.own, []
        for point in _with_room(self.dense_designs, workload, Dense(), _STREAMED):
            cycles = self.bench.cycles(workload, point.design, Dense())
            runs.append(FpgaRun(point, Dense(), cycles, cycles / point.freq_hz))
        return min(runs, key=_latency_s)

    @cached_property
    def supply(self) -> WeightSupply:
        """The bandwidth at which it never waits; none if it holds all weights."""
        run, workload = self.dense, self.layer.own
        load = workload.load(run.point.design, Dense())
        bounds = workload.bounds(run.point.design, load)
        bits_per_s = WeightSupply.bits_per_s_needed(
            run.cycles, run.point.freq_hz, load, bounds, run.point.buffers
        )
        reads = run.point.design.lanes * run.point.design.weight_bits * run.point.freq_hz
        return WeightSupply(bits_per_s=bits_per_s, once_bits_per_s=reads)

    def point(self, percent: int) -> FpgaPoint:
        """Return a point of the curve, at a pruned portion in %."""
        masks = self.layer.pruned_to(1 - percent / 100, self.seed)
        return self.of_masks(100 / (100 - percent), masks)

    def of_masks(self, ratio: float, masks: Sequence[Workload]) -> FpgaPoint:
        """Return the point of some masks."""
        runs: list[FpgaRun] = []
        reason = None
        for mask in masks:
            try:
                runs.append(self.fastest(mask))
            except FitError as error:
                reason = str(error)
        slowest_first = sorted(runs, key=_latency_s, reverse=True)
        none = (None,) * (len(masks) - len(runs))
        return FpgaPoint(ratio, self.dense, (*none, *slowest_first), reason)

    def fastest(self, workload: Workload) -> FpgaRun:
        """Return the fastest sparse design for a mask, in its best format, simulated.

        Raises
        ------
        FitError
            If the layer fits none of them.
        """
        predicted = sorted(self._predicted(workload), key=_latency_s)
        exact = (
            self._run(run.point, workload, run.form, self.bench.cycles)
            for run in predicted[:_FINALISTS]
        )
        return min(exact, key=_latency_s)

    def _predicted(self, workload: Workload) -> list[FpgaRun]:
        """Return all sparse designs with room, in all formats."""
        streamed = _STREAMED if self.supply.bits_per_s > 0 else ()
        runs: list[FpgaRun] = []
        reason: FitError | None = None
        every = (form for point in self.sparse_designs for form in formats_of(point.design))
        for form in dict.fromkeys(every):
            reading = [one for one in self.sparse_designs if form in formats_of(one.design)]
            try:
                fitting = _with_room(reading, workload, form, streamed)
            except FitError as error:
                reason = reason or error
                continue
            runs += [
                self._run(point, workload, form, self.bench.cycles_predicted) for point in fitting
            ]
        if reason is not None and not runs:
            raise reason
        return runs

    def _run(
        self,
        point: PlacedPoint,
        workload: Workload,
        form: IndexFormat,
        cycles_of: Callable[..., int],
    ) -> FpgaRun:
        design = point.design
        cycles = cycles_of(workload, design, form)
        load = workload.load(design, form)
        bounds = workload.bounds(design, load)
        latency_s = self.supply.latency_s(cycles, point.freq_hz, load, bounds, point.buffers)
        return FpgaRun(point, form, cycles, latency_s)


def _latency_s(run: FpgaRun) -> float:
    return run.latency_s


def _with_room(
    designs: Sequence[PlacedPoint],
    workload: Workload,
    form: IndexFormat,
    streamed: Container[str],
) -> list[PlacedPoint]:
    """Return the designs whose memories hold a layer; of what is ``streamed`` a ring is enough.

    Raises
    ------
    FitError
        If there is none; it tells of the first.
    """
    reasons: list[str] = []
    found = []
    for point in designs:
        load = workload.load(point.design, form)
        needs = vars(workload.buffers(point.design, load))
        least = {
            name: min(need, RING_WORDS) if name in streamed else need
            for name, need in needs.items()
        }
        short = [
            f"{name} = {getattr(point.buffers, name)}, and {need} are needed"
            for name, need in least.items()
            if need > getattr(point.buffers, name)
        ]
        if short:
            reasons.append(f"{point.name} was placed with {'; '.join(short)}")
        else:
            found.append(point)
    if not found:
        raise FitError(f"layer {workload.shape.name} in the format {form.name}: {reasons[0]}")
    return found
