"""The smallest format: by hand, at ties, and against trying them all."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bosquet.errors import DesignError
from bosquet.models.formats import Bitmap, Dense, Relative, smallest


def every(step: int, length: int = 960) -> NDArray[np.bool_]:
    """Return a layer of two filters that keep every ``step``-th weight."""
    return np.tile(np.arange(length) % step == step - 1, (2, 1))


def test_each_format_wins_where_it_should() -> None:
    # Bits per position at 8-bit weights and words of 16 + 1 bits: dense 8; bitmap 17/16 + 8/step;
    # relative4 (17/4 + 8)/step while step <= 15; relative8 (17/2 + 8)/step.
    assert smallest(every(1), 8, 16, (4, 8)) == Dense()  # 8; 9.06; 12.25
    assert smallest(every(2), 8, 16, (4, 8)) == Bitmap()  # 8; 5.06; 6.13
    assert smallest(every(6), 8, 16, (4, 8)) == Relative(4)  # 8; 2.40; 2.04; 2.75
    assert smallest(every(60), 8, 16, (4, 8)) == Relative(8)  # relative4 takes 3 fillers each


def test_ties_go_to_fewer_entries_then_to_the_simpler_format() -> None:
    # Gap 31 at 4 bits: 2 fillers and a code, at 8 bits one code; both fit one 16-bit word.
    mask = np.zeros((1, 40), np.bool_)
    mask[0, 31] = True
    assert Relative(4).stored_bits(mask, 8, 16) == Relative(8).stored_bits(mask, 8, 16)
    assert smallest(mask, 8, 16, (4, 8)) == Relative(8)
    # One weight of 16 positions: one word and one entry everywhere.
    assert smallest(every(16, 16), 16, 16, (8, 6)) == Bitmap()


def test_without_relative_widths_there_are_still_dense_and_bitmap() -> None:
    assert smallest(every(60), 8, 16, ()) == Bitmap()


def test_a_width_that_does_not_exist() -> None:
    with pytest.raises(DesignError, match="not 16"):
        smallest(every(2), 8, 16, (16,))


@given(
    arrays(np.bool_, (3, 70), fill=st.just(False)),
    st.integers(1, 16),
    st.sampled_from([16, 32, 64]),
    st.sets(st.integers(2, 12)),
)
def test_nothing_is_smaller(
    mask: NDArray[np.bool_], weight_bits: int, word_bits: int, widths: set[int]
) -> None:
    chosen = smallest(mask, weight_bits, word_bits, widths)
    least = min(
        candidate.stored_bits(mask, weight_bits, word_bits)
        for candidate in (Dense(), Bitmap(), *map(Relative, widths))
    )
    assert chosen.stored_bits(mask, weight_bits, word_bits) == least
