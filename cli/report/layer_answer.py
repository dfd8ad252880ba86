"""What is known about one layer: its own ratio, the ratio from which on pruning pays, the verdict.

Read from the document of the network and, where there is one, from the layer's own.
"""

from dataclasses import dataclass
from typing import Any

from .quantity import times
from .results import Document, Results

__all__ = ["VERDICTS", "LayerAnswer", "layer_answers"]

VERDICTS = {
    "prune": "prune",
    "keep_dense": "keep dense",
}
"""The verdicts, as a reader sees them."""


@dataclass(frozen=True)
class LayerAnswer:
    """One layer.

    Attributes
    ----------
    name : str
        Its name in the network.
    given_ratio : float or None
        Ratio it is pruned to.
    ratio : float or None
        Smallest ratio from which on sparse is never slower, None if there is none.
    interval : (float, float or None) or None
        Between which ratios the break-even ratio lies; no end where it may be beyond the curve.
    speedup : float or None
        Of the sparse over the best dense array, at the given ratio, both sized for the layer.
    chip_speedup : float or None
        The same on one chip for the whole network.
    verdict : str or None
        One of ``VERDICTS``.
    reason : str or None
        Why there is no ratio, or what must be said of it.
    document : Document or None
        The layer's own document, with its curve.
    """

    name: str
    given_ratio: float | None
    ratio: float | None
    interval: tuple[float, float | None] | None
    speedup: float | None
    chip_speedup: float | None
    verdict: str | None
    reason: str | None
    document: Document | None

    @property
    def pays(self) -> bool:
        """Whether pruning it pays at its given ratio."""
        return self.verdict == "prune"

    @property
    def interval_text(self) -> str | None:
        """The interval in words, None if it says no more than the ratio."""
        if self.interval is None:
            return None
        low, high = self.interval
        if high is None:
            return f"{times(low)} or more"
        return None if times(low) == times(high) else f"{times(low)} to {times(high)}"


def layer_answers(results: Results) -> tuple[LayerAnswer, ...]:
    """Return the layers, in the order of the network."""
    own = {str(document["layer"]): document for document in results.layers}
    listed: dict[str, Document] = {name: {} for name in own}
    if results.network is not None:
        told = {str(layer["name"]): layer for layer in results.network.get("layers", ())}
        listed = {**told, **{name: {} for name in own if name not in told}}
    chip = (results.network or {}).get("one_chip") or {}
    on_chip = {str(layer["name"]): layer.get("speedup") for layer in chip.get("layers", ())}
    return tuple(
        _answer(name, entry, own.get(name), on_chip.get(name)) for name, entry in listed.items()
    )


def _answer(
    name: str, entry: Document, document: Document | None, chip_speedup: float | None
) -> LayerAnswer:
    def first(key: str) -> Any:
        """Return the value in the network's document, else in the layer's."""
        found = entry.get(key)
        return found if found is not None or document is None else document.get(key)

    low, high = first("interval") or (None, None)
    return LayerAnswer(
        name=name,
        given_ratio=first("given_ratio"),
        ratio=first("ratio"),
        interval=None if low is None else (low, high),
        speedup=first("speedup"),
        chip_speedup=chip_speedup,
        verdict=first("verdict"),
        reason=first("reason"),
        document=document,
    )
