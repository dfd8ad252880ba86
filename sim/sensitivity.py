"""Sensitivity: where a layer breaks even under other assumptions about silicon.

The designs stay those of the curve, and so do their cycles; areas and clocks change, and with them
how many lanes fit. Told are wires, which the areas and clocks of a lane table leave out, and area
of the sparse design that may have been forgotten: some more of what it has and a dense array of as
many lanes has not, which is logic and the memory of indices.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from ..hw.design import Buffers, Design
from .cost import Area, Cost, Frequency
from .technology import Technology

__all__ = ["MORE_SPARSE", "Assumption", "MoreSparseArea", "assumptions"]

MORE_SPARSE = (0.1, 0.2)
"""Portions of the area that only the sparse design has, added to it."""


class MoreSparseArea:
    """Silicon on which the sparse family needs more than was measured.

    Parameters
    ----------
    cost : Cost
    portion : float
        Of the logic that a sparse design has beyond a dense one of as many MACs, and of its
        index memory.
    """

    def __init__(self, cost: Cost, portion: float) -> None:
        self._cost = cost
        self._portion = portion

    @property
    def technology(self) -> Mapping[str, Any]:
        """What the numbers stand for."""
        return self._cost.technology

    @property
    def tools(self) -> Mapping[str, str]:
        """Versions of the tools that made them."""
        return self._cost.tools

    def area(self, design: Design, buffers: Buffers) -> Area:
        """Return the area, the addition among the lanes."""
        found = self._cost.area(design, buffers)
        if design.family == "dense":
            return found
        only_sparse = self._cost.logic_um2(design) - self._cost.logic_um2(_dense_twin(design))
        more_um2 = self._portion * (max(0.0, only_sparse) + found.sram_um2["index"])
        return replace(found, lanes_um2=found.lanes_um2 + more_um2)

    def frequency(self, design: Design, buffers: Buffers) -> Frequency:
        """Return the clock, which is the same."""
        return self._cost.frequency(design, buffers)


def _dense_twin(design: Design) -> Design:
    """Return the dense array of as many MACs, with the same output stage and widths."""
    names = (
        "acc_sets", "drain", "drain_cycles", "buffer_sets", "weight_bits", "act_bits", "acc_bits",
    )  # fmt: skip
    fields = {name: getattr(design, name) for name in names}
    return replace(Design.dense(design.lanes, design.vector), **fields)


@dataclass(frozen=True, eq=False)
class Assumption:
    """What is assumed besides the usual.

    Attributes
    ----------
    name : str
        For reports.
    cost : Cost or MoreSparseArea
    """

    name: str
    cost: Cost | MoreSparseArea


def assumptions(technology: Technology) -> tuple[Assumption, ...]:
    """Return the assumptions that break-even is told under, besides the usual ones.

    Wires are among them if the technology card knows their capacitance.

    Raises
    ------
    InputError
        If it does, and the lane table has no rows measured with them.
    """
    found = []
    wires = technology.card.logic.wire_inputs_per_fanout
    if wires is not None:
        name = f"wires of {wires.value:g} inverter inputs per fan-out"
        found.append(Assumption(name, Cost(technology.wired())))
    cost = Cost(technology)
    found += [
        Assumption(f"{portion:.0%} more sparse-only area", MoreSparseArea(cost, portion))
        for portion in MORE_SPARSE
    ]
    return tuple(found)
