"""The order in which the feed steps of a filter tile are fed.

A lane may be at most ``run_ahead`` windows ahead of the slowest lane of its tile, so lanes lose
time where their kept weights come at different places. Which step is fed when is free: a table
holds the address of each. *Balanced* order takes, step after step, the one after which the lanes'
entries so far are nearest to their fair share (smallest sum over lanes of squared differences), so
that all lanes go through the tile at the same relative pace. Integers only: the same everywhere.
"""

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

__all__ = ["balanced_orders", "reordered"]


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
    tiles, steps, _ = counts.shape
    # Entries less the fair share of a step, both times ``steps``.
    excess = counts * steps - counts.sum(axis=1, keepdims=True)
    own = (excess * excess).sum(axis=2)
    never = np.iinfo(np.int64).max
    ahead = np.zeros((tiles, excess.shape[2]), np.int64)  # of the fair share so far
    orders = np.empty((tiles, steps), np.int64)
    every = np.arange(tiles)
    for place in range(steps):
        # |ahead + excess|^2 without the |ahead|^2 that all steps have in common
        cost = own + 2 * np.matmul(excess, ahead[:, :, None])[:, :, 0]
        cost[own == never] = never
        chosen = cost.argmin(axis=1)
        orders[:, place] = chosen
        ahead += excess[every, chosen]
        own[every, chosen] = never
    return orders


Scalar = TypeVar("Scalar", bound=np.generic)


def reordered(
    rows: NDArray[Scalar], order: NDArray[np.int64], step_vectors: int
) -> NDArray[Scalar]:
    """Bring the index positions (rows, steps x step_vectors) into the order of the steps."""
    stepwise = rows.reshape(len(rows), -1, step_vectors)
    return stepwise[:, order].reshape(len(rows), -1)
