"""The dense baseline: the frozen design whose area is the budget of every other design."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from ..errors import InputError
from ..hw.design import Design
from ..models.formats import Dense
from .bench import AreaLike, Bench
from .equal_area import EqualArea, Fit, Timed
from .streaming import WeightSupply
from .workload import Workload

__all__ = ["FrozenBaseline", "baseline_design", "design_json"]


def baseline_design(
    text: str, weight_bits: int = 8, act_bits: int = 8, acc_bits: int = 24
) -> Design:
    """Return the dense design of ``--baseline RxV``.

    Raises
    ------
    InputError
        If the text is not of this form.
    DesignError
        If there is no such design.
    """
    sizes = re.fullmatch(r"([0-9]{1,9})x([0-9]{1,9})", text)
    if not sizes:
        raise InputError(f"--baseline must be ROWSxCOLUMNS, such as 16x16, not {text!r}")
    rows, columns = int(sizes[1]), int(sizes[2])
    for name, value in (("rows", rows), ("columns", columns)):
        if not 1 <= value <= 256:
            raise InputError(f"--baseline {text}: {name} must be between 1 and 256, not {value}")
    return replace(
        Design.dense(rows, columns),
        weight_bits=weight_bits,
        act_bits=act_bits,
        acc_bits=acc_bits,
    )


@dataclass(frozen=True, eq=False)
class FrozenBaseline:
    """The baseline at work on one or more layers, and what it leaves to every other design.

    Attributes
    ----------
    design : Design
    area : AreaLike
        Its total is the budget.
    layers : tuple of Timed
        Each layer on it.
    equal_area : EqualArea
        The budget, the bandwidth at which the baseline never waits for weights, and the one at
        which it reads those that are used once.
    """

    design: Design
    area: AreaLike
    layers: tuple[Timed, ...]
    equal_area: EqualArea

    @classmethod
    def of(
        cls,
        design: Design,
        workloads: Sequence[Workload],
        bench: Bench,
        weights_on_chip: float,
        formats: tuple[str, ...] = (),
    ) -> "FrozenBaseline":
        """Run the baseline on at least one layer.

        Parameters
        ----------
        design : Design
        workloads : sequence of Workload
        bench : Bench
        weights_on_chip : float
        formats : tuple of str
            Names of the index formats that sparse designs of its area may use; none: all.

        Raises
        ------
        FitError
            If a layer does not fit its counters, or ``weights_on_chip`` leaves too
            little for streaming.
        InputError
            If ``weights_on_chip`` is not in (0, 1].
        """
        fit = _held_at(design, workloads, bench, WeightSupply(weights_on_chip))
        cycles = [bench.cycles(workload, design, Dense()) for workload in workloads]
        bits_per_s = max(
            (
                WeightSupply.bits_per_s_needed(spent, fit.freq_hz, load, bounds, fit.buffers)
                for spent, load, bounds in zip(cycles, fit.loads, fit.bounds, strict=True)
                if load.weight_words > fit.buffers.weight_words
            ),
            default=float("inf"),
        )
        layers = tuple(
            Timed(fit, spent, spent / fit.freq_hz, bounds.holding)
            for spent, bounds in zip(cycles, fit.bounds, strict=True)
        )
        reads = design.lanes * design.weight_bits * fit.freq_hz
        supply = WeightSupply(weights_on_chip, bits_per_s, reads)
        equal = EqualArea(bench, fit.area.total_um2, supply, formats)
        return cls(design, fit.area, layers, equal)

    @property
    def latency_s(self) -> float:
        """Seconds of all layers."""
        return sum(layer.latency_s for layer in self.layers)

    def to_json(self) -> dict[str, Any]:
        """Return the baseline with the keys of ``baseline``, without ``best``."""
        return {
            "rows": self.design.lanes,
            "vector": self.design.vector,
            "area_um2": self.area.total_um2,
            "pe_share": self.area.pe_share,
            "weight_sram_share": self.area.weight_sram_share,
            "freq_hz": self.layers[0].fit.freq_hz,
            "cycles": sum(layer.cycles for layer in self.layers),
            "latency_s": self.latency_s,
        }


def design_json(fit: Fit) -> dict[str, Any]:
    """Return the fields of a design that the optimizer chose, with area and frequency."""
    design = fit.design
    lanes = "rows" if design.family == "dense" else "lanes"
    fields = ["vector", "acc_sets", "drain", "drain_cycles"]
    if design.family == "sparse":
        fields += ["window", "run_ahead", "feed"]
    return {
        lanes: design.lanes,
        **{name: getattr(design, name) for name in fields},
        "area_um2": fit.area.total_um2,
        "pe_share": fit.area.pe_share,
        "weight_sram_share": fit.area.weight_sram_share,
        "freq_hz": fit.freq_hz,
        "freq_limit": fit.limit,
    }


def _held_at(
    design: Design, workloads: Sequence[Workload], bench: Bench, supply: WeightSupply
) -> Fit:
    """Return the baseline with memories that hold exactly the given portion of the weights."""
    loads = tuple(workload.load(design, Dense()) for workload in workloads)
    whole = [w.buffers(design, load) for w, load in zip(workloads, loads, strict=True)]
    buffers = supply.buffers(design, loads, whole)
    frequency = bench.frequency(design, buffers)
    bounds = tuple(w.bounds(design, load) for w, load in zip(workloads, loads, strict=True))
    return Fit(
        design=design,
        buffers=buffers,
        forms=(Dense(),) * len(loads),
        loads=loads,
        bounds=bounds,
        area=bench.area(design, buffers),
        freq_hz=frequency.freq_hz,
        limit=frequency.limit,
        least_s=sum(bound.together for bound in bounds) / frequency.freq_hz,
    )
