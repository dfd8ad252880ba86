"""A simulation of the fast tier as an answer: JSON, and a table."""

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from ..hw.design import Design
from ..sim.fast import NO_ENERGY, FastLayer, FastSimulation, Prepared
from ..sim.technology import Technology
from .masked_network import MaskedLayer, MaskedNetwork
from .output import table
from .simulation import activity_lines, calibration, silicon_keys

__all__ = ["FastNetworkSimulation"]


@dataclass(frozen=True, eq=False)
class FastNetworkSimulation:
    """The layers of a network on a design, predicted.

    Attributes
    ----------
    masked : MaskedNetwork
        What was run.
    simulation : FastSimulation
        What it is predicted to take.
    """

    masked: MaskedNetwork
    simulation: FastSimulation

    @classmethod
    def of(
        cls, masked: MaskedNetwork, design: Design, technology: Technology
    ) -> "FastNetworkSimulation":
        """Predict every layer in its smallest format.

        Raises
        ------
        FitError
            If a layer does not fit the design.
        """
        known = [layer.activity for layer in masked.layers]
        active = [None if activity is None else activity.active for activity in known]
        prepared = Prepared.of(masked.layers, active)
        return cls(masked, FastSimulation.of(prepared, design, technology))

    def to_json(self) -> dict[str, Any]:
        """Return it with the keys of ``simulate``, as far as the fast tier knows them."""
        found = self.simulation
        return {
            "network": self.masked.name,
            "design": found.design.name,
            "tier": "fast",
            "error": {**asdict(found.times.error), "kind": "measured"},
            "environment": {"kind": "ideal"},
            "cycles": found.times.cycles,
            "cycles_kind": "predicted",
            **silicon_keys(found.silicon, found.times.cycles),
            "images": self.masked.images,
            **calibration(self.masked, found.design),
            "energy_pj": None,
            "energy_pj_reason": NO_ENERGY,
            "unsupported": list(self.masked.unsupported),
            "notes": list(self.masked.notes),
            "layers": [self._layer(*pair) for pair in self._pairs],
        }

    @property
    def _pairs(self) -> Iterator[tuple[MaskedLayer, FastLayer]]:
        return zip(self.masked.layers, self.simulation.times.layers, strict=True)

    def _layer(self, layer: MaskedLayer, one: FastLayer) -> dict[str, Any]:
        return {
            "name": layer.name,
            "format": one.format_name,
            "runs": len(one.runs),
            "masks": layer.source,
            "density": layer.density,
            "cycles": one.cycles,
            "latency_s": self.simulation.silicon.seconds(one.cycles),
            "macs": layer.shape.macs,
            "effectual_macs": layer.effectual_macs,
            "batch": layer.shape.batch,
            "activations": layer.activity and layer.activity.to_json(),
            "mac_utilization": layer.effectual_macs / (one.cycles * self.simulation.design.macs),
            "bound": {"name": one.bound},
        }

    def text(self) -> str:
        """Return it for a reader, the answer first."""
        found, silicon = self.simulation, self.simulation.silicon
        cycles, error = found.times.cycles, found.times.error
        answer = f"{self.masked.name} on {found.design.name}: about {cycles:,} cycles"
        if self.masked.images > 1:
            answer += f" for {self.masked.images} images together"
        if silicon.clock and silicon.area:
            freq_hz = silicon.clock.freq_hz
            answer += (
                f", {cycles / freq_hz * 1e3:.4g} ms at {freq_hz / 1e6:.0f} MHz,"
                f" {silicon.area.total_um2 / 1e6:.3f} mm2"
            )
        header = ("layer", "format", "masks", "ratio", "cycles", "us", "MAC utilization", "bound")
        lines = [
            answer,
            "",
            table(header, (self._row(*pair) for pair in self._pairs)),
            "",
            f"cycles predicted (fast tier): of {error.pairs:,} random layers on designs of this"
            f" family, nine in ten were off by less than {error.p90:.1%}, the worst by"
            f" {error.worst:.1%} (measured against the exact tier)",
            "MAC utilization: multiply-accumulates with a kept weight / those that would fit"
            " into the cycles",
            "bound: what takes most of the cycles of a layer",
        ]
        if silicon.clock:
            lines.append(f"the clock is limited by {silicon.clock.limit}")
        if silicon.reason:
            lines.append(f"no area and no clock: {silicon.reason}")
        lines += activity_lines(self.masked, found.design)
        lines += [f"note: {note}" for note in self.masked.notes]
        lines += [f"not counted: {node}" for node in self.masked.unsupported]
        return "\n".join(lines)

    def _row(self, layer: MaskedLayer, one: FastLayer) -> tuple[object, ...]:
        seconds = self.simulation.silicon.seconds(one.cycles)
        utilization = layer.effectual_macs / (one.cycles * self.simulation.design.macs)
        return (
            layer.name,
            one.format_name,
            layer.source,
            None if layer.ratio is None else f"{layer.ratio:.2f}",
            f"{one.cycles:,}",
            None if seconds is None else f"{seconds * 1e6:.1f}",
            f"{utilization:.1%}",
            one.bound,
        )
