"""The benchmark of the fast tier: its pairs, and what it tells."""

import json

import pytest
from fast_tier import DESIGNS, Compared, known_error, main


def test_errors_are_relative_and_have_no_sign() -> None:
    compared = [Compared(0, ("dense",), 100, 90), Compared(1, ("dense",), 50, 51)]
    assert [one.error for one in compared] == pytest.approx([-0.1, 0.02])
    error = known_error(compared)
    assert (error.median, error.worst) == pytest.approx((0.06, 0.1))
    assert error.rank_correlation == pytest.approx(1)
    assert error.pairs == 2


def test_errors_are_told_by_family(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pairs", "6", "--seed", "5", "--only", "error", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    kinds = found["errors"]["kinds"]
    families = {"windows", "ports", "dense", "eie"} & set(kinds)
    assert sum(kinds[name]["pairs"] for name in families) == kinds["all"]["pairs"] == 6
    assert len(found["errors"]["worst"]) == 5
    assert found["times"] is None


def test_the_designs_differ() -> None:
    assert len(set(DESIGNS.values())) == len(DESIGNS)


def test_numbers_out_of_range(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--pairs", "0"]) == 1
    assert capsys.readouterr().err == "error: --pairs must be at least 1, not 0\n"
