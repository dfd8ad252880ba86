"""The roofline: each layer a point below what multipliers and streams allow, by what bounds it.

To the right a layer computes more per byte it moves, to the top it is faster. The whisker of a
point ends where its own bound would let it be (``sim.bound``): a short one says that nothing but
that part is in its way.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import ceil, floor, log10, sqrt
from typing import Any, NamedTuple

from ...sim.bound import BOUNDS
from .chart import AXIS, Chart, Trace, hover, layout
from .point_labels import Box, Point, labels
from .quantity import count, energy, joined, percent, rate, significant, size, times
from .results import Document

__all__ = ["BoundKey", "RooflineSection", "roofline_section"]

_COLOURS: Mapping[str, str] = {
    "busiest_lane": "--compute",
    "feed": "--feed",
    "drain": "--drain",
    "memory": "--dram",
}
"""Colour of each bound, that of the stall it causes."""

_MARKS = {"busiest_lane": "circle", "feed": "square", "drain": "diamond", "memory": "triangle-up"}

_HEIGHT = 520
_WIDTH = 1000
"""Pixels of the chart on a screen that is wide enough; labels are placed for it."""

_CHARACTER, _LINE = 7, 18
"""Pixels of the name of a line: width of a character, height."""

_DECADES = 2.2
"""An axis of more decades has ticks at powers of ten only."""

_ROOM = 2.2
"""Factor by which the axes reach beyond points and peak."""


@dataclass(frozen=True)
class _Scale:
    """The unit of the vertical axis.

    Attributes
    ----------
    freq_hz : float or None
        With a clock it is MACs per second, otherwise per cycle.
    """

    freq_hz: float | None

    def of(self, macs_per_cycle: float) -> float:
        return macs_per_cycle * (self.freq_hz or 1.0)

    def text(self, macs_per_cycle: float) -> str:
        if self.freq_hz is None:
            return f"{significant(macs_per_cycle)} MACs/cycle"
        return rate(self.of(macs_per_cycle))

    @property
    def title(self) -> str:
        return f"effectual MACs per {'cycle' if self.freq_hz is None else 'second'}"


class BoundKey(NamedTuple):
    """A bound in the legend of the charts: its name, its colour, and what it counts."""

    name: str
    colour: str
    counts: str


@dataclass(frozen=True)
class RooflineSection:
    """The charts, and what their legend has to explain.

    Attributes
    ----------
    charts : tuple of Chart
        One for each simulation whose layers have their place.
    bounds : tuple of BoundKey
        Those that hold some layer, in the order of ``BOUNDS``.
    lines : frozenset of str
        Names of the lines that some chart has.
    """

    charts: tuple[Chart, ...]
    bounds: tuple[BoundKey, ...]
    lines: frozenset[str]


def roofline_section(simulations: Sequence[Document]) -> RooflineSection:
    """Return what the page shows of some simulations, perhaps nothing."""
    drawn = [run for run in simulations if _points(run)]
    charts = tuple(_chart(run, number) for number, run in enumerate(drawn))
    lines = (one["name"] for chart in charts for one in chart.traces if one["mode"] == "lines")
    return RooflineSection(charts, _legend(drawn), frozenset(lines))


def _legend(simulations: Sequence[Document]) -> tuple[BoundKey, ...]:
    held = {layer["bound"]["name"] for run in simulations for layer in _points(run)}
    return tuple(
        BoundKey(name, _COLOURS[name], counts) for name, counts in BOUNDS.items() if name in held
    )


def _points(run: Document) -> list[Document]:
    """Return the layers that a logarithmic scale can show: those that compute anything."""
    return [one for one in run["layers"] if one.get("roofline") and one["effectual_macs"]]


def _chart(run: Document, number: int) -> Chart:
    layers, roof, scale = _points(run), run["roof"], _Scale(run.get("freq_hz"))
    across = [one["roofline"]["intensity_macs_per_byte"] for one in layers]
    up = [one["roofline"]["achieved_macs_per_cycle"] for one in layers]
    x_range = (min(across) / _ROOM, max(*across, _ridge(roof) or 0) * _ROOM)
    y_range = (scale.of(min(up)) / _ROOM, scale.of(roof["peak_macs_per_cycle"]) * _ROOM)
    roof_names = _roof_names(roof, scale, x_range, y_range)
    figure = layout(
        _HEIGHT,
        margin={"l": 8, "r": 14, "t": 8, "b": 8},
        xaxis=_axis(x_range, "effectual MACs per byte through the streams"),
        yaxis=_axis(y_range, scale.title),
        annotations=[*roof_names, *_layer_names(run, scale, x_range, y_range, roof_names)],
    )
    return Chart(
        key=f"roofline-{number}",
        title=str(run["design"]),
        says=" ".join(_says(one) for one in layers),
        traces=[*_roof_lines(run, scale, x_range), *_layer_marks(run, scale)],
        layout=figure,
        aside=_environment(run),
    )


def _axis(limits: tuple[float, float], title: str) -> dict[str, Any]:
    low, high = (log10(limit) for limit in limits)
    steps = (1,) if high - low > _DECADES else (1, 2, 5)
    ticks = (step * 10.0**decade for decade in range(floor(low), ceil(high)) for step in steps)
    return {
        **AXIS,
        "type": "log",
        "range": [low, high],
        "exponentformat": "SI",
        "tickvals": [tick for tick in ticks if low <= log10(tick) <= high],
        "title": {"text": title, "font": {"size": 13, "color": "--muted"}},
    }


def _environment(run: Document) -> str:
    found = run["environment"]
    if found["kind"] == "ideal":
        return "ideal environment: no stream has a bandwidth, so the peak is all the roof there is"
    return (
        f"streams of {count(found['bandwidth_bits_per_cycle'])} bits per cycle each, loads after"
        f" {count(found['latency_cycles'])} cycles"
    )


def _ridge(roof: Document) -> float | None:
    """Return the MACs per byte from which on the streams do not hold the multipliers back."""
    if roof["bytes_per_cycle"] is None:
        return None
    return float(roof["peak_macs_per_cycle"] / roof["bytes_per_cycle"])


def _roof_lines(run: Document, scale: _Scale, x_range: tuple[float, float]) -> list[Trace]:
    roof = run["roof"]
    low, high = x_range
    peak, ridge = roof["peak_macs_per_cycle"], _ridge(roof)
    if ridge is None:
        lines = [_line("peak", [low, high], [peak, peak], scale, "--ink", "solid")]
    else:
        per_cycle = roof["bytes_per_cycle"]
        corners = [low, ridge, high]
        heights = [min(peak, per_cycle * x) for x in corners]
        lines = [_line("roof", corners, heights, scale, "--ink", "solid")]
        alone = roof["load_bytes_per_cycle"]
        lines.append(
            _line("one load stream", [low, min(high, peak / alone)],
                  [alone * low, min(peak, alone * high)], scale, "--muted", "dot")
        )  # fmt: skip
    if (fed := _fed_peak(run)) is not None:
        lines.append(_line("peak as fed", [low, high], [fed, fed], scale, "--feed", "dash"))
    return lines


def _fed_peak(run: Document) -> float | None:
    """Return the most MACs per cycle that the feed lets any layer have, None if it binds none.

    Steps come one per cycle however many weights of theirs are kept, so each layer has its own.
    """
    layers = _points(run)
    if all(one["bound"]["name"] != "feed" for one in layers):
        return None
    return max(
        float(one["effectual_macs"] / one["bound"]["feed"])
        for one in layers
        if one["bound"]["feed"]
    )


def _line(
    name: str, x: list[float], y: list[float], scale: _Scale, colour: str, dash: str
) -> Trace:
    return {
        "type": "scatter",
        "mode": "lines",
        "name": name,
        "x": x,
        "y": [scale.of(one) for one in y],
        "line": {"color": colour, "width": 2 if dash == "solid" else 1.5, "dash": dash},
        "hoverinfo": "skip",
    }


def _roof_names(
    run_roof: Document, scale: _Scale, x_range: tuple[float, float], y_range: tuple[float, float]
) -> list[dict[str, Any]]:
    """Return the names of the lines that are no legend of their own: what the roof is made of."""
    peak = run_roof["peak_macs_per_cycle"]
    named = [
        _name(
            x_range[1], scale.of(peak),
            f"peak: {count(peak)} MACs per cycle"
            + ("" if scale.freq_hz is None else f", {scale.text(peak)}"),
        )
    ]  # fmt: skip
    per_cycle = run_roof["bytes_per_cycle"]
    if per_cycle is not None:
        # To the left of the slope, half way up what is seen of it.
        start = max(x_range[0], y_range[0] / scale.of(per_cycle))
        x = sqrt(start * peak / per_cycle)
        text = f"three streams: {significant(per_cycle)} bytes per cycle"
        named.append(_name(x, scale.of(per_cycle * x), text))
    return named


def _name(x: float, y: float, text: str) -> dict[str, Any]:
    return {
        "x": log10(x),
        "y": log10(y),
        "xanchor": "right",
        "yanchor": "bottom",
        "xshift": -6,
        "yshift": 2,
        "showarrow": False,
        "text": text,
        "font": {"size": 12, "color": "--muted"},
    }


def _layer_marks(run: Document, scale: _Scale) -> list[Trace]:
    traces: list[Trace] = []
    for bound in (key.name for key in _legend([run])):
        layers = [one for one in _points(run) if one["bound"]["name"] == bound]
        up = [one["roofline"]["achieved_macs_per_cycle"] for one in layers]
        colour = _COLOURS[bound]
        traces.append(
            {
                "type": "scatter",
                "mode": "markers",
                "name": bound.replace("_", " "),
                "x": [one["roofline"]["intensity_macs_per_byte"] for one in layers],
                "y": [scale.of(one) for one in up],
                "error_y": {
                    "type": "data",
                    "symmetric": False,
                    "array": [
                        scale.of(one["effectual_macs"] / one["bound"]["cycles"] - achieved)
                        for one, achieved in zip(layers, up, strict=True)
                    ],
                    "arrayminus": [0] * len(layers),
                    "thickness": 1,
                    "width": 3,
                    "color": colour,
                },
                "marker": {
                    "color": colour,
                    "symbol": _MARKS[bound],
                    "size": 9,
                    "opacity": 0.85,
                    "line": {"width": 1, "color": "--raised"},
                },
                "text": [_hover(run, one, scale) for one in layers],
                "hoverinfo": "text",
            }
        )
    return traces


def _hover(run: Document, layer: Document, scale: _Scale) -> str:
    bound, place = layer["bound"], layer["roofline"]
    attainable = place["attainable_macs_per_cycle"]
    taken = layer.get("energy_pj")
    return hover(
        f"{layer['name']}, {layer['format']}",
        f"{count(layer['cycles'])} cycles, {times(layer['cycles'] / bound['cycles'])} the"
        f" {count(bound['cycles'])} of its bound: {bound['name'].replace('_', ' ')}",
        f"lanes issue weights in {percent(layer['utilization'])} of their cycles,"
        f" multipliers in use {percent(layer['mac_utilization'])}",
        f"{significant(place['intensity_macs_per_byte'])} MACs per byte,"
        f" {size(place['moved_bytes'])} moved",
        f"{scale.text(place['achieved_macs_per_cycle'])} of {scale.text(attainable)} below the roof"
        f" ({percent(place['achieved_macs_per_cycle'] / attainable)})",
        f"as if nothing were pruned: {scale.text(layer['macs'] / layer['cycles'])}",
        None if taken is None else energy(taken),
    )


def _layer_names(
    run: Document, scale: _Scale, x_range: tuple[float, float], y_range: tuple[float, float],
    roof_names: Sequence[dict[str, Any]],
) -> list[dict[str, Any]]:  # fmt: skip
    """Return the labels of the layers, those of most cycles first, where no name of a line is."""

    def place(value: float, limits: tuple[float, float], pixels: int) -> float:
        low, high = (log10(limit) for limit in limits)
        return (log10(value) - low) / (high - low) * pixels

    texts = []
    for name in roof_names:
        right = place(10 ** name["x"], x_range, _WIDTH) + name["xshift"]
        low = place(10 ** name["y"], y_range, _HEIGHT) + name["yshift"]
        texts.append(Box(right - _CHARACTER * len(name["text"]), right, low, low + _LINE))
    points = [
        Point(
            str(one["name"]),
            place(one["roofline"]["intensity_macs_per_byte"], x_range, _WIDTH),
            place(scale.of(one["roofline"]["achieved_macs_per_cycle"]), y_range, _HEIGHT),
            place(scale.of(one["effectual_macs"] / one["bound"]["cycles"]), y_range, _HEIGHT),
        )
        for one in sorted(_points(run), key=lambda one: -one["cycles"])
    ]
    return [
        {
            "x": log10(x_range[0]) + label.point.x / _WIDTH * log10(x_range[1] / x_range[0]),
            "y": log10(y_range[0]) + label.point.y / _HEIGHT * log10(y_range[1] / y_range[0]),
            "xanchor": label.anchor,
            "xshift": label.x_shift,
            "yshift": label.y_shift,
            "showarrow": False,
            "text": hover(label.text),
            "font": {"size": 11, "color": "--ink"},
        }
        for label in labels(points, _WIDTH, texts)
    ]


def _says(layer: Document) -> str:
    bound, place = layer["bound"], layer["roofline"]
    others = [f"{name.replace('_', ' ')} {count(bound[name])}" for name in BOUNDS
              if name != bound["name"] and bound[name] is not None]  # fmt: skip
    return (
        f"{layer['name']}: {significant(place['intensity_macs_per_byte'])} MACs per byte,"
        f" {percent(place['achieved_macs_per_cycle'] / place['attainable_macs_per_cycle'])} of the"
        f" roof, {count(layer['cycles'])} cycles, bound {bound['name'].replace('_', ' ')}"
        f" {count(bound['cycles'])}, {joined(others)}."
    )
