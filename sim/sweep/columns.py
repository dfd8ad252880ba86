"""The columns of the tables: name with unit, type, what it means and how it is known.

``points`` has a row for each point, ``layers`` one for each layer of each point that ran. Both
repeat the settings, so that either stands alone. The columns are the same for every sweep.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any, Literal

from ...errors import DesignError, InputError
from ...hw.design import Buffers, Design
from ..counters import STALLS
from .grid import Point
from .point import Result, Runner
from .spec import OWN, LayerTable, Tier
from .spec_errors import nearest

__all__ = ["LAYERS", "POINTS", "Column", "chosen_columns", "rows"]

Row = dict[str, Any]


@dataclass(frozen=True)
class Column:
    """A column of a table.

    Attributes
    ----------
    name : str
        With its unit, if it has one.
    kind : {"int", "float", "str"}
    meaning : str
        What it is; null is told where it may be.
    known : {"given", "counted", "simulated", "estimated", "predicted"}
        How: given by the specification, counted from geometry and mask, simulated, estimated from
        lane table and SRAM model, or predicted from what is known of single operations.
    """

    name: str
    kind: Literal["int", "float", "str"]
    meaning: str
    known: str = "given"

    def known_in(self, tier: Tier) -> str:
        """Return how it is known in a tier: the fast one predicts what the other simulates."""
        return "predicted" if tier == "fast" and self.known == "simulated" else self.known


_KEY = (Column("point", "int", "number of the point, in the order of the specification"),)

_STATUS = (
    Column("status", "str", "ok; refused: there is no such point; failed: the run broke"),
    Column("reason", "str", "why there are no figures; null if there are"),
)

_LISTS = ("index_bits", "weight_codes", "kernel", "stride", "padding", "dilation")
"""Fields of several values, written one after the other."""

_TEXTS = ("family", "delivery", "feed_order", *_LISTS)


def _given(name: str, meaning: str) -> Column:
    return Column(name, "str" if name.removeprefix("layer_") in _TEXTS else "int", meaning)


_SETTINGS = (
    Column("network", "str", "NET or NET:LAYER"),
    Column("seed", "int", "seed of masks that are made up"),
    Column("ratio", "float", "pruning ratio that is asked; null: the network's own masks"),
    Column("format", "str", "index format that is asked; smallest: the one with the fewest bits"),
    Column("batch", "int", "images computed together; null: as the network says"),
    *(
        _given(f"layer_{name}", f"layer.{name}, rows before columns; null: as in the network")
        for name in LayerTable.model_fields
    ),
    Column("base", "str", "design that the fields below go out from; null: none"),
    Column("design", "str", "name of the design; null if there is no such design"),
    *(
        _given(field.name, f"design.{field.name}")
        for field in fields(Design)
        if field.name != "buffers"
    ),
    *(
        _given(f"buffers_{field.name}", f"design.buffers.{field.name}; null: as needed")
        for field in fields(Buffers)
    ),
    Column("dram_bandwidth_bits", "int", "bits per cycle of each stream; null: streams never wait"),
    Column("dram_latency_cycles", "int", "cycles until a load begins; null: streams never wait"),
    Column("tier", "str", "exact: simulated as the RTL counts; fast: predicted, no counters"),
)

_FIGURES = (
    Column("masks", "str", "network: its own zeros; magnitude: its smallest weights; uneven: made"
                           " up from the seed; dense: none", "counted"),
    Column("runs", "int", "parts that the buffers make necessary", "counted"),
    Column("weights", "int", "weights, kept and pruned", "counted"),
    Column("density", "float", "kept weights / weights", "counted"),
    Column("cycles", "int", "clock cycles; with a memory at the streams, loads included",
           "simulated"),
    Column("latency_s", "float", "cycles / freq_hz; null without a clock", "simulated"),
    Column("energy_pj", "float", "energy, loads and outputs included; null where it is not known",
           "predicted"),
    Column("macs", "int", "multiply-accumulates of the dense layers", "counted"),
    Column("effectual_macs", "int", "multiply-accumulates with a kept weight", "counted"),
    Column("utilization", "float", "lane-cycles that issue a weight / lane-cycles; null in the fast"
                                   " tier", "simulated"),
    Column("mac_utilization", "float", "effectual_macs / (cycles x MACs of the design)",
           "simulated"),
    Column("compute_lane_cycles", "int", "lane-cycles that issue a weight; null in the fast tier",
           "simulated"),
    *(
        Column(f"stall_{cause}_lane_cycles", "int", f"lane-cycles lost by {cause}; null in the fast"
               " tier", "simulated")
        for cause in STALLS
    ),
)  # fmt: skip

_SILICON = (
    Column("freq_hz", "float", "clock; null where the lane table does not tell", "estimated"),
    Column("freq_limit", "str", "what limits the clock", "estimated"),
    Column("area_um2", "float", "logic and memories, with buffers that hold every layer unless the"
                                " design has its own", "estimated"),
    Column("area_um2_reason", "str", "why there is no area and no clock; null if there is",
           "estimated"),
    Column("energy_pj_reason", "str", "why there is no energy; null if there is", "predicted"),
)  # fmt: skip

_LAYER = (
    Column("layer", "str", "name of the layer"),
    Column("kind", "str", "conv or fc", "counted"),
    Column("stored_format", "str", "index format of the weights; of parts perhaps several",
           "counted"),
)  # fmt: skip

POINTS: tuple[Column, ...] = (*_KEY, *_STATUS, *_SETTINGS, *_FIGURES, *_SILICON)
LAYERS: tuple[Column, ...] = (*_KEY, _LAYER[0], *_SETTINGS, *_LAYER[1:], *_FIGURES)


def chosen_columns(
    names: Sequence[str] | None,
) -> tuple[tuple[Column, ...], tuple[Column, ...]]:
    """Return the columns of both tables, or those of the given names, after their keys.

    Raises
    ------
    InputError
        If neither table has such a column; the nearest one is told.
    """
    if names is None:
        return POINTS, LAYERS
    known = {column.name for column in (*POINTS, *LAYERS)}
    for name in names:
        if name not in known:
            raise InputError(f"there is no column {name!r}{nearest(name, sorted(known))}")
    points = [column for column in POINTS if column.name in {"point", *names}]
    layers = [column for column in LAYERS if column.name in {"point", "layer", *names}]
    return tuple(points), tuple(layers)


def rows(point: Point, result: Result, runner: Runner) -> tuple[Row, list[Row]]:
    """Return the row of a point and those of its layers, every column in them."""
    settings = _settings(point, runner)
    told = {"point": point.index, "status": result.status, "reason": result.reason}
    row = {**told, **settings, **result.totals}
    layers = [{"point": point.index, **settings, **one} for one in result.layers]
    return row, layers


def _settings(point: Point, runner: Runner) -> Row:
    """Return what a point is, as far as it is known: all fields of a design that exists."""
    swept = point.table("sweep")
    base = point.settings.get("design.base")
    try:
        design = runner.design(point)
        name: str | None = design.name
        values: Mapping[str, Any] = {f.name: getattr(design, f.name) for f in fields(design)}
        buffers: Mapping[str, Any] = {} if design.buffers is None else vars(design.buffers)
    except DesignError:
        name, values = None, runner.asked(point)
        buffers = values.get("buffers") or {}
    ratio = swept["ratio"]
    return {
        "network": point.settings["network"],
        "seed": swept["seed"],
        "ratio": None if ratio == OWN else ratio,
        "format": swept["format"],
        "batch": swept.get("batch"),
        **{f"layer_{key}": _text(value) for key, value in point.table("layer").items()},
        "base": base,
        "design": name,
        **{key: _text(value) for key, value in values.items() if key != "buffers"},
        **{f"buffers_{key}": value for key, value in buffers.items()},
        **_environment(point),
        "tier": runner.spec.tier,
    }


def _environment(point: Point) -> Row:
    given = point.table("environment")
    latency = given.get("dram_latency_cycles", 0) if given else None
    return {
        "dram_bandwidth_bits": given.get("dram_bandwidth_bits"),
        "dram_latency_cycles": latency,
    }


def _text(value: Any) -> Any:
    """Return a field of several values as one text: ``4 6 8``."""
    return " ".join(map(str, value)) if isinstance(value, list | tuple) else value
