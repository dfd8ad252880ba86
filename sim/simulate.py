"""A simulation: the layers of a network on a design, in cycles, with area, clock and energy.

Layers follow one another; each is cut into runs that fit the design's buffers, those that take the
fewest cycles. Layers that are the same work, geometry and mask alike, are simulated once.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..hw.design import Buffers, Design
from ..hw.dram import Dram
from ..hw.program import Masked
from ..hw.schedule import Schedule
from ..models.formats import IndexFormat
from .bound import Bound
from .cost import Area, Frequency, area, frequency
from .counters import Counters
from .energy import Energy, no_energy
from .technology import Technology
from .tiling import best_schedule, simulated
from .traffic import Traffic

__all__ = ["Silicon", "SimulatedLayer", "Simulation"]


@dataclass(frozen=True, eq=False)
class SimulatedLayer:
    """A layer with what its runs count.

    Attributes
    ----------
    layer : Masked
    schedule : Schedule
        Its runs, one or as many as the buffers make necessary.
    counters : Counters
        Of all runs together.
    bound : Bound
        What they cannot be faster than.
    traffic : Traffic
        What they move.
    energy : Energy or None
        What they take, where area and clock are known and the technology states energy.
    """

    layer: Masked
    schedule: Schedule
    counters: Counters
    bound: Bound
    traffic: Traffic
    energy: Energy | None

    @property
    def name(self) -> str:
        """Name of the layer in its network."""
        return self.layer.shape.name

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
    """Layers on a design.

    Attributes
    ----------
    design : Design
        What they ran on.
    layers : tuple of SimulatedLayer
        In order.
    silicon : Silicon
        Area and clock, with buffers that hold every layer unless the design has its own.
    technology : Technology
    dram : Dram or None
        What lay at the streams; None: the ``ideal`` environment.
    """

    design: Design
    layers: tuple[SimulatedLayer, ...]
    silicon: Silicon
    technology: Technology
    dram: Dram | None = None

    @classmethod
    def of(
        cls,
        layers: Sequence[Masked],
        design: Design,
        technology: Technology,
        progress: Callable[[int, int, str], None],
        forms: Sequence[IndexFormat] | None = None,
        dram: Dram | None = None,
        active: Sequence[NDArray[np.bool_] | None] | None = None,
    ) -> "Simulation":
        """Run every layer, in the given formats or the smallest ones.

        Parameters
        ----------
        layers : sequence of Masked
            At least one.
        design : Design
        technology : Technology
        progress : callable
            Told ``(done, total, name)`` after each layer.
        forms : sequence of IndexFormat, optional
            One for each layer.
        dram : Dram, optional
            What lies at the streams; without it the ``ideal`` environment.
        active : sequence of bool array (batch, in) or None, optional
            Activations of each layer that are not zero, where that is known; only the EIE family,
            which skips zeros, takes fewer cycles for it.

        Raises
        ------
        FitError
            If a layer does not fit the design.
        """
        known: dict[tuple[object, ...], tuple[Schedule, Counters, Bound]] = {}
        keys = []
        for number, layer in enumerate(layers):
            form = forms[number] if forms else None
            nonzero = active[number] if active else None
            keys.append((_work(layer), form, None if nonzero is None else nonzero.tobytes()))
            if keys[-1] not in known:
                schedule = best_schedule(layer, design, form, dram)
                if nonzero is not None:
                    schedule = schedule.with_active(nonzero[:, :, None, None])
                known[keys[-1]] = schedule, simulated(schedule, dram), Bound.of(schedule, dram)
            progress(number + 1, len(layers), layer.shape.name)
        buffers = design.buffers or _covering(
            [schedule.buffers for schedule, _, _ in known.values()]
        )
        silicon = Silicon.of(design, buffers, technology)
        found = {
            key: (*counted, *_moved(counted[0], counted[1], buffers, silicon, technology))
            for key, counted in known.items()
        }
        done = [SimulatedLayer(layer, *found[key]) for layer, key in zip(layers, keys, strict=True)]
        return cls(design, tuple(done), silicon, technology, dram)

    @property
    def cycles(self) -> int:
        """Cycles of all layers."""
        return sum(one.counters.cycles for one in self.layers)

    @property
    def latency_s(self) -> float | None:
        """Time of all layers, None without a clock."""
        return self.silicon.seconds(self.cycles)

    @property
    def energy(self) -> Energy | None:
        """Energy of all layers, None if it is not known."""
        energies = [one.energy for one in self.layers if one.energy is not None]
        return Energy.total(energies) if energies else None

    @property
    def energy_reason(self) -> str | None:
        """Why it is not known."""
        if self.energy is not None:
            return None
        return self.silicon.reason or no_energy(self.technology.card)


def _moved(
    schedule: Schedule,
    counters: Counters,
    buffers: Buffers,
    silicon: Silicon,
    technology: Technology,
) -> tuple[Traffic, Energy | None]:
    """Return what the runs of a layer move, and what that takes if it can be told."""
    traffic = Traffic.of(schedule, buffers)
    latency_s = silicon.seconds(counters.cycles)
    if latency_s is None or technology.card.energy is None:
        return traffic, None
    return traffic, Energy.of(traffic, schedule.design, buffers, technology, latency_s)


def _work(layer: Masked) -> tuple[object, ...]:
    """Return what two layers have in common that are the same work."""
    mask = np.packbits(layer.mask).tobytes()
    return replace(layer.shape, name=""), blake2b(mask, digest_size=16).digest()


def _covering(buffers: Sequence[Buffers]) -> Buffers:
    """Return the smallest buffers that hold each of several programs."""
    first, *others = buffers
    for other in others:
        first = first.covering(other)
    return first
