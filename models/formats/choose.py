"""The format in which a layer takes the fewest bits."""

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from .bitmap import Bitmap
from .dense import Dense
from .index_format import IndexFormat
from .relative import Relative

__all__ = ["smallest", "smallest_indexed"]


def smallest(
    mask: NDArray[np.bool_], weight_bits: int, word_bits: int, index_bits_options: Iterable[int]
) -> IndexFormat:
    """Return the format with the fewest stored bits, exactly counted.

    Ties go to the format with fewer entries, then to dense, bitmap and the narrower index, in
    this order.

    Parameters
    ----------
    mask : bool array (filters, length)
        True where a weight is kept.
    weight_bits : int
        Bits of a weight.
    word_bits : int
        Payload bits of an index word.
    index_bits_options : iterable of int
        Relative index widths that the design unpacks; dense and bitmap are always candidates.

    Raises
    ------
    InputError
        If the mask is not a bool array (filters, length) or ``weight_bits`` is below 1.
    DesignError
        If an index or word width does not exist.
    """
    return _best([Dense(), *_indexed(index_bits_options)], mask, weight_bits, word_bits)


def smallest_indexed(
    mask: NDArray[np.bool_], weight_bits: int, word_bits: int, index_bits_options: Iterable[int]
) -> IndexFormat:
    """Return what ``smallest`` does, of the formats that store kept weights only."""
    return _best(_indexed(index_bits_options), mask, weight_bits, word_bits)


def _indexed(index_bits_options: Iterable[int]) -> list[IndexFormat]:
    return [Bitmap(), *(Relative(bits) for bits in sorted(set(index_bits_options)))]


def _best(
    candidates: list[IndexFormat], mask: NDArray[np.bool_], weight_bits: int, word_bits: int
) -> IndexFormat:
    bits = [candidate.stored_bits(mask, weight_bits, word_bits) for candidate in candidates]
    fewest = [one for one, own in zip(candidates, bits, strict=True) if own == min(bits)]
    if len(fewest) == 1:
        return fewest[0]
    return min(fewest, key=lambda one: int(one.entry_counts(mask).sum()))  # the first of equals
