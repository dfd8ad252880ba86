"""The layers of a point: those of its network, with another batch or geometry if the point says so.

Real weights keep their shape. Where there are none, a layer of another weight shape gets a mask of
its own: uneven, of the same density, from the seed of the point.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from ...models.layer import LayerShape
from ...models.masks import SPREAD, seed_for, uneven_mask
from .spec_errors import nearest

__all__ = ["Loaded", "LoadedLayer", "Loader", "SweptLayer", "chosen_layers", "named_layers"]

_MAPS_ONLY = ("kernel", "stride", "padding", "dilation", "groups", "height", "width")
"""Geometry that an FC layer does not have."""


class LoadedLayer(Protocol):
    """A layer as a network gives it."""

    @property
    def shape(self) -> LayerShape:
        """Geometry."""

    @property
    def mask(self) -> NDArray[np.bool_]:
        """Kept weights, (out, in / groups, kh, kw)."""

    @property
    def source(self) -> str:
        """Where the mask comes from."""

    @property
    def weight(self) -> NDArray[np.float32] | None:
        """Real weights, None if there are none."""


class Loaded(Protocol):
    """A network with its masks."""

    @property
    def name(self) -> str:
        """Name of the network."""

    @property
    def layers(self) -> Sequence[LoadedLayer]:
        """The layers meant, in order."""

    @property
    def unsupported(self) -> tuple[str, ...]:
        """Nodes that take no cycles here."""


class Loader(Protocol):
    """Reads a network; it is handed to other processes, so it must be one that can be pickled."""

    def __call__(
        self, network: str, input_shape: tuple[int, ...] | None, ratio: float | None, seed: int
    ) -> Loaded:
        """Return ``NET`` or ``NET:LAYER`` pruned to a ratio (None: its own masks)."""


@dataclass(frozen=True, eq=False)
class SweptLayer:
    """A layer of a point.

    Attributes
    ----------
    shape : LayerShape
    mask : bool array (out, in / groups, kh, kw)
    source : str
        Where the mask comes from.
    """

    shape: LayerShape
    mask: NDArray[np.bool_]
    source: str

    @cached_property
    def kept(self) -> int:
        """Weights that are kept."""
        return int(np.count_nonzero(self.mask))


def chosen_layers(
    network: Loaded,
    names: Sequence[str] | None,
    geometry: Mapping[str, Any],
    batch: int | None,
    seed: int,
) -> tuple[SweptLayer, ...]:
    """Return the layers of a network that a point runs.

    Parameters
    ----------
    network : Loaded
    names : sequence of str or None
        Which, in this order; None: all.
    geometry : mapping of str to value
        Fields of `LayerShape` to change in every one of them.
    batch : int or None
        Images computed together; None: as the network says.
    seed : int
        Of masks that are made here.

    Raises
    ------
    InputError
        If there is no such layer, or a layer cannot have the geometry.
    """
    changes = dict(geometry) if batch is None else {**geometry, "batch": batch}
    return tuple(_changed(layer, changes, seed) for layer in named_layers(network, names))


def named_layers(network: Loaded, names: Sequence[str] | None) -> Sequence[LoadedLayer]:
    """Return the layers of the given names, in their order; None: all.

    Raises
    ------
    InputError
        If there is no such layer.
    """
    if names is None:
        return network.layers
    by_name = {layer.shape.name: layer for layer in network.layers}
    for name in names:
        if name not in by_name:
            raise InputError(
                f"layers: {network.name} has no layer {name!r}{nearest(name, by_name)}"
            )
    return [by_name[name] for name in names]


def _changed(layer: LoadedLayer, changes: Mapping[str, Any], seed: int) -> SweptLayer:
    name = layer.shape.name
    if layer.shape.kind == "fc":
        wrong = [field for field in _MAPS_ONLY if field in changes]
        if wrong:
            raise InputError(
                f"layer {name} is an FC layer and has no layer.{wrong[0]}; name the convolutions"
                " in layers"
            )
    shape = replace(layer.shape, **changes)
    if shape.weight_shape == layer.mask.shape:
        return SweptLayer(shape, layer.mask, layer.source)
    if layer.weight is not None:
        raise InputError(
            f"layer {name} has real weights {layer.weight.shape}, and these would have to be"
            f" {shape.weight_shape}; the geometry of weights is swept on networks of shapes only,"
            " such as alexnet"
        )
    density = np.count_nonzero(layer.mask) / layer.mask.size
    if density == 1:
        return SweptLayer(shape, np.ones(shape.weight_shape, np.bool_), layer.source)
    stream = seed_for(seed, name, "mask")
    return SweptLayer(shape, uneven_mask(shape.weight_shape, density, stream, SPREAD), "uneven")
