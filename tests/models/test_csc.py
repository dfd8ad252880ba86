"""Compressed columns: by hand, and back again."""

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.formats.csc import Columns


def test_by_hand() -> None:
    mask = np.zeros((9, 3), np.bool_)
    mask[[0, 4, 5], 0] = True
    mask[8, 2] = True
    columns = Columns.encode(mask, index_bits=2)
    # Column 0: at once; a gap of three is a filler and a gap of 0; at once. Column 2: a gap of 8.
    assert columns.codes.tolist() == [0, 3, 0, 0, 3, 3, 2]
    assert columns.rows.tolist() == [0, 3, 4, 5, 2, 5, 8]
    assert columns.filler.tolist() == [False, True, False, False, True, True, False]
    assert columns.end.tolist() == [False, False, False, True, False, False, True]
    assert columns.starts.tolist() == [0, 4, 4]
    assert columns.counts.tolist() == [4, 0, 3]
    assert columns.columns.tolist() == [0, 0, 0, 0, 2, 2, 2]


@pytest.mark.parametrize("index_bits", [2, 3, 4, 8])
@pytest.mark.parametrize("density", [0.0, 0.05, 0.3, 1.0])
def test_back_again(index_bits: int, density: float) -> None:
    mask = np.random.default_rng(index_bits).random((40, 23)) < density
    columns = Columns.encode(mask, index_bits)
    np.testing.assert_array_equal(columns.decode(mask.shape, index_bits), mask)
    assert int((~columns.filler).sum()) == mask.sum()
    rows, found = columns.rows[~columns.filler], columns.columns[~columns.filler]
    assert mask[rows, found].all()


def test_no_mask_is_refused() -> None:
    with pytest.raises(InputError, match="mask"):
        Columns.encode(np.ones((2, 3)), 4)  # type: ignore[arg-type]
