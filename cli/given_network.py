"""The network a command is given, and the real images that come with it or with an option.

An ``.onnx`` file or a bundled network has images only if they are given, except ``lenet5``, which
comes with digits that it was not trained on. A layer in an ``.npz`` file is a network of one layer,
and its activation is what it reads.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.arrays import read_arrays, real_numbers
from ..models.layer_file import read_layer_file
from ..models.network import Network
from ..models.onnx_io import load_network
from ..models.zoo.digits import heldout_digits
from .network_argument import NetworkArgument

__all__ = ["GivenNetwork", "RealImages", "read_network"]


@dataclass(frozen=True, eq=False)
class RealImages:
    """Images that were not made up.

    Attributes
    ----------
    values : float32 array (images, ...)
        One row for each image.
    each : str
        What one of them is, such as "held-out digit".
    whose : str
        Where they lie, such as "images.npz"; may be empty.
    """

    values: NDArray[np.float32]
    each: str
    whose: str = ""

    def first(self, count: int) -> str:
        """Say which the first so many are."""
        which = f"the first {self.each}" if count == 1 else f"the first {count} {self.each}s"
        return f"{which} of {self.whose}" if self.whose else which


@dataclass(frozen=True, eq=False)
class GivenNetwork:
    """A network, and real images that it can be run on, if there are any."""

    network: Network
    images: RealImages | None


def read_network(
    argument: NetworkArgument,
    input_shape: tuple[int, ...] | None = None,
    calibrate: Path | None = None,
) -> GivenNetwork:
    """Read the network of a command.

    Parameters
    ----------
    argument : NetworkArgument
        Which; its layer does not matter here.
    input_shape : tuple of int or None
        See `load_network`.
    calibrate : Path or None
        An ``.npz`` file with images, in the place of those that come with the network.

    Raises
    ------
    InputError
        If a file cannot be read or holds something else, the images do not fit the network, or
        a layer file is given an input shape.
    """
    images: RealImages | None = None
    if argument.is_layer_file:
        if input_shape is not None:
            raise InputError(
                f"{argument.network}: the file says what the layer reads (activation, or height"
                " and width); leave out --input-shape"
            )
        path = Path(argument.network)
        held = read_layer_file(path)
        network = held.network
        if held.activation is not None:
            images = RealImages(held.activation, "image", f"'activation' in {path.name}")
    else:
        network = load_network(argument.network, input_shape)
        if argument.network == "lenet5":
            images = RealImages(heldout_digits()[0], "held-out digit")
    if calibrate is not None:
        images = RealImages(_read_images(calibrate, network.input_shape[1:]), "image",
                            calibrate.name)  # fmt: skip
    return GivenNetwork(network, images)


def _read_images(path: Path, shape: tuple[int, ...]) -> NDArray[np.float32]:
    """Read the only array of a file, or the one named ``images``."""
    arrays = read_arrays(path)
    name = "images" if "images" in arrays else next(iter(arrays), "")
    expected = " x ".join(map(str, ("n", *shape)))
    if name != "images" and len(arrays) != 1:
        raise InputError(
            f"{path}: needs one array, or one called 'images', of {expected}; it holds"
            f" {', '.join(arrays) or 'none'}"
        )
    found = arrays[name].shape
    if found[1:] != shape or len(found) != len(shape) + 1:
        raise InputError(
            f"{path}: images must be {expected}, not"
            f" {' x '.join(map(str, found)) or 'a single value'}"
        )
    return real_numbers(path, arrays, name)
