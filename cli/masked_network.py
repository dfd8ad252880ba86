"""The layers a command works on, each with a geometry and a mask, and what must be said of them.

Masks come from a file of masks if the user gives one, otherwise from the network's zeros where it
has some. Where a file holds shapes only, or the user asks for a ratio, they are made: by magnitude
from real weights, uneven and from a seed otherwise; each layer says which.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.layer import LayerShape
from ..models.masks import magnitude_mask
from ..models.network import Network, WeightLayer
from ..models.synthetic import synthetic_mask
from ..models.zoo import BundledNetwork, shapes_only
from .given_network import read_network
from .mask_file import MaskFile
from .network_argument import NetworkArgument

__all__ = [
    "MaskSource",
    "MaskedLayer",
    "MaskedNetwork",
    "check_ratio",
    "load_masked",
]

MaskSource = Literal["network", "magnitude", "uneven", "dense", "file"]
"""The network's own zeros, its smallest weights pruned, made up from a seed, nothing pruned, or a
file of masks."""


@dataclass(frozen=True, eq=False)
class MaskedLayer:
    """A layer as far as its cycles are concerned.

    Attributes
    ----------
    shape : LayerShape
        Geometry.
    mask : bool array (out, in / groups, kh, kw)
        Kept weights.
    source : MaskSource
        Where the mask comes from.
    weight : float32 array (out, in / groups, kh, kw) or None
        Real weights, None if there are none.
    """

    shape: LayerShape
    mask: NDArray[np.bool_]
    source: MaskSource
    weight: NDArray[np.float32] | None = None

    @property
    def name(self) -> str:
        """Name of the layer in its network."""
        return self.shape.name

    @cached_property
    def kept(self) -> int:
        """Weights that are kept."""
        return int(np.count_nonzero(self.mask))

    @property
    def density(self) -> float:
        """Kept weights / all weights."""
        return self.kept / self.shape.weights

    @property
    def ratio(self) -> float | None:
        """Pruning ratio, None for a layer without any weight left."""
        return self.shape.weights / self.kept if self.kept else None

    @property
    def effectual_macs(self) -> int:
        """Multiply-accumulates with a kept weight, over the whole batch."""
        return self.kept * self.shape.positions


@dataclass(frozen=True, eq=False)
class MaskedNetwork:
    """What one command works on.

    Attributes
    ----------
    name : str
        Name of the network.
    layers : tuple of MaskedLayer
        The layers meant, in order of execution.
    network : Network or None
        The graph, None for a bundled network of shapes only.
    unsupported : tuple of str
        Nodes that pass through and take no cycles here.
    notes : tuple of str
        What a user should know, a line each.
    """

    name: str
    layers: tuple[MaskedLayer, ...]
    network: Network | None
    unsupported: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def load_masked(
    argument: NetworkArgument,
    ratio: float | None,
    seed: int,
    input_shape: tuple[int, ...] | None = None,
    masks: Path | None = None,
) -> MaskedNetwork:
    """Return the layers of a network, or the one that is named, with their masks.

    Parameters
    ----------
    argument : NetworkArgument
        Network and layer.
    ratio : float or None
        Pruning ratio of every layer that `masks` does not name; None keeps the network's own masks.
    seed : int
        Seed of masks that are made up.
    input_shape : tuple of int or None
        See `read_network`.
    masks : Path or None
        An ``.npz`` file with masks of some layers or all (see `MaskFile.read`).

    Raises
    ------
    InputError
        If the network cannot be read, has no such layer or no layer at all, the ratio is below 1
        or not finite, or the masks do not fit the network.
    """
    check_ratio(ratio)
    bundled = shapes_only(argument.network)
    if bundled is not None:
        given = _given(masks, bundled.name, bundled.layers)
        return _shapes_only(bundled, argument.layer, ratio, seed, given)
    network = read_network(argument, input_shape).network
    if not network.layers:
        raise InputError(f"{network.name}: no convolution or FC layer, so there is nothing to do")
    named = argument.layer is not None
    chosen = (network.layer(argument.layer),) if argument.layer else network.layers
    given = _given(masks, network.name, [layer.shape for layer in network.layers])
    layers = tuple(
        _from_file(layer.shape, layer.weight, given) or _masked(layer, ratio, seed)
        for layer in chosen
    )
    notes = [
        *network.notes,
        *_file_notes(layers, given),
        *_notes(argument.network, layers, ratio, seed),
    ]
    unsupported = () if named else network.unsupported
    return MaskedNetwork(network.name, layers, network, unsupported, tuple(notes))


def check_ratio(ratio: float | None) -> None:
    """Refuse a pruning ratio that does not exist.

    Raises
    ------
    InputError
        If it is below 1 or not finite.
    """
    if ratio is not None and not (isfinite(ratio) and ratio >= 1):
        raise InputError(
            f"--ratio is all weights / kept weights, so it must be finite and at least 1, not"
            f" {ratio:g}"
        )


def _given(path: Path | None, network: str, shapes: Sequence[LayerShape]) -> MaskFile:
    return MaskFile() if path is None else MaskFile.read(path, network, shapes)


def _from_file(
    shape: LayerShape, weight: NDArray[np.float32] | None, given: MaskFile
) -> MaskedLayer | None:
    mask = given.masks.get(shape.name)
    return None if mask is None else MaskedLayer(shape, mask, "file", weight)


def _file_notes(layers: Sequence[MaskedLayer], given: MaskFile) -> list[str]:
    if not given.masks:
        return []
    notes = [given.note([layer.name for layer in layers])]
    for layer in layers:
        if layer.source == "file" and layer.weight is not None:
            zeros = int(np.count_nonzero(layer.mask & (layer.weight == 0)))
            if zeros:
                notes.append(f"layer {layer.name}: {given.name} keeps {zeros} weights that are 0")
    return notes


def _shapes_only(
    bundled: BundledNetwork, layer: str | None, ratio: float | None, seed: int, given: MaskFile
) -> MaskedNetwork:
    layers = tuple(
        _from_file(shape, None, given) or _without_weights(shape, bundled, ratio, seed)
        for shape in bundled.chosen(layer)
    )
    parts = ["shapes only, no weights are bundled"]
    if any(one.source == "uneven" for one in layers):
        where = f"the ratios of {bundled.ratios_from}" if ratio is None else f"ratio {ratio:g}"
        parts.append(f"synthetic uneven masks of {where}, seed {seed}")
    elif any(one.source == "dense" for one in layers):
        parts.append("run dense, no zeros to skip; --ratio R makes uneven masks")
    notes = (f"{bundled.name}: {'; '.join(parts)}", *_file_notes(layers, given))
    return MaskedNetwork(bundled.name, layers, None, (), notes)


def _without_weights(
    shape: LayerShape, bundled: BundledNetwork, ratio: float | None, seed: int
) -> MaskedLayer:
    pruned = bundled.ratios.get(shape.name) if ratio is None else ratio
    if pruned is None:
        dense = np.broadcast_to(np.True_, shape.weight_shape)  # of any size, without memory
        return MaskedLayer(shape, dense, "dense")
    return MaskedLayer(shape, synthetic_mask(shape, pruned, seed), "uneven")


def _masked(layer: WeightLayer, ratio: float | None, seed: int) -> MaskedLayer:
    source: MaskSource = "network" if layer.density < 1 else "dense"
    own = MaskedLayer(layer.shape, layer.mask, source, layer.weight)
    if ratio is None:
        return own
    if layer.weight is None:
        return replace(own, mask=synthetic_mask(layer.shape, ratio, seed), source="uneven")
    if layer.density <= 1 / ratio:
        return own  # pruned that far already: what is gone does not come back
    return replace(own, mask=magnitude_mask(layer.weight, 1 / ratio), source="magnitude")


def _notes(
    network: str, layers: tuple[MaskedLayer, ...], ratio: float | None, seed: int
) -> list[str]:
    notes = []
    layers = tuple(layer for layer in layers if layer.source != "file")
    shapes_only = [layer.name for layer in layers if layer.weight is None]
    if shapes_only:
        masks = (
            f"synthetic uneven masks of ratio {ratio:g}, seed {seed}"
            if ratio
            else "run dense, no zeros to skip; --ratio R makes uneven masks"
        )
        notes.append(f"no real weights in {network} for {', '.join(shapes_only)}: {masks}")
    elif layers and ratio is None and all(layer.source == "dense" for layer in layers):
        meant = layers[0].name if len(layers) == 1 else network
        notes.append(f"{meant} has no zero weights: nothing to skip; --ratio R prunes it first")
    if ratio is not None:
        further = [layer.name for layer in layers if layer.source == "network" and layer.kept]
        if further and ratio > 1:
            notes.append(
                f"already pruned to ratio {ratio:g} or further, kept as they are:"
                f" {', '.join(further)}"
            )
    return notes
