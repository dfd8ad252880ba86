"""The dense format: nothing in the index, everything in the weights."""

import numpy as np
import pytest
from index_streams import stream_of

from bosquet.errors import InputError
from bosquet.models.formats import Dense


def test_all_positions_are_entries() -> None:
    stream = Dense().encode(np.array([1]), 4, 16)
    assert stream.words.size == stream.end.size == 0
    assert stream.entry_positions.tolist() == [0, 1, 2, 3]
    assert stream.entry_is_filler.tolist() == [False] * 4
    assert Dense().decode(stream, 4, 16).tolist() == [0, 1, 2, 3]


def test_an_empty_filter_stores_its_zeros() -> None:
    mask = np.zeros((2, 6), np.bool_)
    assert Dense().entry_counts(mask).tolist() == [6, 6]
    assert Dense().stored_bits(mask, 8, 16) == 2 * 6 * 8


def test_words_are_refused() -> None:
    with pytest.raises(InputError, match="no index words, not 1"):
        Dense().decode(stream_of(1), 4, 16)
