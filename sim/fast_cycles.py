"""Cycles by the fast tier, layer by layer: what the bench predicts with."""

from ..hw.design import Design
from ..models.formats import IndexFormat
from ..models.layer import LayerShape
from .fast import Prepared, predict
from .recent import Recent
from .workload import Workload

__all__ = ["FastCycles"]

_KEPT_WEIGHTS = 1 << 27
"""Of the layers whose counts are kept; about a byte each, of FC layers with their masks two."""


class FastCycles:
    """Predicted cycles; what is counted of a layer is kept for its next design."""

    def __init__(self) -> None:
        self._prepared: Recent[tuple[LayerShape, bytes], Prepared] = Recent(_KEPT_WEIGHTS)

    def __call__(self, workload: Workload, design: Design, form: IndexFormat) -> int:
        """Return the cycles of a layer on a design in a format, nearly (``sim.fast.error``)."""
        prepared = self._prepared.get(
            workload.key, workload.mask.size, lambda: Prepared.of([workload])
        )
        return predict(prepared, design, [form]).cycles
