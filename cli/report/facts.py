"""Nested JSON values as lines of label and value, for the page's last section."""

from collections.abc import Iterator, Mapping
from typing import Any

from .results import Document

__all__ = ["Group", "groups"]

Group = tuple[str, tuple[tuple[str, str], ...]]
"""A heading and its lines."""

_WORDS = {"accuracy": "share right", "um2": "µm²", "sram": "SRAM", "id": "id"}
"""Words of keys that a reader should see differently. ``accuracy`` is kept for the one figure that
was measured for this report."""


def groups(provenance: Document) -> tuple[Group, ...]:
    """Return a group for each mapping, and one first for the plain values."""
    plain = {key: value for key, value in provenance.items() if not isinstance(value, Mapping)}
    nested = {key: value for key, value in provenance.items() if isinstance(value, Mapping)}
    made = [("run", tuple(_lines(plain)))]
    made += [(_label(key), tuple(_lines(value))) for key, value in nested.items()]
    return tuple((heading, lines) for heading, lines in made if lines)


def _lines(values: Document, prefix: str = "") -> Iterator[tuple[str, str]]:
    for key, value in values.items():
        label = f"{prefix}{_label(key)}"
        if isinstance(value, Mapping):
            yield from _lines(value, f"{label}, ")
        elif value is None:
            continue  # a reason stands beside it
        elif text := _text(value):
            yield label, text


def _label(key: Any) -> str:
    return " ".join(_WORDS.get(word, word) for word in str(key).split("_"))


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}" if abs(value) >= 10_000 else str(value)
    if isinstance(value, float):
        return f"{value:.6g}"
    if isinstance(value, Mapping):
        return "; ".join(f"{label} {text}" for label, text in _lines(value))
    if isinstance(value, list | tuple):
        return ", ".join(filter(None, (_text(one) for one in value if one is not None)))
    return str(value)
