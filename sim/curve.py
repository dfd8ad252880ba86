"""The curve: speedup over pruning at equal area, and where it crosses 1 for good.

The pruned portion goes from 0 to 95 % in steps of 5 %, and on a 1 % grid wherever the answer is
decided: from the last point that is slower up to 5 % above the first that is not. Several masks at
a point give the median, and the quartiles as interval; a mask that does not fit counts as slower
than anything.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from ..errors import FitError
from .equal_area import Timed

__all__ = ["COARSE", "Crossing", "Point", "crossing", "refined"]

Found = TypeVar("Found")

COARSE = tuple(range(0, 96, 5))
"""Pruned portions that every curve has, in %."""

_CHECKED_ABOVE = 5
"""Points above a crossing that must be there on the 1 % grid, in %."""


@dataclass(frozen=True, eq=False)
class Point:
    """The layer at one pruned portion.

    Attributes
    ----------
    ratio : float
        Pruning ratio.
    mask : str
        ``uneven``, ``magnitude``, or ``own``: the network's own mask, a point beside the curve.
    dense : Timed
        The best dense design.
    sparse : Timed or None
        The sparse design with the mask of median speedup, simulated exactly; None if it does not
        fit.
    speedups : tuple of float
        Of every mask, ascending; 0 where it does not fit.
    reason : str or None
        Why it does not fit.
    """

    ratio: float
    mask: str
    dense: Timed
    sparse: Timed | None
    speedups: tuple[float, ...]
    reason: str | None = None

    @classmethod
    def of(
        cls,
        ratio: float,
        mask: str,
        dense: Timed,
        quick: Sequence[Timed | FitError],
        exact: Callable[[int], Timed],
    ) -> "Point":
        """Sum up the masks of a point.

        Parameters
        ----------
        ratio, mask, dense
            As the attributes.
        quick : sequence of Timed or FitError
            Each mask with undelayed decoders, which is mostly less than 0.1 % too fast. It ranks
            the masks; the ratio of exact to quick of the median one corrects the others.
        exact : callable
            From the number of a mask to its exact simulation.
        """
        latencies = [found.latency_s if isinstance(found, Timed) else np.inf for found in quick]
        ranked = sorted(range(len(quick)), key=lambda number: -latencies[number])
        middle = ranked[(len(ranked) - 1) // 2]
        unfit = [str(found) for found in quick if isinstance(found, FitError)]
        sparse = exact(middle) if latencies[middle] < np.inf else None
        correction = sparse.latency_s / latencies[middle] if sparse else 1.0
        speedups = tuple(dense.latency_s / (latencies[n] * correction) for n in ranked)
        return cls(ratio, mask, dense, sparse, speedups, None if sparse else unfit[0])

    @property
    def speedup(self) -> float | None:
        """Median over the masks (of an even number the lower one); None if it does not fit."""
        return None if self.sparse is None else self.dense.latency_s / self.sparse.latency_s

    def quantile(self, q: float) -> float:
        """Return a quantile of the speedups, 0 for masks that do not fit."""
        return float(np.quantile(self.speedups, q))

    def to_json(self) -> dict[str, Any]:
        """Return the point with the keys of ``curve[]``."""
        dense, sparse = self.dense, self.sparse
        values: dict[str, Any] = {
            "pruned_portion": round(1 - 1 / self.ratio, 12),
            "ratio": self.ratio,
            "mask": self.mask,
            "speedup": self.speedup,
            "speedup_interval": [self.quantile(0.25), self.quantile(0.75)] if sparse else None,
            "feasible": sparse is not None,
            "reason": self.reason,
            "cycles_dense": dense.cycles,
            "freq_hz_dense": dense.fit.freq_hz,
            "latency_s_dense": dense.latency_s,
        }
        names = (
            "cycles_sparse", "freq_hz_sparse", "latency_s_sparse", "lanes", "vector", "feed",
            "format", "bound", "area_um2",
        )  # fmt: skip
        if sparse is None:
            return values | dict.fromkeys(names)
        design = sparse.fit.design
        found = (
            sparse.cycles, sparse.fit.freq_hz, sparse.latency_s, design.lanes, design.vector,
            design.feed, sparse.fit.forms[0].name, sparse.bound, sparse.fit.area.total_um2,
        )  # fmt: skip
        return values | dict(zip(names, found, strict=True))


@dataclass(frozen=True)
class Crossing:
    """Where a curve crosses 1 for good.

    Attributes
    ----------
    percent : int or None
        Smallest pruned portion from which on sparse is never slower, in %.
    reason : str or None
        Why there is none.
    """

    percent: int | None
    reason: str | None = None

    @property
    def ratio(self) -> float | None:
        """The break-even pruning ratio."""
        return None if self.percent is None else 100 / (100 - self.percent)


def crossing(speedups: Mapping[int, float]) -> Crossing:
    """Find the break-even of speedups by pruned portion in %."""
    percents = sorted(speedups)
    slower = [percent for percent in percents if speedups[percent] < 1]
    if not slower:
        return Crossing(percents[0])
    if slower[-1] != percents[-1]:
        return Crossing(percents[percents.index(slower[-1]) + 1])
    best = max(percents, key=lambda percent: speedups[percent])
    last = percents[-1]
    if speedups[best] == 0:
        return Crossing(None, "no sparse design fits the area of the dense baseline at any ratio")
    if speedups[best] < 1:
        return Crossing(
            None,
            f"sparse is slower at every ratio up to {100 / (100 - last):g}; the best is"
            f" {speedups[best]:.3f}x at {best} % pruned",
        )
    return Crossing(
        None,
        f"sparse is slower again at {last} % pruned ({speedups[last]:.3f}x), after"
        f" {speedups[best]:.3f}x at {best} %",
    )


def refined(
    evaluate: Callable[[int], Found],
    answers: Sequence[Callable[[Found], float]],
    progress: Callable[[int, int], None] = lambda done, total: None,
    coarse: Sequence[int] = COARSE,
) -> dict[int, Found]:
    """Evaluate the coarse grid, then the 1 % grid around the crossing of each answer.

    Parameters
    ----------
    evaluate : callable
        From a pruned portion in % to its point.
    answers : sequence of callable
        From a point to a speedup, each with its own crossing.
    progress : callable
        Told how many points are done, and of how many that are known to be needed.
    coarse : sequence of int
        Pruned portions to begin with, in %, ascending.
    """
    points: dict[int, Found] = {}
    wanted = list(coarse)
    while wanted:
        total = len(points) + len(wanted)
        for percent in wanted:
            progress(len(points), total)
            points[percent] = evaluate(percent)
        wanted = sorted({p for answer in answers for p in _missing(points, answer)})
    progress(len(points), len(points))
    return points


def _missing(points: Mapping[int, Found], answer: Callable[[Found], float]) -> list[int]:
    """Return the points of the 1 % grid that the crossing still rests on."""
    found = crossing({percent: answer(point) for percent, point in points.items()}).percent
    if found is None:
        return []
    below = max((percent for percent in points if percent < found), default=found)
    above = min(found + _CHECKED_ABOVE, COARSE[-1])
    # What lies below may move the crossing, and with it what must be known above.
    return list(range(below + 1, found)) or [
        percent for percent in range(found, above + 1) if percent not in points
    ]
