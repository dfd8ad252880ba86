"""Where a simulation takes the zero activations from: real data, a file, or a stated density.

In the order in which they count: what an option says (``--activations``, ``--activation-density``
or the images of ``--calibrate``), then the real images that come with the network (the digits of
``lenet5``, the activation of a layer file). Images are run through the integer reference, so that
zero is what the hardware takes for zero: a value that is rounded to the zero point. Without any of
these every activation counts as active.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..hw.design import Design
from ..models.arrays import check_names, read_arrays, real_numbers
from ..models.layer import LayerShape
from ..models.masks import seed_for, uniform_mask
from .activity import Activity
from .integer_layer import QuantizationOptions, integer_layers
from .masked_network import MaskedLayer, MaskedNetwork
from .network_argument import NetworkArgument

__all__ = ["ActivityOptions", "with_activity"]

MOST_IMAGES = 65_535
"""Images that an EIE array counts; other designs would take minutes to cut more into runs."""


@dataclass(frozen=True)
class ActivityOptions:
    """What the command line says about activations.

    Attributes
    ----------
    quantization : QuantizationOptions
        Widths, and the images of ``--calibrate``.
    activations : Path or None
        An ``.npz`` file with the activations of layers, by name.
    density : float or None
        Activations that are not zero / all.
    images : int or None
        Images that a layer is run on together, None: one batch of the network.
    input_shape : tuple of int or None
        See `read_network`.
    seed : int
        Of what is made up.

    Raises
    ------
    InputError
        If more than one source is given, or a number is out of range.
    """

    quantization: QuantizationOptions
    activations: Path | None = None
    density: float | None = None
    images: int | None = None
    input_shape: tuple[int, ...] | None = None
    seed: int = 0

    def __post_init__(self) -> None:
        if len(self.sources) > 1:
            raise InputError(f"{' and '.join(self.sources)} both tell the activations; give one")
        if self.images is not None and not 1 <= self.images <= MOST_IMAGES:
            raise InputError(f"--images must be 1 to {MOST_IMAGES}, not {self.images}")
        if self.density is not None and not 0 < self.density <= 1:
            raise InputError(
                "--activation-density is non-zero activations / all, above 0 and at most 1, not"
                f" {self.density:g}"
            )

    @property
    def sources(self) -> list[str]:
        """Options that are given and tell the activations."""
        told = {
            "--calibrate": self.quantization.calibrate,
            "--activations": self.activations,
            "--activation-density": self.density,
        }
        return [option for option, value in told.items() if value is not None]


def with_activity(
    masked: MaskedNetwork, argument: NetworkArgument, design: Design, options: ActivityOptions
) -> MaskedNetwork:
    """Return the layers for so many images, and, where the design skips zeros, with their activity.

    Parameters
    ----------
    masked : MaskedNetwork
        The layers of `argument`.
    argument : NetworkArgument
        Network and layer.
    design : Design
        What they are to run on.
    options : ActivityOptions
        What the user said.

    Raises
    ------
    InputError
        If activations are told for a design that does not skip zeros, they do not fit the layers,
        there are too few, or the network cannot be run on its images.
    """
    if design.family != "eie":
        if options.sources:
            raise InputError(
                f"{options.sources[0]} tells which activations are zero; only eie-N skips them,"
                f" {design.name} does not: leave it out"
            )
        return masked.batched(options.images)
    if any(layer.shape.kind != "fc" for layer in masked.layers):
        return masked  # which the design refuses: no need to compute activations first
    if options.activations is not None:
        return _from_file(masked, options.activations, options.images)
    if options.density is not None:
        return _drawn(masked.batched(options.images), options.density, options.seed)
    if masked.has_images or options.quantization.calibrate is not None:
        return _from_images(masked, argument, design, options)
    return masked.batched(options.images)


def _from_images(
    masked: MaskedNetwork, argument: NetworkArgument, design: Design, options: ActivityOptions
) -> MaskedNetwork:
    """Run the network on its images, in the widths of the design."""
    if masked.network is None:
        raise InputError(
            f"{masked.name} has shapes only, so it cannot be run on images; leave out --calibrate"
            " and give --activations or --activation-density"
        )
    quantization = options.quantization
    if design.act_bits != quantization.widths[1]:
        quantization = replace(quantization, act_bits=design.act_bits)
    found = {
        one.layer.name: one
        for one in integer_layers(
            argument, quantization, None, options.seed, options.input_shape, options.images
        )
    }

    def activity(layer: MaskedLayer) -> Activity:
        one = found[layer.name]
        active = (one.features != one.layer.zero_point_in).reshape(len(one.features), -1)
        return Activity(active, one.calibration.kind, one.features_from)

    return masked.batched(options.images).with_activity([activity(one) for one in masked.layers])


def _drawn(masked: MaskedNetwork, density: float, seed: int) -> MaskedNetwork:
    source = f"uniform, density {density:g}, seed {seed}"

    def activity(shape: LayerShape) -> Activity:
        size = (shape.batch, shape.in_channels)
        drawn = uniform_mask(size, density, seed_for(seed, shape.name, "activations"))
        return Activity(drawn, "synthetic", source)

    return masked.with_activity([activity(layer.shape) for layer in masked.layers])


def _from_file(masked: MaskedNetwork, path: Path, images: int | None) -> MaskedNetwork:
    """Take the activations of each layer that the file names; they are real numbers, 0 is zero."""
    arrays = read_arrays(path)
    check_names(path, arrays, masked.all_names, f"the layers of {masked.name}")
    given = {
        layer.name: _rows(path, arrays, layer.shape, masked.images)
        for layer in masked.layers
        if layer.name in arrays
    }
    if not given:
        raise InputError(
            f"{path}: has no activations of {', '.join(layer.name for layer in masked.layers)}"
        )
    counts = {name: len(rows) for name, rows in given.items()}
    if images is None and len(set(counts.values())) > 1:
        told = ", ".join(f"{count} of {name}" for name, count in counts.items())
        raise InputError(f"{path}: not the same number of images: {told}; give --images N")
    count = min(counts.values()) if images is None else images
    for name, most in counts.items():
        if most < count:
            raise InputError(f"{path}: {name!r} has {most} images, fewer than --images {count}")

    def activity(layer: MaskedLayer) -> Activity | None:
        if layer.name not in given:
            return None
        rows = given[layer.name][:count].reshape(-1, layer.shape.in_channels)
        source = f"{layer.name!r} in {path.name}"
        return Activity(rows, "data", f"the first {count} of {source}" if images else source)

    return masked.batched(count).with_activity([activity(layer) for layer in masked.layers])


def _rows(
    path: Path, arrays: Mapping[str, NDArray[Any]], shape: LayerShape, images: int
) -> NDArray[np.bool_]:
    """Return which activations of a layer are not zero, (images, rows of one image, in)."""
    values = real_numbers(path, arrays, shape.name)
    each = shape.batch // images
    if values.ndim not in (2, 4) or not values.size or values[0].size != shape.in_channels:
        raise InputError(
            f"{path}: the activations {shape.name!r} must be (batch, {shape.in_channels}), not"
            f" {values.shape}"
        )
    if len(values) % each:
        raise InputError(
            f"{path}: layer {shape.name} reads {each} rows for each image; the {len(values)} rows"
            " of the file are no whole number of images"
        )
    active: NDArray[np.bool_] = (values != 0).reshape(-1, each, shape.in_channels)
    return active
