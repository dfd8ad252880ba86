"""How each figure of the page is known, and what the figures leave out."""

from dataclasses import dataclass
from typing import Any, Literal

from .quantity import count, percent
from .results import Document, Results

__all__ = ["BOUNDS_AND_TRAFFIC", "ENERGY", "Evidence", "Kind", "evidence", "limits"]

Kind = Literal["measured", "simulated", "predicted", "published", "proxy"]


@dataclass(frozen=True)
class Evidence:
    """Where one kind of figure comes from.

    Attributes
    ----------
    figure : str
    kind : Kind
    how : str
    """

    figure: str
    kind: Kind
    how: str


BOUNDS_AND_TRAFFIC = Evidence(
    "Bounds and traffic",
    "simulated",
    "exact counts of the programs that ran, summed over the runs; traffic is that of the RTL",
)
ENERGY = Evidence(
    "Energy",
    "predicted",
    "every access and operation counted, each times a published or fitted figure of the technology"
    " card",
)


def evidence(results: Results) -> tuple[Evidence, ...]:
    """Return an entry for each kind of figure that the page shows."""
    shown = [
        Evidence("Cycles", "simulated", _cycles(results)),
        Evidence(
            "Area",
            "predicted",
            "logic synthesized with Yosys from the very RTL that is simulated, part by part, added"
            " up; memories by a model fitted to memory macros",
        ),
        Evidence(
            "Clock frequency",
            "predicted",
            "timing analysis of the synthesized parts, or memory access where that is slower",
        ),
        Evidence(
            "Speedup and break-even",
            "predicted",
            "simulated cycles / predicted frequency, sparse against dense, at equal predicted area",
        ),
        Evidence("Masks", *_masks(results)),
    ]
    if any(run.get("roof") for run in results.simulations):
        shown.append(BOUNDS_AND_TRAFFIC)
    if any(run.get("energy") for run in results.simulations):
        shown.append(ENERGY)
    if results.quality is not None:
        shown.append(_quality(results.quality))
    return tuple(shown)


def _cycles(results: Results) -> str:
    how = "exact, from the timing contract that the RTL is held to"
    if results.rtl is None:
        return how
    return f"{how}; {results.rtl['layer']} run in the RTL in {results.rtl['cycles_rtl']:,} cycles"


def _masks(results: Results) -> tuple[Kind, str]:
    masks = first_known(results, "masks")
    kind = masks.get("kind") if isinstance(masks, dict) else masks
    if kind == "uneven":
        return "proxy", "no real weights: uneven random masks, filters of unequal density"
    if kind is None:
        return "measured", "the zeros of the network's weights"
    return "measured", (
        "the zeros of the network's weights; along a curve its weights pruned by magnitude to each"
        " point, not retrained"
    )


def _quality(quality: Document) -> Evidence:
    measured = quality["kind"] == "measured"
    figure = "Accuracy" if measured else "Quality"
    how = "the integer reference on held-out images" if measured else "not measured in this run"
    if quality.get("images") is not None:
        how += f": {count(quality['images'])} of {quality.get('dataset', 'the data set')}"
    return Evidence(figure, quality["kind"], how)


def limits(results: Results) -> tuple[str, ...]:
    """Return what a reader must not read into the figures."""
    told = [
        "No place and route: wires, clock tree and their share of area and delay are not in it, on"
        " either side.",
        _weights(results),
        "Energy is no part of the comparison.",
    ]
    for document in (results.network, *results.layers):
        told += (document or {}).get("notes") or ()
        told += [f"Not counted: {node}." for node in (document or {}).get("unsupported") or ()]
    return tuple(dict.fromkeys([*told, *results.notes]))


def _weights(results: Results) -> str:
    on_chip = first_known(results, "weights_on_chip")
    if on_chip is None or on_chip == 1:
        return "Activations and outputs never wait; all weights are on chip before a layer starts."
    label = first_known(results, "streaming") or "streaming: modelled, not yet in RTL"
    return (
        f"Activations and outputs never wait. {percent(on_chip)} of the weights are on chip, the"
        f" rest arrives while the array computes ({label})."
    )


def first_known(results: Results, key: str) -> Any:
    """Return a value from the network's document, else from the first layer that has it."""
    for document in (results.network, *results.layers):
        if document is not None and document.get(key) is not None:
            return document[key]
    return None
