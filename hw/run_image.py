"""What a host needs for a sequence of runs: each run's image, and what it must load anew.

Weights and activations that a run has in common with the one before it stay in their buffers.
"""

from collections.abc import Iterable, Iterator, Sequence
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
    name : str
        Name of the layer; with the number of the part if there are several.
    image : Image
    swap_weights, swap_features : bool
        The loads differ from those of the run before.
    """

    name: str
    image: Image
    swap_weights: bool
    swap_features: bool

    @property
    def control(self) -> tuple[str, ...]:
        """Names of the CONTROL bits that start it."""
        swaps = (("swap_weights", self.swap_weights), ("swap_features", self.swap_features))
        return ("start", *(name for name, wanted in swaps if wanted))


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
    weights: Sequence[int] = ()
    features: Sequence[int] = ()
    for name, image in _images(work):
        made.append(
            RunImage(name, image, image.weight_load != weights, image.feature_load != features)
        )
        weights, features = image.weight_load, image.feature_load
    return tuple(made)


def _registers(image: Image, run: Run) -> dict[str, int]:
    """Return the layer registers of a run; where there are no chains, those of its image."""
    if "accumulate" not in image.registers:
        return image.registers
    return {**image.registers, "accumulate": int(run.accumulate)}


def _images(
    work: Iterable[tuple[Schedule, NDArray[np.int64], NDArray[np.int64]]],
) -> Iterator[tuple[str, Image]]:
    for schedule, features, outputs in work:
        layer, shape = schedule.layer, schedule.layer.shape
        if not isinstance(layer, Layer):
            raise FitError(f"layer {shape.name}: has no weights to load")
        check_arithmetic(layer, schedule.design)  # a chain's sums are those of the whole layer
        for number, (run, inputs) in enumerate(
            zip(schedule.runs, schedule.inputs(features), strict=True)
        ):
            assert isinstance(run.layer, Layer)
            image = Image.of(run.program, run.layer, inputs, run.part.outputs(shape, outputs))
            image = replace(
                image,
                registers=_registers(image, run),
                care=image.care if run.counts else [0] * len(image.care),
            )
            several = len(schedule.runs) > 1
            yield (f"{shape.name}[{number}]" if several else shape.name), image
