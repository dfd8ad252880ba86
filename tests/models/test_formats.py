"""Every format: encoding and decoding agree, and the counts of a layer are those of its filters.

``lane`` is an independent account of what a lane does with the words, bit by bit.
"""

from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from index_streams import stream_of
from numpy.typing import NDArray

from bosquet.errors import DesignError, InputError
from bosquet.models.formats import WORD_BITS, Bitmap, Dense, IndexFormat, Relative, Stream

INDEXED: tuple[IndexFormat, ...] = (Bitmap(), *(Relative(bits) for bits in range(2, 13)))
FORMATS: tuple[IndexFormat, ...] = (Dense(), *INDEXED)

filters = st.integers(1, 400).flatmap(
    lambda length: st.tuples(
        st.just(length),
        st.sets(st.integers(0, length - 1), max_size=60).map(
            lambda kept: np.array(sorted(kept), np.int64)
        ),
    )
)
masks = st.tuples(st.integers(1, 5), st.integers(1, 150)).flatmap(
    lambda shape: arrays(np.bool_, shape, fill=st.just(False))
)
formats = st.sampled_from(FORMATS)
word_widths = st.sampled_from(WORD_BITS)


def lane(index_format: IndexFormat, stream: Stream, word_bits: int) -> Iterator[tuple[int, bool]]:
    """Yield position and filler of each entry, reading the words as the hardware does."""
    position, issued = 0, False
    words = [int(word) for word in stream.words]
    if isinstance(index_format, Bitmap):
        for number, word in enumerate(words):
            for bit in range(word_bits):
                if word >> bit & 1:
                    yield number * word_bits + bit, False
                    issued = True
    elif isinstance(index_format, Relative):
        m = 2**index_format.index_bits - 1
        for number, word in enumerate(words):
            codes = [
                word >> index_format.index_bits * place & m
                for place in range(word_bits // index_format.index_bits)
            ]
            for place, code in enumerate(codes):
                if stream.end[number] and all(later == m for later in codes[place:]):
                    break  # nothing but padding is left
                yield (position + m - 1, True) if code == m else (position + code, False)
                issued = True
                position += m if code == m else code + 1
    if not issued:
        yield 0, True


def test_names() -> None:
    assert [index_format.name for index_format in (Dense(), Bitmap(), Relative(4))] == [
        "dense",
        "bitmap",
        "relative4",
    ]


@given(st.sampled_from(INDEXED), filters, word_widths)
@example(Relative(12), (400, np.array([399])), 64)
@example(Bitmap(), (128, np.arange(128)), 64)
def test_decoding_an_encoding_gives_the_positions_back(
    index_format: IndexFormat, kept: tuple[int, NDArray[np.int64]], word_bits: int
) -> None:
    length, positions = kept
    stream = index_format.encode(positions, length, word_bits)
    bare = stream_of(*stream.words.tolist())
    assert bare.end.tolist() == stream.end.tolist()
    assert index_format.decode(bare, length, word_bits).tolist() == positions.tolist()
    assert stream.words.dtype == np.uint64


@given(st.sampled_from(INDEXED), filters, word_widths)
def test_the_entries_are_what_a_lane_reads_from_the_words(
    index_format: IndexFormat, kept: tuple[int, NDArray[np.int64]], word_bits: int
) -> None:
    length, positions = kept
    stream = index_format.encode(positions, length, word_bits)
    read = list(lane(index_format, stream, word_bits))
    assert stream.entry_positions.tolist() == [position for position, _ in read]
    assert stream.entry_is_filler.tolist() == [is_filler for _, is_filler in read]


@given(formats, filters, word_widths)
def test_entries_are_those_of_the_stream(
    index_format: IndexFormat, kept: tuple[int, NDArray[np.int64]], word_bits: int
) -> None:
    length, positions = kept
    stream = index_format.encode(positions, length, word_bits)
    entries = index_format.entries(positions, length, word_bits)
    assert stream.entry_positions.tolist() == entries.entry_positions.tolist()
    assert stream.entry_is_filler.tolist() == entries.entry_is_filler.tolist()
    assert (np.diff(entries.entry_positions) > 0).all()
    assert 0 <= entries.entry_positions[0] <= entries.entry_positions[-1] < length


@given(filters, word_widths)
def test_a_bitmap_lane_spends_a_cycle_on_each_entry_and_each_zero_word(
    kept: tuple[int, NDArray[np.int64]], word_bits: int
) -> None:
    length, positions = kept
    stream = Bitmap().encode(positions, length, word_bits)
    zero_words = int((stream.words == 0).sum())
    expected = positions.size + zero_words  # an empty filter: its zero word, which is its entry
    assert Bitmap().decode_steps(stream, word_bits).sum() == expected


@given(formats, masks, word_widths, st.integers(1, 16))
def test_the_counts_of_a_layer_are_those_of_its_streams(
    index_format: IndexFormat, mask: NDArray[np.bool_], word_bits: int, weight_bits: int
) -> None:
    length = mask.shape[1]
    streams = [index_format.encode(np.flatnonzero(row), length, word_bits) for row in mask]
    for one, other in zip(streams, index_format.encode_filters(mask, word_bits), strict=True):
        for field, own in vars(one).items():
            assert np.array_equal(own, getattr(other, field))
            assert own.dtype == getattr(other, field).dtype
    entries = [stream.entry_positions.size for stream in streams]
    weights = [stream.weights for stream in streams]
    words = [stream.words.size for stream in streams]
    assert index_format.entry_counts(mask).tolist() == entries
    assert index_format.weight_counts(mask).tolist() == weights
    assert index_format.index_words(mask, word_bits).tolist() == words
    bits = sum(words) * (word_bits + 1) + sum(weights) * weight_bits
    assert index_format.stored_bits(mask, weight_bits, word_bits) == bits


@pytest.mark.parametrize("index_format", FORMATS, ids=lambda each: each.name)
def test_bad_input_is_one_clear_error(index_format: IndexFormat) -> None:
    mask = np.ones((2, 8), np.bool_)
    with pytest.raises(DesignError, match="payload bits, not 24"):
        index_format.encode(np.array([0]), 8, 24)
    with pytest.raises(DesignError, match="payload bits, not 8"):
        index_format.index_words(mask, 8)
    for positions in ([3, 1], [2, 2], [-1], [8]):
        with pytest.raises(InputError, match="sorted, distinct and from 0 to 7"):
            index_format.entries(np.array(positions), 8, 16)
    with pytest.raises(DesignError, match="payload bits, not 48"):
        index_format.decode_steps(index_format.entries(np.array([0]), 8, 16), 48)
    with pytest.raises(InputError, match="one-dimensional int array, not float64"):
        index_format.encode(np.array([0.5]), 8, 16)
    with pytest.raises(InputError, match="at least 1 weight, not 0"):
        index_format.encode(np.zeros(0, np.int64), 0, 16)
    with pytest.raises(InputError, match="not int64 of shape"):
        index_format.entry_counts(np.ones((2, 8), np.int64))
    with pytest.raises(InputError, match=r"not bool of shape \(2, 2, 2\)"):
        index_format.weight_counts(np.ones((2, 2, 2), np.bool_))
    with pytest.raises(InputError, match="weight_bits must be at least 1, not 0"):
        index_format.stored_bits(mask, 0, 16)


@pytest.mark.parametrize("index_format", INDEXED, ids=lambda each: each.name)
@pytest.mark.parametrize("end", [[], [False], [True, True], [True, False]])
def test_end_flags_that_are_not_on_the_last_word_are_refused(
    index_format: IndexFormat, end: list[bool]
) -> None:
    with pytest.raises(InputError, match=r"at least one word|end flag"):
        index_format.decode(stream_of(*[1] * len(end), end=end), 1000, 32)


@pytest.mark.parametrize("index_format", FORMATS, ids=lambda each: each.name)
def test_a_layer_without_filters_takes_nothing(index_format: IndexFormat) -> None:
    mask = np.zeros((0, 5), np.bool_)
    assert index_format.entry_counts(mask).tolist() == []
    assert index_format.stored_bits(mask, 8, 16) == 0
