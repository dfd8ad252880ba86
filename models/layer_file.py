"""A single layer given as arrays in an ``.npz`` file, without any network: a network of one layer.

============  ===================================================================================
array         meaning
============  ===================================================================================
weight        (out, in / groups, kh, kw), or (out, in) of an FC layer; zeros are pruned
bias          (out,); zeros without it
activation    (batch, in, h, w) or (batch, in): what the layer reads
height,width  size of the input map, where there is no activation
stride        one number, or rows and columns; 1 without it
padding       one number, rows and columns, or top, left, bottom and right; 0 without it
dilation      one number, or rows and columns; 1 without it
groups        1 without it
============  ===================================================================================
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .arrays import check_names, read_arrays, real_numbers, sizes
from .layer import LayerShape
from .network import Network, Node, WeightLayer
from .operations import Weighted

__all__ = ["ARRAYS", "LayerFile", "read_layer_file"]

Arrays = Mapping[str, NDArray[Any]]

ARRAYS = ("weight", "bias", "activation", "stride", "padding", "dilation", "groups", "height",
          "width")  # fmt: skip
"""Names of the arrays that a layer file may hold; only ``weight`` must be there."""

_OF_CONVOLUTIONS = ("stride", "padding", "dilation", "groups", "height", "width")


@dataclass(frozen=True, eq=False)
class LayerFile:
    """What a layer file holds.

    Attributes
    ----------
    network : Network
        Of the one layer; both are called as the file, without its ending.
    activation : float32 array (batch, in, height, width) or (batch, in), or None
        What the layer reads, if the file says so.
    """

    network: Network
    activation: NDArray[np.float32] | None


def read_layer_file(path: Path) -> LayerFile:
    """Read a layer.

    Raises
    ------
    InputError
        If the file cannot be read, holds other arrays than those above or lacks one, or shapes,
        types or values do not fit each other.
    """
    arrays = read_arrays(path)
    check_names(path, arrays, ARRAYS, "the arrays of a layer")
    if "weight" not in arrays:
        raise InputError(
            f"{path}: has no array 'weight', (out, in / groups, kh, kw) or (out, in); it holds"
            f" {', '.join(arrays) or 'none'}"
        )
    weight = real_numbers(path, arrays, "weight")
    if weight.ndim not in (2, 4) or not weight.size:
        raise InputError(
            f"{path}: 'weight' must be (out, in / groups, kh, kw) of a convolution or (out, in) of"
            f" an FC layer, none of them 0, not {weight.shape}"
        )
    activation = real_numbers(path, arrays, "activation") if "activation" in arrays else None
    given = None if activation is None else activation.shape
    shape = (_conv_shape if weight.ndim == 4 else _fc_shape)(path, arrays, weight.shape, given)
    bias = np.zeros(shape.out_channels)
    if "bias" in arrays:
        bias = real_numbers(path, arrays, "bias").astype(np.float64)
        if bias.shape != (shape.out_channels,):
            raise InputError(
                f"{path}: 'bias' must be ({shape.out_channels},) for a weight of {weight.shape},"
                f" not {bias.shape}"
            )
    weight = weight.reshape(shape.weight_shape)
    layer = WeightLayer(shape, weight != 0, weight, bias, node=shape.name)
    return LayerFile(_network(layer), activation)


def _network(layer: WeightLayer) -> Network:
    shape = layer.shape
    convolution = shape.kind == "conv"
    inputs = (shape.in_channels, *((shape.height, shape.width) if convolution else ()))
    outputs = (shape.out_channels, *((shape.out_height, shape.out_width) if convolution else ()))
    shapes = {"activation": (shape.batch, *inputs), "output": (shape.batch, *outputs)}
    node = Node(
        shape.name, "Conv" if convolution else "Gemm", ("activation",), ("output",),
        Weighted(shape.name),
    )  # fmt: skip
    return Network(
        shape.name, "activation", shapes["activation"], ("output",), (node,), shapes, (layer,)
    )


def _fc_shape(
    path: Path, arrays: Arrays, weight: tuple[int, ...], activation: tuple[int, ...] | None
) -> LayerShape:
    out, inputs = weight
    for name in _OF_CONVOLUTIONS:
        if name in arrays:
            raise InputError(
                f"{path}: {name!r} is of convolutions; a weight of {weight} is an FC layer (a"
                " convolution has (out, in / groups, kh, kw))"
            )
    if activation is not None and (len(activation) != 2 or activation[1] != inputs):
        raise _unfit(path, activation, f"(batch, {inputs})", weight)
    return LayerShape(path.stem, "fc", inputs, out, batch=_batch(path, activation))


def _conv_shape(
    path: Path, arrays: Arrays, weight: tuple[int, ...], activation: tuple[int, ...] | None
) -> LayerShape:
    (groups,) = sizes(path, arrays, "groups", (1,), 1) if "groups" in arrays else (1,)
    channels = weight[1] * groups
    if weight[0] % groups:
        raise InputError(
            f"{path}: {groups} groups do not divide the {weight[0]} outputs of 'weight' {weight}"
        )
    if activation is not None and (len(activation) != 4 or activation[1] != channels):
        raise _unfit(path, activation, f"(batch, {channels}, h, w)", weight, groups)
    height, width = _map_size(path, arrays, activation)
    stride, dilation = (
        _pair(sizes(path, arrays, name, (1, 2), 1)) if name in arrays else (1, 1)
        for name in ("stride", "dilation")
    )
    padding = sizes(path, arrays, "padding", (1, 2, 4), 0) if "padding" in arrays else (0,)
    top, left, bottom, right = padding if len(padding) == 4 else 2 * _pair(padding)
    return LayerShape(
        path.stem,
        "conv",
        channels,
        weight[0],
        (weight[2], weight[3]),
        stride,
        (top, left, bottom, right),
        dilation,
        groups,
        height,
        width,
        _batch(path, activation),
    )


def _map_size(path: Path, arrays: Arrays, activation: tuple[int, ...] | None) -> tuple[int, int]:
    """Return rows and columns of the input, from the activation or the two sizes."""
    given = {
        name: sizes(path, arrays, name, (1,), 1)[0]
        for name in ("height", "width")
        if name in arrays
    }
    if activation is None:
        if len(given) < 2:
            missing = " and ".join(repr(name) for name in ("height", "width") if name not in given)
            raise InputError(
                f"{path}: a convolution needs its input's size: 'activation' (batch, in, h, w),"
                f" or 'height' and 'width'; {missing} missing"
            )
        return given["height"], given["width"]
    found = dict(zip(("height", "width"), activation[2:], strict=True))
    for name, size in given.items():
        if size != found[name]:
            raise InputError(
                f"{path}: {name!r} is {size}, but 'activation' has the shape {activation}; leave"
                f" {name!r} out"
            )
    return found["height"], found["width"]


def _batch(path: Path, activation: tuple[int, ...] | None) -> int:
    if activation is not None and 0 in activation:
        raise InputError(f"{path}: 'activation' is empty: {activation}")
    return 1 if activation is None else activation[0]


def _pair(numbers: tuple[int, ...]) -> tuple[int, int]:
    """Return rows and columns of one number, or of two."""
    return numbers[0], numbers[-1]


def _unfit(
    path: Path, found: tuple[int, ...], wanted: str, weight: tuple[int, ...], groups: int = 1
) -> InputError:
    grouped = f" in {groups} groups" if groups > 1 else ""
    return InputError(
        f"{path}: 'activation' must be {wanted} for a weight of {weight}{grouped}, not {found}"
    )
