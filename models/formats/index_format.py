"""What an index format is: the streams a lane reads, and how a format is asked about them.

The weights of a filter lie on a linear index space ``0 .. length - 1`` (the caller decides the
order). A lane reads two streams: an *index stream* of words, and apart from it a *weight stream*
with nothing but the stored weights in order. An index word holds ``word_bits`` payload bits and
one end flag, 1 on the last word of a filter. From the words the lane issues *entries*: a stored
weight at its position, or a filler, which only advances the index and has no weight.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from ...errors import DesignError, InputError

__all__ = [
    "WORD_BITS",
    "Entries",
    "IndexFormat",
    "Stream",
    "checked_mask",
    "checked_positions",
    "checked_stream",
    "checked_word_bits",
]

WORD_BITS = (16, 32, 64)
"""Payload bits that an index word may have."""


@dataclass(frozen=True, eq=False, kw_only=True)
class Entries:
    """What a lane issues for one filter, in order.

    Attributes
    ----------
    entry_positions : int64 array (entries,)
        Position k that each entry lands on; a filler lands on one too, without using it.
    entry_is_filler : bool array (entries,)
        True for fillers; the others take the next weight of the weight stream.
    """

    entry_positions: NDArray[np.int64]
    entry_is_filler: NDArray[np.bool_]

    @property
    def weights(self) -> int:
        """Entries that are no fillers."""
        return self.entry_is_filler.size - int(np.count_nonzero(self.entry_is_filler))


@dataclass(frozen=True, eq=False, kw_only=True)
class Stream(Entries):
    """The index stream of one filter, with the entries that it stands for.

    Attributes
    ----------
    words : uint64 array (words,)
        Payload of each word, below ``2**word_bits``.
    end : bool array (words,)
        End flags, True on the last word only.
    """

    words: NDArray[np.uint64]
    end: NDArray[np.bool_]


class IndexFormat(Protocol):
    """How the positions of the stored weights are written into words.

    ``positions`` is always a sorted int array of the kept positions of one filter, ``mask`` a
    bool array (filters, length) that is True where a weight is kept.
    """

    @property
    def name(self) -> str:
        """Name of the format in designs, reports and JSON."""
        ...

    def entries(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Entries:
        """Return what the lane issues for one filter.

        Raises
        ------
        InputError
            If the positions are not sorted, distinct and below ``length``.
        DesignError
            If ``word_bits`` is not one of ``WORD_BITS``.
        """
        ...

    def encode(self, positions: NDArray[np.int64], length: int, word_bits: int) -> Stream:
        """Return the index stream of one filter; raises as ``entries`` does."""
        ...

    def encode_filters(self, mask: NDArray[np.bool_], word_bits: int) -> tuple[Stream, ...]:
        """Return the index stream of each filter of a mask (filters, length).

        What ``encode`` returns for one after the other; formats do it for all at once.
        """
        length = checked_mask(mask).shape[1]
        return tuple(self.encode(np.flatnonzero(row), length, word_bits) for row in mask)

    def decode(self, stream: Stream, length: int, word_bits: int) -> NDArray[np.int64]:
        """Return the positions of the stored weights, read from ``words`` and ``end`` alone.

        Raises
        ------
        InputError
            If the words are not what ``encode`` writes for any filter of this length.
        DesignError
            If ``word_bits`` is not one of ``WORD_BITS``.
        """
        ...

    @property
    def has_empty_words(self) -> bool:
        """Whether the decoder can meet index words without an entry: ``decode_steps`` above 1."""
        return False

    def decode_steps(self, entries: Entries, word_bits: int) -> NDArray[np.int64]:
        """Return the decoder cycles that each entry of a filter costs, (entries,), at least 1.

        Raises
        ------
        DesignError
            If ``word_bits`` is not one of ``WORD_BITS``.
        """
        checked_word_bits(word_bits)
        return np.ones(entries.entry_positions.size, np.int64)

    def entry_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the entries of each filter, fillers included, (filters,)."""
        ...

    def weight_counts(self, mask: NDArray[np.bool_]) -> NDArray[np.int64]:
        """Return the weights stored for each filter, (filters,): the kept ones, or more."""
        counts: NDArray[np.int64] = np.count_nonzero(checked_mask(mask), axis=1).astype(np.int64)
        return counts

    def index_words(self, mask: NDArray[np.bool_], word_bits: int) -> NDArray[np.int64]:
        """Return the index words of each filter, (filters,)."""
        ...

    def stored_bits(self, mask: NDArray[np.bool_], weight_bits: int, word_bits: int) -> int:
        """Return the bits of both streams of all filters, end flags included.

        Raises
        ------
        InputError
            If the mask is not a bool array (filters, length) or ``weight_bits`` is below 1.
        DesignError
            If ``word_bits`` is not one of ``WORD_BITS``.
        """
        if weight_bits < 1:
            raise InputError(f"weight_bits must be at least 1, not {weight_bits}")
        index_bits = int(self.index_words(mask, word_bits).sum()) * (word_bits + 1)
        return index_bits + int(self.weight_counts(mask).sum()) * weight_bits


def checked_word_bits(word_bits: int) -> int:
    """Return ``word_bits``, or raise DesignError if no index word has that width."""
    if word_bits not in WORD_BITS:
        raise DesignError(f"index words have {WORD_BITS} payload bits, not {word_bits}")
    return word_bits


def checked_positions(positions: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Return the positions as int64, or raise InputError if they do not fit a filter.

    They must be one-dimensional integers, strictly increasing, from 0 to ``length - 1``.
    """
    if length < 1:
        raise InputError(f"a filter must have at least 1 weight, not {length}")
    found = np.asarray(positions)
    if found.ndim != 1 or (found.size and not np.issubdtype(found.dtype, np.integer)):
        raise InputError(
            "positions must be a one-dimensional int array,"
            f" not {found.dtype} with {found.ndim} dimensions"
        )
    checked = found.astype(np.int64)
    if checked.size and (checked[0] < 0 or checked[-1] >= length or (np.diff(checked) < 1).any()):
        raise InputError(f"positions must be sorted, distinct and from 0 to {length - 1}")
    return checked


def checked_mask(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the mask, or raise InputError if it is not a bool array (filters, length)."""
    if mask.ndim != 2 or mask.dtype != np.bool_ or mask.shape[1] < 1:
        raise InputError(
            "the mask of a layer must be a bool array (filters, length),"
            f" not {mask.dtype} of shape {mask.shape}"
        )
    return mask


def checked_stream(stream: Stream, word_bits: int) -> NDArray[np.uint64]:
    """Return the words of a stream, or raise InputError if they cannot be one filter's.

    There must be at least one word, each below ``2**word_bits``, and ``end`` must be True on
    the last word and only there.
    """
    words, end = stream.words, stream.end
    if words.ndim != 1 or words.shape != end.shape or not words.size:
        raise InputError(
            "an index stream must have at least one word and one end flag for each,"
            f" not {words.size} words and {end.size} flags"
        )
    if end[:-1].any() or not end[-1]:
        raise InputError(
            "the end flag of an index stream must be set on its last word and only there,"
            f" not on words {np.flatnonzero(end).tolist()} of {end.size}"
        )
    if int(words.max()) >> word_bits:
        raise InputError(f"an index word must fit {word_bits} bits, not {int(words.max()):#x}")
    return words.astype(np.uint64)
