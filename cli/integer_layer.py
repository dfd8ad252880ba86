"""A layer with the integers it computes with, and the activations it is run on.

What `emit` and `verify` put into the RTL: weights quantized by the file's own scales or after
training, and real activations where there are images to compute them from. Whatever is made up
is called synthetic.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from ..engine.graph import activation_ranges
from ..engine.integer import run
from ..errors import InputError
from ..models.layer import Layer, WeightCode
from ..models.masks import magnitude_mask, seed_for
from ..models.network import Network
from ..models.onnx_io import load_network
from ..models.qdq import float_form, quantized_from_qdq
from ..models.quantize import quantize
from ..models.quantized import QuantizedNetwork
from ..models.synthetic import synthetic_layer
from ..models.zoo import BundledNetwork, shapes_only
from ..models.zoo.digits import heldout_digits
from .masked_network import check_ratio
from .network_argument import NetworkArgument

__all__ = ["BITS", "Calibration", "IntegerLayer", "QuantizationOptions", "integer_layers"]

BITS = 8
"""Width of weights and activations where none is asked for."""

DEFAULT_CODE: WeightCode = "twos_complement"
"""Code of the weights where none is asked for."""

SYNTHETIC_IMAGES = 8
"""Made-up images that ranges are taken from where no calibration data is given."""


@dataclass(frozen=True)
class QuantizationOptions:
    """What the command line says about quantization.

    Attributes
    ----------
    weight_bits, act_bits : int or None
        Widths; None keeps those of a Q/DQ model, or takes ``BITS``.
    calibrate : Path or None
        An ``.npz`` file with the calibration images.
    weight_code : {"twos_complement", "zero_free"}
    """

    weight_bits: int | None = None
    act_bits: int | None = None
    calibrate: Path | None = None
    weight_code: WeightCode = DEFAULT_CODE

    @property
    def widths(self) -> tuple[int, int]:
        """Widths of weights and activations, ``BITS`` where none is asked for."""
        weight, act = self.weight_bits, self.act_bits
        return BITS if weight is None else weight, BITS if act is None else act


@dataclass(frozen=True)
class Calibration:
    """Where the scales come from.

    Attributes
    ----------
    kind : {"q/dq", "data", "synthetic"}
        The file's own, calibration images, or made-up images (of shapes only, the layer itself).
    images : int or None
        Images that were used, None where the file does not say.
    """

    kind: Literal["q/dq", "data", "synthetic"]
    images: int | None


@dataclass(frozen=True, eq=False)
class IntegerLayer:
    """A quantized layer, its input, and where both come from.

    Attributes
    ----------
    network : str
        Name of the network.
    layer : Layer
        The layer.
    features : int64 array (batch, in, height, width)
        Activations it reads.
    features_from : str
        Where they come from, for a reader.
    calibration : Calibration
        Where the scales come from.
    notes : tuple of str
        What a user should know, a line each.
    """

    network: str
    layer: Layer
    features: NDArray[np.int64]
    features_from: str
    calibration: Calibration
    notes: tuple[str, ...] = ()

    @property
    def batched(self) -> Layer:
        """The layer for as many images as there are activations of."""
        shape = replace(self.layer.shape, batch=len(self.features))
        return replace(self.layer, shape=shape)

    def quantization(self) -> dict[str, Any]:
        """Return the ``quantization`` of a JSON document."""
        return {
            "weight_bits": self.layer.weight_bits,
            "weight_code": self.layer.weight_code,
            "act_bits": self.layer.act_bits,
            "calibration": self.calibration.kind,
            "images": self.calibration.images,
            "images_reason": None
            if self.calibration.images is not None
            else "the scales are those of the Q/DQ nodes",
            "features": self.features_from,
        }


def integer_layers(
    argument: NetworkArgument,
    options: QuantizationOptions,
    ratio: float | None,
    seed: int,
    input_shape: tuple[int, ...] | None = None,
    images: int | None = None,
) -> tuple[IntegerLayer, ...]:
    """Return the layer that is named, or every layer, ready to be run.

    Parameters
    ----------
    argument : NetworkArgument
        Network and layer.
    options : QuantizationOptions
        Widths and calibration images.
    ratio : float or None
        Pruning ratio to prune the layers to, None to leave them as they are.
    seed : int
        Seed of whatever is made up.
    input_shape : tuple of int or None
        See `load_network`.
    images : int or None
        Images to compute activations of, None for one batch of the network.

    Raises
    ------
    InputError
        If the network cannot be read or executed (the node is named), has no real weights or no
        such layer, or the calibration images do not fit it.
    """
    check_ratio(ratio)
    if images is not None and images < 1:
        raise InputError(f"--images must be at least 1, not {images}")
    bundled = shapes_only(argument.network)
    if bundled is not None:
        return _made_up(bundled, argument.layer, options, ratio, seed, images or 1)
    network = load_network(argument.network, input_shape)
    network.require_executable()
    if argument.layer is not None:
        network.layer(argument.layer)
    count = images or network.input_shape[0]
    known, described, given = _images(argument.network, network, options.calibrate, seed, count)
    quantized, calibration = _quantized(network, options, known, given)
    inputs = run(quantized, known[:count]).layer_inputs
    names = [argument.layer] if argument.layer else [layer.name for layer in quantized.layers]
    made = []
    for name in names:
        layer, notes = _pruned(quantized.layer(name), ratio)
        rounded = quantized.rounded_to_zero.get(name, 0)
        if rounded:
            notes = (*notes, f"layer {name}: {rounded} kept weights are so small they became 0")
        told = (*quantized.notes, *notes)
        made.append(IntegerLayer(quantized.name, layer, inputs[name], described, calibration, told))
    return tuple(made)


def _pruned(layer: Layer, ratio: float | None) -> tuple[Layer, tuple[str, ...]]:
    """Prune a layer by magnitude, unless it is pruned that far already."""
    if ratio is None or layer.density <= 1 / ratio:
        return layer, ()
    kept = magnitude_mask(layer.weight, 1 / ratio) & layer.mask
    note = f"layer {layer.name}: pruned by magnitude to ratio {ratio:g} and not retrained"
    return layer.pruned(kept), (note,)


def _made_up(
    bundled: BundledNetwork,
    layer: str | None,
    options: QuantizationOptions,
    ratio: float | None,
    seed: int,
    images: int,
) -> tuple[IntegerLayer, ...]:
    note = (
        f"{bundled.name}: shapes only, no weights are bundled; weights, biases, scales and"
        f" activations are synthetic, seed {seed}"
    )
    made = []
    for shape in bundled.chosen(layer):
        pruned = bundled.ratios.get(shape.name, 1.0) if ratio is None else ratio
        one = synthetic_layer(shape, pruned, *options.widths, seed)
        one = replace(one, shape=replace(one.shape, batch=images))
        made.append(
            IntegerLayer(
                bundled.name,
                one,
                _relu_like(one, seed),
                f"synthetic, seed {seed}",
                Calibration("synthetic", 0),
                (note,),
            )
        )
    return tuple(made)


def _relu_like(layer: Layer, seed: int) -> NDArray[np.int64]:
    """Return activations as a ReLU leaves them, about half of them zero, for a made-up layer."""
    shape = layer.shape
    rng = np.random.default_rng(seed_for(seed, shape.name, "features"))
    half = 1 << (layer.act_bits - 1)
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    values = np.rint(np.maximum(0, rng.normal(0, half / 2, size))).astype(np.int64)
    return np.minimum(layer.zero_point_in + values, half - 1)


def _images(
    name: str, network: Network, calibrate: Path | None, seed: int, least: int
) -> tuple[NDArray[np.floating], str, bool]:
    """Return at least so many images, where they come from, and whether they are real."""
    if calibrate is not None:
        images = _read_images(calibrate, network.input_shape[1:])
        described, given = f"{_first(least, 'image')} of {calibrate.name}", True
    elif name == "lenet5":
        images, _ = heldout_digits()
        described, given = _first(least, "held-out digit"), True
    else:
        rng = np.random.default_rng(seed_for(seed, "images"))
        count = max(least, SYNTHETIC_IMAGES)
        images = rng.normal(0, 1, (count, *network.input_shape[1:])).astype(np.float32)
        described, given = f"synthetic images, seed {seed}", False
    if len(images) < least:
        raise InputError(
            f"{name}: {least} images are to be computed; the calibration data has {len(images)}"
        )
    return images, described, given


def _first(count: int, what: str) -> str:
    return f"the first {what}" if count == 1 else f"the first {count} {what}s"


def _read_images(path: Path, shape: tuple[int, ...]) -> NDArray[np.floating]:
    """Read the calibration images: the only array of the file, or the one named ``images``."""
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (ValueError, AttributeError, EOFError) as error:
        raise InputError(f"{path}: not an .npz file of arrays without pickles") from error
    named = arrays.get("images", next(iter(arrays.values())) if len(arrays) == 1 else None)
    expected = " x ".join(map(str, ("n", *shape)))
    if named is None:
        raise InputError(
            f"{path}: needs one array, or one called 'images', of {expected}; it holds"
            f" {', '.join(arrays) or 'none'}"
        )
    if named.ndim != len(shape) + 1 or named.shape[1:] != shape or named.dtype.kind not in "fiu":
        found = " x ".join(map(str, named.shape)) or "a single value"
        raise InputError(
            f"{path}: calibration images must be numbers, {expected}, not {found} of {named.dtype}"
        )
    images: NDArray[np.floating] = named.astype(np.float32)
    return images


def _quantized(
    network: Network, options: QuantizationOptions, images: NDArray[np.floating], given: bool
) -> tuple[QuantizedNetwork, Calibration]:
    own = options.weight_bits is None and options.act_bits is None
    if network.is_quantized and own and options.weight_code == DEFAULT_CODE:
        return quantized_from_qdq(network), Calibration("q/dq", None)
    if network.is_quantized:
        network = float_form(network)
    ranges = activation_ranges(network, images)
    made = quantize(network, *options.widths, ranges, options.weight_code)
    return made, Calibration("data" if given else "synthetic", len(images))
