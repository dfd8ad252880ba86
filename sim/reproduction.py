"""All that bosquet says of one network beside its paper: what ``make breakeven`` asks.

One layer is studied (``sim.study``); every other one gets its curve, all of them one chip, the
convolutions Table 9, and one of them an FPGA. Each is a question of its own, so that they
share processes and a run that is stopped goes on.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import FitError
from ..hw.synth.placed_point import PlacedPoint
from .breakeven import layer_breakeven
from .fpga import fpga_breakeven
from .one_chip import one_chip
from .paper import CONVOLUTIONS, replica_cells
from .pruned_layer import PrunedLayer
from .restoration import restoration
from .study import Case, Subject, cases_of

__all__ = ["DEVICE", "FPGA_LAYER", "Chip", "Convolution", "Fpga", "Layer", "cases_for"]

DEVICE, FPGA_LAYER = "ecp5-25k-8", "conv3"
"""The FPGA on which designs come placed, and the layer that their memories are for."""


class _Alone(ABC):
    """A question that no other one is equal to."""

    @property
    @abstractmethod
    def key(self) -> str:
        """What tells it from every other question."""

    def asks(self, subject: Subject) -> str:
        """Return the key."""
        return self.key


@dataclass(frozen=True, eq=False)
class Layer(_Alone):
    """The curve of a layer that is not studied."""

    layer: PrunedLayer

    @property
    def effort(self) -> float:
        """How long it takes beside a plain question; large masks take long."""
        return 3.0 + self.layer.shape.weights / 1e7

    @property
    def key(self) -> str:
        """What tells it from every other one."""
        return f"layer: {self.layer.name}"

    def answer(self, subject: Subject) -> Mapping[str, Any]:
        """Return the document of ``breakeven NET:LAYER``."""
        return layer_breakeven(self.layer, subject.setting).to_json()


@dataclass(frozen=True, eq=False)
class Chip(_Alone):
    """One chip for all layers."""

    layers: tuple[PrunedLayer, ...]
    effort: float = 12.0

    @property
    def key(self) -> str:
        """What tells it from every other one."""
        return "one chip"

    def answer(self, subject: Subject) -> Mapping[str, Any]:
        """Return ``one_chip`` of the document of ``breakeven NET``, and its speedups."""
        setting, workloads = subject.setting, [layer.own for layer in self.layers]
        space = setting.space.for_layers(layer.shape for layer in self.layers)
        chips = one_chip(setting.frozen(workloads), workloads, space, setting.progress)
        restored = restoration(chips, workloads, setting.progress)
        return {
            "speedup": chips.speedup,
            "reason": chips.reason,
            "one_chip": chips.to_json(),
            "restoration": restored.to_json() if restored else None,
        }


@dataclass(frozen=True, eq=False)
class Convolution(_Alone):
    """A convolution, by its number in Table 9, at the ratio of each row."""

    number: int
    layer: PrunedLayer
    effort: float = 6.0

    @property
    def key(self) -> str:
        """What tells it from every other one."""
        return f"table 9: {self.layer.name}"

    def answer(self, subject: Subject) -> Mapping[str, Any]:
        """Return the cells, row by row."""
        cells = replica_cells(self.number, self.layer, subject.setting)
        return {"cells": [cell.to_json() for cell in cells]}


@dataclass(frozen=True, eq=False)
class Fpga(_Alone):
    """A layer among the designs that come placed on the FPGA."""

    layer: PrunedLayer
    effort: float = 1.0

    @property
    def key(self) -> str:
        """What tells it from every other one."""
        return f"fpga: {self.layer.name}"

    def answer(self, subject: Subject) -> Mapping[str, Any]:
        """Return the document of ``breakeven NET:LAYER --fpga``, or why there is none."""
        points, bench = PlacedPoint.shipped(DEVICE), subject.setting.bench
        try:
            found = fpga_breakeven(self.layer, points, subject.seed, bench)
        except FitError as error:
            return {"ratio": None, "interval": [None, None], "reason": str(error)}
        return found.to_json()


def cases_for(subject: Subject, layers: Sequence[PrunedLayer]) -> list[Case]:
    """Return all questions about a network, those that take long first.

    Parameters
    ----------
    subject : Subject
        Whose layer is studied.
    layers : sequence of PrunedLayer
        All of the network.
    """
    others = [layer for layer in layers if layer.name != subject.layer.name]
    largest = sorted(others, key=lambda layer: -layer.shape.weights)
    convolutions = [layer for layer in layers if layer.name in CONVOLUTIONS]
    return [
        Chip(tuple(layers)),
        *map(Layer, largest),
        *(Convolution(number, layer) for number, layer in enumerate(convolutions)),
        *(Fpga(layer) for layer in layers if layer.name == FPGA_LAYER),
        *cases_of(subject),
    ]
