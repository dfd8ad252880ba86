"""Named arrays from an ``.npz`` file, checked so that a user is told what is wrong with which."""

import zipfile
import zlib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError

__all__ = ["check_names", "read_arrays", "real_numbers", "sizes"]


def read_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an ``.npz`` file by name.

    Raises
    ------
    InputError
        If the file cannot be read, is no ``.npz`` file or holds Python objects.
    """
    try:
        # Opened here: numpy leaves a file open that it finds damaged.
        with path.open("rb") as raw, np.load(raw, allow_pickle=False) as file:
            return {name: file[name] for name in file.files}
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    except (
        ValueError,
        AttributeError,
        TypeError,
        EOFError,
        zipfile.BadZipFile,
        zlib.error,
    ) as error:
        raise InputError(f"{path}: not an .npz file of arrays without pickles") from error


def check_names(path: Path, found: Collection[str], legal: Collection[str], what: str) -> None:
    """Refuse a file that holds an array of another name than those that have a meaning.

    Parameters
    ----------
    path : Path
        The file.
    found, legal : collection of str
        Names it holds, and may hold.
    what : str
        What the legal names are, such as "the layers of lenet5".

    Raises
    ------
    InputError
        For the first such name; the nearest legal one is told.
    """
    for name in found:
        if name not in legal:
            near = get_close_matches(name, legal, n=1, cutoff=0.5)
            nearest = f" (nearest: {near[0]!r})" if near else ""
            raise InputError(
                f"{path}: unknown array {name!r}{nearest}; {what} are {', '.join(legal)}"
            )


def real_numbers(path: Path, arrays: Mapping[str, NDArray[Any]], name: str) -> NDArray[np.float32]:
    """Return an array of real numbers.

    Raises
    ------
    InputError
        If its type is another one, or a value is NaN or infinite, as a float32 too.
    """
    array = arrays[name]
    if array.dtype.kind not in "fiu":
        raise InputError(
            f"{path}: {name!r} must hold real numbers (float or integer), not {array.dtype}"
        )
    with np.errstate(over="ignore"):
        values = array.astype(np.float32)
    if not np.isfinite(values).all():
        nan = int(np.isnan(values).sum())
        infinite = int(np.isinf(values).sum())
        raise InputError(
            f"{path}: {name!r} must be finite; it holds {nan} NaN and {infinite} infinite values"
        )
    return values


def sizes(
    path: Path, arrays: Mapping[str, NDArray[Any]], name: str, lengths: tuple[int, ...], least: int
) -> tuple[int, ...]:
    """Return an array of one or a few whole numbers.

    Parameters
    ----------
    path : Path
        The file.
    arrays : mapping of str to array
        What it holds.
    name : str
        Name of the array.
    lengths : tuple of int
        Numbers it may hold; a single value counts as 1.
    least : int
        The smallest that is allowed.

    Raises
    ------
    InputError
        If there are other numbers of them, or a value is not whole or below `least`.
    """
    array = arrays[name]
    values = array.reshape(-1)
    if array.ndim > 1 or array.dtype.kind not in "iu" or values.size not in lengths:
        wanted = " or ".join(map(str, lengths))
        raise InputError(
            f"{path}: {name!r} must be {wanted} whole number{'s' if lengths != (1,) else ''}, not"
            f" {array.dtype} of shape {array.shape}"
        )
    if values.min() < least:
        raise InputError(f"{path}: {name!r} must be at least {least}, not {values.min()}")
    return tuple(values.tolist())
