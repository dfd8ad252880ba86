"""The roofline of a layer: what it computes per byte it moves, and how fast that lets it be.

The coordinates are those of S. Williams, A. Waterman and D. Patterson, "Roofline: an insightful
visual performance model for multicore architectures", Communications of the ACM 52(4), 2009:
operational intensity, in MACs per byte, and performance, in MACs per cycle or second. Bytes are
those of the ``dram`` level of ``sim.traffic``: beats of the load streams and of the output stream,
headers and unused bits included, with nothing loaded before the layer. MACs are the effectual ones,
of a kept weight (eie: with an activation that is not zero); counted as if nothing were pruned they
give the dense-equivalent figures, which may lie above the roof: that is what pruning gains.

The roof is ``min(peak, bandwidth x intensity)``. The bandwidth is that of the three streams of the
``dram`` environment together, so that a layer which has most of its bytes on one stream stays below
it; what that layer cannot be faster than is its ``memory`` bound (``sim.bound``). In the ``ideal``
environment nothing limits the streams, and the peak is all there is.
"""

from dataclasses import dataclass
from typing import Any

from ..hw.design import Design
from ..hw.dram import Dram
from .traffic import Traffic

__all__ = ["Roof", "Roofline"]

_IDEAL = "ideal environment: no stream has a bandwidth"


@dataclass(frozen=True)
class Roof:
    """What no layer on a design can be faster than.

    Attributes
    ----------
    peak_macs_per_cycle : int
        Multipliers.
    bytes_per_cycle : float or None
        Of both load streams and the output stream together, None in the ``ideal`` environment.
    load_bytes_per_cycle : float or None
        Of one load stream alone.
    """

    peak_macs_per_cycle: int
    bytes_per_cycle: float | None
    load_bytes_per_cycle: float | None

    @classmethod
    def of(cls, design: Design, dram: Dram | None) -> "Roof":
        """Return the roof of a design behind a memory, or in the ``ideal`` environment."""
        if dram is None:
            return cls(design.macs, None, None)
        load = design.bus_bits / dram.load_period(design) / 8
        output = design.beat_bits / dram.output_period(design) / 8
        return cls(design.macs, 2 * load + output, load)

    def macs_per_cycle(self, intensity: float) -> float:
        """Return the height of the roof at so many MACs per byte."""
        if self.bytes_per_cycle is None:
            return float(self.peak_macs_per_cycle)
        return min(float(self.peak_macs_per_cycle), self.bytes_per_cycle * intensity)

    def to_json(self, freq_hz: float | None, reason: str | None) -> dict[str, Any]:
        """Return it as plain values; figures per second need a clock."""
        ideal = {} if self.bytes_per_cycle is not None else {"bytes_per_cycle_reason": _IDEAL}
        second = {"peak_macs_per_s": _per_second(self.peak_macs_per_cycle, freq_hz)}
        return {**vars(self), **ideal, **second, **_reasons(second, reason)}


@dataclass(frozen=True)
class Roofline:
    """Where a layer stands below the roof.

    Attributes
    ----------
    macs : int
        Effectual MACs.
    dense_macs : int
        MACs as if nothing were pruned.
    moved_bytes : float
        What passed the streams.
    cycles : int
        Exact cycles of its runs.
    roof : Roof
    """

    macs: int
    dense_macs: int
    moved_bytes: float
    cycles: int
    roof: Roof

    @classmethod
    def of(
        cls, macs: int, dense_macs: int, traffic: Traffic, cycles: int, roof: Roof
    ) -> "Roofline":
        """Return the place of a layer."""
        bits = sum(access.read_bits + access.write_bits for access in traffic.dram.values())
        return cls(macs, dense_macs, bits / 8, cycles, roof)

    @property
    def intensity(self) -> float:
        """Effectual MACs per byte."""
        return self.macs / self.moved_bytes

    @property
    def dense_intensity(self) -> float:
        """Dense-equivalent MACs per byte."""
        return self.dense_macs / self.moved_bytes

    @property
    def achieved_macs_per_cycle(self) -> float:
        """Effectual MACs per cycle."""
        return self.macs / self.cycles

    @property
    def attainable_macs_per_cycle(self) -> float:
        """The roof over its intensity."""
        return self.roof.macs_per_cycle(self.intensity)

    def to_json(self, freq_hz: float | None, reason: str | None) -> dict[str, Any]:
        """Return it as plain values.

        Parameters
        ----------
        freq_hz : float or None
            Clock of the design.
        reason : str or None
            Why it is not known.
        """
        second = {
            "attainable_macs_per_s": _per_second(self.attainable_macs_per_cycle, freq_hz),
            "achieved_macs_per_s": _per_second(self.achieved_macs_per_cycle, freq_hz),
            "dense_equivalent_macs_per_s": _per_second(self.dense_macs / self.cycles, freq_hz),
        }
        return {
            "intensity_macs_per_byte": self.intensity,
            "dense_equivalent_intensity_macs_per_byte": self.dense_intensity,
            "moved_bytes": self.moved_bytes,
            "attainable_macs_per_cycle": self.attainable_macs_per_cycle,
            "achieved_macs_per_cycle": self.achieved_macs_per_cycle,
            **second,
            **_reasons(second, reason),
        }


def _per_second(per_cycle: float, freq_hz: float | None) -> float | None:
    return None if freq_hz is None else per_cycle * freq_hz


def _reasons(figures: dict[str, float | None], reason: str | None) -> dict[str, str | None]:
    return {f"{name}_reason": reason for name, figure in figures.items() if figure is None}
