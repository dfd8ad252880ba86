"""From measured rows to the area and speed of any part between them.

The gateware of a part is a sum of repeated pieces: columns, ring vectors, requantizers, select
lines. So its area is fitted as a sum of terms, one per piece, to the rows measured with the same
bit-widths (least squares of the relative error), which also smooths the few percent of noise
that logic synthesis has. Times grow with the logarithm of a fan-out; they are fitted to such
terms. Parameters must lie within what was measured; outside of that a part must be measured
itself, and a part measured where no fit is possible is taken as measured.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import log2
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ..design import CLUSTER_LANES
from ..loader import MemoryKind
from .parts import Part
from .row import Row

__all__ = ["Estimate", "Estimator", "Model", "model_of"]

Values = Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """Area and speed of a part.

    Attributes
    ----------
    area_ge : float
        In gate equivalents.
    period_s : float
        Shortest clock period of its logic, in s.
    from_memory_s : mapping of MemoryKind to float
        Latest path behind the data of each kind of memory, in s.
    to_memory_s : float
        Latest arrival at a memory port, in s.
    """

    area_ge: float
    period_s: float
    from_memory_s: Mapping[MemoryKind, float]
    to_memory_s: float


@dataclass(frozen=True)
class Model:
    """How a kind of part depends on its parameters.

    Attributes
    ----------
    inputs : tuple of str
        Parameters that are fitted; rows must agree in all others.
    sizes : callable
        From the inputs to the numbers that must lie within the measured ones, by name.
    area : callable
        From the inputs to the terms of the area.
    time : callable
        From the inputs to the terms of every time.
    """

    inputs: tuple[str, ...]
    sizes: Callable[[Values], dict[str, float]]
    area: Callable[[Values], Sequence[float]]
    time: Callable[[Values], Sequence[float]]


def _plain(*names: str) -> Callable[[Values], dict[str, float]]:
    return lambda v: {name: v[name] for name in names}


def _ring(v: Values) -> int:
    ring: int = v["window"] * v["run_ahead"]
    return ring


def _with_ring(*names: str) -> Callable[[Values], dict[str, float]]:
    return lambda v: {"window * run_ahead": _ring(v), **{name: v[name] for name in names}}


def _sparse_lane_area(v: Values) -> Sequence[float]:
    # The rows of a SIMD group share what picks their operands.
    vector, rows, ring = v["vector"], v["simd_group"], _ring(v)
    columns = rows * vector
    return (
        1,
        vector,
        rows,
        columns,
        columns * (v["acc_sets"] == 2),
        ring,
        ring * vector,
        log2(v["feed"]),
    )


def _port_lane_area(v: Values) -> Sequence[float]:
    vector, rows = v["vector"], v["simd_group"]
    columns = rows * vector
    return (
        1,
        vector,
        vector * _rotator_levels(vector),
        rows,
        columns,
        columns * (v["acc_sets"] == 2),
    )


def _window_area(v: Values) -> Sequence[float]:
    bits = _ring(v) * v["vector"]
    return 1, _ring(v), bits, bits / v["feed"]


def _rotator_levels(vector: int) -> int:
    return (vector - 1).bit_length()


def _feeder_area(v: Values) -> Sequence[float]:
    # The address arithmetic has as many bits as the rotator has levels.
    levels, columns = _rotator_levels(v["vector"]), v["vector"] * v.get("feed", 1)
    return 1, levels, columns, columns * levels


def _sparse_feeder_area(v: Values) -> Sequence[float]:
    # What chooses the halves and turns of a vector serves all banks.
    return *_feeder_area(v), v["vector"]


def _output_area(v: Values) -> Sequence[float]:
    lanes, vector, drain = v["lanes"], v["vector"], v["drain"]
    groups = -(-lanes // drain)
    halves = -(-groups // CLUSTER_LANES) if groups > CLUSTER_LANES else 0
    return (
        1,
        lanes,
        lanes * vector,
        drain,
        drain * vector,
        drain * vector / v["drain_cycles"],
        halves * drain * vector,
    )


def _output_time(v: Values) -> Sequence[float]:
    # Requantizers at work in a cycle, and the groups of lanes that one is chosen from.
    groups = -(-v["lanes"] // v["drain"])
    return 1, log2(v["drain"] * v["vector"] / v["drain_cycles"]), log2(groups)


def _bus(v: Values) -> float:
    """Columns of a beat of the load stream, which has 64 bits at least."""
    columns: float = max(64 / v["act_bits"], v["vector"])
    return columns


_CONTROL = Model(
    ("lanes", "vector"),
    _plain("lanes", "vector"),
    # Counters of as many bits as the number of lanes, sums by cluster, and a beat's registers.
    lambda v: (1, v["lanes"].bit_length(), -(-v["lanes"] // CLUSTER_LANES), _bus(v)),
    lambda v: (1, log2(v["lanes"])),
)

_DENSE_LANE = Model(
    ("vector", "acc_sets"),
    _plain("vector", "acc_sets"),
    lambda v: (1, v["vector"], v["vector"] * (v["acc_sets"] == 2)),
    lambda v: (1, log2(v["vector"])),
)
_DENSE_FEEDER = Model(("vector",), _plain("vector"), _feeder_area, lambda v: (1, log2(v["vector"])))
_OUTPUT_STAGE = Model(
    ("lanes", "vector", "drain", "drain_cycles"),
    _plain("lanes", "vector", "drain", "drain_cycles"),
    _output_area,
    _output_time,
)

_MODELS: Mapping[str, Model] = {
    "sparse_lane": Model(
        ("vector", "acc_sets", "simd_group", "window", "run_ahead", "feed"),
        _with_ring("vector", "acc_sets", "simd_group", "feed"),
        _sparse_lane_area,
        lambda v: (1, log2(v["vector"]), log2(v["simd_group"]), log2(_ring(v))),
    ),
    "port_lane": Model(
        ("vector", "acc_sets", "simd_group"),
        _plain("vector", "acc_sets", "simd_group"),
        _port_lane_area,
        lambda v: (1, log2(v["vector"]), log2(v["simd_group"])),
    ),
    "dense_lane": _DENSE_LANE,
    "fc_lane": _DENSE_LANE,
    "window": Model(
        ("vector", "window", "run_ahead", "feed"),
        _with_ring("vector", "feed"),
        _window_area,
        lambda v: (1, log2(v["vector"]), log2(_ring(v) / v["feed"])),
    ),
    "sparse_feeder": Model(
        ("vector", "window", "run_ahead", "feed"),
        _plain("vector", "feed"),
        _sparse_feeder_area,
        lambda v: (1, log2(v["vector"] * v["feed"])),
    ),
    "dense_feeder": _DENSE_FEEDER,
    "fc_feeder": _DENSE_FEEDER,
    "tree": Model((), _plain(), lambda v: (1,), lambda v: (1,)),
    "output_stage": _OUTPUT_STAGE,
    "fc_output_stage": _OUTPUT_STAGE,
    "sparse_control": _CONTROL,
    "port_control": _CONTROL,
    "dense_control": _CONTROL,
    "fc_control": _CONTROL,
    "eie_pe": Model(
        ("lanes", "acc_rows", "fifo_depth"),
        _plain("lanes", "acc_rows", "fifo_depth"),
        # A tree to the PEs adds places to the FIFO.
        lambda v: (1, v["acc_rows"], v["fifo_depth"] + 2 * (v["lanes"] > CLUSTER_LANES)),
        lambda v: (1, log2(v["acc_rows"])),
    ),
    "eie_feeder": Model(
        ("feed", "acc_rows"),
        _plain("feed", "acc_rows"),
        lambda v: (1, v["feed"]),
        lambda v: (1, log2(v["feed"])),
    ),
    "eie_control": Model(
        ("lanes",),
        _plain("lanes"),
        lambda v: (1, v["lanes"].bit_length(), -(-v["lanes"] // CLUSTER_LANES)),
        lambda v: (1, log2(v["lanes"])),
    ),
    "register_file": Model(
        ("depth",), _plain("depth"), lambda v: (1, v["depth"]), lambda v: (1, log2(v["depth"]))
    ),
}


def model_of(name: str) -> Model:
    """Return the model of a kind of part."""
    return _MODELS[name]


class _Fit:
    """Terms fitted to the rows of one group; None where the rows do not determine them."""

    def __init__(self, model: Model, rows: Sequence[Row]) -> None:
        self._model = model
        values = [dict(row.part.values) for row in rows]
        sizes = [model.sizes(v) for v in values]
        self.limits = {
            name: (min(s[name] for s in sizes), max(s[name] for s in sizes)) for name in sizes[0]
        }
        self._area = _least_squares([model.area(v) for v in values], [row.area_ge for row in rows])
        times = [model.time(v) for v in values]
        self._period = _least_squares(times, [row.period_s for row in rows])
        self._from = {
            kind: _least_squares(times, [row.from_memory_s[kind] for row in rows])
            for kind in rows[0].from_memory_s
        }
        self._to = _least_squares(times, [row.to_memory_s for row in rows])

    @property
    def determined(self) -> bool:
        """Whether there are enough rows."""
        return self._area is not None and self._period is not None

    def __call__(self, values: Values) -> Estimate:
        area, time = np.array(self._model.area(values)), np.array(self._model.time(values))
        return Estimate(
            area_ge=_sum(self._area, area),
            period_s=_sum(self._period, time),
            from_memory_s={kind: _sum(fit, time) for kind, fit in self._from.items()},
            to_memory_s=_sum(self._to, time),
        )


def _sum(weights: NDArray[np.float64] | None, terms: NDArray[np.float64]) -> float:
    return 0.0 if weights is None else float(weights @ terms)


def _least_squares(
    terms: Sequence[Sequence[float]], targets: Sequence[float]
) -> NDArray[np.float64] | None:
    """Fit weights of the terms by relative error; None if the rows do not determine them."""
    goal = np.array(targets, np.float64)
    if not goal.all():  # a path that does not exist
        return None
    matrix = np.array(terms, np.float64) / goal[:, None]
    scale = np.abs(matrix).max(axis=0)
    if not scale.all() or np.linalg.matrix_rank(matrix / scale) < matrix.shape[1]:
        return None
    weights: NDArray[np.float64] = np.linalg.lstsq(matrix / scale, np.ones(len(goal)))[0] / scale
    return weights


class Estimator:
    """Estimates of parts from the rows of one library and recipe.

    Parameters
    ----------
    rows : iterable of Row
    """

    def __init__(self, rows: Iterable[Row]) -> None:
        self._rows = {row.part: row for row in rows}
        groups: dict[tuple[str, tuple[Any, ...]], list[Row]] = {}
        for row in self._rows.values():
            groups.setdefault((row.part.name, _others(row.part)), []).append(row)
        self._fits = {key: _Fit(model_of(key[0]), group) for key, group in groups.items()}
        self._known: dict[Part, Estimate] = {}

    def __call__(self, part: Part, design: str) -> Estimate:
        """Estimate a part.

        Parameters
        ----------
        part : Part
        design : str
            Name of the design that has it, for messages.

        Raises
        ------
        InputError
            If the rows do not tell; the message names the parameter, what is measured, and how
            to measure the part.
        """
        if part not in self._known:
            self._known[part] = self._estimated(part, design)
        return self._known[part]

    def _estimated(self, part: Part, design: str) -> Estimate:
        values = dict(part.values)
        fit = self._fits.get((part.name, _others(part)))
        if fit is not None and fit.determined:
            sizes = model_of(part.name).sizes(values)
            if all(low <= sizes[name] <= high for name, (low, high) in fit.limits.items()):
                return fit(values)
        row = self._rows.get(part)
        if row is not None:
            return Estimate(row.area_ge, row.period_s, row.from_memory_s, row.to_memory_s)
        raise InputError(
            f"{design}: the lane table does not tell area and speed of its {part.name}:"
            f" {self._reason(part, fit)}; measure it with `bosquet synth --design {design}"
            " --table FILE` (with --grid for designs around it too) and give that table by"
            " --table FILE"
        )

    def _reason(self, part: Part, fit: _Fit | None) -> str:
        values = dict(part.values)
        if fit is not None and fit.determined:
            sizes = model_of(part.name).sizes(values)
            return "; ".join(
                f"{name} = {sizes[name]:g} lies outside of the measured {low:g} to {high:g}"
                for name, (low, high) in fit.limits.items()
                if not low <= sizes[name] <= high
            )
        measured = [dict(row.part.values) for row in self._rows.values()
                    if row.part.name == part.name]  # fmt: skip
        if fit is not None:
            return f"it is measured at {len(measured)} other points only, too few to fit"
        if not measured:
            return "no row of it is there"
        wrong = []
        for name, value in values.items():
            known = sorted({str(m[name]) for m in measured})
            if name not in model_of(part.name).inputs and str(value) not in known:
                wrong.append(f"{name} = {value} (measured: {', '.join(known)})")
        return ", ".join(wrong) or "its bit-widths are not measured in this combination"


def _others(part: Part) -> tuple[Any, ...]:
    """Return the parameters that are not fitted."""
    inputs = model_of(part.name).inputs
    return tuple((name, value) for name, value in part.values if name not in inputs)
