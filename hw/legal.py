"""Which designs exist: one clear line for each field or combination that does not.

A message names the field, the value found, what is allowed and the nearest legal choice.
"""

from collections.abc import Sequence
from dataclasses import fields
from typing import TYPE_CHECKING

from ..errors import DesignError
from ..models.layer import WEIGHT_CODES

if TYPE_CHECKING:
    from .design import Buffers, Design

__all__ = ["MAX_WORDS", "check_design"]

_POWERS = (1, 2, 4, 8, 16)

_RANGES = {
    "lanes": (1, 256), "vector": (1, 256), "window": (1, 64), "drain": (1, 16),
    "drain_cycles": (1, 64), "fifo_depth": (1, 64), "weight_bits": (2, 16),
    "act_bits": (2, 16), "acc_bits": (8, 48),
}  # fmt: skip

_CHOICES: dict[str, tuple[object, ...]] = {
    "family": ("dense", "sparse", "eie"),
    "delivery": ("broadcast", "window", "port"),
    "run_ahead": (1, 2, 3, 4),
    "feed": _POWERS,
    "feed_order": ("natural", "balanced"),
    "simd_group": _POWERS,
    "acc_sets": (1, 2),
    "scan_bits": (16, 32, 64),
    "acc_rows": (1, 2, 4, 8, 16, 32, 64, 128, 256),
    "buffer_sets": (1, 2),
}

_FIXED: dict[str, dict[str, str]] = {
    "dense": dict.fromkeys(
        ("window", "run_ahead", "feed", "fifo_depth"),
        "the dense family, which takes one activation vector per cycle",
    )
    | dict.fromkeys(("simd_group", "acc_rows"), "the dense family"),
    "port": dict.fromkeys(
        ("window", "run_ahead", "feed"), "designs with port delivery, which have no windows"
    )
    | dict.fromkeys(("weights_per_row", "acc_rows"), "the sparse family"),
    "window": dict.fromkeys(("weights_per_row", "acc_rows"), "the sparse family"),
    "eie": dict.fromkeys(
        ("vector", "window", "run_ahead", "simd_group", "weights_per_row", "acc_sets",
         "drain_cycles"),
        "the eie family, whose PEs are scalar",
    ),
}  # fmt: skip
"""Fields that must be 1, by family or, in the sparse family, by delivery."""


MAX_WORDS = 1 << 24
"""Largest depth of a memory: the load streams address so many words."""


def check_design(design: "Design") -> None:
    """Refuse a design that does not exist.

    Raises
    ------
    DesignError
    """
    for name, allowed in _CHOICES.items():
        value = getattr(design, name)
        if value not in allowed or type(value) is not type(allowed[0]):
            raise DesignError(
                f"design.{name} must be one of {_listed(allowed)}, not {value!r}"
                f"{_nearest(value, allowed)}"
            )
    for name, (low, high) in _RANGES.items():
        value = getattr(design, name)
        if not isinstance(value, int) or isinstance(value, bool) or not low <= value <= high:
            raise DesignError(f"design.{name} must be between {low} and {high}, not {value!r}")
    _check_lists(design)
    _check_drain(design)
    _check_codes(design)
    deliveries = ("window", "port") if design.family == "sparse" else ("broadcast",)
    if design.delivery not in deliveries:
        raise DesignError(
            f"design.delivery must be {' or '.join(map(repr, deliveries))} in the"
            f" {design.family} family, not {design.delivery!r}"
        )
    if design.buffers is not None:
        _check_words(design.buffers)
    kind = design.delivery if design.family == "sparse" else design.family
    for name, why in _FIXED[kind].items():
        if getattr(design, name) != 1 and not (kind == "window" and name == "window"):
            raise DesignError(f"design.{name} must be 1 in {why}, not {getattr(design, name)}")
    if design.feed_order == "balanced" and kind != "window":
        raise DesignError(
            "design.feed_order must be 'natural' without windows to balance, not 'balanced'"
        )
    if design.family == "dense":
        _check_dense(design)
    else:
        _check_index_bits(design)
    if kind == "window":
        _check_window(design)
    if design.lanes % design.simd_group:
        divisors = [n for n in _POWERS if design.lanes % n == 0]
        raise DesignError(
            f"design.simd_group must divide lanes ({design.lanes}), not {design.simd_group}"
            f"{_nearest(design.simd_group, divisors)}"
        )


