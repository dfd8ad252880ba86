"""The layers a command works on, each with a geometry and a mask, and what must be said of them.

Masks come from the network's zeros where it has some. Where a file holds shapes only, or the user
asks for a ratio, they are made: by magnitude from real weights, uneven and from a seed otherwise;
each layer says which.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from math import isfinite
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.layer import LayerShape
from ..models.masks import magnitude_mask
from ..models.network import Network, WeightLayer
from ..models.onnx_io import load_network
from ..models.synthetic import synthetic_mask
from ..models.zoo import BundledNetwork, shapes_only
from .network_argument import NetworkArgument

__all__ = [
    "MaskSource",
    "MaskedLayer",
    "MaskedNetwork",
    "check_ratio",
    "load_masked",
]

MaskSource = Literal["network", "magnitude", "uneven", "dense"]
"""The network's own zeros, its smallest weights pruned, made up from a seed, or nothing pruned."""


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
) -> MaskedNetwork:
    """Return the layers of a network, or the one that is named, with their masks.

    Parameters
    ----------
    argument : NetworkArgument
        Network and layer.
    ratio : float or None
        Pruning ratio of every layer; None keeps the network's own masks.
    seed : int
        Seed of masks that are made up.
    input_shape : tuple of int or None
        See `load_network`.

    Raises
    ------
    InputError
        If the network cannot be read, has no such layer or no layer at all, or the ratio is
        below 1 or not finite.
    """
    check_ratio(ratio)
    bundled = shapes_only(argument.network)
    if bundled is not None:
        return _shapes_only(bundled, argument.layer, ratio, seed)
    network = load_network(argument.network, input_shape)
    if not network.layers:
        raise InputError(f"{network.name}: no convolution or FC layer, so there is nothing to do")
    named = argument.layer is not None
    chosen = (network.layer(argument.layer),) if argument.layer else network.layers
    layers = tuple(_masked(layer, ratio, seed) for layer in chosen)
    notes = [*network.notes, *_notes(argument.network, layers, ratio, seed)]
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


def _shapes_only(
    bundled: BundledNetwork, layer: str | None, ratio: float | None, seed: int
) -> MaskedNetwork:
    layers = []
    for shape in bundled.chosen(layer):
        pruned = bundled.ratios.get(shape.name) if ratio is None else ratio
        if pruned is None:
            dense = np.broadcast_to(np.True_, shape.weight_shape)  # of any size, without memory
            layers.append(MaskedLayer(shape, dense, "dense"))
        else:
            layers.append(MaskedLayer(shape, synthetic_mask(shape, pruned, seed), "uneven"))
    if ratio is None and not bundled.ratios:
        masks = "run dense, no zeros to skip; --ratio R makes uneven masks"
    else:
        where = f"the ratios of {bundled.ratios_from}" if ratio is None else f"ratio {ratio:g}"
        masks = f"synthetic uneven masks of {where}, seed {seed}"
    notes = (f"{bundled.name}: shapes only, no weights are bundled; {masks}",)
    return MaskedNetwork(bundled.name, tuple(layers), None, (), notes)


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
    shapes_only = [layer.name for layer in layers if layer.weight is None]
    if shapes_only:
        masks = (
            f"synthetic uneven masks of ratio {ratio:g}, seed {seed}"
            if ratio
            else "run dense, no zeros to skip; --ratio R makes uneven masks"
        )
        notes.append(f"no real weights in {network} for {', '.join(shapes_only)}: {masks}")
    elif ratio is None and all(layer.source == "dense" for layer in layers):
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
