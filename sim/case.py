"""A case of a verification: one layer on one design, with activations."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Buffers, Design
from ..hw.dram import Dram
from ..hw.program import check_arithmetic
from ..hw.schedule import Schedule
from ..hw.weights import stored_code
from ..models.formats import IndexFormat
from ..models.layer import Layer
from .tiling import best_schedule

__all__ = ["Case"]


@dataclass(frozen=True, eq=False)
class Case:
    """One layer on one design.

    Attributes
    ----------
    seed : int
        What the case was drawn from; with the name of the layer it gives the same case again.
    layer : Layer
    design : Design
    form : IndexFormat or None
        Index format of the weights; None: the smallest.
    features : int64 array (batch, in, h, w)
        Activations, signed integers of ``layer.act_bits`` bits.
    dram : Dram or None
        What lies at the streams; None: the ``ideal`` environment.
    """

    seed: int
    layer: Layer
    design: Design
    form: IndexFormat | None
    features: NDArray[np.int64]
    dram: Dram | None = None

    @cached_property
    def schedule(self) -> Schedule:
        """The runs of the layer on the design.

        Raises
        ------
        FitError
            If it does not fit.
        """
        schedule = best_schedule(self.layer, self.design, self.form, self.dram)
        return schedule.with_features(self.features)

    @property
    def buffers(self) -> Buffers:
        """Memory depths of the design, or those that the layer needs."""
        return self.design.buffers or self.schedule.buffers

    def check_fit(self) -> None:
        """Refuse a layer that the design cannot run.

        Raises
        ------
        FitError
            If it is too large however it is cut, or its numbers or its weight code do not fit.
        """
        check_arithmetic(self.layer, self.design)
        for run in self.schedule.runs:
            assert isinstance(run.layer, Layer)
            stored_code(run.layer, run.program)
