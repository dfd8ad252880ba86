"""The break-even curves: speedup over the pruned portion, one chart a layer."""

from collections.abc import Sequence
from typing import Any

from .chart import AXIS, Chart, Trace, hover, layout
from .layer_answer import LayerAnswer
from .quantity import TIMES, area, count, frequency, percent, seconds, significant, times
from .results import Document

__all__ = ["BOUNDS", "curve_charts"]

BOUNDS = {
    "busiest_lane": "the busiest lane",
    "feed": "the feed of activations",
    "drain": "the drain of outputs",
    "streaming": "weights streaming in",
    "weight_bandwidth": "the bandwidth of weights",
}
"""What holds the time of a point, as a reader sees it."""

_TALL = 3.7
"""Speedup at the top of a chart from which on two texts do not fit below the line at 1."""

_TICKS = (0.0, 0.25, 0.5, 0.75, 0.9)
"""Pruned portions that the axis names."""


def curve_charts(answers: Sequence[LayerAnswer]) -> tuple[Chart, ...]:
    """Return a chart for each layer that has a curve with a point to draw."""
    return tuple(
        _chart(number, one, one.document)
        for number, one in enumerate(answers)
        if one.document is not None
        and any(point.get("speedup") is not None for point in one.document.get("curve") or ())
    )


def _chart(number: int, one: LayerAnswer, document: Document) -> Chart:
    everything: list[Document] = sorted(
        document["curve"], key=lambda point: point["pruned_portion"]
    )
    # The network's own mask is no part of the line: it was not pruned by the curve's rule.
    points = [point for point in everything if point.get("mask") != "own"]
    own = next((point for point in everything if point.get("mask") == "own"), None)
    frozen = _frozen(document, points)
    drawn = [point for point in everything if point.get("speedup") is not None]
    tallest = max(
        *(point["speedup"] for point in drawn),
        *(speedup for trace in frozen for speedup in trace["y"]),
        1.3,
    )
    return Chart(
        key=f"curve-{number}",
        title=one.name,
        aside=_against_frozen(document),
        says=_says(one, drawn),
        traces=[
            *_spread(points),
            *frozen,
            _sparse(points),
            *_misfits(everything),
            *_crossing(one),
            *_own(own),
        ],
        layout=layout(
            330,
            margin={"l": 8, "r": 14, "t": 14, "b": 8},
            hovermode="closest",
            xaxis={
                **AXIS,
                "range": [-0.01, max(0.97, everything[-1]["pruned_portion"] + 0.015)],
                "tickvals": list(_TICKS),
                "ticktext": [f"{percent(p)}<br>{times(1 / (1 - p))}" for p in _TICKS],
                "showgrid": False,
                "showline": True,
                "title": {
                    "text": "weights removed / pruning ratio",
                    "font": {"size": 12, "color": "--muted"},
                    "standoff": 6,
                },
            },
            yaxis={**AXIS, "range": [0, 1.1 * tallest], "ticksuffix": TIMES, "nticks": 6},
            shapes=_shapes(one),
            annotations=_annotations(one, own, tallest),
        ),
    )


def _against_frozen(document: Document) -> str | None:
    """Say where the curve against the dense array as given crosses 1."""
    baseline = document.get("baseline") or {}
    name = f"dense-{baseline.get('rows')}x{baseline.get('vector')} as given"
    if baseline.get("ratio") is not None:
        return f"against {name}: pays from {times(baseline['ratio'])}"
    return f"against {name}: never pays" if baseline.get("reason") else None


def _sparse(points: Sequence[Document]) -> Trace:
    return {
        "type": "scatter",
        "name": "sparse, against the best dense array",
        "x": [point["pruned_portion"] for point in points],
        "y": [point.get("speedup") for point in points],
        "mode": "lines+markers",
        "line": {"color": "--sparse", "width": 2.5},
        "marker": {"color": "--sparse", "size": 5},
        "connectgaps": False,
        "text": [_point_text(point) for point in points],
        "hoverinfo": "text",
    }


