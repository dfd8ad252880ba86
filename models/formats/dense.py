"""The dense format: no index, every weight stored, pruned ones as zeros.

The layer of a sparse array that pruning does not pay for is stored like this.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError
from .index_format import (
    Entries,
    IndexFormat,
    Stream,
    checked_mask,
    checked_positions,
    checked_word_bits,
)

__all__ = ["Dense"]


@dataclass(frozen=True)
class Dense(IndexFormat):
    """No index: the lane counts through all positions, whatever is kept."""

    @property
    def name(self) -> str:
        """``dense``."""
        return "dense"

    def entries(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Entries:
        """Return one entry for each position of the filter, in order."""
        checked_word_bits(word_bits)
        checked_positions(positions, length)
        return Entries(
            entry_positions=np.arange(length, dtype=np.int64),
            entry_is_filler=np.zeros(length, np.bool_),
        )

    def encode(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Stream:
        """Return a stream without words."""
        entries = self.entries(positions, length, word_bits)
        return Stream(
            words=np.zeros(0, np.uint64),
            end=np.zeros(0, np.bool_),
            entry_positions=entries.entry_positions,
            entry_is_filler=entries.entry_is_filler,
        )

    def encode_filters(self, mask: NDArray[np.bool_], word_bits: int) -> tuple[Stream, ...]:
        """Return the stream of each filter of a mask (filters, length): the same for all."""
        stream = self.encode(np.zeros(0, np.int64), checked_mask(mask).shape[1], word_bits)
        return tuple(stream for _ in mask)

    def decode(self, stream: Stream, length: int, word_bits: int) -> NDArray[np.int64]:
        """Return all positions: which of their weights are zero is not in the index."""
        checked_word_bits(word_bits)
        if stream.words.size or stream.end.size:
            raise InputError(f"a dense stream must have no index words, not {stream.words.size}")
        return np.arange(length, dtype=np.int64)

    def entry_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the entries of each filter: its length."""
        return self.weight_counts(mask)

    def weight_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the weights stored for each filter: its length."""
        filters, length = checked_mask(mask).shape
        return np.full(filters, length, np.int64)

    def index_words(self, mask: NDArray[np.bool_], word_bits: int) -> NDArray[np.int64]:
        """Return zero for each filter."""
        checked_word_bits(word_bits)
        return np.zeros(len(checked_mask(mask)), np.int64)
