"""A simulation as an answer: JSON, and a table with what each layer takes and loses."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..hw.design import Design
from ..hw.dram import Dram
from ..models.formats import IndexFormat
from ..sim.counters import STALLS
from ..sim.energy import NOT_COUNTED, Energy
from ..sim.roofline import Roof, Roofline
from ..sim.simulate import Silicon, SimulatedLayer, Simulation
from ..sim.technology import Technology
from .activity import ALL_ACTIVE, ActivityKind
from .masked_network import MaskedLayer, MaskedNetwork
from .output import table

__all__ = ["NetworkSimulation", "activity_lines", "calibration", "silicon_keys"]

VISIBLE_SHARE = 0.005
"""Stalls below this share of the lane-cycles are not printed, nor such a share of the energy."""


@dataclass(frozen=True, eq=False)
class NetworkSimulation:
    """The layers of a network on a design.

    Attributes
    ----------
    masked : MaskedNetwork
        What was run.
    simulation : Simulation
        What it took.
    """

    masked: MaskedNetwork
    simulation: Simulation

    @classmethod
    def of(
        cls,
        masked: MaskedNetwork,
        design: Design,
        technology: Technology,
        progress: Callable[[int, int, str], None],
        forms: Sequence[IndexFormat] | None = None,
        dram: Dram | None = None,
    ) -> "NetworkSimulation":
        """Run every layer, in the given formats or the smallest ones.

        Raises
        ------
        FitError
            If a layer does not fit the design.
        """
        known = [layer.activity for layer in masked.layers]
        active = [None if activity is None else activity.active for activity in known]
        return cls(
            masked, Simulation.of(masked.layers, design, technology, progress, forms, dram, active)
        )

    @property
    def _silicon(self) -> Silicon:
        return self.simulation.silicon

    @cached_property
    def _roof(self) -> Roof:
        return Roof.of(self.simulation.design, self.simulation.dram)

    @property
    def _freq_hz(self) -> float | None:
        return None if self._silicon.clock is None else self._silicon.clock.freq_hz

    @property
    def _pairs(self) -> Iterator[tuple[MaskedLayer, SimulatedLayer]]:
        return zip(self.masked.layers, self.simulation.layers, strict=True)

    def to_json(self) -> dict[str, Any]:
        """Return it with the keys of ``simulate``."""
        silicon, figures = self._silicon, self.simulation.technology.card.energy
        return {
            "network": self.masked.name,
            "design": self.simulation.design.name,
            "tier": "exact",
            "environment": self._environment(),
            "roof": self._roof.to_json(self._freq_hz, self._silicon.reason),
            "cycles": self.simulation.cycles,
            **silicon_keys(silicon, self.simulation.cycles),
            "images": self.masked.images,
            **calibration(self.masked, self.simulation.design),
            **self._energy(self.simulation.energy),
            "energy_kind": "predicted",
            "energy_sources": None if figures is None else figures.sources,
            "energy_not_counted": list(NOT_COUNTED),
            "unsupported": list(self.masked.unsupported),
            "notes": list(self.masked.notes),
            "layers": [self._layer(*pair) for pair in self._pairs],
        }

    def _environment(self) -> dict[str, Any]:
        dram = self.simulation.dram
        if dram is None:
            return {"kind": "ideal"}
        return {
            "kind": "dram",
            "bandwidth_bits_per_cycle": dram.bandwidth_bits,
            "latency_cycles": dram.latency_cycles,
            "overlapping_loads": self.simulation.design.buffer_sets == 2,
        }

    def _layer(self, layer: MaskedLayer, one: SimulatedLayer) -> dict[str, Any]:
        counters, design = one.counters, self.simulation.design
        return {
            "name": layer.name,
            "format": one.format_name,
            "runs": len(one.schedule.runs),
            "masks": layer.source,
            "density": layer.density,
            "cycles": counters.cycles,
            "latency_s": self._silicon.seconds(counters.cycles),
            "macs": layer.shape.macs,
            "effectual_macs": layer.effectual_macs,
            "batch": layer.shape.batch,
            "activations": layer.activity and layer.activity.to_json(),
            "activations_reason": None if layer.activity else _no_activity(design),
            "utilization": counters.utilization,
            "mac_utilization": layer.effectual_macs / (counters.cycles * design.macs),
            "compute": counters.compute,
            "stalls": {cause: counters.stalls[cause] for cause in STALLS},
            "bound": one.bound.to_json(),
            "roofline": Roofline.of(
                layer.effectual_macs, layer.shape.macs, one.traffic, counters.cycles, self._roof
            ).to_json(self._freq_hz, self._silicon.reason),
            "traffic": one.traffic.to_json(),
            **self._energy(one.energy),
            "energy_by_level": None if one.energy is None else one.energy.levels,
        }

    def _energy(self, energy: Energy | None) -> dict[str, Any]:
        """Return the keys of an energy; one that is not known has its reason."""
        if energy is None:
            reason = self.simulation.energy_reason
            return {"energy_pj": None, "energy_pj_reason": reason, "energy": None}
        components: dict[str, Any] = dict(energy.components)
        if energy.leakage_pj is None:
            card = self.simulation.technology.card.name
            components["leakage_reason"] = f"technology card {card} states no leakage"
        return {"energy_pj": energy.total_pj, "energy": components}

    def text(self) -> str:
        """Return it for a reader, the answer first."""
        silicon, cycles = self._silicon, self.simulation.cycles
        answer = f"{self.masked.name} on {self.simulation.design.name}: {cycles:,} cycles"
        if self.masked.images > 1:
            answer += f" for {self.masked.images} images together"
        if silicon.clock and silicon.area:
            freq_hz = silicon.clock.freq_hz
            answer += (
                f", {cycles / freq_hz * 1e3:.4g} ms at {freq_hz / 1e6:.0f} MHz,"
                f" {silicon.area.total_um2 / 1e6:.3f} mm2"
            )
        lines = [
            answer,
            "",
            table(
                (
                    "layer",
                    "format",
                    "masks",
                    "ratio",
                    "cycles",
                    "us",
                    "uJ",
                    "utilization",
                    "bound",
                    "stalls",
                ),
                (self._row(*pair) for pair in self._pairs),
            ),
            "",
            "utilization: lane-cycles that issue a weight; stalls: lane-cycles lost, by cause",
            "bound: the part that the layer cannot be faster than, and cycles / its cycles",
        ]
        if dram := self.simulation.dram:
            lines.append(
                f"streams of {dram.bandwidth_bits} bits per cycle, loads after"
                f" {dram.latency_cycles} cycles; the loads of each layer are part of its cycles"
            )
        if energy := self.simulation.energy:
            lines.append(self._energy_line(energy))
        elif not silicon.reason:
            lines.append(f"no energy: {self.simulation.energy_reason}")
        if silicon.clock:
            lines.append(f"the clock is limited by {silicon.clock.limit}")
        if silicon.reason:
            lines.append(f"no area, no clock and no energy: {silicon.reason}")
        lines += activity_lines(self.masked, self.simulation.design)
        lines += [f"note: {note}" for note in self.masked.notes]
        lines += [f"not counted: {node}" for node in self.masked.unsupported]
        return "\n".join(lines)

    def _energy_line(self, energy: Energy) -> str:
        parts = {name: part for name, part in energy.components.items() if part is not None}
        shares = ", ".join(
            f"{name} {parts[name] / energy.total_pj:.0%}"
            for name in sorted(parts, key=lambda name: -parts[name])
            if parts[name] >= VISIBLE_SHARE * energy.total_pj
        )
        leakage = "" if "leakage" in parts else ", leakage not known"
        return f"energy (predicted): {energy.total_pj / 1e6:.4g} uJ: {shares}{leakage}"

    def _row(self, layer: MaskedLayer, one: SimulatedLayer) -> tuple[object, ...]:
        counters, bound = one.counters, one.bound
        seconds = self._silicon.seconds(counters.cycles)
        shares = {cause: counters.stall_share(cause) for cause in STALLS}
        lost = [cause for cause in sorted(STALLS, key=lambda cause: -shares[cause])
                if shares[cause] >= VISIBLE_SHARE]  # fmt: skip
        return (
            layer.name,
            one.format_name,
            layer.source,
            None if layer.ratio is None else f"{layer.ratio:.2f}",
            f"{counters.cycles:,}",
            None if seconds is None else f"{seconds * 1e6:.1f}",
            None if one.energy is None else f"{one.energy.total_pj / 1e6:.3g}",
            f"{counters.utilization:.1%}",
            f"{bound.name} {counters.cycles / bound.cycles:.2f}x",
            ", ".join(f"{cause} {shares[cause]:.0%}" for cause in lost) or None,
        )


def silicon_keys(silicon: Silicon, cycles: int) -> dict[str, Any]:
    """Return area and clock, and the time of so many cycles; null where they are not known."""
    clock, area = silicon.clock, silicon.area
    return {
        "freq_hz": None if clock is None else clock.freq_hz,
        "freq_limit": None if clock is None else clock.limit,
        "latency_s": silicon.seconds(cycles),
        "area_um2": None if area is None else area.total_um2,
        "area": None if area is None else area.to_json(),
        "area_um2_reason": silicon.reason,
    }


def calibration(masked: MaskedNetwork, design: Design) -> dict[str, Any]:
    """Return how it is known which activations are zero, null if it is not known or not needed."""
    known = (layer.activity for layer in masked.layers)
    kind: ActivityKind | None = next((activity.kind for activity in known if activity), None)
    return {"calibration": kind, "calibration_reason": None if kind else _no_activity(design)}


def _no_activity(design: Design) -> str:
    if design.family == "eie":
        return ALL_ACTIVE
    return "cycles depend on shapes and masks, not on activations"


def activity_lines(masked: MaskedNetwork, design: Design) -> Iterator[str]:
    """Say which activations of each layer are zero, where the design skips them."""
    if design.family != "eie":
        return
    for layer in masked.layers:
        told = (
            ALL_ACTIVE
            if layer.activity is None
            else f"{layer.activity.density:.1%} of the activations are not zero"
            f" ({layer.activity.source})"
        )
        yield f"{layer.name}: {told}"
