"""A simulation: what a design takes for the layers of a network, in cycles, time and area."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from ..hw.design import Buffers, Design
from ..hw.schedule import Schedule
from ..models.formats import IndexFormat
from ..sim.cost import Area, Frequency, Technology, area, frequency
from ..sim.counters import STALLS, Counters
from ..sim.exact import simulate_schedule
from .masked_network import MaskedLayer, MaskedNetwork
from .output import table

__all__ = ["Silicon", "Simulation", "TimedLayer"]

NO_ENERGY = "bosquet has no energy model yet"

VISIBLE_SHARE = 0.005
"""Stalls below this share of the lane-cycles are left out of the table."""


@dataclass(frozen=True)
class TimedLayer:
    """A layer with what its runs count, one or as many as the buffers make necessary."""

    layer: MaskedLayer
    schedule: Schedule
    counters: Counters

    @property
    def format_name(self) -> str:
        """Index format of the weights; of parts perhaps several."""
        return ", ".join(sorted({run.program.format.name for run in self.schedule.runs}))


@dataclass(frozen=True)
class Silicon:
    """Area and clock of a design, or why they are not known: cycles are told all the same."""

    area: Area | None
    clock: Frequency | None
    reason: str | None = None

    @classmethod
    def of(cls, design: Design, buffers: Buffers, technology: Technology) -> "Silicon":
        """Return what the lane table tells."""
        try:
            return cls(area(design, buffers, technology), frequency(design, buffers, technology))
        except InputError as error:
            return cls(None, None, str(error))

    def seconds(self, cycles: int) -> float | None:
        """Return the time of so many cycles, None without a clock."""
        return None if self.clock is None else cycles / self.clock.freq_hz


@dataclass(frozen=True, eq=False)
class Simulation:
    """The layers of a network on a design.

    Attributes
    ----------
    masked : MaskedNetwork
        What was run.
    design : Design
        What it ran on.
    timed : tuple of TimedLayer
        Its layers, in order.
    silicon : Silicon
        Area and clock, with buffers that hold every layer unless the design has its own.
    """

    masked: MaskedNetwork
    design: Design
    timed: tuple[TimedLayer, ...]
    silicon: Silicon

    @classmethod
    def of(
        cls,
        masked: MaskedNetwork,
        design: Design,
        technology: Technology,
        progress: Callable[[int, int, str], None],
        forms: Sequence[IndexFormat] | None = None,
    ) -> "Simulation":
        """Run every layer, in the given formats or the smallest ones.

        Raises
        ------
        FitError
            If a layer does not fit the design.
        """
        timed = []
        for number, layer in enumerate(masked.layers):
            schedule = Schedule.plan(layer, design, forms[number] if forms else None)
            timed.append(TimedLayer(layer, schedule, simulate_schedule(schedule)))
            progress(number + 1, len(masked.layers), layer.name)
        buffers = design.buffers or _covering([one.schedule.buffers for one in timed])
        return cls(masked, design, tuple(timed), Silicon.of(design, buffers, technology))

    @property
    def cycles(self) -> int:
        """Cycles of all layers."""
        return sum(one.counters.cycles for one in self.timed)

    def to_json(self) -> dict[str, Any]:
        """Return it with the keys of ``simulate``."""
        silicon = self.silicon
        return {
            "network": self.masked.name,
            "design": self.design.name,
            "tier": "exact",
            "cycles": self.cycles,
            "freq_hz": None if silicon.clock is None else silicon.clock.freq_hz,
            "freq_limit": None if silicon.clock is None else silicon.clock.limit,
            "latency_s": silicon.seconds(self.cycles),
            "area_um2": None if silicon.area is None else silicon.area.total_um2,
            "area": None if silicon.area is None else silicon.area.to_json(),
            "area_um2_reason": silicon.reason,
            "calibration": None,
            "calibration_reason": "every activation counts as active"
            if self.design.family == "eie"
            else "cycles depend on shapes and masks, not on activations",
            "energy_pj": None,
            "energy_pj_reason": NO_ENERGY,
            "unsupported": list(self.masked.unsupported),
            "notes": list(self.masked.notes),
            "layers": [self._layer(one) for one in self.timed],
        }

    def _layer(self, one: TimedLayer) -> dict[str, Any]:
        layer, counters = one.layer, one.counters
        return {
            "name": layer.name,
            "format": one.format_name,
            "runs": len(one.schedule.runs),
            "masks": layer.source,
            "density": layer.density,
            "cycles": counters.cycles,
            "latency_s": self.silicon.seconds(counters.cycles),
            "macs": layer.shape.macs,
            "effectual_macs": layer.effectual_macs,
            "utilization": counters.utilization,
            "mac_utilization": layer.effectual_macs / (counters.cycles * self.design.macs),
            "compute": counters.compute,
            "stalls": {cause: counters.stalls[cause] for cause in STALLS},
            "energy_pj": None,
            "energy_pj_reason": NO_ENERGY,
        }

    def text(self) -> str:
        """Return it for a reader, the answer first."""
        silicon = self.silicon
        answer = f"{self.masked.name} on {self.design.name}: {self.cycles:,} cycles"
        if silicon.clock and silicon.area:
            freq_hz = silicon.clock.freq_hz
            answer += (
                f", {self.cycles / freq_hz * 1e3:.4g} ms at {freq_hz / 1e6:.0f} MHz,"
                f" {silicon.area.total_um2 / 1e6:.3f} mm2"
            )
        lines = [
            answer,
            "",
            table(
                ("layer", "format", "masks", "ratio", "cycles", "us", "utilization", "stalls"),
                (self._row(one) for one in self.timed),
            ),
            "",
            "utilization: lane-cycles that issue a weight; stalls: lane-cycles lost, by cause",
        ]
        if silicon.clock:
            lines.append(f"the clock is limited by {silicon.clock.limit}")
        if silicon.reason:
            lines.append(f"no area and no clock: {silicon.reason}")
        lines += [f"note: {note}" for note in self.masked.notes]
        lines += [f"not counted: {node}" for node in self.masked.unsupported]
        return "\n".join(lines)

    def _row(self, one: TimedLayer) -> tuple[object, ...]:
        layer, counters = one.layer, one.counters
        seconds = self.silicon.seconds(counters.cycles)
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
            f"{counters.utilization:.1%}",
            ", ".join(f"{cause} {shares[cause]:.0%}" for cause in lost) or None,
        )


def _covering(buffers: Sequence[Buffers]) -> Buffers:
    """Return the smallest buffers that hold each of several programs."""
    first, *others = buffers
    for other in others:
        first = first.covering(other)
    return first
