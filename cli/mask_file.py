"""Masks from an ``.npz`` file: one array for each layer that is to have another mask."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.arrays import check_names, read_arrays
from ..models.layer import LayerShape

__all__ = ["MaskFile"]


@dataclass(frozen=True, eq=False)
class MaskFile:
    """The masks that a user gives.

    Attributes
    ----------
    name : str
        Name of the file, empty without one.
    masks : dict of str to bool array (out, in / groups, kh, kw)
        Kept weights of a layer, by its name.
    """

    name: str = ""
    masks: dict[str, NDArray[np.bool_]] = field(default_factory=dict)

    @classmethod
    def read(cls, path: Path, network: str, shapes: Sequence[LayerShape]) -> "MaskFile":
        """Read masks: bool or 0 and 1, shaped as the weights; (out, in) will do for an FC layer.

        Parameters
        ----------
        path : Path
            The file.
        network : str
            Name of the network, for messages.
        shapes : sequence of LayerShape
            All layers of the network.

        Raises
        ------
        InputError
            If the file cannot be read or is empty, a name is not that of a layer, an array has
            another shape than the layer's weights or other values, or keeps nothing.
        """
        arrays = read_arrays(path)
        legal = {shape.name: shape for shape in shapes}
        check_names(path, arrays, list(legal), f"the layers of {network}")
        if not arrays:
            raise InputError(f"{path}: holds no mask; name each after a layer of {network}")
        return cls(
            path.name, {name: _mask(path, array, legal[name]) for name, array in arrays.items()}
        )

    def note(self, layers: Sequence[str]) -> str:
        """Say which of some layers have a mask of the file, and which have none of it."""
        given = [name for name in layers if name in self.masks]
        rest = [name for name in layers if name not in self.masks]
        parts = [f"masks of {', '.join(given)} from {self.name}"] if given else []
        if rest:
            parts.append(f"not in {self.name}, as without it: {', '.join(rest)}")
        return "; ".join(parts)


def _mask(path: Path, array: NDArray[np.generic], shape: LayerShape) -> NDArray[np.bool_]:
    wanted = shape.weight_shape
    flat = array.ndim == 2 and shape.kind == "fc"
    if array.shape != (wanted[:2] if flat else wanted):
        also = f" or {wanted[:2]}" if shape.kind == "fc" else ""
        raise InputError(
            f"{path}: the mask {shape.name!r} must have the shape of the layer's weights,"
            f" {wanted}{also}, not {array.shape}"
        )
    if array.dtype.kind not in "biuf" or not np.isin(array, (0, 1)).all():
        found = f", found {_other(array)}" if array.dtype.kind in "iuf" else ""
        raise InputError(
            f"{path}: the mask {shape.name!r} must be bool, or 0 (pruned) and 1 (kept), not"
            f" {array.dtype}{found}"
        )
    if not array.any():
        raise InputError(f"{path}: the mask {shape.name!r} keeps no weight")
    mask: NDArray[np.bool_] = array.astype(np.bool_).reshape(wanted)
    return mask


def _other(array: NDArray[np.generic]) -> str:
    """Return the first value that is neither 0 nor 1."""
    return f"{array[~np.isin(array, (0, 1))][0]}"
