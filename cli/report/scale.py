"""The small drawing in the table of layers: own and break-even ratio on one logarithmic line."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import log

from .layer_answer import LayerAnswer

__all__ = ["Scale", "scales"]


@dataclass(frozen=True)
class Scale:
    """Places on the line, 0 (ratio 1) to 100; None where there is no such ratio.

    Attributes
    ----------
    given, ratio : float or None
        Own ratio, break-even ratio.
    interval : (float, float) or None
        Start and length of the interval of the break-even ratio.
    """

    given: float | None
    ratio: float | None
    interval: tuple[float, float] | None


def scales(answers: Sequence[LayerAnswer]) -> tuple[Scale, ...]:
    """Return the line of each layer, all of the same length."""
    ratios = [
        ratio
        for one in answers
        for ratio in (one.given_ratio, one.ratio, *(one.interval or ()))
        if ratio is not None
    ]
    longest = log(max([2.0, *ratios]))

    def place(ratio: float | None) -> float | None:
        return None if ratio is None else round(100 * log(ratio) / longest, 1)

    def span(interval: tuple[float, float | None] | None) -> tuple[float, float] | None:
        if interval is None:
            return None
        low = 100 * log(interval[0]) / longest
        high = 100.0 if interval[1] is None else 100 * log(interval[1]) / longest
        return round(low, 1), round(high - low, 1)

    return tuple(
        Scale(place(one.given_ratio), place(one.ratio), span(one.interval)) for one in answers
    )
