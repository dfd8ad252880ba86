"""Masks keep exactly what was asked for, spread as their definition says, and repeat."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray

from bosquet.errors import InputError
from bosquet.models.masks import (
    SPREAD,
    grouped_mask,
    kept_weights,
    magnitude_mask,
    norms_of_groups,
    seed_for,
    uneven_mask,
    uniform_mask,
)

shapes = st.one_of(
    st.tuples(st.integers(1, 12), st.integers(1, 60)),
    st.tuples(st.integers(1, 12), st.integers(1, 6), st.integers(1, 3), st.integers(1, 3)),
)
densities = st.floats(0, 1, exclude_min=True)
seeds = st.integers(0, 2**32)
made_up = pytest.mark.parametrize("make", [uniform_mask, uneven_mask])
Make = Callable[..., NDArray[np.bool_]]


def filter_densities(mask: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the kept portion of each filter."""
    return np.asarray(mask.reshape(len(mask), -1).mean(axis=1))


@given(shapes, densities, seeds, st.floats(0, 5))
@example((4, 10), 1e-300, 0, 0.3)
@example((4, 10), 1.0, 0, 0.3)
@example((4, 10), 0.999999999, 0, 5.0)
@example((7, 13), 0.5, 0, 1e-200)
@example((1, 1), 0.5, 0, 0.3)
def test_made_up_masks_keep_the_exact_number(
    shape: tuple[int, ...], density: float, seed: int, spread: float
) -> None:
    for mask in (uniform_mask(shape, density, seed), uneven_mask(shape, density, seed, spread)):
        assert mask.shape == shape
        assert mask.dtype == np.bool_
        assert np.count_nonzero(mask) == round(density * mask.size)


@made_up
def test_a_mask_depends_on_its_own_seed_and_key_alone(make: Make) -> None:
    def masks(*names: str) -> dict[str, bytes]:
        return {name: make((8, 64), 0.5, seed_for(7, name, "mask")).tobytes() for name in names}

    forward, backward = masks("conv1", "conv2"), masks("conv2", "conv1")
    assert forward == backward
    assert forward["conv1"] != forward["conv2"]
    assert forward["conv1"] != make((8, 64), 0.5, seed_for(8, "conv1", "mask")).tobytes()


def test_keys_do_not_run_into_each_other() -> None:
    keys: list[tuple[str | int, ...]] = [("ab", "c"), ("a", "bc"), ("abc",), (1,), ("1",), ()]
    states = {tuple(seed_for(0, *key).generate_state(4).tolist()) for key in keys}
    assert len(states) == len(keys)


@pytest.mark.parametrize("density", [0.06, 0.3, 0.5, 0.7])
def test_uneven_filters_have_the_spread_of_the_definition(density: float) -> None:
    # 20,000 filters of 2,000 weights: the sample's coefficient of variation is within about
    # 1/sqrt(2 * 20000) = 0.5 % (Beta tails are light); rounding adds less. Eight times that.
    found = filter_densities(uneven_mask((20_000, 2_000), density, seed=1))
    assert found.mean() == pytest.approx(density, abs=1e-9)
    assert found.std() / found.mean() == pytest.approx(SPREAD, rel=0.04)


@pytest.mark.parametrize(("density", "spread"), [(0.9, 0.1005), (0.02, 0.96)])
def test_the_spread_is_clamped_where_the_beta_would_lose_its_peak(
    density: float, spread: float
) -> None:
    # The smaller parameter is 1: n = 1 / 0.1 = 10, deviation sqrt(0.09 / 11) = 0.0905 of 0.9;
    # n = 1 / 0.02 = 50, deviation sqrt(0.0196 / 51) = 0.0196 of 0.02 (a spread of 2 was asked).
    asked = SPREAD if density > 0.5 else 2.0
    found = filter_densities(uneven_mask((10_000, 1_000), density, seed=2, spread=asked))
    assert found.std() / found.mean() == pytest.approx(spread, rel=0.05)


def test_no_spread_gives_even_filters() -> None:
    found = uneven_mask((10, 33), 0.5, seed=3, spread=0).sum(axis=1)
    assert found.sum() == 165
    assert set(found.tolist()) == {16, 17}


def test_uniform_masks_vary_as_draws_without_replacement_do() -> None:
    # Kept weights of a filter are hypergeometric, variance about length * d * (1 - d).
    counts = uniform_mask((4_000, 100), 0.25, seed=4).sum(axis=1)
    assert counts.var() == pytest.approx(100 * 0.25 * 0.75, rel=0.12)  # 5 * sqrt(2 / 4000)


