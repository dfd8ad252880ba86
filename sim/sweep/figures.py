"""The figures of a point by column: of all layers together, and of each."""

from collections.abc import Sequence
from typing import Any

from ..counters import STALLS, Counters
from ..energy import Energy
from ..fast import NO_ENERGY, FastSimulation
from ..simulate import Silicon, Simulation
from .layers import SweptLayer

__all__ = ["Figures", "predicted", "simulated"]

Figures = dict[str, Any]
"""Plain values by column name."""


def simulated(
    found: Simulation, layers: Sequence[SweptLayer]
) -> tuple[Figures, tuple[Figures, ...]]:
    """Return what the exact tier counts, of all layers together and of each."""
    counted = Counters.total([one.counters for one in found.layers])
    totals = {
        "runs": sum(len(one.schedule.runs) for one in found.layers),
        **_work(layers, counted.cycles, found.silicon, found.design.macs),
        **_counted(counted, found.energy),
        "energy_pj_reason": found.energy_reason,
    }
    each = tuple(
        {
            **_layer(layer),
            "stored_format": one.format_name,
            "runs": len(one.schedule.runs),
            **_work([layer], one.counters.cycles, found.silicon, found.design.macs),
            **_counted(one.counters, one.energy),
        }
        for layer, one in zip(layers, found.layers, strict=True)
    )
    return totals | _silicon(layers, found.silicon), each


def predicted(
    found: FastSimulation, layers: Sequence[SweptLayer]
) -> tuple[Figures, tuple[Figures, ...]]:
    """Return what the fast tier predicts, of all layers together and of each; no counters."""
    times, silicon, macs = found.times, found.silicon, found.design.macs
    totals = {
        "runs": sum(len(one.runs) for one in times.layers),
        **_work(layers, times.cycles, silicon, macs),
        **_uncounted(),
        "energy_pj_reason": NO_ENERGY,
    }
    each = tuple(
        {
            **_layer(layer),
            "stored_format": one.format_name,
            "runs": len(one.runs),
            **_work([layer], one.cycles, silicon, macs),
            **_uncounted(),
        }
        for layer, one in zip(layers, times.layers, strict=True)
    )
    return totals | _silicon(layers, silicon), each


def _layer(layer: SweptLayer) -> Figures:
    return {"layer": layer.shape.name, "kind": layer.shape.kind, "masks": layer.source}


def _silicon(layers: Sequence[SweptLayer], silicon: Silicon) -> Figures:
    clock, area = silicon.clock, silicon.area
    return {
        "masks": ", ".join(sorted({layer.source for layer in layers})),
        "freq_hz": None if clock is None else clock.freq_hz,
        "freq_limit": None if clock is None else clock.limit,
        "area_um2": None if area is None else area.total_um2,
        "area_um2_reason": silicon.reason,
    }


def _work(layers: Sequence[SweptLayer], cycles: int, silicon: Silicon, macs: int) -> Figures:
    """Return what both tiers tell."""
    effectual = sum(layer.kept * layer.shape.positions for layer in layers)
    weights = sum(layer.shape.weights for layer in layers)
    return {
        "weights": weights,
        "density": sum(layer.kept for layer in layers) / weights,
        "cycles": cycles,
        "latency_s": silicon.seconds(cycles),
        "macs": sum(layer.shape.macs for layer in layers),
        "effectual_macs": effectual,
        "mac_utilization": effectual / (cycles * macs),
    }


def _counted(counters: Counters, energy: Energy | None) -> Figures:
    """Return what only the exact tier counts."""
    return {
        "energy_pj": None if energy is None else energy.total_pj,
        "utilization": counters.utilization,
        "compute_lane_cycles": counters.compute,
        **{f"stall_{cause}_lane_cycles": counters.stalls[cause] for cause in STALLS},
    }


def _uncounted() -> Figures:
    names = ("energy_pj", "utilization", "compute_lane_cycles")
    return dict.fromkeys((*names, *(f"stall_{cause}_lane_cycles" for cause in STALLS)))
