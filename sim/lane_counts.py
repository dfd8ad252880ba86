"""How many lanes: which numbers of them are worth having, and the largest that fit a budget."""

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from ..errors import FitError
from ..hw.design import Design
from .workload import Workload

__all__ = ["MAX_LANES", "OverBudgetError", "lane_counts", "widest"]

Found = TypeVar("Found")

MAX_LANES = 256
"""Largest ``Design.lanes``."""

_CLEARLY = 1.15
"""Excess, by what larger designs lead to expect, of a number of lanes that is not tried."""


class OverBudgetError(FitError):
    """A design has more area than the budget: ``excess`` times as much."""

    def __init__(self, message: str, excess: float) -> None:
        super().__init__(message)
        self.excess = excess


def lane_counts(workloads: Iterable[Workload], template: Design) -> list[int]:
    """Return the lane counts that save some layer a filter tile, the largest first."""
    counts: set[int] = set()
    for workload in workloads:
        filters = workload.usable_lanes(template)
        fewest_tiles = -(-filters // MAX_LANES)
        fewest = (-(-filters // tiles) for tiles in range(fewest_tiles, filters + 1))
        # Whole groups of lanes that share an index stream.
        whole = {-(-lanes // template.simd_group) * template.simd_group for lanes in fewest}
        counts |= {lanes for lanes in whole if lanes <= MAX_LANES}
    return sorted((lanes for lanes in counts if lanes >= template.drain), reverse=True)


def widest(counts: Sequence[int], fit: Callable[[int], Found], also: int = 1) -> list[Found]:
    """Find the largest numbers of lanes that fit.

    Counts are tried from the top, without those that are clearly too large by the area of two
    larger ones. One after the other elsewhere: a few fewer lanes may need more area, since memories
    come in whole words of whole lanes.

    Parameters
    ----------
    counts : sequence of int
        Lane counts to try, descending.
    fit : callable
        From lanes to a fit; raises FitError.
    also : int
        How many to return.

    Returns
    -------
    list
        The largest counts that fit.

    Raises
    ------
    FitError
        If none fits.
    """
    if not counts:
        raise FitError("no lane count is large enough for the lanes drained together")
    found: list[Found] = []
    reason: FitError | None = None
    large: list[tuple[int, float]] = []  # lanes and excess
    for lanes in counts:
        if _expected_excess(large, lanes) > _CLEARLY:
            continue
        try:
            found.append(fit(lanes))
        except FitError as error:
            reason = error
            if isinstance(error, OverBudgetError):
                large.append((lanes, error.excess))
        if len(found) == also:
            break
    if not found and reason is not None:
        raise reason
    return found


def _expected_excess(large: Sequence[tuple[int, float]], lanes: int) -> float:
    """Return the excess of fewer lanes on the line through the last two that are too large."""
    if len(large) < 2:
        return 0.0
    (more, upper), (fewer, lower) = large[-2:]
    return lower - (upper - lower) / (more - fewer) * (fewer - lanes)
