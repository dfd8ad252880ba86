"""The digits: enlarged as said, split once, and bundled as the split says."""

import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from bosquet.errors import InputError
from bosquet.models.zoo import digits
from bosquet.models.zoo.digits import (
    HELDOUT_FRACTION,
    HELDOUT_PATH,
    enlarge,
    heldout_digits,
    split_digits,
)


def test_one_grey_pixel_becomes_a_three_by_three_square() -> None:
    image = np.zeros((1, 8, 8), dtype=np.uint8)
    image[0, 0, 7] = 4
    expected = np.zeros((1, 1, 28, 28), dtype=np.float32)
    expected[0, 0, 2:5, 23:26] = 0.25
    found = enlarge(image)
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, expected)


@given(hnp.arrays(np.uint8, (2, 8, 8), elements=st.integers(0, 16)))
def test_enlarging_loses_nothing(images: np.ndarray) -> None:
    enlarged = enlarge(images)
    assert enlarged.shape == (2, 1, 28, 28)
    np.testing.assert_array_equal(enlarged[:, 0, 3:26:3, 3:26:3] * 16, images)
    assert enlarged.sum() * 16 == 9 * images.sum()


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 9), (1, 1, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"must have shape \(n, 8, 8\)"):
        enlarge(np.zeros(shape, dtype=np.uint8))


def test_values_above_16_are_refused() -> None:
    with pytest.raises(InputError, match="must be 0 to 16, found 17"):
        enlarge(np.full((1, 8, 8), 17, dtype=np.uint8))


def test_heldout_digits_are_lenet5_inputs() -> None:
    images, labels = heldout_digits()
    assert images.shape == (539, 1, 28, 28)
    assert images.dtype == np.float32
    assert labels.shape == (539,)
    assert labels.dtype == np.int64
    assert (images.min(), images.max()) == (0, 1)
    assert set(labels) == set(range(10))


def test_bundled_digits_are_the_heldout_part_of_the_split() -> None:
    split = split_digits()
    with np.load(HELDOUT_PATH) as bundled:
        np.testing.assert_array_equal(bundled["images"], split.heldout_images)
        np.testing.assert_array_equal(bundled["labels"], split.heldout_labels)
        np.testing.assert_array_equal(bundled["indices"], split.heldout_indices)


def test_split_shares_no_image_and_is_stratified() -> None:
    split = split_digits()
    assert len(split.train_images) + len(split.heldout_images) == 1797
    assert len(split.train_labels) == len(split.train_images)
    # Even as pictures, not only as indices: the data set has no duplicates across the split.
    train = {image.tobytes() for image in split.train_images}
    assert not any(image.tobytes() in train for image in split.heldout_images)
    train_count, heldout_count = np.bincount(split.train_labels), np.bincount(split.heldout_labels)
    expected = HELDOUT_FRACTION * (train_count + heldout_count)
    assert (np.abs(heldout_count - expected) <= 0.5).all()


def test_split_without_scikit_learn_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sklearn.datasets", None)
    with pytest.raises(InputError, match=r"pip install 'bosquet\[train\]'"):
        split_digits()
    assert len(digits.heldout_digits()[1]) == 539
