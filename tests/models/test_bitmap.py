"""The bitmap: words and decoder cycles by hand, and damaged streams."""

import numpy as np
import pytest
from index_streams import stream_of

from bosquet.errors import InputError
from bosquet.models.formats import Bitmap


def test_words_by_hand() -> None:
    # Words of positions 0-15 (none), 16-31 (bits 0 and 15), 32-63 (none), 64-79 (bit 1); the
    # zero word of 80-95 is not stored. Two zero words are skipped before position 65.
    stream = Bitmap().encode(np.array([16, 31, 65]), 96, 16)
    assert stream.words.tolist() == [0, 0x8001, 0, 0, 0x0002]
    assert stream.end.tolist() == [False, False, False, False, True]
    assert stream.entry_positions.tolist() == [16, 31, 65]
    assert stream.entry_is_filler.tolist() == [False, False, False]
    assert Bitmap().decode_steps(stream, 16).tolist() == [2, 1, 3]


def test_sixty_four_bits_use_the_top_bit() -> None:
    stream = Bitmap().encode(np.array([63]), 64, 64)
    assert stream.words.tolist() == [1 << 63]
    assert Bitmap().decode(stream, 64, 64).tolist() == [63]


def test_an_empty_filter_is_one_zero_word_and_one_filler() -> None:
    stream = Bitmap().encode(np.zeros(0, np.int64), 100, 32)
    assert stream.words.tolist() == [0]
    assert stream.end.tolist() == [True]
    assert stream.entry_positions.tolist() == [0]
    assert stream.entry_is_filler.tolist() == [True]
    assert Bitmap().decode_steps(stream, 32).tolist() == [1]
    assert Bitmap().decode(stream, 100, 32).tolist() == []


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((1, 0), "last word"),
        ((1 << 16,), "must fit 16 bits, not 0x10000"),
        ((0, 1 << 4), "below its length 20, not reach position 20"),
    ],
)
def test_damaged_words_are_refused(words: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Bitmap().decode(stream_of(*words), 20, 16)
