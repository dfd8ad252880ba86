"""A design that was placed on an FPGA, with its memories: measured once, read again from JSON.

A document is what ``bosquet synth --design D.toml --fpga DEVICE --json`` prints. Those of the
designs in ``examples/ecp5`` come with bosquet (``benchmarks/placements.py`` makes them).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from importlib.resources import files
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from ...errors import InputError
from ..design import Buffers, Design
from .nextpnr import DEVICES, PlacedDesign

__all__ = ["PlacedPoint"]

_SHIPPED = "placements.json"

_PLACED = TypeAdapter(PlacedDesign)


@dataclass(frozen=True, eq=False)
class PlacedPoint:
    """A design with its memories, placed and routed.

    Attributes
    ----------
    design : Design
        Without ``buffers``.
    buffers : Buffers
    placed : PlacedDesign
    """

    design: Design
    buffers: Buffers
    placed: PlacedDesign

    @classmethod
    def of(cls, design: Design, placed: PlacedDesign) -> "PlacedPoint":
        """Return a placed design whose memories are its own.

        Raises
        ------
        InputError
            If it has no memory depths.
        """
        if design.buffers is None:
            raise InputError(
                f"{design.name} has no memory depths to place; give it as a .toml file with a"
                " table [buffers]"
            )
        return cls(replace(design, buffers=None), design.buffers, placed)

    @classmethod
    def from_json(cls, values: Mapping[str, Any], where: str) -> "PlacedPoint":
        """Read what ``to_json`` returns; ``where`` names its source in messages.

        Raises
        ------
        InputError
            If a key is missing or its value is not one of a placed design.
        DesignError
            If the design is not a legal one.
        """
        own = values.get("fields")
        if not isinstance(own, Mapping) or not isinstance(own.get("buffers"), Mapping):
            raise InputError(
                f"{where}: no placed design: fields, with its buffers, is missing; `bosquet synth"
                " --design D.toml --fpga DEVICE --json` writes one"
            )
        names = [field.name for field in fields(PlacedDesign)]
        try:
            placed = _PLACED.validate_python(
                {name: values[name] for name in names if name in values}
            )
        except ValidationError as error:
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"]))
            found = "" if first["type"] == "missing" else f", not {first['input']!r}"
            raise InputError(f"{where}: {place}: {first['msg']}{found}") from error
        if placed.device not in DEVICES:
            raise InputError(
                f"{where}: device: there is no {placed.device!r}; there are {', '.join(DEVICES)}"
            )
        if not 0 < placed.freq_hz < float("inf"):
            raise InputError(f"{where}: freq_hz must be above 0 and finite, not {placed.freq_hz}")
        for what in ("lut", "dsp", "bram"):
            if what not in placed.available:
                raise InputError(f"{where}: available.{what} is missing")
        return cls.of(Design.from_values(own, where), placed)

    @classmethod
    def read(cls, path: Path) -> "PlacedPoint":
        """Read a document; raises as ``from_json``, and if the file is none."""
        try:
            values = json.loads(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        except (json.JSONDecodeError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: not valid JSON: {error}") from error
        if not isinstance(values, dict):
            raise InputError(f"{path}: no placed design: it holds no JSON object")
        return cls.from_json(values, str(path))

    @classmethod
    def shipped(cls, device: str) -> "tuple[PlacedPoint, ...]":
        """Return the points on a device that come with bosquet.

        Raises
        ------
        InputError
            If there are none.
        """
        documents = json.loads((files(__package__) / _SHIPPED).read_text(encoding="utf-8"))
        found = tuple(cls.from_json(one, _SHIPPED) for one in documents if one["device"] == device)
        if not found:
            have = ", ".join(sorted({one["device"] for one in documents}))
            raise InputError(
                f"no design comes placed on {device!r}; there are some on {have}, and files that"
                " `bosquet synth --fpga` writes"
            )
        return found

    @property
    def name(self) -> str:
        """Name of the design, with its window where it has one."""
        design = self.design
        if design.family == "dense":
            return design.name
        return f"{design.name} (window {design.window} x {design.run_ahead}, feed {design.feed})"

    @property
    def freq_hz(self) -> float:
        """Clock after routing."""
        return self.placed.freq_hz

    def to_json(self) -> dict[str, Any]:
        """Return design, memories and what was measured."""
        own = {**vars(self.design), "buffers": dict(vars(self.buffers))}
        listed = {key: list(one) if isinstance(one, tuple) else one for key, one in own.items()}
        return {"design": self.design.name, "fields": listed, **self.placed.to_json()}
