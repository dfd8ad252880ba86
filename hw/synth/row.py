"""A measured row: what synthesis found for one part, and how it was measured."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from ..loader import MemoryKind
from .parts import PARTS, Part

__all__ = ["COLUMNS", "Row"]

_READ_COLUMNS = {kind: f"from_{kind.name.lower()}_s" for kind in MemoryKind}

COLUMNS = (
    "part",
    "parameters",
    "area_ge",
    "cells",
    "registers",
    "period_s",
    *_READ_COLUMNS.values(),
    "to_memory_s",
    "wire_inputs",
    "library",
    "fo4_s",
    "recipe",
    "tools",
    "gateware",
)
"""Columns of a lane table, in order."""


@dataclass(frozen=True)
class Row:
    """One part, measured.

    Attributes
    ----------
    part : Part
        What was measured.
    area_ge : float
        Cells, in gate equivalents of the library.
    cells, registers : int
        Instances, and how many of them are flip-flops.
    period_s : float
        Shortest clock period of the logic, in s, ports taken as registers without delay.
    from_memory_s : mapping of MemoryKind to float
        Latest path from the data of a kind of memory to a register or port, in s.
    to_memory_s : float
        Latest arrival at a memory's address or enable after the clock edge, in s.
    library : str
        Name of the cell library.
    fo4_s : float
        Delay of its inverter that drives four of its kind, in s: the unit of its times.
    recipe : str
        Fingerprint of the synthesis script.
    tools : str
        Tools and their versions.
    gateware : str
        ``Part.fingerprint`` of the gateware that was measured.
    wire_inputs : float
        Capacitance of the wire to each cell pin, in inputs of the library's smallest inverter.
    """

    part: Part
    area_ge: float
    cells: int
    registers: int
    period_s: float
    from_memory_s: Mapping[MemoryKind, float]
    to_memory_s: float
    library: str
    fo4_s: float
    recipe: str
    tools: str
    gateware: str
    wire_inputs: float = 0.0

    @property
    def key(self) -> tuple[Part, str, str, float]:
        """What there is at most one row of: part, library, recipe, wires."""
        return self.part, self.library, self.recipe, self.wire_inputs

    def to_csv(self) -> dict[str, str]:
        """Return the text of each column."""
        reads = {
            column: f"{self.from_memory_s[kind]:.5e}" if kind in self.from_memory_s else ""
            for kind, column in _READ_COLUMNS.items()
        }
        return {
            "part": self.part.name,
            "parameters": " ".join(f"{key}={_written(value)}" for key, value in self.part.values),
            "area_ge": f"{self.area_ge:.2f}",
            "cells": str(self.cells),
            "registers": str(self.registers),
            "period_s": f"{self.period_s:.5e}",
            **reads,
            "to_memory_s": f"{self.to_memory_s:.5e}",
            "wire_inputs": f"{self.wire_inputs:g}",
            "library": self.library,
            "fo4_s": f"{self.fo4_s:.6g}",
            "recipe": self.recipe,
            "tools": self.tools,
            "gateware": self.gateware,
        }

    @classmethod
    def from_csv(cls, texts: Mapping[str, str | None], where: str) -> "Row":
        """Read a row; ``where`` names file and line in messages.

        Raises
        ------
        InputError
            If a column is missing or does not read.
        """
        # A table from before there was a kind of memory has no path from it; one from before
        # there were wires has none.
        needed = [name for name in COLUMNS if name not in (*_READ_COLUMNS.values(), "wire_inputs")]
        missing = [name for name in needed if texts.get(name) is None]
        if missing:
            raise InputError(
                f"{where}: column {missing[0]} is missing; a lane table has {', '.join(COLUMNS)}"
            )
        text = {name: texts.get(name) or "" for name in COLUMNS}
        try:
            return cls(
                part=_part(text["part"], text["parameters"]),
                area_ge=_positive(text["area_ge"]),
                cells=int(text["cells"]),
                registers=int(text["registers"]),
                period_s=_positive(text["period_s"]),
                from_memory_s={
                    kind: float(text[column])
                    for kind, column in _READ_COLUMNS.items()
                    if text[column]
                },
                to_memory_s=float(text["to_memory_s"]),
                library=text["library"],
                fo4_s=_positive(text["fo4_s"]),
                recipe=text["recipe"],
                tools=text["tools"],
                gateware=text["gateware"],
                wire_inputs=float(text["wire_inputs"] or 0),
            )
        except ValueError as error:
            raise InputError(f"{where}: {error}") from error


def _written(value: Any) -> str:
    return "-".join(map(str, value)) if isinstance(value, tuple) else str(value)


def _part(name: str, parameters: str) -> Part:
    if name not in PARTS:
        raise ValueError(f"unknown part {name!r}; known are {', '.join(PARTS)}")
    found = dict(item.split("=", 1) for item in parameters.split() if "=" in item)
    wanted = PARTS[name].parameters
    if tuple(found) != wanted:
        raise ValueError(
            f"{name} has the parameters {' '.join(wanted) or '(none)'}, not"
            f" {' '.join(found) or '(none)'}"
        )
    return Part(name, tuple((key, _read(key, text)) for key, text in found.items()))


def _read(key: str, text: str) -> Any:
    if key == "index_bits":
        return tuple(int(bits) for bits in text.split("-") if bits)
    return int(text)


def _positive(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise ValueError(f"expected a number greater than 0, found {text}")
    return value
