"""Layers of which only the shape is known: a mask, weights and scales drawn from a seed.

They are shaped like those of a pruned and quantized network, and depend on the seed and the layer's
name alone, so that one layer of a network can be made without the others. Whatever is computed with
them must be labelled synthetic.
"""

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from .layer import Layer, LayerShape, Requantization
from .masks import SPREAD, seed_for, uneven_mask
from .scales import fixed_point

__all__ = ["synthetic_layer", "synthetic_mask"]


def synthetic_mask(
    shape: LayerShape, ratio: float, seed: int, spread: float = SPREAD
) -> NDArray[np.bool_]:
    """Return an uneven mask (out, in / groups, kh, kw) that depends on the layer's name and seed.

    Parameters
    ----------
    shape : LayerShape
        Geometry.
    ratio : float
        Pruning ratio, all weights / kept weights, at least 1.
    seed : int
        Seed of the network; each layer draws from its own stream.
    spread : float
        See ``uneven_mask``.

    Raises
    ------
    InputError
        If the ratio is below 1 or not finite, or the seed or the spread is negative.
    """
    if not 1 <= ratio < np.inf:
        raise InputError(
            f"layer {shape.name}: the pruning ratio must be finite and at least 1, not {ratio}"
        )
    return uneven_mask(shape.weight_shape, 1 / ratio, seed_for(seed, shape.name, "mask"), spread)


def synthetic_layer(
    shape: LayerShape, ratio: float, weight_bits: int, act_bits: int, seed: int
) -> Layer:
    """Return a made-up quantized layer with an uneven mask.

    Magnitudes above the pruning threshold fall off exponentially (weights are roughly Laplace-
    distributed) and fill ``weight_bits``; a kept weight is never zero. Inputs and outputs stand
    for ReLU outputs: their zero point is the lowest activation. Each channel is scaled so that
    its outputs spread over the range of ``act_bits`` as its inputs do.

    Parameters
    ----------
    shape : LayerShape
        Geometry.
    ratio : float
        Pruning ratio, all weights / kept weights, at least 1.
    weight_bits, act_bits : int
        Widths, 2 to 16.
    seed : int
        Seed of the network; each layer draws from its own stream.

    Raises
    ------
    InputError
        If the ratio is below 1 or not finite, a width is out of range or the seed is negative.
    """
    for field, bits in (("weight_bits", weight_bits), ("act_bits", act_bits)):
        if not 2 <= bits <= 16:
            raise InputError(f"layer {shape.name}: {field} must be between 2 and 16, not {bits}")
    mask = synthetic_mask(shape, ratio, seed)
    rng = np.random.default_rng(seed_for(seed, shape.name, "weights"))

    largest = (1 << (weight_bits - 1)) - 1
    kept = np.count_nonzero(mask)
    # A quarter of the range as mean: the top e**-4 of the weights, 2 %, is clipped.
    magnitude = 1 + np.floor(rng.exponential(largest / 4, kept))
    signed = np.minimum(magnitude, largest) * rng.choice((-1, 1), kept)
    weight = np.zeros(shape.weight_shape, np.int64)
    weight[mask] = signed.astype(np.int64)

    # With inputs of root mean square rms around their zero point and random signs, accumulators
    # have rms * norm: dividing by norm keeps the outputs spread as the inputs were.
    norm = np.maximum(1.0, np.sqrt(np.einsum("oikl,oikl->o", weight, weight)))
    half = 1 << (act_bits - 1)
    input_rms = half / 2
    bias = np.rint(rng.normal(0, 0.25 * input_rms, shape.out_channels) * norm).astype(np.int64)
    multiplier, shift = fixed_point(f"layer {shape.name}", 1 / norm)
    return Layer(
        shape=shape,
        weight=weight,
        mask=mask,
        bias=bias,
        requantization=Requantization(
            multiplier=multiplier, shift=shift, zero_point=-half, low=-half, high=half - 1
        ),
        zero_point_in=-half,
        weight_bits=weight_bits,
        act_bits=act_bits,
    )
