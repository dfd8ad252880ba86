"""The UCI handwritten digits as 28x28 images, the data set of the bundled LeNet-5.

Each 8x8 image (values 0 to 16) is enlarged three times and padded by two pixels to 28x28, and
scaled to 0..1. One fixed split: 30 % of each class, drawn with a seed, are held out. The held-out
images are bundled, so that measuring accuracy needs no scikit-learn; only training does.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998, https://doi.org/10.24432/C50P49, licence CC BY 4.0. scikit-learn bundles its
1,797 test images as ``load_digits``.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError

__all__ = [
    "HELDOUT_FRACTION",
    "HELDOUT_PATH",
    "SPLIT_SEED",
    "DigitsSplit",
    "enlarge",
    "heldout_digits",
    "split_digits",
]

HELDOUT_FRACTION = 0.3
"""Held-out share of each class: 539 of 1,797 images."""

SPLIT_SEED = 0
"""Seed of the split. Changing it makes the bundled network see its own test images."""

HELDOUT_PATH = Path(__file__).with_name("digits_heldout.npz")
"""The bundled held-out digits: ``images`` uint8 (n, 8, 8), ``labels`` and ``indices`` (n,)."""

LEVELS = 16
"""Largest grey value of the 8x8 images."""

SCALE, BORDER = 3, 2
"""8x8 enlarged by SCALE is 24x24; BORDER on each side makes it LeNet-5's 28x28."""


@dataclass(frozen=True, eq=False)
class DigitsSplit:
    """The 8x8 digits, split once and for all.

    Attributes
    ----------
    train_images, heldout_images : uint8 array (n, 8, 8)
        Grey values, 0 to 16.
    train_labels, heldout_labels : int64 array (n,)
        Classes, 0 to 9.
    heldout_indices : int64 array (n,)
        Ascending indices of the held-out images in ``load_digits``.
    """

    train_images: NDArray[np.uint8]
    train_labels: NDArray[np.int64]
    heldout_images: NDArray[np.uint8]
    heldout_labels: NDArray[np.int64]
    heldout_indices: NDArray[np.int64]


def enlarge(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Turn 8x8 digits into the input of LeNet-5.

    Parameters
    ----------
    images : uint8 array (n, 8, 8)
        Grey values, 0 to 16.

    Returns
    -------
    float32 array (n, 1, 28, 28)
        Grey values, 0 to 1; the border of two pixels is 0.

    Raises
    ------
    InputError
        If the images are not 8x8 or have values above 16.
    """
    if images.ndim != 3 or images.shape[1:] != (8, 8):
        raise InputError(f"digits: images must have shape (n, 8, 8), not {images.shape}")
    if images.size and images.max() > LEVELS:
        raise InputError(f"digits: grey values must be 0 to {LEVELS}, found {images.max()}")
    enlarged = images.repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    padded = np.pad(enlarged, ((0, 0), (BORDER, BORDER), (BORDER, BORDER)))
    return (padded / LEVELS).astype(np.float32)[:, None]


def heldout_digits() -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return the bundled held-out digits, which the bundled LeNet-5 was not trained on.

    Returns
    -------
    images : float32 array (n, 1, 28, 28)
        Grey values, 0 to 1.
    labels : int64 array (n,)
        Classes, 0 to 9.
    """
    with np.load(HELDOUT_PATH, allow_pickle=False) as bundled:
        return enlarge(bundled["images"]), bundled["labels"].astype(np.int64)


def split_digits() -> DigitsSplit:
    """Split the digits of scikit-learn into training and held-out images, each class alike.

    Raises
    ------
    InputError
        If scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError:
        raise InputError(
            "digits: the training images come with scikit-learn, which is not installed;"
            " install the train extra: pip install 'bosquet[train]'"
        ) from None
    flat, classes = load_digits(return_X_y=True)
    images = np.asarray(flat).reshape(-1, 8, 8).astype(np.uint8)
    labels = np.asarray(classes).astype(np.int64)
    heldout = np.zeros(len(labels), dtype=np.bool_)
    for digit in np.unique(labels):
        members = np.flatnonzero(labels == digit)
        # One stream per class: the split of one class does not depend on the size of another.
        order = np.random.default_rng((SPLIT_SEED, int(digit))).permutation(members)
        heldout[order[: round(HELDOUT_FRACTION * len(members))]] = True
    return DigitsSplit(
        train_images=images[~heldout],
        train_labels=labels[~heldout],
        heldout_images=images[heldout],
        heldout_labels=labels[heldout],
        heldout_indices=np.flatnonzero(heldout),
    )
