"""Coverage: how many cases of each kind a verification had.

A kind is read from what was run, never from the intention of whoever made the case.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design
from ..hw.part import Part
from ..hw.program import Program
from ..hw.schedule import Run, Schedule
from ..hw.weights import stored_code
from ..models.layer import WEIGHT_CODES, Layer, LayerShape
from .case import Case
from .counters import STALLS
from .exact import simulate_schedule

__all__ = [
    "CUTS",
    "LARGE_CYCLES",
    "LARGE_SIDE",
    "UNEVEN_SPREAD",
    "Coverage",
    "cut_dimensions",
    "filter_spread",
    "is_large",
]

LARGE_SIDE, LARGE_CYCLES = 8, 5000
"""A large case: at least so many lanes and positions per lane, and more than so many cycles."""

CUTS = ("images", "groups", "filters", "channels", "rows", "columns")
"""Dimensions in which a layer that is too large for the buffers is cut into parts."""

_KINDS: dict[str, tuple[str, ...]] = {
    "family": ("dense", "sparse", "eie"),
    "format": ("dense", "bitmap"),
    "layer_kind": ("conv", "1x1", "fc", "grouped", "depthwise"),
    "delivery": ("broadcast", "window", "port"),
    "columns": ("positions", "filters"),
    "groups": ("1", "2+"),
    "stride": ("1", "2+"),
    "padding": ("none", "some"),
    "tiled": ("none", "filters", "positions", "both"),
    "parts": ("none", *CUTS),
    "simd_group": ("1", "2", "4", "8", "16"),
    "feed_order": ("natural", "balanced"),
    "weight_code": WEIGHT_CODES,
    "buffer_sets": ("1", "2"),
    "environment": ("ideal", "dram"),
    "density": ("full", "uneven", "empty_filters", "all_zero"),
    "lanes": ("1-16", "17+"),
    "vector": ("1-16", "17+"),
    "acc_sets": ("1", "2"),
    "run_ahead": ("1", "2", "3", "4"),
    "drain": ("1", "2+"),
    "drain_cycles": ("1", "2+"),
    "size": ("small", "large"),
}
"""Kinds that always appear, if only as 0; relative formats join them, and even densities."""

_CAUSES = STALLS

UNEVEN_SPREAD = 0.15
"""Coefficient of variation of the filter densities above which they count as uneven."""


@dataclass(frozen=True)
class Coverage:
    """Kinds of the cases of a verification.

    Attributes
    ----------
    kinds : mapping of str to mapping of str to int
        Cases of each kind. ``format`` and ``simd_group`` count the sparse family alone,
        ``run_ahead`` and ``feed_order`` designs with windows, ``columns`` dense designs; a case
        in parts may be of several kinds.
    stalls : mapping of str to int
        Cases in which each cause is not 0.
    macs : tuple of int
        Multiply-accumulates of the unpruned layer of each case.
    """

    kinds: Mapping[str, Mapping[str, int]]
    stalls: Mapping[str, int]
    macs: tuple[int, ...]

    @classmethod
    def of(cls, cases: Sequence[Case], counters: Sequence[Mapping[str, int]]) -> "Coverage":
        """Count the kinds.

        Parameters
        ----------
        cases : sequence of Case
        counters : sequence of mapping of str to int
            Counters of each case's run, by name (``hw.registers.COUNTERS``).
        """
        kinds = {aspect: Counter(dict.fromkeys(names, 0)) for aspect, names in _KINDS.items()}
        stalls = Counter(dict.fromkeys(_CAUSES, 0))
        for case, counted in zip(cases, counters, strict=True):
            for aspect, names in _kinds_of(case, counted["cycles"]).items():
                kinds[aspect].update(names)
            stalls.update(cause for cause in _CAUSES if counted[cause])
        return cls(kinds, stalls, tuple(case.layer.shape.macs for case in cases))

    @classmethod
    def joined(cls, parts: Iterable["Coverage"]) -> "Coverage":
        """Add coverages up."""
        kinds = {aspect: Counter(dict.fromkeys(names, 0)) for aspect, names in _KINDS.items()}
        stalls = Counter(dict.fromkeys(_CAUSES, 0))
        macs: list[int] = []
        for part in parts:
            for aspect, counts in part.kinds.items():
                kinds[aspect].update(counts)
            stalls.update(part.stalls)
            macs += part.macs
        return cls(kinds, stalls, tuple(macs))

    def document(self) -> dict[str, Any]:
        """Return the coverage as plain values."""
        return {
            **{aspect: dict(counts) for aspect, counts in self.kinds.items()},
            "stalls": dict(self.stalls),
            "macs": {
                "median": median(self.macs) if self.macs else None,
                "max": max(self.macs, default=None),
            },
        }


def is_large(case: Case) -> bool:
    """Return whether a case is large, as the simulator predicts it."""
    return _is_large(case.design, simulate_schedule(case.schedule).cycles)


def _is_large(design: Design, cycles: int) -> bool:
    return min(design.lanes, design.vector) >= LARGE_SIDE and cycles > LARGE_CYCLES


def _kinds_of(case: Case, cycles: int) -> dict[str, Sequence[str]]:
    schedule, shape, design = case.schedule, case.layer.shape, case.design
    programs = [run.program for run in schedule.runs]
    sparse = design.family == "sparse"
    kinds: dict[str, Sequence[str]] = {
        "family": [design.family],
        "layer_kind": [_layer_kind(shape)],
        "delivery": [design.delivery],
        "groups": [_one_or_more(shape.groups)],
        "stride": [_one_or_more(max(shape.stride))],
        "padding": ["some" if max(shape.padding) else "none"],
        "tiled": [_tiled(programs)],
        "parts": sorted(cut_dimensions(schedule)) or ["none"],
        "weight_code": [_weight_code(schedule.runs[0])],
        "buffer_sets": [str(design.buffer_sets)],
        "environment": ["dram" if case.dram else "ideal"],
        "density": [_density(case.layer)],
        "lanes": [_up_to_16(design.lanes)],
        "vector": [_up_to_16(design.vector)],
        "acc_sets": [str(design.acc_sets)],
        "drain": [_one_or_more(design.drain)],
        "drain_cycles": [_one_or_more(design.drain_cycles)],
        "size": ["large" if _is_large(design, cycles) else "small"],
    }
    if sparse:
        kinds |= {
            "format": sorted({program.format.name for program in programs}),
            "simd_group": [str(design.simd_group)],
        }
    if design.family == "dense":
        kinds |= {"columns": sorted({program.layout.columns for program in programs})}
    if design.delivery == "window":
        kinds |= {"run_ahead": [str(design.run_ahead)], "feed_order": [design.feed_order]}
    return kinds


def cut_dimensions(schedule: Schedule) -> set[str]:
    """Return the dimensions of ``CUTS`` in which the runs of a layer are parts of it."""
    whole = Part.whole(schedule.layer.shape)
    return {
        name
        for name in CUTS
        if any(getattr(run.part, name) != getattr(whole, name) for run in schedule.runs)
    }


def _layer_kind(shape: LayerShape) -> str:
    if shape.kind == "fc":
        return "fc"
    if shape.groups == shape.in_channels > 1:
        return "depthwise"
    if shape.groups > 1:
        return "grouped"
    return "1x1" if shape.kernel == (1, 1) else "conv"


def _tiled(programs: Sequence[Program]) -> str:
    filters = any(program.tiles_per_group > 1 for program in programs)
    positions = any(program.layout.position_tiles > 1 for program in programs)
    if filters:
        return "both" if positions else "filters"
    return "positions" if positions else "none"


def _weight_code(run: Run) -> str:
    assert isinstance(run.layer, Layer)
    return WEIGHT_CODES[stored_code(run.layer, run.program)]


def _density(layer: Layer) -> str:
    kept = layer.mask.any(axis=(1, 2, 3))
    if not kept.any():
        return "all_zero"
    if not kept.all():
        return "empty_filters"
    if layer.mask.all():
        return "full"
    return "uneven" if filter_spread(layer.mask) > UNEVEN_SPREAD else "even"


def filter_spread(mask: NDArray[np.bool_]) -> float:
    """Return the coefficient of variation of the densities of the filters, 0 if all are empty.

    Parameters
    ----------
    mask : bool array (out, in / groups, kh, kw)
        True where a weight is kept.
    """
    densities = mask.mean(axis=(1, 2, 3))
    return float(densities.std() / densities.mean()) if densities.any() else 0.0


def _one_or_more(number: int) -> str:
    return "1" if number == 1 else "2+"


def _up_to_16(number: int) -> str:
    return "1-16" if number <= 16 else "17+"
