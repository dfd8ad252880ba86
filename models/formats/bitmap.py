"""The bitmap: one bit per position, 1 where a weight is kept.

Bit i of word c stands for position ``c * word_bits + i``. All-zero words behind the last kept
weight are not stored; those before it are, and the decoder spends a cycle on each. There are no
fillers, except the one that an empty filter issues for its single zero word.
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
    checked_stream,
    checked_word_bits,
)

__all__ = ["Bitmap"]


@dataclass(frozen=True)
class Bitmap(IndexFormat):
    """Bitmap index; its width per word is the design's ``scan_bits``."""

    @property
    def name(self) -> str:
        """``bitmap``."""
        return "bitmap"

    def entries(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Entries:
        """Return what the lane issues: one filler at k = 0 if no weight is kept."""
        kept = checked_positions(positions, length)
        checked_word_bits(word_bits)
        empty = not kept.size
        return Entries(
            entry_positions=np.zeros(1, np.int64) if empty else kept,
            entry_is_filler=np.full(max(1, kept.size), empty),
        )

    def encode(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Stream:
        """Return the index stream; an empty filter is one zero word."""
        entries = self.entries(positions, length, word_bits)
        # An empty filter's filler stands at position 0, so that it too gets one word.
        word_count = int(entries.entry_positions[-1]) // word_bits + 1
        bits = np.zeros(word_count * word_bits, np.bool_)
        bits[entries.entry_positions] = ~entries.entry_is_filler
        packed = np.packbits(bits, bitorder="little").view(f"<u{word_bits // 8}")
        return Stream(
            words=packed.astype(np.uint64),
            end=np.arange(word_count) == word_count - 1,
            entry_positions=entries.entry_positions,
            entry_is_filler=entries.entry_is_filler,
        )

    def encode_filters(self, mask: NDArray[np.bool_], word_bits: int) -> tuple[Stream, ...]:
        """Return the index stream of each filter of a mask (filters, length)."""
        counts = self.index_words(mask, word_bits)
        filters, length = mask.shape
        padded = np.zeros((filters, -(-length // word_bits) * word_bits), np.bool_)
        padded[:, :length] = mask
        packed = np.packbits(padded, axis=1, bitorder="little").view(f"<u{word_bits // 8}")
        words = packed.astype(np.uint64)
        flat = np.flatnonzero(mask)
        kept = flat % length
        bounds = np.searchsorted(flat, np.arange(filters + 1) * length).tolist()
        real = np.zeros(kept.size, np.bool_)
        nothing = self.entries(kept[:0], length, word_bits)
        found = []
        for row, (low, high, count) in enumerate(
            zip(bounds, bounds[1:], counts.tolist(), strict=False)
        ):
            end = np.zeros(count, np.bool_)
            end[-1] = True
            found.append(
                Stream(
                    words=words[row, :count],
                    end=end,
                    entry_positions=kept[low:high] if high > low else nothing.entry_positions,
                    entry_is_filler=real[low:high] if high > low else nothing.entry_is_filler,
                )
            )
        return tuple(found)

    def decode(self, stream: Stream, length: int, word_bits: int) -> NDArray[np.int64]:
        """Return the kept positions, read from ``words`` and ``end``."""
        words = checked_stream(stream, checked_word_bits(word_bits))
        if words.size > 1 and not words[-1]:
            raise InputError("the last word of a bitmap stream must hold a kept weight")
        octets = words.astype(f"<u{word_bits // 8}").view(np.uint8)
        positions = np.flatnonzero(np.unpackbits(octets, bitorder="little")).astype(np.int64)
        if positions.size and positions[-1] >= length:
            raise InputError(
                f"a bitmap stream must stay below its length {length},"
                f" not reach position {positions[-1]}"
            )
        return positions

    @property
    def has_empty_words(self) -> bool:
        """Words of zeros between two kept weights."""
        return True

    def decode_steps(self, entries: Entries, word_bits: int) -> NDArray[np.int64]:
        """Return one cycle for each entry, and one for each zero word skipped just before it."""
        words = entries.entry_positions // checked_word_bits(word_bits)
        steps: NDArray[np.int64] = 1 + np.maximum(0, np.diff(words, prepend=-1) - 1)
        return steps

    def entry_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the entries of each filter; an empty filter counts its one filler."""
        counts = self.weight_counts(mask)
        counts[counts == 0] = 1
        return counts

    def index_words(self, mask: NDArray[np.bool_], word_bits: int) -> NDArray[np.int64]:
        """Return the words of each filter up to its last kept weight, at least one."""
        checked_word_bits(word_bits)
        length = checked_mask(mask).shape[1]
        last = length - 1 - np.argmax(mask[:, ::-1], axis=1)
        words: NDArray[np.int64] = np.where(mask.any(axis=1), last // word_bits + 1, 1)
        return words
