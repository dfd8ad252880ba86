"""Grids: which points there are, and their numbers."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.sim.sweep.grid import MAX_POINTS, Grid, Point
from bosquet.sim.sweep.spec import checked_spec

SPARSE = {"base": "sparse-4x4"}


def grid(**values: Any) -> Grid:
    return Grid.of(checked_spec({"network": "n", "design": SPARSE, **values}, "s"), 7)


def of(points: list[Point], *names: str) -> list[tuple[Any, ...]]:
    return [tuple(point.settings.get(name) for name in names) for point in points]


def test_designs_are_inside_masks() -> None:
    found = list(grid(network=["a", "b"], sweep={"ratio": ["own", 2]},
                      design={**SPARSE, "feed": [1, 2]}).points())  # fmt: skip
    assert [point.index for point in found] == list(range(8))
    assert of(found, "network", "sweep.ratio", "design.feed") == list(
        product(("a", "b"), ("own", 2.0), (1, 2))
    )


def test_what_is_not_given_has_defaults() -> None:
    (point,) = grid().points()
    assert point.settings == {
        "network": "n", "sweep.seed": 7, "sweep.ratio": "own", "sweep.format": "smallest",
        "design.base": "sparse-4x4",
    }  # fmt: skip
    assert point.table("design") == {"base": "sparse-4x4"}


def test_linked_fields_go_in_step() -> None:
    found = grid(
        design={**SPARSE, "lanes": [4, 8], "vector": [16, 8]},
        sweep={"ratio": [1, 2]},
        linked=[["design.vector", "design.lanes"]],
    )
    assert of(list(found.points()), "sweep.ratio", "design.lanes", "design.vector") == [
        (1.0, 4, 16), (1.0, 8, 8), (2.0, 4, 16), (2.0, 8, 8),
    ]  # fmt: skip


def test_several_design_tables_follow_each_other() -> None:
    found = grid(design=[{**SPARSE, "feed": [1, 2]}, {"base": "dense-4x4"}], sweep={"seed": [1, 2]})
    assert of(list(found.points()), "design.base", "sweep.seed", "design.feed") == [
        ("sparse-4x4", 1, 1), ("sparse-4x4", 1, 2), ("sparse-4x4", 2, 1), ("sparse-4x4", 2, 2),
        ("dense-4x4", 1, None), ("dense-4x4", 2, None),
    ]  # fmt: skip


def test_exclusions() -> None:
    found = grid(
        design={**SPARSE, "lanes": [4, 8], "feed": [1, 2]},
        exclude=[{"design": {"lanes": 8, "feed": 1}}, {"design": {"lanes": 4, "feed": 2}}],
    )
    assert of(list(found.points()), "design.lanes", "design.feed") == [(4, 1), (8, 2)]
    assert [point.index for point in found.points()] == [0, 1]
    assert (len(found), found.combinations) == (2, 4)


@given(st.lists(st.integers(1, 4), min_size=3, max_size=3))
def test_as_many_points_as_combinations(sizes: list[int]) -> None:
    lanes, feed, seed = ([1, 2, 4, 8][:size] for size in sizes)
    found = grid(design={**SPARSE, "lanes": lanes, "feed": feed}, sweep={"seed": seed})
    points = list(found.points())
    assert len(points) == len(found) == len(lanes) * len(feed) * len(seed)
    assert len({tuple(point.settings.items()) for point in points}) == len(points)
    assert [point.index for point in points] == list(range(len(points)))


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ({"design": {"lanes": 4}}, "design: give base (such as sparse-16x16), or family, lanes"),
        ({"design": [SPARSE, {"lanes": 4}]}, "design[1]: give base"),
        (
            {"design": {**SPARSE, "act_bits": 4}, "sweep": {"act_bits": 8}},
            "design.act_bits and sweep.act_bits are the same field",
        ),
        (
            {"linked": [["design.lanes", "design.feed"]]},
            "linked[0][0]: no field 'design.lanes' is given",
        ),
        (
            {"sweep": {"ratio": [1, 2]}, "linked": [["sweep.ration", "sweep.seed"]]},
            "linked[0][0]: no field 'sweep.ration' is given; did you mean sweep.ratio?",
        ),
        ({"linked": [["sweep.seed"]]}, "linked[0]: name at least two fields"),
        (
            {"linked": [["sweep.seed", "sweep.ratio"], ["sweep.format", "sweep.seed"]]},
            "linked[1][1]: sweep.seed is linked twice",
        ),
        (
            {
                "sweep": {"ratio": [1, 2], "seed": [1, 2, 3]},
                "linked": [["sweep.ratio", "sweep.seed"]],
            },
            "linked lists must be equally long, not sweep.seed 3, sweep.ratio 2",
        ),
        ({"exclude": [{}]}, "exclude[0] is empty"),
        (
            {"sweep": {"ratio": [1, 2]}, "exclude": [{"sweep": {"ratio": 3}}]},
            "exclude[0].sweep.ratio: 3.0 is swept nowhere; its values are 1.0, 2.0",
        ),
        (
            {"exclude": [{"design": {"feed": 3}}]},
            "exclude[0].design.feed: 3 is swept nowhere; it is not given",
        ),
        ({"exclude": [{"network": "n"}]}, "no points: [[exclude]] leaves out all 1 combinations"),
        (
            {"sweep": {"seed": list(range(4000)), "batch": list(range(1, 4001))}},
            f"16,000,000 points are more than a sweep takes ({MAX_POINTS:,})",
        ),
    ],
)
def test_what_is_wrong_is_told(values: dict[str, Any], told: str) -> None:
    with pytest.raises(InputError) as error:
        grid(**values)
    assert told in str(error.value)
