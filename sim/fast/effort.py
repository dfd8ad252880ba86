"""How much of each run the fast tier looks at: all layers of a network share one budget of time."""

from dataclasses import dataclass

__all__ = ["LEAST_EFFORT", "Effort"]


@dataclass(frozen=True)
class Effort:
    """How much is looked at. Less of it makes the error larger, and nothing else.

    Attributes
    ----------
    windows : tuple of int
        Fewest and most windows of a stretch that is timed.
    lane_windows : int
        Windows of a stretch times lanes (SIMD groups), between these two.
    strata : tuple of int
        Fewest and most strata of a run that is not whole (``sim.fast.tiles``).
    sampled : int
        Windows times lanes of all strata of a run, between these two.
    columns : tuple of int
        Columns of an FC layer on an EIE array that are scanned, and so many that all are.
    """

    windows: tuple[int, int]
    lane_windows: int
    strata: tuple[int, int]
    sampled: int
    columns: tuple[int, int]

    @classmethod
    def of(cls, layers: int) -> "Effort":
        """Return what so many layers get: the least if they are as many as those of ResNet-50."""
        more = min(max(_LAYERS // layers, 1), _MOST)
        return cls(
            windows=(14, 36 * more),
            lane_windows=1536 * more,
            strata=(2, 12 * more),
            sampled=2048 * more,
            columns=(192 * more, 384 * more),
        )


_LAYERS = 54
_MOST = 6
"""Windows of one run are timed one after the other, so that fewer layers do not take much less."""

LEAST_EFFORT = Effort.of(_LAYERS)
"""Keeps ResNet-50 below 10 ms on designs of up to 64 lanes (benchmarks/fast_tier.py)."""
