"""The design of a point: a base, with the fields that the point says instead."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ...hw.design import Design

__all__ = ["base_values", "design_of"]

BUFFERS = "buffers."


def base_values(name: str) -> dict[str, Any]:
    """Return what a preset or a file says of a design, defaults left out.

    They are left out so that a point which changes the family or the delivery gets the defaults
    of the new one.

    Raises
    ------
    DesignError
        If there is no such preset, the file cannot be read, or it is no design.
    """
    design = Design.named(name)
    if name.endswith(".toml"):
        return tomllib.loads(Path(name).read_text())
    sizes = {"family": design.family, "lanes": design.lanes}
    return sizes if design.family == "eie" else {**sizes, "vector": design.vector}


def design_of(base: Mapping[str, Any], asked: Mapping[str, Any], where: str) -> Design:
    """Return a base with other values; ``buffers.weight_words`` and the like are dotted.

    Raises
    ------
    DesignError
        If there is no such design.
    """
    return Design.from_values(joined(base, asked), where)


def joined(base: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values of a base and of a point, those of the point above."""
    depths = {name.removeprefix(BUFFERS): value for name, value in asked.items()
              if name.startswith(BUFFERS)}  # fmt: skip
    others = {name: value for name, value in asked.items() if not name.startswith(BUFFERS)}
    values = {**base, **others}
    if depths:
        values["buffers"] = {**values.get("buffers", {}), **depths}
    return values
