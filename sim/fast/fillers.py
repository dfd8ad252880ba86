"""Fillers of relative indices in another order of the feed steps.

With m the code of a filler, a gap of g positions takes g // m of them, m positions apart. So what
an order changes is only the gap from the last kept position before a step to the first one in it.
"""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from .streams import Ints, PackedSteps

__all__ = ["fillers"]


def fillers(steps: PackedSteps, width: Ints, filler_code: Ints) -> NDArray[np.float32]:
    """Return the fillers that land in each step, (steps, tiles, lanes).

    Parameters
    ----------
    steps : PackedSteps of arrays (steps, tiles, lanes)
        In the order in which they are fed.
    width : int64 array (tiles,)
        Index positions of a step.
    filler_code : int64 array (tiles,)
    """
    many, tiles, lanes = steps.kept.shape
    # Whole numbers below 2**16, so that (n + 1/2) / m, rounded down, is n // m.
    of_code = (1 / filler_code).astype(np.float32)[:, None]
    begin = np.arange(many + 1, dtype=np.float32)[:, None, None] * width.astype(np.float32)[:, None]
    far = np.float32((many + 1) * int(width.max()))
    kept = (steps.kept > 0).astype(np.float32)
    # Before each step and behind the last: the last position kept so far, and the next one.
    past = np.full((many + 1, tiles, lanes), -1, np.float32)
    np.add(begin[:-1] + 1, steps.last, out=past[1:])
    past[1:] *= kept
    past[1:] -= 1
    _run(np.maximum, past)
    ahead = np.full((many + 1, tiles, lanes), far)
    np.subtract(far - begin[:-1], steps.first, out=ahead[:-1])
    ahead[:-1] *= kept
    np.subtract(far, ahead[:-1], out=ahead[:-1])
    _run(np.minimum, ahead[::-1])
    followed = ahead < far
    ahead -= past
    ahead -= 0.5
    ahead *= of_code
    in_gap = np.floor(ahead, out=ahead)
    in_gap *= followed
    # Fillers of the gaps that have ended, and those of the present one that came before.
    found = np.zeros((many + 1, tiles, lanes), np.float32)
    np.multiply(in_gap[:-1], kept, out=found[1:])
    found[1:] += steps.inside
    _run(np.add, found)
    np.subtract(begin - np.float32(0.5), past, out=past)
    past *= of_code
    np.floor(past, out=past)
    found += np.minimum(in_gap, past, out=past)
    return found[1:] - found[:-1]


def _run(function: np.ufunc, rows: NDArray[np.float32]) -> None:
    """Replace each row by what a function makes of all rows up to it.

    ``function.accumulate`` along the first axis takes ten times as long.
    """
    for before, row in pairwise(rows):
        function(before, row, out=row)
