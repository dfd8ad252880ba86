"""Balanced feed orders: permutations by which the lanes of a tile keep step."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bosquet.hw import order
from bosquet.hw.design import Design
from bosquet.hw.order import balanced_orders, reordered
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Relative
from bosquet.models.layer import LayerShape
from bosquet.sim.exact import simulate
from bosquet.sim.workload import Workload


def test_by_hand() -> None:
    # Two lanes of 4 entries in 4 steps, a fair share of 1 each. First the step that is fair; then
    # (2, 0), (0, 2): the first of equal ones, and what makes up for it; then what is left.
    counts = np.array([[[2, 0], [0, 2], [1, 1], [1, 1]]])
    assert balanced_orders(counts).tolist() == [[2, 3, 0, 1]]
    # All of lane 0 first would be [0, 1], all of lane 1 last [2, 3].
    counts = np.array([[[1, 0], [1, 0], [0, 1], [0, 1]]])
    assert balanced_orders(counts).tolist() == [[0, 2, 1, 3]]


@given(st.integers(1, 4), st.integers(1, 20), st.integers(1, 9), st.integers(0, 99))
def test_orders_are_permutations(tiles: int, steps: int, lanes: int, seed: int) -> None:
    counts = np.random.default_rng(seed).integers(0, 9, (tiles, steps, lanes))
    orders = balanced_orders(counts)
    assert np.array_equal(np.sort(orders), np.tile(np.arange(steps), (tiles, 1)))


def plainly_balanced(counts: NDArray[np.int64], block: int) -> list[int]:
    """Order the steps of one tile (steps, lanes) by the definition, in whole numbers."""
    steps = len(counts)
    excess = counts * steps - counts.sum(axis=0)
    blocks = -(-steps // block)
    order: list[int] = []
    ahead = np.zeros(counts.shape[1], np.int64)
    for number in range(blocks):
        left = list(range(steps * number // blocks, steps * (number + 1) // blocks))
        while left:
            order.append(min(left, key=lambda step: int(((ahead + excess[step]) ** 2).sum())))
            left.remove(order[-1])
            ahead += excess[order[-1]]
    return order


@pytest.mark.parametrize("products", [1, 300, order._PRODUCTS])
@pytest.mark.parametrize("exact", [1, order._EXACT])
@pytest.mark.parametrize("block", [1, 3, 7, order._BLOCK])
def test_orders_are_balanced(
    products: int, exact: int, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Some tiles or all at once, blocks of few steps or one, floating point or whole numbers."""
    monkeypatch.setattr(order, "_PRODUCTS", products)
    monkeypatch.setattr(order, "_EXACT", exact)
    monkeypatch.setattr(order, "_BLOCK", block)
    rng = np.random.default_rng(products)
    for _ in range(10):
        counts = rng.integers(0, 9, (rng.integers(1, 5), rng.integers(1, 20), rng.integers(1, 9)))
        expected = [plainly_balanced(tile, block) for tile in counts]
        assert balanced_orders(counts).tolist() == expected


def test_reordered_moves_whole_steps() -> None:
    rows = np.arange(12).reshape(2, 6)
    assert reordered(rows, np.array([2, 0, 1]), 2).tolist() == [
        [4, 5, 0, 1, 2, 3], [10, 11, 6, 7, 8, 9],
    ]  # fmt: skip


def uneven_layer() -> Workload:
    rng = np.random.default_rng(0)
    shape = LayerShape("uneven", "conv", 64, 16, (3, 3), height=6, width=6)
    return Workload(shape, rng.random(shape.weight_shape) < rng.uniform(0.3, 0.6, (16, 1, 1, 1)))


def test_a_balanced_order_takes_fewer_cycles() -> None:
    # With two windows; with more, lanes out of step are forgiven more often.
    layer, design = uneven_layer(), Design("sparse", 8, 4, window=4, feed=4, run_ahead=2)
    natural = Program.plan(layer, replace(design, feed_order="natural"), Bitmap())
    balanced = Program.plan(layer, design, Bitmap())
    assert natural.orders.shape == (1, natural.layout.steps)
    assert balanced.orders.shape == (2, natural.layout.steps)
    assert simulate(balanced).cycles < 0.95 * simulate(natural).cycles


def test_an_order_never_costs_index_words() -> None:
    layer, design = uneven_layer(), Design("sparse", 8, 4, index_bits=(2,))
    natural = Program.plan(layer, replace(design, feed_order="natural"), Relative(2))
    balanced = Program.plan(layer, design, Relative(2))
    assert balanced.buffers.index_words <= natural.buffers.index_words
