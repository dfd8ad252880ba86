"""How both sides spend the same silicon: multipliers, what feeds them, memory, and what is left."""

from collections.abc import Mapping, Sequence
from typing import Any

from .chart import AXIS, Chart, Trace, hover, layout
from .quantity import area, percent
from .results import Document, Results

__all__ = ["PARTS", "area_chart", "parts_shown", "spent_areas"]

PARTS: Mapping[str, str] = {
    "lanes": "lanes (decoders and multipliers)",
    "around": "windows, feeder, output, control",
    "weights": "memories of weights and indices",
    "features": "memories of activations",
    "other": "windows, feeder, output, control and memories of activations",
    "unused": "left over",
}
"""What an area is spent on; ``other`` where a document does not tell more."""

_AROUND = ("windows_um2", "feeder_um2", "output_um2", "control_um2")
_WEIGHTS = ("weights", "index")

_VISIBLE = 1e-4
"""Share of a bar that is worth a colour; less is the rounding of differences."""


def spent_areas(results: Results) -> tuple[Document, ...]:
    """Return the areas that were given, else those of the two chips for the whole network."""
    if results.areas:
        return results.areas
    network = results.network or {}
    chips = network.get("one_chip") or {}
    budget_um2 = (network.get("baseline") or {}).get("area_um2")
    return tuple(
        {
            **chip,
            "side": side,
            "layer": "one chip",
            "design": f"{side}-{chip.get('rows', chip.get('lanes'))}x{chip.get('vector')}",
            "unused_um2": 0 if budget_um2 is None else max(0, budget_um2 - chip["area_um2"]),
        }
        for side in ("dense", "sparse")
        if (chip := chips.get(side))
    )


def parts_shown(areas: Sequence[Document]) -> tuple[tuple[str, str], ...]:
    """Return key and name of the parts that some design has, in the order of the chart."""
    split = [_parts(one) for one in areas]
    found = {
        part
        for parts in split
        for part, um2 in parts.items()
        if um2 > _VISIBLE * sum(parts.values())
    }
    return tuple((part, name) for part, name in PARTS.items() if part in found)


def area_chart(areas: Sequence[Document]) -> Chart | None:
    """Return the chart, None if no area is split up.

    Parameters
    ----------
    areas : sequence of Document
        As `Results.areas`, or with ``area_um2``, ``pe_share`` and ``weight_sram_share``.
    """
    bars = [one for one in areas if _parts(one)]
    if not bars:
        return None
    parts = [_parts(one) for one in bars]
    axis = [[str(one.get("layer") or "") for one in bars], [str(one["design"]) for one in bars]]
    traces: list[Trace] = [
        {
            "type": "bar",
            "orientation": "h",
            "name": name,
            "y": axis,
            "x": [found.get(part, 0) / 1e6 for found in parts],
            "marker": {"color": f"--area-{part}", "line": {"width": 0}},
            "text": [
                hover(
                    str(one["design"]),
                    f"{name}: {area(found.get(part, 0))},"
                    f" {percent(found.get(part, 0) / sum(found.values()))}",
                )
                for one, found in zip(bars, parts, strict=True)
            ],
            "textposition": "none",
            "hoverinfo": "text",
        }
        for part, name in parts_shown(bars)
    ]
    return Chart(
        key="areas",
        title="How the silicon is spent",
        says=" ".join(_says(one) for one in bars),
        traces=traces,
        layout=layout(
            50 + 34 * len(bars),
            barmode="stack",
            bargap=0.28,
            margin={"l": 8, "r": 14, "t": 8, "b": 8},
            xaxis={**AXIS, "rangemode": "tozero", "ticksuffix": " mm²", "nticks": 6},
            yaxis={**AXIS, "autorange": "reversed", "showdividers": False},
        ),
    )


def _parts(one: Document) -> dict[str, float]:
    """Return the areas in um2 by part, none where the document does not split its area."""
    unused = float(one.get("unused_um2") or 0)
    if one.get("lanes_um2") is not None:
        memories: Mapping[str, Any] = one.get("sram_um2") or {}
        weights = sum(memories.get(kind, 0) for kind in _WEIGHTS)
        return {
            "lanes": one["lanes_um2"],
            "around": sum(one.get(key) or 0 for key in _AROUND),
            "weights": weights,
            "features": sum(memories.values()) - weights,
            "unused": unused,
        }
    if one.get("pe_share") is None or one.get("weight_sram_share") is None:
        return {}
    total = one["area_um2"]
    lanes, weights = one["pe_share"] * total, one["weight_sram_share"] * total
    return {
        "lanes": lanes,
        "weights": weights,
        "other": total - lanes - weights,
        "unused": unused,
    }


def _says(one: Document) -> str:
    parts = _parts(one)
    total = sum(parts.values())
    shares = ", ".join(
        f"{PARTS[part]} {percent(um2 / total)}" for part, um2 in parts.items() if um2
    )
    where = f"{one['layer']}, " if one.get("layer") else ""
    return f"{where}{one['design']}: {area(total)}; {shares}."
