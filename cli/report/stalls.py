"""Where the cycles go: one bar a layer and design, split into work and the causes of stalls."""

from collections.abc import Mapping, Sequence
from typing import Any

from ...sim.counters import STALLS
from .chart import AXIS, Chart, Trace, hover, layout
from .quantity import count, percent, seconds
from .results import Document

__all__ = ["CAUSES", "causes_shown", "stall_chart"]

CAUSES: Mapping[str, str] = {
    "compute": "a lane issues a weight",
    "imbalance": "a lane is through with its filters while another is not",
    "window": "the activations needed are past the window that the slowest lane still holds",
    "feed": "activations come too slowly from the buffer",
    "filler": "an entry that only advances the index",
    "weight_buffer": "the next weight has not been read and decoded yet",
    "dram": "what a run needs is not on chip yet",
    "drain": "sums wait for the output stage",
    "fill": "the pipeline fills at the start",
}
"""What a lane does in a cycle: work first, then the stalls of ``sim.counters`` in their order."""


_AROUND = 56
"""Pixels above and below the bars, with the numbers of the axis and their margin."""

_MANY = 24
"""From so many bars on they are thinner."""


def causes_shown(simulations: Sequence[Document]) -> tuple[str, ...]:
    """Return the causes that take a visible share of some layer, in the order of the chart."""
    return tuple(
        cause
        for cause in CAUSES
        if any(_share(layer, cause) >= 0.001 for run in simulations for layer in run["layers"])
    )


def stall_chart(simulations: Sequence[Document]) -> Chart | None:
    """Return the chart, None if nothing was simulated."""
    runs = [run for run in simulations if run.get("layers")]
    if not runs:
        return None
    bars = [(run, layer) for run in runs for layer in run["layers"]]
    # Layers together, in the order of the network; plotly counts bars from below.
    order = {layer["name"]: place for place, layer in enumerate(runs[0]["layers"])}
    bars.sort(key=lambda bar: order.get(bar[1]["name"], len(order)))
    lengths = _lengths(bars)
    names = [layer["name"] for _, layer in bars]
    designs = [str(run["design"]) for run, _ in bars]
    axis: list[Any] = names if len(runs) == 1 else [names, designs]
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": cause.replace("_", " "),
            "y": axis,
            "x": [
                length * _share(layer, cause)
                for (_, layer), length in zip(bars, lengths, strict=True)
            ],
            "marker": {"color": f"--{cause.replace('_', '-')}", "line": {"width": 0}},
            "text": [
                hover(
                    f"{layer['name']} on {run['design']}, {layer['format']}",
                    f"{cause.replace('_', ' ')}: {percent(_share(layer, cause))} of lane-cycles",
                    CAUSES[cause],
                    f"{count(layer['cycles'])} cycles{_time(run, layer)}",
                )
                for run, layer in bars
            ],
            "textposition": "none",
            "hoverinfo": "text",
        }
        for cause in causes_shown(runs)
    ]
    return Chart(
        key="stalls",
        title="Where the cycles go",
        aside=_aside(bars) if len(runs) > 1 else "The number at the end of a bar is its cycles.",
        says=" ".join(_says(run, layer) for run, layer in bars),
        traces=traces,
        layout=layout(
            _AROUND + (34 if len(bars) < _MANY else 22) * len(bars),
            barmode="stack",
            bargap=0.28,
            margin={"l": 8, "r": 14, "t": 8, "b": 8},
            xaxis={
                **AXIS,
                "range": [0, 1.16],
                "tickformat": ".0%",
                "tickvals": [0, 0.25, 0.5, 0.75, 1],
            },
            yaxis={**AXIS, "autorange": "reversed", "showdividers": False},
            annotations=[
                {
                    "x": length,
                    # Bars are numbered from 0, also those of an axis with two levels.
                    "y": place,
                    "xanchor": "left",
                    "showarrow": False,
                    "text": count(layer["cycles"]),
                    "font": {"size": 12, "color": "--muted"},
                }
                for place, ((_, layer), length) in enumerate(zip(bars, lengths, strict=True))
            ],
        ),
    )


def _aside(bars: Sequence[tuple[Document, Document]]) -> str:
    return (
        f"The length of a bar is its {'time' if _clocked(bars) else 'cycles'}, against the longest"
        " bar of the layer; the number at its end is its cycles."
    )


def _clocked(bars: Sequence[tuple[Document, Document]]) -> bool:
    return all(run.get("freq_hz") for run, _ in bars)


def _lengths(bars: Sequence[tuple[Document, Document]]) -> list[float]:
    """Return the time of each bar, against the slowest of its layer (cycles without a clock)."""
    clocked = _clocked(bars)
    times = [layer["cycles"] / (run["freq_hz"] if clocked else 1) for run, layer in bars]
    slowest: dict[str, float] = {}
    for (_, layer), time in zip(bars, times, strict=True):
        slowest[layer["name"]] = max(time, slowest.get(layer["name"], 0))
    return [time / slowest[layer["name"]] for (_, layer), time in zip(bars, times, strict=True)]


def _share(layer: Document, cause: str) -> float:
    """Return the share of the lane-cycles of a layer, 0 to 1."""
    parts = {"compute": layer["compute"], **layer["stalls"]}
    return float(parts.get(cause, 0)) / (sum(parts.values()) or 1)


def _time(run: Document, layer: Document) -> str:
    freq_hz = run.get("freq_hz")
    return "" if not freq_hz else f" = {seconds(layer['cycles'] / freq_hz)}"


def _says(run: Document, layer: Document) -> str:
    lost = sorted(STALLS, key=lambda cause: -_share(layer, cause))[:2]
    causes = ", ".join(
        f"{cause.replace('_', ' ')} {percent(_share(layer, cause))}"
        for cause in lost
        if _share(layer, cause) >= 0.005
    )
    return (
        f"{layer['name']} on {run['design']}: {count(layer['cycles'])} cycles,"
        f" {percent(_share(layer, 'compute'))} compute{f', {causes}' if causes else ''}."
    )
