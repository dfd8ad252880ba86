"""Break-even on an FPGA: the resources of one device for both sides, clocks after routing.

On silicon the budget is an area, and lanes are bought with what pruning saves. An FPGA has its
look-up tables, multipliers and block memories whether they are used or not: any design that was
placed on the device is within the budget. So the curve is over designs that were placed and routed,
dense and sparse ones, and the fastest of each side counts at every ratio.

Memories are those that were placed. Weights that they do not hold stream, over the bandwidth at
which the fastest dense design never waits (``sim.streaming``: modelled, not yet in RTL).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from ..errors import FitError, InputError
from ..hw.design import Buffers, Design
from ..hw.synth.nextpnr import PlacedDesign
from ..models.formats import Dense, IndexFormat
from .bench import Bench
from .curve import Crossing, crossing, refined
from .pruned_layer import PrunedLayer
from .streaming import WeightSupply
from .workload import Workload, formats_of

__all__ = ["FpgaBreakEven", "FpgaPoint", "PlacedPoint", "fpga_breakeven"]


@dataclass(frozen=True, eq=False)
class PlacedPoint:
    """A design with its memories, placed and routed.

    Attributes
    ----------
    design : Design
    buffers : Buffers
    placed : PlacedDesign
    """

    design: Design
    buffers: Buffers
    placed: PlacedDesign

    @property
    def freq_hz(self) -> float:
        """Clock after routing."""
        return self.placed.freq_hz

    def to_json(self) -> dict[str, Any]:
        """Return design, memories and what was measured."""
        return {
            "design": self.design.name,
            "vector": self.design.vector,
            "lanes": self.design.lanes,
            "buffers": vars(self.buffers),
            **self.placed.to_json(),
        }


@dataclass(frozen=True)
class _Run:
    """A layer on a placed design."""

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
    dense : float
        Seconds of the fastest dense design.
    runs : tuple of _Run
        The fastest sparse design with each mask, the slowest mask first.
    """

    ratio: float
    dense: float
    runs: tuple[_Run, ...]

    @property
    def speedups(self) -> tuple[float, ...]:
        """Speedup of each mask, ascending."""
        return tuple(self.dense / run.latency_s for run in self.runs)

    @property
    def speedup(self) -> float:
        """Median over the masks; of an even number the lower one."""
        return self.speedups[(len(self.runs) - 1) // 2]

    def to_json(self) -> dict[str, Any]:
        """Return the point as plain values."""
        run = self.runs[(len(self.runs) - 1) // 2]
        low, high = (float(np.quantile(self.speedups, q)) for q in (0.25, 0.75))
        return {
            "pruned_portion": round(1 - 1 / self.ratio, 12),
            "ratio": self.ratio,
            "speedup": self.speedup,
            "speedup_interval": [low, high],
            "design": run.point.design.name,
            "format": run.form.name,
            "cycles_sparse": run.cycles,
            "freq_hz_sparse": run.point.freq_hz,
            "latency_s_dense": self.dense,
            "latency_s_sparse": run.latency_s,
        }


@dataclass(frozen=True, eq=False)
class FpgaBreakEven:
    """The answer for a layer on a device.

    Attributes
    ----------
    layer : PrunedLayer
    designs : tuple of PlacedPoint
        All that were compared, dense and sparse.
    dense : PlacedPoint
        The fastest dense one.
    answer : Crossing
    interval : (Crossing, Crossing)
        Crossings of the upper and of the lower quartile of the masks.
    points : tuple of FpgaPoint
        The curve by ratio.
    """

    layer: PrunedLayer
    designs: tuple[PlacedPoint, ...]
    dense: PlacedPoint
    answer: Crossing
    interval: tuple[Crossing, Crossing]
    points: tuple[FpgaPoint, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the answer with the keys of ``breakeven NET:LAYER --fpga``."""
        return {
            "layer": self.layer.name,
            "ratio": self.answer.ratio,
            "interval": [bound.ratio for bound in self.interval],
            "reason": self.answer.reason,
            "device": self.dense.placed.device,
            "dense": self.dense.design.name,
            "designs": [point.to_json() for point in self.designs],
            "curve": [point.to_json() for point in self.points],
        }


def fpga_breakeven(
    layer: PrunedLayer, designs: Sequence[PlacedPoint], seed: int, bench: Bench
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
        Simulates; its areas are not asked for.

    Raises
    ------
    InputError
        If a side has no design, or they were placed on different devices.
    FitError
        If the layer fits no design of a side.
    """
    sides: Mapping[bool, list[PlacedPoint]] = {
        dense: [one for one in designs if (one.design.family == "dense") == dense]
        for dense in (True, False)
    }
    devices = sorted({point.placed.device for point in designs})
    if not all(sides.values()) or len(devices) != 1:
        raise InputError(
            "break-even on an FPGA compares dense and sparse designs on one device, not"
            f" {len(sides[True])} dense and {len(sides[False])} sparse ones on"
            f" {', '.join(devices) or 'none'}"
        )
    question = _FpgaQuestion(layer, sides[True], sides[False], seed, bench)
    points = refined(question.point, (lambda point: point.speedup,))

    def read(q: float) -> Crossing:
        return crossing({p: float(np.quantile(point.speedups, q)) for p, point in points.items()})

    return FpgaBreakEven(
        layer=layer,
        designs=tuple(designs),
        dense=question.dense.point,
        answer=crossing({p: point.speedup for p, point in points.items()}),
        interval=(read(0.75), read(0.25)),
        points=tuple(points[p] for p in sorted(points)),
    )


@dataclass(frozen=True, eq=False)
class _FpgaQuestion:
    layer: PrunedLayer
    dense_designs: Sequence[PlacedPoint]
    sparse_designs: Sequence[PlacedPoint]
    seed: int
    bench: Bench

    @cached_property
    def dense(self) -> _Run:
        """The fastest dense design, its weights always there in time."""
        workload, runs = self.layer.own, []
        for point in self.dense_designs:
            _check_room(point, workload, Dense(), streams=True)
            cycles = self.bench.cycles(workload, point.design, Dense())
            runs.append(_Run(point, Dense(), cycles, cycles / point.freq_hz))
        return min(runs, key=lambda run: run.latency_s)

    @cached_property
    def supply(self) -> WeightSupply:
        """The bandwidth at which it never waits; none if it holds all weights."""
        run, workload = self.dense, self.layer.own
        load = workload.load(run.point.design, Dense())
        bounds = workload.bounds(run.point.design, load)
        bits_per_s = WeightSupply.bits_per_s_needed(
            run.cycles, run.point.freq_hz, load, bounds, run.point.buffers
        )
        return WeightSupply(bits_per_s=bits_per_s)

    def point(self, percent: int) -> FpgaPoint:
        """Return a point of the curve, at a pruned portion in %."""
        masks = self.layer.pruned_to(1 - percent / 100, self.seed)
        runs = sorted(map(self.fastest, masks), key=lambda run: -run.latency_s)
        return FpgaPoint(100 / (100 - percent), self.dense.latency_s, tuple(runs))

    def fastest(self, workload: Workload) -> _Run:
        """Return the fastest sparse design for a mask, in its best format.

        Raises
        ------
        FitError
            If the layer fits none of them.
        """
        runs: list[_Run] = []
        reason: FitError | None = None
        for point in self.sparse_designs:
            for form in formats_of(point.design):
                try:
                    _check_room(point, workload, form, streams=self.supply.bits_per_s > 0)
                except FitError as error:
                    reason = reason or error
                    continue
                runs.append(self._run(point, workload, form))
        if reason is not None and not runs:
            raise reason
        return min(runs, key=lambda run: run.latency_s)

    def _run(self, point: PlacedPoint, workload: Workload, form: IndexFormat) -> _Run:
        design = point.design
        cycles = self.bench.cycles_undelayed(workload, design, form)
        load = workload.load(design, form)
        bounds = workload.bounds(design, load)
        latency_s = self.supply.latency_s(cycles, point.freq_hz, load, bounds, point.buffers)
        return _Run(point, form, cycles, latency_s)


def _check_room(
    point: PlacedPoint, workload: Workload, form: IndexFormat, *, streams: bool
) -> None:
    """Refuse a layer that the memories do not hold; its weights may be streamed."""
    load = workload.load(point.design, form)
    for name, need in vars(workload.buffers(point.design, load)).items():
        have = getattr(point.buffers, name)
        if need > have and not (streams and name in ("weight_words", "index_words")):
            raise FitError(
                f"{point.design.name} was placed with {name} = {have}; layer"
                f" {workload.shape.name} in the format {form.name} needs {need}"
            )