def _check_lists(design: "Design") -> None:
    for name, kind, what in (("index_bits", int, "widths"), ("weight_codes", str, "names")):
        value = getattr(design, name)
        if not isinstance(value, tuple) or any(type(one) is not kind for one in value):
            raise DesignError(f"design.{name} must be a list of {what}, not {value!r}")


def _check_drain(design: "Design") -> None:
    if design.vector % design.drain_cycles:
        divisors = [n for n in range(1, design.vector + 1) if design.vector % n == 0]
        raise DesignError(
            f"design.drain_cycles must divide vector ({design.vector}), not {design.drain_cycles}"
            f"{_nearest(design.drain_cycles, divisors)}"
        )
    if design.drain > design.lanes:
        raise DesignError(
            f"design.drain must be at most lanes ({design.lanes}), not {design.drain}"
        )


def _check_codes(design: "Design") -> None:
    codes = design.weight_codes
    if not codes or len(set(codes)) != len(codes) or not set(codes) <= set(WEIGHT_CODES):
        raise DesignError(
            f"design.weight_codes must be one or more of {_listed(WEIGHT_CODES)}, each once, not"
            f" {list(codes)}"
        )


def _check_dense(design: "Design") -> None:
    if design.index_bits:
        raise DesignError("design.index_bits must be empty in the dense family")
    if design.weights_per_row not in (1, design.vector):
        raise DesignError(
            f"design.weights_per_row must be 1 or vector ({design.vector}), not"
            f" {design.weights_per_row}{_nearest(design.weights_per_row, (1, design.vector))}"
        )


def _check_index_bits(design: "Design") -> None:
    widths = list(design.index_bits)
    legal = sorted({min(max(bits, 2), 12) for bits in widths}) or [4]
    if widths != legal:
        raise DesignError(
            f"design.index_bits must be ascending widths between 2 and 12, not {widths}; the"
            f" nearest legal choice is {legal}"
        )
    if design.family == "eie" and len(widths) != 1:
        raise DesignError(
            f"design.index_bits must be one width in the eie family, not {widths}; the nearest"
            f" legal choice is {widths[:1] or [4]}"
        )


def _check_window(design: "Design") -> None:
    if design.window & (design.window - 1):
        raise DesignError(
            f"design.window must be a power of two, not {design.window}"
            f"{_nearest(design.window, (1, 2, 4, 8, 16, 32, 64))}"
        )
    if design.window < design.feed:
        raise DesignError(
            f"design.window ({design.window}) must hold at least one feed step"
            f" (design.feed = {design.feed}); the nearest legal choice is window = {design.feed}"
        )
    buffers = design.buffers
    if buffers is not None and buffers.feature_words * design.feed < design.window:
        raise DesignError(
            f"design.buffers.feature_words ({buffers.feature_words} in each of {design.feed}"
            f" banks) cannot hold one window of {design.window} vectors; the least is"
            f" {-(-design.window // design.feed)}"
        )


def _listed(values: Sequence[object]) -> str:
    return ", ".join(str(value) for value in values)


def _nearest(value: object, allowed: Sequence[object]) -> str:
    """Name the nearest legal number."""
    numbers = [choice for choice in allowed if isinstance(choice, int)]
    if not numbers or not isinstance(value, int):
        return ""
    return f"; the nearest legal choice is {min(numbers, key=lambda n: (abs(n - value), n))}"


def _check_words(buffers: "Buffers") -> None:
    for field in fields(buffers):
        words = getattr(buffers, field.name)
        if words > MAX_WORDS:
            raise DesignError(
                f"design.buffers.{field.name} must be at most {MAX_WORDS}, not {words}"
            )
