"""Numbers as a reader wants them: three digits that matter, a unit, or why there is none."""

from collections.abc import Iterable, Sequence
from math import floor, log10

__all__ = [
    "TIMES",
    "area",
    "count",
    "energy",
    "frequency",
    "joined",
    "percent",
    "rate",
    "seconds",
    "significant",
    "size",
    "times",
]

TIMES = "\N{MULTIPLICATION SIGN}"


def significant(value: float) -> str:
    """Return a number with three significant digits, and all digits before the point."""
    if value == 0:
        return "0"
    decimals = max(0, 2 - floor(log10(abs(value))))
    text = f"{value:,.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def times(value: float) -> str:
    """Return a ratio or a speedup: the number with ``TIMES``."""
    return f"{significant(value)}{TIMES}"


def percent(share: float) -> str:
    """Return a share, 0 to 1, with at most one decimal."""
    return f"{100 * share:.1f}".removesuffix(".0") + " %"


def count(value: float) -> str:
    """Return a whole number with separators of thousands."""
    return f"{value:,.0f}"


def seconds(value: float) -> str:
    """Return a duration in the unit that keeps it short."""
    for factor, unit in ((1.0, "s"), (1e3, "ms"), (1e6, "µs")):
        if value * factor >= 1:
            return f"{significant(value * factor)} {unit}"
    return f"{significant(value * 1e9)} ns"


def frequency(hertz: float) -> str:
    """Return a clock frequency."""
    return f"{hertz / 1e6:,.0f} MHz"


def area(um2: float) -> str:
    """Return an area of silicon."""
    return f"{significant(um2 / 1e6)} mm²"


def energy(picojoules: float) -> str:
    """Return an energy in the unit that keeps it short."""
    return _in_units(picojoules, ("pJ", "nJ", "µJ", "mJ"))


def rate(macs_per_s: float) -> str:
    """Return MACs per second in the unit that keeps them short."""
    return _in_units(macs_per_s, ("MAC/s", "kMAC/s", "MMAC/s", "GMAC/s", "TMAC/s"))


def size(moved_bytes: float) -> str:
    """Return an amount of data; a kB has 1,000 bytes."""
    return _in_units(moved_bytes, ("B", "kB", "MB", "GB"))


def _in_units(value: float, units: Sequence[str]) -> str:
    """Return a number in the largest of some units, each 1,000 of the one before, that it fills."""
    step = 0 if value < 1000 else min(floor(log10(value)) // 3, len(units) - 1)
    return f"{significant(value / 1000**step)} {units[step]}"


def joined(words: Iterable[str]) -> str:
    """Return words as in a sentence: a, b and c."""
    listed = list(words)
    if len(listed) < 2:
        return "".join(listed)
    return f"{', '.join(listed[:-1])} and {listed[-1]}"
