"""Images: what a network reads, checked before anything is computed from them."""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["check_images"]


def check_images(name: str, shape: tuple[int, ...], images: NDArray[np.floating]) -> None:
    """Refuse images that a network cannot read.

    Parameters
    ----------
    name : str
        Name of the network.
    shape : tuple of int
        Shape of one image.
    images : float array (images, ...)
        The images.

    Raises
    ------
    InputError
        If the shape is another one, there is no image, or a value is not finite.
    """
    if images.ndim != len(shape) + 1 or images.shape[1:] != shape or not len(images):
        expected = " x ".join(map(str, ("images", *shape)))
        raise InputError(
            f"{name}: images must be {expected}, not {' x '.join(map(str, images.shape))}"
        )
    if not np.isfinite(images).all():
        raise InputError(f"{name}: images must be finite; they hold NaN or infinite values")
