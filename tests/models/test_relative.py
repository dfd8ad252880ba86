"""The relative index: words by hand, limits, damaged streams, and the law of the fillers."""

import numpy as np
import pytest
from index_streams import stream_of

from bosquet.errors import DesignError, InputError
from bosquet.models.formats import Relative


def test_two_bits_by_hand() -> None:
    # m = 3: gaps 0, 3, 5 -> codes 0 | 3 0 | 3 2, then three codes of padding, lowest first:
    # 0b11_11_11_10_11_00_11_00. The fillers land on 1 + 2 and 5 + 2.
    stream = Relative(2).encode(np.array([0, 4, 10]), 12, 16)
    assert stream.words.tolist() == [0b11_11_11_10_11_00_11_00]
    assert stream.end.tolist() == [True]
    assert stream.entry_positions.tolist() == [0, 3, 4, 7, 10]
    assert stream.entry_is_filler.tolist() == [False, True, False, True, False]
    assert Relative(2).decode_steps(stream, 16).tolist() == [1, 1, 1, 1, 1]


def test_five_bits_leave_the_top_bit_of_a_word_zero() -> None:
    # 16 // 5 = 3 codes a word. Gaps 1, 2, 3, 30 -> 1, 2, 3 and, in the second word, 30, 31, 31.
    stream = Relative(5).encode(np.array([1, 4, 8, 39]), 40, 16)
    assert stream.words.tolist() == [1 | 2 << 5 | 3 << 10, 30 | 31 << 5 | 31 << 10]
    assert stream.end.tolist() == [False, True]


def test_sixty_four_bits_use_the_top_bit() -> None:
    # One kept weight with gap 0, then 15 codes of padding.
    stream = Relative(4).encode(np.array([0]), 1, 64)
    assert stream.words.tolist() == [0xFFFF_FFFF_FFFF_FFF0]
    assert Relative(4).decode(stream, 1, 64).tolist() == [0]


def test_an_empty_filter_is_one_word_and_one_filler() -> None:
    stream = Relative(4).encode(np.zeros(0, np.int64), 100, 16)
    assert stream.words.tolist() == [0xFFFF]
    assert stream.end.tolist() == [True]
    assert stream.entry_positions.tolist() == [0]
    assert stream.entry_is_filler.tolist() == [True]
    assert Relative(4).decode(stream, 100, 16).tolist() == []


def test_a_gap_of_the_largest_code_takes_one_filler() -> None:
    # m = 15: a gap of 14 is the code 14, one of 15 a filler and 0.
    mask = np.zeros((3, 40), np.bool_)
    mask[0, 14] = mask[1, 15] = mask[2, [0, 31]] = True
    assert Relative(4).entry_counts(mask).tolist() == [1, 2, 4]


def test_a_layer_of_several_blocks_counts_like_its_filters(monkeypatch: pytest.MonkeyPatch) -> None:
    mask = np.random.default_rng(3).random((7, 50)) < 0.1
    whole = Relative(3).entry_counts(mask)
    monkeypatch.setattr("bosquet.models.formats.relative._BLOCK", 120)  # two filters a block
    assert Relative(3).entry_counts(mask).tolist() == whole.tolist()


@pytest.mark.parametrize("index_bits", [1, 13])
def test_a_width_that_does_not_exist(index_bits: int) -> None:
    with pytest.raises(DesignError, match=f"between 2 and 12, not {index_bits}"):
        Relative(index_bits)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((0x8421,), "zero above its 3 codes"),
        ((1 | 2 << 5 | 3 << 10, 0x7FFF), "last word"),
        ((0x7FFF, 3 | 31 << 5 | 31 << 10), "below its length 64, not reach position 96"),
    ],
)
def test_damaged_words_are_refused(words: tuple[int, ...], message: str) -> None:
    with pytest.raises(InputError, match=message):
        Relative(5).decode(stream_of(*words), 64, 16)


@pytest.mark.parametrize(
    ("index_bits", "density"), [(2, 0.3), (3, 0.15), (4, 0.05), (4, 0.1), (6, 0.02)]
)
def test_random_sparsity_obeys_the_law_of_the_fillers(index_bits: int, density: float) -> None:
    # A gap g costs g // m fillers. With q = 1 - density and P(gap >= g) = q**g, that number is
    # geometric: mean q**m / (1 - q**m), variance q**m / (1 - q**m)**2. (A filler that stands for
    # a stored zero, as in EIE, covers 2**index_bits positions; ours is a reserved code and
    # covers one less.) Five standard errors.
    kept = 200_000
    gaps = np.random.default_rng(index_bits).geometric(density, kept) - 1
    positions = np.cumsum(gaps + 1) - 1
    mask = np.zeros((1, int(positions[-1]) + 1), np.bool_)
    mask[0, positions] = True
    fillers = int(Relative(index_bits).entry_counts(mask)[0]) - kept

    reach = (1 - density) ** (2**index_bits - 1)
    mean, variance = reach / (1 - reach), reach / (1 - reach) ** 2
    assert abs(fillers / kept - mean) < 5 * np.sqrt(variance / kept)
