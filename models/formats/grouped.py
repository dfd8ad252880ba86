"""Grouped streams: consecutive filters that share one index stream (SIMD groups, as in ALCS).

The stream holds the positions that any filter of the group keeps; each of its stored entries has a
weight for every filter, 0 where that filter keeps none. A network pruned by such groups stores
nothing but its weights, and pays one decoder for the whole group.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .index_format import IndexFormat, Stream

__all__ = ["GroupedStream", "consecutive_blocks", "decode_group", "encode_group", "union_masks"]


@dataclass(frozen=True, eq=False)
class GroupedStream:
    """The streams of one group of filters.

    Attributes
    ----------
    stream : Stream
        Index stream of the positions that any filter keeps.
    weights : int64 array (stored entries, filters)
        Weights of each stored entry, one for each filter.
    """

    stream: Stream
    weights: NDArray[np.int64]


def consecutive_blocks(filters: int, size: int) -> NDArray[np.int64]:
    """Return the filters of each group of ``size``, (blocks, size); -1 fills up the last one.

    Raises
    ------
    InputError
        If there is no filter, or the size is below 1.
    """
    if filters < 1 or size < 1:
        raise InputError(
            f"groups of filters need at least 1 filter and 1 per group, not {filters} and {size}"
        )
    blocks = np.arange(-(-filters // size) * size)
    blocks[filters:] = -1
    return blocks.reshape(-1, size)


def union_masks(mask: NDArray[np.bool_], blocks: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Return the positions that any filter of each block keeps, (blocks, length).

    Parameters
    ----------
    mask : bool array (filters, length)
    blocks : int64 array (blocks, size)
        Filters of each block, -1 where there is none.
    """
    kept = mask[blocks] & (blocks >= 0)[:, :, None]
    union: NDArray[np.bool_] = kept[:, 0].copy()
    for member in range(1, blocks.shape[1]):
        union |= kept[:, member]
    return union


def encode_group(
    weights: NDArray[np.int64], mask: NDArray[np.bool_], form: IndexFormat, word_bits: int
) -> GroupedStream:
    """Encode the filters of one group.

    Parameters
    ----------
    weights, mask : arrays (filters, length)
        Values, and which of them are kept.

    Raises
    ------
    InputError, DesignError
        As ``IndexFormat.encode``.
    """
    kept = np.flatnonzero(mask.any(axis=0))
    stream = form.encode(kept, mask.shape[1], word_bits)
    stored = stream.entry_positions[~stream.entry_is_filler]
    return GroupedStream(stream, np.where(mask, weights, 0)[:, stored].T)


def decode_group(
    grouped: GroupedStream, form: IndexFormat, length: int, word_bits: int
) -> NDArray[np.int64]:
    """Return the weights of the filters of a group, (filters, length), zeros where none is kept.

    Raises
    ------
    InputError, DesignError
        As ``IndexFormat.decode``; and if there are not as many weights as stored positions.
    """
    positions = form.decode(grouped.stream, length, word_bits)
    if len(positions) != len(grouped.weights):
        raise InputError(
            f"a grouped stream of {len(positions)} stored positions must have as many rows of"
            f" weights, not {len(grouped.weights)}"
        )
    weights = np.zeros((grouped.weights.shape[1], length), np.int64)
    weights[:, positions] = grouped.weights.T
    return weights
