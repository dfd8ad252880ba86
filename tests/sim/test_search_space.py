"""A search space: what a search starts from lies in it."""

from dataclasses import replace
from typing import Literal

import pytest

from bosquet.hw.design import Design
from bosquet.sim.search_space import SearchSpace

LIKE = Design.dense(16, 16)
NARROW = SearchSpace(
    vectors=(6,),
    windows=(8,),
    run_aheads=(2,),
    feeds=(4,),
    drains=(2,),
    drain_cycles=(3,),
    acc_sets=(1,),
)


@pytest.mark.parametrize("order", ["natural", "balanced"])
def test_starts_have_what_the_space_allows(order: Literal["natural", "balanced"]) -> None:
    space = replace(NARROW, feed_orders=(order,), simd_group=4)
    (start,) = space.starts("sparse", LIKE)
    assert (start.vector, start.window, start.run_ahead, start.feed) == (6, 8, 2, 4)
    assert (start.drain, start.drain_cycles, start.acc_sets) == (2, 3, 1)
    assert (start.feed_order, start.simd_group) == (order, 4)
    assert {one.feed_order for one in space.typical(start)} == {order}
    assert {one.feed_order for axis in space.axes(start) for one in axis} == {order}


def test_dense_starts_have_what_the_space_allows() -> None:
    (start,) = NARROW.starts("dense", replace(LIKE, weight_bits=4))
    assert (start.vector, start.acc_sets, start.weight_bits) == (6, 1, 4)