def _point_text(point: Document) -> str:
    known = point.get
    lanes, vector = known("lanes"), known("vector")
    bound = known("bound")
    return hover(
        f"{percent(point['pruned_portion'])} removed, ratio {times(point['ratio'])}"
        if known("ratio") is not None
        else f"{percent(point['pruned_portion'])} removed",
        f"speedup {times(point['speedup'])}" if known("speedup") is not None else None,
        f"{lanes} lanes {TIMES} {vector} MACs, feed {known('feed')}, {known('format')} format"
        if lanes is not None
        else None,
        f"held by {BOUNDS.get(bound, bound)}" if bound else None,
        _side("sparse", point),
        _side("dense", point),
        area(point["area_um2"]) if known("area_um2") is not None else None,
    )


def _side(side: str, point: Document) -> str | None:
    cycles, freq_hz = point.get(f"cycles_{side}"), point.get(f"freq_hz_{side}")
    latency_s = point.get(f"latency_s_{side}")
    if cycles is None or freq_hz is None or latency_s is None:
        return None
    return f"{side}: {count(cycles)} cycles at {frequency(freq_hz)} = {seconds(latency_s)}"


def _spread(points: Sequence[Document]) -> list[Trace]:
    """Return the band between the quartiles, where masks of several seeds were simulated."""
    banded = [
        (point["pruned_portion"], *point["speedup_interval"])
        for point in points
        if point.get("speedup_interval") and None not in point["speedup_interval"]
    ]
    if not banded:
        return []
    xs, lows, highs = zip(*banded, strict=True)
    edge = {"type": "scatter", "mode": "lines", "line": {"width": 0}, "hoverinfo": "skip"}
    return [
        {**edge, "x": list(xs), "y": list(lows), "name": "lower quartile"},
        {
            **edge,
            "x": list(xs),
            "y": list(highs),
            "name": "upper quartile",
            "fill": "tonexty",
            "fillcolor": "--band",
        },
    ]


def _frozen(document: Document, points: Sequence[Document]) -> list[Trace]:
    """Return the curve against the dense array as it was given, where that one was timed."""
    baseline = document.get("baseline") or {}
    latency_s = baseline.get("latency_s")
    timed = [point for point in points if point.get("latency_s_sparse") is not None]
    if latency_s is None or not timed:
        return []
    speedups = [latency_s / point["latency_s_sparse"] for point in timed]
    name = f"{baseline.get('rows')}x{baseline.get('vector')}"
    return [
        {
            "type": "scatter",
            "name": f"sparse, against dense-{name} as given",
            "x": [point["pruned_portion"] for point in timed],
            "y": speedups,
            "mode": "lines",
            "line": {"color": "--muted", "width": 1.5, "dash": "dash"},
            "text": [
                hover(
                    f"{percent(point['pruned_portion'])} removed",
                    f"{times(speedup)} as fast as dense-{name} as given",
                )
                for point, speedup in zip(timed, speedups, strict=True)
            ],
            "hoverinfo": "text",
        }
    ]


def _misfits(points: Sequence[Document]) -> list[Trace]:
    """Mark the points at which no sparse design fits the area."""
    misfits = [point for point in points if point.get("speedup") is None]
    if not misfits:
        return []
    return [
        {
            "type": "scatter",
            "name": "does not fit",
            "x": [point["pruned_portion"] for point in misfits],
            "y": [0] * len(misfits),
            "mode": "markers",
            "cliponaxis": False,
            "marker": {"symbol": "x-thin", "size": 8, "line": {"color": "--muted", "width": 1.5}},
            "text": [
                hover(
                    f"{percent(point['pruned_portion'])} removed",
                    str(point.get("reason") or "no sparse design fits the area"),
                )
                for point in misfits
            ],
            "hoverinfo": "text",
        }
    ]


def _crossing(one: LayerAnswer) -> list[Trace]:
    if one.ratio is None:
        return []
    return [
        {
            "type": "scatter",
            "name": "break-even",
            "x": [1 - 1 / one.ratio],
            "y": [1],
            "mode": "markers",
            "marker": {
                "symbol": "diamond",
                "size": 12,
                "color": "--ink",
                "line": {"color": "--raised", "width": 1.5},
            },
            "text": [
                hover(
                    f"break-even: {times(one.ratio)}",
                    f"interval {one.interval_text}" if one.interval_text else None,
                )
            ],
            "hoverinfo": "text",
        }
    ]


