"""The bench: area, frequency and cycles of designs, each asked for once.

Break-even asks about thousands of designs and simulates hundreds of programs, many of them the
same. The models behind the bench are given: ``sim.cost``, ``sim.exact`` and ``sim.fast``, or ideal
ones that can be checked by hand.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

from ..hw.design import Buffers, Design
from ..hw.program import Program
from ..models.formats import Bitmap, IndexFormat, Relative
from ..models.layer import LayerShape
from .exact import simulate
from .workload import Workload

__all__ = ["AreaLike", "Bench", "CostModel", "Counted", "FrequencyLike", "Predict"]

_ONE_CYCLE_PER_ENTRY = Relative(8)


_Case = tuple[tuple[LayerShape, bytes], Design, str]
"""Workload, design and format, which cycles depend on."""

Predict = Callable[[Workload, Design, IndexFormat], int]
"""From a layer on a design in a format to its cycles, nearly."""


class AreaLike(Protocol):
    """Area of a design in um2, and how it is shared out."""

    @property
    def total_um2(self) -> float:
        """All of it, in um2."""
        ...

    @property
    def pe_share(self) -> float:
        """Share of the processing elements."""
        ...

    @property
    def weight_sram_share(self) -> float:
        """Share of the memories of weights and indices."""
        ...


class FrequencyLike(Protocol):
    """Clock of a design in Hz, and what limits it."""

    @property
    def freq_hz(self) -> float:
        """Highest frequency, in Hz."""
        ...

    @property
    def limit(self) -> str:
        """What limits it."""
        ...


class CostModel(Protocol):
    """Area and frequency of a design whose memories have the depths ``buffers``."""

    @property
    def technology(self) -> Mapping[str, Any]:
        """What the numbers stand for, for reports."""
        ...

    @property
    def tools(self) -> Mapping[str, str]:
        """Versions of the tools that made them."""
        ...

    def area(self, design: Design, buffers: Buffers) -> AreaLike:
        """Return the area, output feature buffers included.

        Raises
        ------
        BosquetError
            If the design is not among those that can be costed.
        """
        ...

    def frequency(self, design: Design, buffers: Buffers) -> FrequencyLike:
        """Return the frequency; raises as ``area`` does."""
        ...


class Counted(Protocol):
    """What a simulation returns, as far as break-even cares."""

    @property
    def cycles(self) -> int:
        """Cycles of the layer."""
        ...


class Bench:
    """Memoised area, frequency and cycles.

    Parameters
    ----------
    cost : CostModel
    simulate : callable
        From a program to its counters.
    predict : Predict, optional
        To choose among designs, such as ``FastCycles()``; without it they are simulated.
    cycles : dict, optional
        Those that are known already; new ones are added.
    """

    def __init__(
        self,
        cost: CostModel,
        simulate: Callable[[Program], Counted] = simulate,
        predict: Predict | None = None,
        cycles: dict[_Case, int] | None = None,
    ) -> None:
        self.cost = cost
        self.simulations = 0
        self._simulate = simulate
        self._predict = predict
        self._areas: dict[tuple[Design, Buffers], AreaLike] = {}
        self._frequencies: dict[tuple[Design, Buffers], FrequencyLike] = {}
        self._cycles = {} if cycles is None else cycles

    def with_cost(self, cost: CostModel) -> "Bench":
        """Return a bench of other areas and frequencies, which shares the cycles."""
        return Bench(cost, self._simulate, self._predict, self._cycles)

    def area(self, design: Design, buffers: Buffers) -> AreaLike:
        """Return the area of a design with memories of the given depths."""
        key = (design, buffers)
        if key not in self._areas:
            self._areas[key] = self.cost.area(design, buffers)
        return self._areas[key]

    def frequency(self, design: Design, buffers: Buffers) -> FrequencyLike:
        """Return the frequency of a design with memories of the given depths."""
        key = (design, buffers)
        if key not in self._frequencies:
            self._frequencies[key] = self.cost.frequency(design, buffers)
        return self._frequencies[key]

    def cycles(self, workload: Workload, design: Design, form: IndexFormat) -> int:
        """Return the simulated cycles of a layer in a format."""
        key = (workload.key, design, form.name)
        if key not in self._cycles:
            self._cycles[key] = self._simulate(workload.program(design, form)).cycles
            self.simulations += 1
        return self._cycles[key]

    def cycles_undelayed(self, workload: Workload, design: Design, form: IndexFormat) -> int:
        """Return the cycles if the decoder never kept a lane waiting.

        Only a bitmap decoder can; its exact simulation takes ten times as long for a difference
        that is mostly below 0.1 %. To choose among designs and formats this is enough.
        """
        if not isinstance(form, Bitmap):
            return self.cycles(workload, design, form)
        key = (workload.key, design, f"{form.name}, undelayed")
        if key not in self._cycles:
            # The same streams, read by a decoder that takes one cycle for every entry.
            program = replace(workload.program(design, form), format=_ONE_CYCLE_PER_ENTRY)
            self._cycles[key] = self._simulate(program).cycles
            self.simulations += 1
        return self._cycles[key]

    def cycles_predicted(self, workload: Workload, design: Design, form: IndexFormat) -> int:
        """Return the cycles as predicted, to choose among many designs and formats."""
        if self._predict is None:
            return self.cycles_undelayed(workload, design, form)
        key = (workload.key, design, f"{form.name}, predicted")
        if key not in self._cycles:
            self._cycles[key] = self._predict(workload, design, form)
        return self._cycles[key]
