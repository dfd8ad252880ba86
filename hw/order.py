"""The order in which the feed steps of a filter tile are fed.

A lane may be at most ``run_ahead`` windows ahead of the slowest lane of its tile, so lanes lose
time where their kept weights come at different places. Which step is fed when is free: a table
holds the address of each. *Balanced* order takes, step after step, the one after which the lanes'
entries so far are nearest to their fair share (smallest sum over lanes of squared differences), so
that all lanes go through the tile at the same relative pace. The steps of a very long filter are
ordered block after block. Sums are exact: the same order everywhere.
"""

from itertools import pairwise
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_orders", "reordered"]

_BLOCK = 1024
"""Steps of a filter tile that are ordered at once: what it takes grows with their square."""

_EXACT = 1 << 53
"""Integers below it are exact in float64."""

_NEVER = 1 << 62
"""Above all costs of integers, which stay below 2**60: no excess reaches 2**16 (``MAX_LENGTH``)."""

_PRODUCTS = 1 << 23
"""Products of two steps that are held at once, over all tiles: 64 MiB."""


def balanced_orders(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    """Order the steps of each tile so that its lanes keep step.

    Parameters
    ----------
    counts : int64 array (tiles, steps, lanes)
        Entries of each lane in each step.

    Returns
    -------
    int64 array (tiles, steps)
        For each tile the steps, in the order in which they are fed.
    """
    tiles, steps, lanes = counts.shape
    # Entries less the fair share of a step, both times ``steps``.
    excess = counts * steps - counts.sum(axis=1, keepdims=True)
    if lanes * steps * int(np.abs(excess).max(initial=0)) ** 2 < _EXACT:
        excess = excess.astype(np.float64)  # all sums below are exact, and products are fast
    orders = np.empty((tiles, steps), np.int64)
    ahead = np.zeros((tiles, lanes), excess.dtype)
    blocks = -(-steps // _BLOCK)
    bounds = [steps * block // blocks for block in range(blocks + 1)]
    for low, high in pairwise(bounds):
        together = max(1, _PRODUCTS // (high - low) ** 2)
        for first in range(0, tiles, together):
            some = slice(first, first + together)
            own = _balanced(excess[some, low:high], ahead[some])
            orders[some, low:high] = low + own
        ahead += excess[:, low:high].sum(axis=1)
    return orders


def _balanced(
    excess: NDArray[np.int64] | NDArray[np.float64],
    ahead: NDArray[np.int64] | NDArray[np.float64],
) -> NDArray[np.int64]:
    """Order the steps (tiles, steps, lanes) of lanes that are ahead by so much (tiles, lanes)."""
    tiles, steps, _ = excess.shape
    # |ahead + excess|^2 without the |ahead|^2 that all steps have in common; with each step that is
    # taken, twice the product of its excess and theirs is added.
    products = np.matmul(2 * excess, excess.transpose(0, 2, 1)).reshape(tiles * steps, steps)
    cost = (excess * excess).sum(axis=2) + 2 * np.matmul(excess, ahead[:, :, None])[:, :, 0]
    never = np.inf if excess.dtype == np.float64 else _NEVER
    places = np.empty((steps, tiles), np.int64)
    added = np.empty_like(cost)
    first, every = np.arange(tiles) * steps, np.arange(tiles)
    for chosen in places:
        cost.argmin(axis=1, out=chosen)
        products.take(first + chosen, axis=0, out=added, mode="clip")
        cost += added
        cost[every, chosen] = never
    orders: NDArray[np.int64] = places.T
    return orders


Scalar = TypeVar("Scalar", bound=np.generic)


def reordered(
    rows: NDArray[Scalar], order: NDArray[np.int64], step_vectors: int
) -> NDArray[Scalar]:
    """Bring the index positions (rows, steps x step_vectors) into the order of the steps."""
    stepwise = rows.reshape(len(rows), -1, step_vectors)
    return stepwise[:, order].reshape(len(rows), -1)