@pytest.mark.parametrize("make", [uniform_mask, uneven_mask])
def test_every_position_of_a_filter_is_kept_as_often(make: Make) -> None:
    counts = make((5_000, 20), 0.3, seed=5).sum(axis=0)
    assert counts.min() > 1500 - 5 * np.sqrt(5_000 * 0.3 * 0.7)
    assert counts.max() < 1500 + 5 * np.sqrt(5_000 * 0.3 * 0.7)


@given(arrays(np.int8, (3, 17)), densities)
def test_magnitude_masks_keep_the_largest_and_of_equals_the_first(
    weight: NDArray[np.int8], density: float
) -> None:
    mask = magnitude_mask(weight, density)
    order = sorted(range(weight.size), key=lambda i: (-abs(int(weight.flat[i])), i))
    assert np.flatnonzero(mask).tolist() == sorted(order[: round(density * weight.size)])
    assert mask.shape == weight.shape


def test_magnitude_by_hand() -> None:
    weight = np.array([[-4.0, 0.5], [0.5, 3.0]])
    assert magnitude_mask(weight, 0.75).tolist() == [[True, True], [False, True]]


def test_densities_are_nested_for_one_weight() -> None:
    weight = np.random.default_rng(6).normal(size=(16, 3, 3, 3))
    sparse, denser = magnitude_mask(weight, 0.1), magnitude_mask(weight, 0.4)
    assert (denser | ~sparse).all()


@pytest.mark.parametrize("density", [0, -0.1, 1.0001, float("nan"), float("inf")])
def test_a_density_outside_its_range_is_refused(density: float) -> None:
    for call in (
        lambda: kept_weights(10, density),
        lambda: magnitude_mask(np.ones(4), density),
        lambda: uniform_mask((2, 2), density, 0),
        lambda: uneven_mask((2, 2), density, 0),
    ):
        with pytest.raises(InputError, match="above 0 and at most 1"):
            call()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_weights_that_are_not_finite_are_refused(value: float) -> None:
    with pytest.raises(InputError, match="finite"):
        magnitude_mask(np.array([1.0, value]), 0.5)


def test_other_bad_input_is_refused() -> None:
    with pytest.raises(InputError, match=r"sizes of at least 1, not \(0, 3\)"):
        uniform_mask((0, 3), 0.5, 0)
    with pytest.raises(InputError, match=r"not \(3,\)"):
        uneven_mask((3,), 0.5, 0)
    with pytest.raises(InputError, match="spread must be at least 0 and finite, not -1"):
        uneven_mask((2, 3), 0.5, 0, spread=-1)
    with pytest.raises(InputError, match="must not be negative: -1"):
        seed_for(-1, "conv1")


def test_a_group_of_filters_keeps_the_same_positions() -> None:
    """Two convolution groups of three filters: each has a pair and a single one."""
    asked: list[tuple[int, ...]] = []

    def mask_of(shape: tuple[int, ...]) -> NDArray[np.bool_]:
        asked.append(shape)
        mask: NDArray[np.bool_] = np.arange(shape[0] * 2).reshape(shape) % 3 == 0
        return mask

    mask = grouped_mask((6, 2), 2, mask_of, conv_groups=2)
    assert asked == [(4, 2)]
    assert mask.astype(int).tolist() == [[1, 0], [1, 0], [0, 1], [0, 0], [0, 0], [1, 0]]


@given(shapes, densities, seeds, st.sampled_from([1, 2, 4]))
def test_groups_of_one_change_nothing(
    shape: tuple[int, ...], density: float, seed: int, size: int
) -> None:
    whole = (size * shape[0], *shape[1:])
    mask = grouped_mask(whole, size, lambda few: uneven_mask(few, density, seed))
    assert np.array_equal(mask[::size], uneven_mask(shape, density, seed))
    assert np.array_equal(mask, np.repeat(mask[::size], size, axis=0))


def test_norms_of_groups_by_hand() -> None:
    weight = np.array([[3, -128], [4, 0], [5, 2], [-6, 0], [8, 1]], np.int8)
    norms = norms_of_groups(weight, 2)
    assert norms.tolist() == [[5.0, 128.0], [np.sqrt(61), 2.0], [8.0, 1.0]]
    assert norms_of_groups(weight[:4], 4, conv_groups=2).tolist() == norms[:2].tolist()


@pytest.mark.parametrize("size", [0, -1])
def test_groups_without_a_filter_are_refused(size: int) -> None:
    with pytest.raises(InputError, match=f"needs at least 1, not {size}"):
        grouped_mask((4, 4), size, lambda shape: np.ones(shape, np.bool_))
