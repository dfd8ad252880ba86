"""A network in the fast tier: predicted cycles, with area and clock as in the exact tier."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce

from ...hw.design import Buffers, Design
from ...models.formats import IndexFormat
from ..simulate import Silicon
from ..technology import Technology
from .need import buffers_needed
from .prediction import FastTimes, predict
from .prepared import Prepared

__all__ = ["NO_ENERGY", "FastSimulation"]

NO_ENERGY = "the fast tier does not count what is moved; the exact tier does"
"""Why a prediction has no energy."""


@dataclass(frozen=True, eq=False)
class FastSimulation:
    """Layers on a design, predicted in the ``ideal`` environment.

    Attributes
    ----------
    times : FastTimes
        Cycles.
    silicon : Silicon
        Area and clock, with buffers that hold every layer unless the design has its own.
    technology : Technology
    """

    times: FastTimes
    silicon: Silicon
    technology: Technology

    @classmethod
    def of(
        cls,
        prepared: Prepared,
        design: Design,
        technology: Technology,
        forms: Sequence[IndexFormat] | None = None,
    ) -> "FastSimulation":
        """Predict every layer, in the given formats or the smallest ones.

        Raises
        ------
        FitError
            If a layer does not fit the design.
        """
        times = predict(prepared, design, forms)
        buffers = design.buffers or _needed(prepared, times)
        return cls(times, Silicon.of(design, buffers, technology), technology)

    @property
    def design(self) -> Design:
        """What the layers run on."""
        return self.times.design

    @property
    def latency_s(self) -> float | None:
        """Time of all layers, None without a clock."""
        return self.silicon.seconds(self.times.cycles)


def _needed(prepared: Prepared, times: FastTimes) -> Buffers:
    """Return the smallest buffers that hold each run."""
    found = []
    for number, layer in enumerate(times.layers):
        parts = prepared if layer.cuts is None else prepared.parts(number, layer.cuts)
        numbers = [number] if layer.cuts is None else range(len(layer.runs))
        found += [
            buffers_needed(parts, one, times.design, run.format)
            for one, run in zip(numbers, layer.runs, strict=True)
        ]
    return reduce(Buffers.covering, found)
