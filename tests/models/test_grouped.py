"""Grouped streams: one index stream for several filters."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.formats.grouped import (
    consecutive_blocks,
    decode_group,
    encode_group,
    union_masks,
)


def test_blocks_by_hand() -> None:
    assert consecutive_blocks(5, 2).tolist() == [[0, 1], [2, 3], [4, -1]]
    assert consecutive_blocks(3, 1).tolist() == [[0], [1], [2]]
    with pytest.raises(InputError, match="at least 1 filter and 1 per group, not 0 and 2"):
        consecutive_blocks(0, 2)


def test_union_by_hand() -> None:
    mask = np.array([[1, 0, 0], [0, 0, 1], [1, 1, 0]], np.bool_)
    union = union_masks(mask, consecutive_blocks(3, 2))
    assert union.tolist() == [[True, False, True], [True, True, False]]


@given(
    st.integers(1, 6), st.integers(1, 70), st.floats(0, 1), st.integers(0, 999),
    st.sampled_from([Bitmap(), Dense(), Relative(2), Relative(4)]),
)  # fmt: skip
def test_decoding_gives_the_weights_back(
    filters: int, length: int, density: float, seed: int, form: IndexFormat
) -> None:
    rng = np.random.default_rng(seed)
    mask = rng.random((filters, length)) < density * rng.random((filters, 1))
    weights = rng.integers(-9, 9, mask.shape)
    grouped = encode_group(weights, mask, form, 16)
    assert np.array_equal(decode_group(grouped, form, length, 16), np.where(mask, weights, 0))
    if not isinstance(form, Dense):
        assert grouped.weights.shape == (np.count_nonzero(mask.any(axis=0)), filters)


def test_weights_that_do_not_match_the_stream_are_refused() -> None:
    mask = np.ones((2, 3), np.bool_)
    grouped = encode_group(np.ones((2, 3), np.int64), mask, Bitmap(), 16)
    with pytest.raises(InputError, match="as many rows of weights, not 2"):
        decode_group(replace(grouped, weights=grouped.weights[:2]), Bitmap(), 3, 16)
