"""A chart: data and layout for plotly, as plain values that the page embeds as JSON.

Colours are names of the page's own CSS colours (``--sparse``), so that charts follow light, dark
and print; the page's script puts the values in.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

__all__ = ["AXIS", "Chart", "Trace", "hover", "layout"]

Trace = dict[str, Any]
"""One trace of plotly."""

AXIS: Mapping[str, Any] = {
    "gridcolor": "--grid",
    "linecolor": "--line",
    "zeroline": False,
    "fixedrange": True,
    "ticks": "",
    "automargin": True,
}
"""What all axes share. No zoom by dragging: it catches the finger that scrolls a phone."""


@dataclass(frozen=True)
class Chart:
    """A chart and what it says.

    Attributes
    ----------
    key : str
        Unique among the charts of a page.
    title, says : str
        Heading, and a sentence that says the same as the picture; the text for screen readers.
    traces : sequence of Trace
    layout : mapping
        Layout for plotly.
    aside : str or None
        What must be said beside the title.
    """

    key: str
    title: str
    says: str
    traces: Sequence[Trace]
    layout: Mapping[str, Any]
    aside: str | None = None

    @property
    def height(self) -> int:
        """Height on the page, pixels."""
        return int(self.layout["height"])

    @property
    def figure(self) -> dict[str, Any]:
        """What plotly draws."""
        return {"data": list(self.traces), "layout": dict(self.layout)}


def layout(height: int, **more: Any) -> dict[str, Any]:
    """Return a layout in the look of the page.

    Parameters
    ----------
    height : int
        Pixels.
    **more
        Further keys of a plotly layout.
    """
    return {
        "height": height,
        "autosize": True,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "font": {"family": "--font", "size": 13, "color": "--ink"},
        "margin": {"l": 8, "r": 12, "t": 12, "b": 8},
        "hoverlabel": {
            "bgcolor": "--raised",
            "bordercolor": "--line",
            "font": {"family": "--font", "size": 13, "color": "--ink"},
            "align": "left",
        },
        "modebar": {"bgcolor": "rgba(0,0,0,0)", "color": "--line", "activecolor": "--ink"},
        "showlegend": False,
        **more,
    }


def hover(*lines: str | None) -> str:
    """Return the text that shows over a point; lines that are None are left out."""
    return "<br>".join(escape(line, quote=False) for line in lines if line)
