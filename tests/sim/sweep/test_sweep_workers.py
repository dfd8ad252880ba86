"""Workers: the same results as without them, and what happens when one dies."""

from pathlib import Path

import pytest
from sweep_networks import DEADLY_SEED, MARK, deadly, deadly_once, points_of, runner_of, small

from bosquet.sim.sweep.layers import Loader
from bosquet.sim.sweep.point import Result
from bosquet.sim.sweep.workers import run_points

VALUES = {"design": {"base": ["sparse-2x2", "dense-2x2"]}, "sweep": {"seed": list(range(8))}}


def ran(jobs: int, load: Loader) -> tuple[dict[int, Result], list[str]]:
    """Return the results by point, each there once, and what was told."""
    runner = runner_of(VALUES, load)
    told: list[str] = []
    results: dict[int, Result] = {}
    for chunk in run_points(points_of(runner), runner, jobs, told.append):
        for result in chunk:
            assert result.point not in results
            results[result.point] = result
    return results, told


@pytest.fixture(scope="module")
def expected() -> dict[int, Result]:
    results, told = ran(1, small)
    assert sorted(results) == list(range(16))
    assert told == []
    return results


def test_two_processes_find_the_same(expected: dict[int, Result]) -> None:
    assert ran(2, small) == (expected, [])


def test_a_worker_that_dies_once_costs_nothing(
    expected: dict[int, Result], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MARK, str(tmp_path / "mark"))
    results, told = ran(2, deadly_once)
    assert results == expected
    assert len(told) == 1
    assert told[0].startswith("a worker process died at point")
    assert told[0].endswith(": once more, point by point")


def test_a_point_that_kills_has_failed_and_the_others_are_there(
    expected: dict[int, Result],
) -> None:
    results, told = ran(2, deadly)
    guilty = {point.index for point in points_of(runner_of(VALUES))
              if point.settings["sweep.seed"] == DEADLY_SEED}  # fmt: skip
    assert len(guilty) == 2
    for index, result in results.items():
        if index in guilty:
            assert result == Result(index, "failed", "the worker process died, twice")
        else:
            assert result == expected[index]
    assert results.keys() == expected.keys()
    assert sum(line.endswith("again: failed") for line in told) == 2
