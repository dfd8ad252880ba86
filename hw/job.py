"""A job: the runs of some layers on one accelerator, with what each of them is predicted to count.

It is what a bundle is made of; one layer in one run is the smallest.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ..errors import InputError
from .design import Buffers, Design
from .registers import COUNTERS
from .run_image import RunImage

__all__ = ["Job"]


@dataclass(frozen=True, eq=False)
class Job:
    """Runs of one accelerator, in order.

    Attributes
    ----------
    layers : tuple of mapping
        What the manifest tells of each layer, as JSON values; ``hw.manifest.layer_facts``.
    runs : tuple of RunImage
    counters : tuple of mapping of str to int
        Predicted value of every performance counter of each run, by name
        (``hw.registers.COUNTERS``), if they are cleared when it starts.

    Raises
    ------
    InputError
        If there is no run, or the predictions are not those of the counters there are.
    """

    layers: tuple[Mapping[str, Any], ...]
    runs: tuple[RunImage, ...]
    counters: tuple[Mapping[str, int], ...]

    def __post_init__(self) -> None:
        if not self.runs or len(self.runs) != len(self.counters):
            raise InputError(
                f"a job needs runs, and predictions for each: {len(self.runs)} runs,"
                f" {len(self.counters)} predictions"
            )
        for run, counters in zip(self.runs, self.counters, strict=True):
            if set(counters) != set(COUNTERS):
                raise InputError(
                    f"layer {run.layer}: needs a prediction for each of the counters"
                    f" {', '.join(COUNTERS)}; given are {', '.join(counters) or 'none'}"
                )

    @property
    def design(self) -> Design:
        """The accelerator."""
        return self.runs[0].image.design

    @property
    def buffers(self) -> Buffers:
        """Memory depths of the accelerator."""
        return self.runs[0].image.buffers

    @cached_property
    def totals(self) -> dict[str, int]:
        """Sum of each counter over the runs."""
        return {name: sum(counted[name] for counted in self.counters) for name in COUNTERS}
