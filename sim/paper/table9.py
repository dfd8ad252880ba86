"""Table 9 again: AlexNet's convolutions at the ratios of five prunings, at equal area.

Silicon is sized for each layer and ratio (``per_layer``), as the paper does. Without restoration
every pruned layer runs on the sparse array however slow it is; with it (section 5.2, Figure 5) a
layer that is slower pruned stays dense and counts 1. A layer that the paper leaves dense counts 1
in both.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from ..pruned_layer import PrunedLayer
from ..question import LayerQuestion
from ..setting import Setting
from .published import ROWS, PublishedRow, overall

__all__ = ["Replica", "ReplicaCell", "ReplicaRow", "replica_cells", "table9"]


@dataclass(frozen=True)
class ReplicaCell:
    """One convolution of one pruning.

    Attributes
    ----------
    layer : str
    ratio : float
        That of the paper.
    published : float
        Printed speedup.
    speedup : float
        Found here, over the best dense design; 1 where the paper leaves the layer dense, 0 if
        pruned it does not fit.
    point : mapping or None
        How it was found, with the keys of ``curve[]``; None where the layer stays dense.
    """

    layer: str
    ratio: float
    published: float
    speedup: float
    point: Mapping[str, Any] | None

    def to_json(self) -> dict[str, Any]:
        """Return the cell as plain values; ``ReplicaCell(**values)`` is the cell again."""
        return asdict(self)


@dataclass(frozen=True)
class ReplicaRow:
    """One pruning of all convolutions.

    Attributes
    ----------
    published : PublishedRow
    cells : tuple of ReplicaCell
    """

    published: PublishedRow
    cells: tuple[ReplicaCell, ...]

    @property
    def overall(self) -> float:
        """Speedup of all convolutions, the pruned ones pruned; 0 if one of them does not fit."""
        speedups = [cell.speedup for cell in self.cells]
        return overall(speedups) if all(speedups) else 0.0

    @property
    def overall_restored(self) -> float:
        """Speedup of all convolutions, those dense that would be slower pruned."""
        return overall([max(1.0, cell.speedup) for cell in self.cells])

    def to_json(self) -> dict[str, Any]:
        """Return the row, printed figures beside those found here."""
        return {
            "name": self.published.name,
            "ratios_from": self.published.note,
            "layers": [cell.to_json() for cell in self.cells],
            "restored": [cell.layer for cell in self.cells if cell.speedup < 1],
            "overall_published": self.published.overall,
            "overall": self.overall,
            "overall_restored": self.overall_restored,
        }


@dataclass(frozen=True, eq=False)
class Replica:
    """Table 9 under one setting.

    Attributes
    ----------
    setting : Setting
    rows : tuple of ReplicaRow
    """

    setting: Setting
    rows: tuple[ReplicaRow, ...]

    @classmethod
    def of(cls, setting: Setting, by_layer: Sequence[Sequence[ReplicaCell]]) -> "Replica":
        """Make the table of the cells of each layer, as ``replica_cells`` gives them."""
        cells = zip(*by_layer, strict=True)
        return cls(
            setting, tuple(ReplicaRow(row, of_row) for row, of_row in zip(ROWS, cells, strict=True))
        )

    def to_json(self) -> dict[str, Any]:
        """Return all rows, and what they were found under."""
        baseline = self.setting.baseline
        return {
            "accounting": "per_layer",
            "baseline": {"rows": baseline.lanes, "vector": baseline.vector},
            "rows": [row.to_json() for row in self.rows],
            "assumptions": list(assumptions(self.setting)),
            **self.setting.to_json(),
        }


def table9(layers: Sequence[PrunedLayer], setting: Setting) -> Replica:
    """Ask Table 9 again.

    Parameters
    ----------
    layers : sequence of PrunedLayer
        The five convolutions of AlexNet; their masks do not matter.
    setting : Setting

    Raises
    ------
    BosquetError
        As ``LayerQuestion.of``, or if the area of a design is not known.
    """
    cells = [replica_cells(number, layer, setting) for number, layer in enumerate(layers)]
    return Replica.of(setting, cells)


def replica_cells(number: int, layer: PrunedLayer, setting: Setting) -> tuple[ReplicaCell, ...]:
    """Return a convolution, by its number, at the ratio of each row; raises as ``table9``."""
    question = LayerQuestion.of(layer, setting)
    return tuple(_cell(question, number, row) for row in ROWS)


def _cell(question: LayerQuestion, number: int, row: PublishedRow) -> ReplicaCell:
    layer, ratio, published = question.layer, row.ratios[number], row.speedups[number]
    if ratio == 1:
        return ReplicaCell(layer.name, ratio, published, 1.0, None)
    masks = layer.pruned_to(1 / ratio, question.setting.seed)
    template = question.template_for(masks[0], f"the masks of {row.name}")
    kind = layer.masks(question.setting.seed)["kind"]
    point = question.point(ratio, kind, masks, template)
    return ReplicaCell(layer.name, ratio, published, point.speedup or 0.0, point.to_json())


def _index(setting: Setting) -> str:
    if not setting.formats:
        return "the best of all formats that the array reads"
    return f"the best of {', '.join(setting.formats)}"


def assumptions(setting: Setting) -> tuple[str, ...]:
    """Return what the paper does otherwise, or does not tell."""
    baseline, technology = setting.baseline, setting.bench.cost.technology
    return (
        f"budget: the paper does not tell the size of its array; here dense-{baseline.lanes}x"
        f"{baseline.vector} with {setting.weights_on_chip:g} of the weights on chip",
        "dense: here the best dense array within the budget counts, not the array as it is given",
        f"technology: {technology['card']} for SMIC 40 nm; synthesis by Yosys for Design Compiler",
        f"weights: {baseline.weight_bits} bits here, the same on both sides; the paper does not"
        " tell, and says that the gain of quantization is not counted",
        "masks: made up, with uneven filter densities, at the paper's ratios; its networks are not"
        " published",
        f"index: {_index(setting)}, for each layer and ratio; the paper does not tell its format",
    )
