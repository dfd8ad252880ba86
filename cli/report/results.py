"""What a report is made of: the JSON documents of the commands, as plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

__all__ = ["Document", "Results"]

Document = Mapping[str, Any]
"""A JSON document: null with a reason stands where there is no number."""


@dataclass(frozen=True)
class Results:
    """Everything that a report can tell; what is missing is left out of the page.

    Attributes
    ----------
    network : Document or None
        ``bosquet breakeven NET``: the verdict of every layer, both speedups.
    layers : tuple of Document
        ``bosquet breakeven NET:LAYER``, one a layer that has a curve.
    simulations : tuple of Document
        ``bosquet simulate``, one a design: where the cycles go. First the dense one.
    areas : tuple of Document
        How designs spend their area, one a design: ``layer``, ``design``, the keys of
        ``sim.cost.Area.to_json`` and ``unused_um2``. Without it the two chips of ``network`` are
        shown, less finely.
    rtl : Document or None
        A layer that was run in the RTL: ``layer``, ``design``, ``cycles_rtl``,
        ``cycles_simulated``, ``bits_compared``, ``bit_mismatches`` and, where known,
        ``simulator``, ``counters_compared`` and ``counter_mismatches`` (names).
    quality : Document or None
        What the network is worth: ``kind`` (measured, predicted, published or proxy), ``accuracy``
        (share of the images classified right), ``correct``, ``images``, ``dataset``, ``split``.
    bundle : str or None
        Folder of the emitted Verilog, as the reader will find it.
    provenance : Document
        Where the results come from; nested mappings become groups: ``recipe``, ``tools``,
        ``split``, ``seed``, ``masks`` and whatever else is known.
    notes : tuple of str
        What a reader should know about this run, a line each.

    Raises
    ------
    ValueError
        If there is neither a network nor a layer: there would be no answer.
    """

    network: Document | None = None
    layers: tuple[Document, ...] = ()
    simulations: tuple[Document, ...] = ()
    areas: tuple[Document, ...] = ()
    rtl: Document | None = None
    quality: Document | None = None
    bundle: str | None = None
    provenance: Document = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.network is None and not self.layers:
            raise ValueError("a report needs the break-even of a network or of a layer")

    @property
    def name(self) -> str:
        """Name of the network."""
        return str((self.network or self.layers[0])["network"])
