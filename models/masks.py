"""Masks: which weights of a layer are kept, for a wanted density.

``magnitude_mask`` prunes real weights; ``uniform_mask`` and ``uneven_mask`` are made up, for
layers of which only the shape is known. Each keeps exactly ``round(density * weights)`` weights.
Real pruned networks have uneven filters, and the busiest lane decides the time, so ``uneven_mask``
is the one to simulate with. ``grouped_mask`` lets filters that follow each other keep the same
positions.
"""

import hashlib
from collections.abc import Callable
from math import prod

import numpy as np
from numpy.random import Generator, SeedSequence, default_rng
from numpy.typing import NDArray

from ..errors import InputError

__all__ = [
    "SPREAD",
    "grouped_mask",
    "kept_weights",
    "magnitude_mask",
    "norms_of_groups",
    "seed_for",
    "uneven_mask",
    "uniform_mask",
]

SPREAD = 0.3
"""Coefficient of variation of the filter densities of an uneven mask (by definition)."""


def seed_for(seed: int, *key: str | int) -> SeedSequence:
    """Return the seed of one use, such as ``seed_for(7, "conv2", "mask")``.

    It depends on the seed and the key alone, so that layers can be made in any order, or one
    without the others.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    if seed < 0:
        raise InputError(f"the seed must not be negative: {seed}")
    digest = hashlib.sha256(repr(key).encode()).digest()
    return SeedSequence(seed, spawn_key=tuple(np.frombuffer(digest, "<u4").tolist()))


def kept_weights(weights: int, density: float) -> int:
    """Return ``round(density * weights)``, halves to even: the weights that a mask keeps.

    Raises
    ------
    InputError
        If the density is not in (0, 1].
    """
    if not 0 < density <= 1:
        raise InputError(f"density must be above 0 and at most 1, not {density}")
    return round(density * weights)


def magnitude_mask(weight: NDArray[np.number], density: float) -> NDArray[np.bool_]:
    """Keep the largest magnitudes of a layer; of equal ones, those with the lower flat index.

    Parameters
    ----------
    weight : int or float array, any shape
        Weights of one layer.
    density : float
        Kept / all, in (0, 1].

    Raises
    ------
    InputError
        If the density is not in (0, 1] or a weight is not finite.
    """
    kept = kept_weights(weight.size, density)
    if not np.isfinite(weight).all():
        raise InputError("weights must be finite to be pruned by magnitude, found NaN or Inf")
    if not kept:
        return np.zeros(weight.shape, np.bool_)
    # Integers are widened first: the magnitude of the most negative one does not fit its type.
    integers = np.issubdtype(weight.dtype, np.integer)
    magnitude = np.abs(weight.astype(np.int64) if integers else weight).ravel()
    threshold = np.partition(magnitude, weight.size - kept)[weight.size - kept]
    mask: NDArray[np.bool_] = magnitude > threshold
    ties = np.flatnonzero(magnitude == threshold)
    mask[ties[: kept - np.count_nonzero(mask)]] = True
    return mask.reshape(weight.shape)


def uniform_mask(
    weight_shape: tuple[int, ...], density: float, seed: int | SeedSequence
) -> NDArray[np.bool_]:
    """Keep weights anywhere in the layer, all choices equally likely.

    Parameters
    ----------
    weight_shape : tuple of int
        Shape of the weights, filters first.
    density : float
        Kept / all, in (0, 1].
    seed : int or SeedSequence
        See ``seed_for``.

    Raises
    ------
    InputError
        If the shape is not positive or the density is not in (0, 1].
    """
    filters, length = _filters_and_length(weight_shape)
    kept = kept_weights(filters * length, density)
    rng = default_rng(seed)
    counts = rng.multivariate_hypergeometric([length] * filters, kept, method="marginals")
    return _scattered(counts, length, rng).reshape(weight_shape)


def uneven_mask(
    weight_shape: tuple[int, ...],
    density: float,
    seed: int | SeedSequence,
    spread: float = SPREAD,
) -> NDArray[np.bool_]:
    """Keep weights with filter densities that differ, anywhere within each filter.

    The filter densities are drawn from a Beta distribution of mean ``density`` and coefficient
    of variation ``spread``, then scaled to the exact overall number: the kept portions where too
    much was drawn, the pruned portions where too little, so that none leaves 0 to 1. Towards
    density 0 and 1 the spread is clamped to the largest for which both Beta parameters are at
    least 1: beyond, most filters would be empty or full, and in the end no such Beta exists.
    With the default spread this begins at density 0.71, where 0.3 is about the largest; at 0.9
    it is 0.1.

    Parameters
    ----------
    weight_shape : tuple of int
        Shape of the weights, filters first.
    density : float
        Kept / all, in (0, 1].
    seed : int or SeedSequence
        See ``seed_for``.
    spread : float
        Standard deviation / mean of the filter densities, at least 0.

    Raises
    ------
    InputError
        If the shape is not positive, the density is not in (0, 1] or the spread is negative or
        not finite.
    """
    filters, length = _filters_and_length(weight_shape)
    kept = kept_weights(filters * length, density)
    if not 0 <= spread < np.inf:
        raise InputError(f"spread must be at least 0 and finite, not {spread}")
    if kept in (0, filters * length):
        return np.full(weight_shape, kept > 0)
    rng = default_rng(seed)
    densities = _filter_densities(filters, density, spread, rng)
    counts = _exact_counts(densities, length, kept)
    return _scattered(counts, length, rng).reshape(weight_shape)


def grouped_mask(
    weight_shape: tuple[int, ...],
    size: int,
    mask_of: Callable[[tuple[int, ...]], NDArray[np.bool_]],
    conv_groups: int = 1,
) -> NDArray[np.bool_]:
    """Let ``size`` consecutive filters of a convolution group keep the same positions.

    Parameters
    ----------
    weight_shape : tuple of int
        Shape of the weights, filters first.
    size : int
        Filters per group; the last one of a convolution group may have fewer.
    mask_of : callable
        From the shape of as many filters as there are groups to their mask.
    conv_groups : int, default: 1
        Convolution groups of the layer.

    Raises
    ------
    InputError
        If the size is below 1.
    """
    block = _blocks(weight_shape[0], size, conv_groups)
    return mask_of((int(block[-1]) + 1, *weight_shape[1:]))[block]


def norms_of_groups(
    weight: NDArray[np.number], size: int, conv_groups: int = 1
) -> NDArray[np.float64]:
    """Return the L2 norms of the weights of each group of filters at each position.

    Parameters
    ----------
    weight : int or float array (out, ...)
    size, conv_groups : int
        As of ``grouped_mask``.

    Returns
    -------
    float64 array (groups, ...)
    """
    block = _blocks(len(weight), size, conv_groups)
    squares = np.zeros((int(block[-1]) + 1, *weight.shape[1:]))
    np.add.at(squares, block, np.square(weight.astype(np.float64)))
    return np.sqrt(squares)


def _blocks(filters: int, size: int, conv_groups: int) -> NDArray[np.int64]:
    """Return the number of the group that each filter is in."""
    if size < 1:
        raise InputError(f"a group of filters needs at least 1, not {size}")
    each = filters // conv_groups
    conv_group, within = np.divmod(np.arange(filters), each)
    blocks: NDArray[np.int64] = conv_group * -(-each // size) + within // size
    return blocks


def _filters_and_length(weight_shape: tuple[int, ...]) -> tuple[int, int]:
    """Return the filters, and the weights per filter, of a weight shape."""
    if len(weight_shape) < 2 or min(weight_shape) < 1:
        raise InputError(
            f"a weight shape must be (out, in, ...) with sizes of at least 1, not {weight_shape}"
        )
    return weight_shape[0], prod(weight_shape[1:])


def _filter_densities(
    filters: int, density: float, spread: float, rng: Generator
) -> NDArray[np.float64]:
    """Draw Beta-distributed densities, the spread clamped as ``uneven_mask`` says."""
    # Beta(density * n, (1 - density) * n) has variance density * (1 - density) / (1 + n). A
    # spread of a millionth is even for any layer, and does not divide by zero.
    n = (1 - density) / (density * max(spread, 1e-6) ** 2) - 1
    n = max(n, 1 / min(density, 1 - density))
    return rng.beta(density * n, (1 - density) * n, filters)


def _exact_counts(densities: NDArray[np.float64], length: int, kept: int) -> NDArray[np.int64]:
    """Round to kept weights of each filter, ``kept`` in all, by largest remainder."""
    wanted = densities * length
    weights, total = densities.size * length, wanted.sum()
    if total > kept:
        wanted *= kept / total
    elif total < weights:
        wanted = length - (length - wanted) * ((weights - kept) / (weights - total))
    counts = np.floor(wanted).astype(np.int64)
    by_remainder = np.argsort(counts - wanted, kind="stable")
    counts[by_remainder[: kept - counts.sum()]] += 1
    return counts


def _scattered(counts: NDArray[np.int64], length: int, rng: Generator) -> NDArray[np.bool_]:
    """Draw a mask (filters, length) with the given number of weights in each filter."""
    mask = np.zeros((counts.size, length), np.bool_)
    for row, count in zip(mask, counts.tolist(), strict=True):
        row[rng.choice(length, count, replace=False, shuffle=False)] = True
    return mask
