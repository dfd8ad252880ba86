"""The order in which the feed steps of a filter tile are fed.

A lane may be at most ``run_ahead`` windows ahead of the slowest lane of its tile, so lanes lose
time where their kept weights come at different places. Which step is fed when is free: a table
holds the address of each. *Balanced* order takes, step after step, the one after which the lanes'
entries so far are nearest to their fair share (smallest sum over lanes of squared differences), so
that all lanes go through the tile at the same relative pace. Integers only: the same everywhere.
"""

from collections.abc import Iterator
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_orders", "reordered"]

_EXACT = 1 << 53
"""Integers below it are exact in float64."""

_NEVER = np.iinfo(np.int64).max

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
    return np.concatenate(
        [_balanced(counts[low:high]) for low, high in _blocks(counts)]
        or [np.empty(counts.shape[:2], np.int64)]
    )


def _blocks(counts: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Cut the tiles into blocks whose products of steps fit ``_PRODUCTS``, at least one tile."""
    tiles, steps, _ = counts.shape
    size = max(1, _PRODUCTS // (steps * steps))
    for low in range(0, tiles, size):
        yield low, min(low + size, tiles)


def _balanced(counts: NDArray[np.int64]) -> NDArray[np.int64]:
    tiles, steps, lanes = counts.shape
    # Entries less the fair share of a step, both times ``steps``.
    excess = counts * steps - counts.sum(axis=1, keepdims=True)
    if lanes * steps * int(np.abs(excess).max(initial=0)) ** 2 < _EXACT:
        excess = excess.astype(np.float64)  # all sums below are exact, and products are fast
    own = (excess * excess).sum(axis=2)
    by_step = excess.transpose(0, 2, 1)
    # |ahead + excess|^2 without the |ahead|^2 that all steps have in common; ``ahead`` is the sum
    # of the excesses of the steps so far, and only its products with the other steps are kept.
    products = np.matmul(excess, by_step) if tiles * steps * steps <= _PRODUCTS else None
    cost = own.copy()
    orders = np.empty((tiles, steps), np.int64)
    every = np.arange(tiles)
    never = _NEVER if excess.dtype == np.int64 else np.inf
    done = np.zeros((tiles, steps), np.bool_)
    for place in range(steps):
        chosen = np.where(done, never, cost).argmin(axis=1)
        orders[:, place] = chosen
        done[every, chosen] = True
        if products is None:
            cost += 2 * np.matmul(excess, excess[every, chosen][:, :, None])[:, :, 0]
        else:
            cost += 2 * products[every, chosen]
    return orders


Scalar = TypeVar("Scalar", bound=np.generic)


def reordered(
    rows: NDArray[Scalar], order: NDArray[np.int64], step_vectors: int
) -> NDArray[Scalar]:
    """Bring the index positions (rows, steps x step_vectors) into the order of the steps."""
    stepwise = rows.reshape(len(rows), -1, step_vectors)
    return stepwise[:, order].reshape(len(rows), -1)
