"""What a host needs for a sequence of runs: each run's image, and what it must load anew.

Weights and activations that a run has in common with the one before it stay in their buffers.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.layer import Layer
from .image import Image
from .program import check_arithmetic
from .schedule import Run, Schedule

__all__ = ["RunImage", "run_images"]


@dataclass(frozen=True, eq=False)
class RunImage:
    """One run, as a host sees it.

    Attributes
    ----------
    schedule : Schedule
        Of the layer.
    run : Run
    image : Image
    swaps_weights, swaps_features : bool
        The loads differ from those of the run before.
    """

    schedule: Schedule
    run: Run
    image: Image
    swaps_weights: bool
    swaps_features: bool

    @property
    def layer(self) -> str:
        """Name of the layer."""
        return self.schedule.layer.shape.name

    @property
    def loads(self) -> tuple[int, ...]:
        """Beats of the loads that must come before it."""
        image = self.image
        weights = (len(image.weight_load),) if self.swaps_weights else ()
        return (*weights, *((len(image.feature_load),) if self.swaps_features else ()))

    @property
    def control(self) -> tuple[str, ...]:
        """Names of the CONTROL bits that start it."""
        weights = ("swap_weights",) if self.swaps_weights else ()
        return ("start", *weights, *(("swap_features",) if self.swaps_features else ()))


def run_images(
    work: Iterable[tuple[Schedule, NDArray[np.int64], NDArray[np.int64]]],
) -> tuple[RunImage, ...]:
    """Return the runs of some layers on one design.

    Parameters
    ----------
    work : iterable of (Schedule, int64 array, int64 array)
        Each layer's runs, its activations (batch, in, h, w) and its outputs (batch, out, h, w).

    Raises
    ------
    FitError
        If a layer's numbers do not fit the design's widths.
    """
    made: list[RunImage] = []
    for schedule, run, image in _images(work):
        before = made[-1] if made and made[-1].schedule is schedule else None
        keeps_weights = before is not None and run.keeps_weights(before.run)
        keeps_features = before is not None and run.keeps_features(before.run)
        made.append(RunImage(schedule, run, image, not keeps_weights, not keeps_features))
    return tuple(made)


def _registers(image: Image, run: Run) -> dict[str, int]:
    """Return the layer registers of a run; where there are no chains, those of its image."""
    if "accumulate" not in image.registers:
        return image.registers
    return {**image.registers, "accumulate": int(run.accumulate)}


def _images(
    work: Iterable[tuple[Schedule, NDArray[np.int64], NDArray[np.int64]]],
) -> Iterator[tuple[Schedule, Run, Image]]:
    for schedule, features, outputs in work:
        layer, shape = schedule.layer, schedule.layer.shape
        if not isinstance(layer, Layer):
            raise FitError(f"layer {shape.name}: has no weights to load")
        check_arithmetic(layer, schedule.design)  # a chain's sums are those of the whole layer
        for run, inputs in zip(schedule.runs, schedule.inputs(features), strict=True):
            assert isinstance(run.layer, Layer)
            image = Image.of(run.program, run.layer, inputs, run.part.outputs(shape, outputs))
            image = replace(
                image,
                registers=_registers(image, run),
                care=image.care if run.counts else [0] * len(image.care),
            )
            yield schedule, run, image