def _own(point: Document | None) -> list[Trace]:
    if point is None or point.get("speedup") is None:
        return []
    return [
        {
            "type": "scatter",
            "name": "this network",
            "x": [point["pruned_portion"]],
            "y": [point["speedup"]],
            "mode": "markers",
            "marker": {
                "size": 12,
                "color": "--given",
                "line": {"color": "--raised", "width": 1.5},
            },
            "text": [
                hover("this network's own mask, on the array that is best for it")
                + "<br>"
                + _point_text(point)
            ],
            "hoverinfo": "text",
        }
    ]


def _shapes(one: LayerAnswer) -> list[dict[str, Any]]:
    shapes: list[dict[str, Any]] = [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": 1,
            "y1": 1,
            "line": {"color": "--ink", "width": 1},
            "layer": "below",
        }
    ]
    if one.interval is not None:
        low, high = one.interval
        shapes.append(
            {
                "type": "rect",
                "yref": "paper",
                "y0": 0,
                "y1": 1,
                "x0": 1 - 1 / low,
                "x1": 1 if high is None else 1 - 1 / high,
                "fillcolor": "--band",
                "line": {"width": 0},
                "layer": "below",
            }
        )
    return shapes


def _annotations(one: LayerAnswer, own: Document | None, tallest: float) -> list[dict[str, Any]]:
    notes: list[dict[str, Any]] = [
        {
            "showarrow": False,
            "font": {"size": 12, "color": "--muted"},
            "xref": "paper",
            "x": 0.005,
            "xanchor": "left",
            "y": 1,
            "yanchor": "bottom",
            "text": "as fast as dense",
        }
    ]
    # Texts stand where no curve runs: right of the break-even point below the line at 1, where the
    # chart is not too tall for that, and in the upper left.
    low = tallest <= _TALL
    if one.ratio is not None:
        portion = 1 - 1 / one.ratio
        place = (_inside(portion + 0.16), 0.55) if low else (_inside(portion - 0.2), 0.5 * tallest)
        text = f"<b>pays from {times(one.ratio)}</b>"
        notes.append(_pointer((portion, 1), place, text, "--ink"))
    if own is not None and own.get("speedup") is not None:
        portion, speedup = own["pruned_portion"], own["speedup"]
        below = low and speedup <= 1
        place = _inside(portion if below else portion - 0.35), 0.18 if below else 0.9 * tallest
        text = f"<b>this network, {times(own['ratio'])}</b>"
        notes.append(_pointer((portion, speedup), place, text, "--given"))
    return notes


def _inside(portion: float) -> float:
    """Return where a text can be centred without leaving the chart, even on a phone."""
    return min(max(portion, 0.2), 0.78)


def _pointer(
    at: tuple[float, float], place: tuple[float, float], text: str, colour: str
) -> dict[str, Any]:
    """Return a text centred at a place of the chart that points at another one."""
    return {
        "x": at[0],
        "y": at[1],
        "axref": "x",
        "ayref": "y",
        "ax": place[0],
        "ay": place[1],
        "showarrow": True,
        "arrowhead": 0,
        "arrowwidth": 1,
        "arrowcolor": colour,
        "standoff": 7,
        "text": text,
        "font": {"size": 13, "color": colour},
        # A curve that passes behind must not make it unreadable.
        "bgcolor": "--raised",
        "borderpad": 1,
    }


def _says(one: LayerAnswer, drawn: Sequence[Document]) -> str:
    first, last = drawn[0], drawn[-1]
    range_text = (
        f"Speedup over the best dense array of the same area goes from"
        f" {significant(first['speedup'])} at {percent(first['pruned_portion'])} removed to"
        f" {significant(last['speedup'])} at {percent(last['pruned_portion'])}."
    )
    if one.ratio is None:
        return f"{range_text} {one.reason or 'It does not stay above 1.'}"
    return f"{range_text} It stays above 1 from a ratio of {times(one.ratio)} on."
