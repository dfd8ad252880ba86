"""The relative index: each kept weight says how many pruned ones lie before it.

A word holds as many codes of ``index_bits`` bits as fit, lowest bits first. With the largest
code ``m = 2**index_bits - 1``, a code below m is the gap before a kept weight, and m is a
filler: m positions without a weight. So a gap g takes ``g // m`` fillers and a code ``g % m``,
and every code c advances the index by ``min(c + 1, m)``. The last word is padded with fillers
that the lane never issues. Similar to the zero-run lengths of EIE (ISCA 2016, section 3), with
the filler as a reserved index value instead of a stored zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ...errors import DesignError, InputError
from .index_format import (
    Entries,
    IndexFormat,
    Stream,
    checked_mask,
    checked_positions,
    checked_stream,
    checked_word_bits,
)

__all__ = ["Relative"]

_BLOCK = 1 << 22
"""Mask positions handled at once, so that a large FC layer needs little memory."""


@dataclass(frozen=True)
class Relative(IndexFormat):
    """Relative index of ``index_bits`` bits per entry.

    Attributes
    ----------
    index_bits : int
        Bits of a code, 2 to 12.

    Raises
    ------
    DesignError
        If ``index_bits`` is out of range.
    """

    index_bits: int

    def __post_init__(self) -> None:
        if not 2 <= self.index_bits <= 12:
            raise DesignError(f"index_bits must be between 2 and 12, not {self.index_bits}")

    @property
    def name(self) -> str:
        """``relative4`` for 4 bits."""
        return f"relative{self.index_bits}"

    @property
    def filler_code(self) -> int:
        """m: the code of a filler, and the positions that a filler advances."""
        return (1 << self.index_bits) - 1

    def codes_per_word(self, word_bits: int) -> int:
        """Return the codes that a word holds; its bits above them are zero."""
        return checked_word_bits(word_bits) // self.index_bits

    def entries(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Entries:
        """Return what the lane issues: one filler at k = 0 if no weight is kept."""
        checked_word_bits(word_bits)
        codes = self._codes(checked_positions(positions, length))
        if not codes.size:
            return Entries(
                entry_positions=np.zeros(1, np.int64),
                entry_is_filler=np.ones(1, np.bool_),
            )
        return Entries(
            entry_positions=self._landings(codes),
            entry_is_filler=codes == self.filler_code,
        )

    def encode(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Stream:
        """Return the index stream; an empty filter is one word of fillers."""
        entries = self.entries(positions, length, word_bits)
        codes = self._codes(np.asarray(positions, np.int64))
        per_word = self.codes_per_word(word_bits)
        word_count = max(1, -(-codes.size // per_word))
        padded = np.full(word_count * per_word, self.filler_code, np.uint64)
        padded[: codes.size] = codes
        fields = padded.reshape(word_count, per_word) << self._offsets(word_bits)
        return Stream(
            words=np.bitwise_or.reduce(fields, axis=1),
            end=np.arange(word_count) == word_count - 1,
            entry_positions=entries.entry_positions,
            entry_is_filler=entries.entry_is_filler,
        )

    def encode_filters(self, mask: NDArray[np.bool_], word_bits: int) -> tuple[Stream, ...]:
        """Return the index stream of each filter of a mask (filters, length)."""
        length = checked_mask(mask).shape[1]
        per_word = self.codes_per_word(word_bits)
        gaps, places = self._gaps(mask)
        entries = gaps // self.filler_code + 1  # of each kept weight, its fillers before it
        ends = np.cumsum(entries)
        codes = np.full(ends[-1] if ends.size else 0, self.filler_code, np.int64)
        codes[ends - 1] = gaps % self.filler_code
        bounds = np.append(0, ends)[places]  # of each filter, in ``codes``
        counts = np.diff(bounds)
        # The codes of all filters add up; what those before advanced is taken off again.
        landings = np.cumsum(np.minimum(codes + 1, self.filler_code)) - 1
        before = np.append(0, landings + 1)[bounds[:-1]]
        landings -= np.repeat(before, counts)
        fillers = codes == self.filler_code

        word_counts = np.maximum(1, -(-counts // per_word))
        first_words = np.cumsum(word_counts) - word_counts
        padded = np.full(int(word_counts.sum()) * per_word, self.filler_code, np.uint64)
        own_places = np.arange(codes.size) - np.repeat(bounds[:-1], counts)
        padded[own_places + np.repeat(first_words * per_word, counts)] = codes
        fields = padded.reshape(-1, per_word) << self._offsets(word_bits)
        words = np.bitwise_or.reduce(fields, axis=1)
        end = np.zeros(words.size, np.bool_)
        end[first_words + word_counts - 1] = True
        nothing = self.entries(np.zeros(0, np.int64), length, word_bits)
        return tuple(
            Stream(
                words=words[first : first + count],
                end=end[first : first + count],
                entry_positions=landings[low:high] if high > low else nothing.entry_positions,
                entry_is_filler=fillers[low:high] if high > low else nothing.entry_is_filler,
            )
            for low, high, first, count in zip(
                bounds[:-1].tolist(),
                bounds[1:].tolist(),
                first_words.tolist(),
                word_counts.tolist(),
                strict=True,
            )
        )

    def decode(self, stream: Stream, length: int, word_bits: int) -> NDArray[np.int64]:
        """Return the kept positions, read from ``words`` and ``end``."""
        per_word = self.codes_per_word(word_bits)
        words = checked_stream(stream, word_bits)
        if int(words.max()) >> (per_word * self.index_bits):
            raise InputError(
                f"a {self.name} word must be zero above its {per_word} codes,"
                f" not {int(words.max()):#x}"
            )
        fields = (words[:, None] >> self._offsets(word_bits)) & np.uint64(self.filler_code)
        codes = fields.ravel().astype(np.int64)
        kept = codes != self.filler_code
        if words.size > 1 and not kept[-per_word:].any():
            raise InputError(f"the last word of a {self.name} stream must hold a kept weight")
        positions: NDArray[np.int64] = self._landings(codes)[kept]
        if positions.size and positions[-1] >= length:
            raise InputError(
                f"a {self.name} stream must stay below its length {length},"
                f" not reach position {positions[-1]}"
            )
        return positions

    def entry_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the entries of each filter; an empty filter counts its one filler."""
        filters, length = checked_mask(mask).shape
        step = max(1, _BLOCK // length)
        counts = self.weight_counts(mask)
        for start in range(0, filters, step):
            counts[start : start + step] += self._fillers(mask[start : start + step])
        counts[counts == 0] = 1
        return counts

    def index_words(self, mask: NDArray[np.bool_], word_bits: int) -> NDArray[np.int64]:
        """Return the words of each filter, at least one."""
        return self.words_of(self.entry_counts(mask), word_bits)

    def words_of(self, entries: NDArray[np.int64], word_bits: int) -> NDArray[np.int64]:
        """Return the words that hold so many entries."""
        words: NDArray[np.int64] = -(-entries // self.codes_per_word(word_bits))
        return words

    def _codes(self, positions: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the codes of one filter without the padding of its last word."""
        gaps = np.diff(positions, prepend=-1) - 1
        kept_at = np.cumsum(gaps // self.filler_code + 1) - 1
        codes = np.full(kept_at[-1] + 1 if kept_at.size else 0, self.filler_code, np.int64)
        codes[kept_at] = gaps % self.filler_code
        return codes

    def _landings(self, codes: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the position that each code lands on."""
        landings: NDArray[np.int64] = np.cumsum(np.minimum(codes + 1, self.filler_code)) - 1
        return landings

    def _offsets(self, word_bits: int) -> NDArray[np.uint64]:
        """Return the lowest bit of each code in a word."""
        codes = np.arange(self.codes_per_word(word_bits), dtype=np.uint64)
        return codes * np.uint64(self.index_bits)

    def _fillers(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Count the fillers before the last kept weight of each filter."""
        gaps, places = self._gaps(mask)
        before = np.append(0, np.cumsum(gaps // self.filler_code))[places]
        fillers: NDArray[np.int64] = np.diff(before)
        return fillers

    @staticmethod
    def _gaps(mask: NDArray[np.bool_]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the pruned positions before each kept weight, and each filter's first of them."""
        filters, length = mask.shape
        flat = np.flatnonzero(mask)
        places = np.searchsorted(flat, np.arange(filters + 1) * length)
        gaps = np.diff(flat, prepend=-1) - 1
        holding = np.flatnonzero(np.diff(places))
        first = places[holding]
        gaps[first] = flat[first] - holding * length
        return gaps, places
