"""Cycles by the fast tier, layer by layer: what the bench predicts with."""

from ..hw.design import Design
from ..models.formats import IndexFormat
from ..models.layer import LayerShape
from .fast import Prepared, predict
from .workload import Workload

__all__ = ["FastCycles"]


class FastCycles:
    """Predicted cycles; what is counted of a layer is kept for its next design."""

    def __init__(self) -> None:
        self._prepared: dict[tuple[LayerShape, bytes], Prepared] = {}

    def __call__(self, workload: Workload, design: Design, form: IndexFormat) -> int:
        """Return the cycles of a layer on a design in a format, nearly (``sim.fast.error``)."""
        if workload.key not in self._prepared:
            self._prepared[workload.key] = Prepared.of([workload])
        return predict(self._prepared[workload.key], design, [form]).cycles
