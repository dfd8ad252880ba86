"""`bosquet verify`: a layer, or random cases, and what happens when something differs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from command_line import bosquet

from bosquet.cli import verify
from bosquet.sim.verify import Batch, Failure, Verification
from bosquet.sim.verify import verify as run_batches

KEYS = {"cases", "cycle_mismatches", "bit_mismatches", "simulator", "coverage", "failures"}
COVERAGE = {
    "family", "format", "layer_kind", "delivery", "groups", "stride", "tiled", "stalls", "macs",
}  # fmt: skip


def test_a_layer() -> None:
    finished = bosquet("verify", "lenet5:fc2", "--design", "sparse-4x4", "--json")
    found = finished.document
    assert finished.code == 0
    assert found.keys() >= KEYS
    assert found["coverage"].keys() >= COVERAGE
    assert found["coverage"]["macs"] == {"median": 5000, "max": 5000}
    assert (found["cases"], found["cycle_mismatches"], found["bit_mismatches"]) == (1, 0, 0)
    assert found["failures"] == []


def test_random_cases(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Any] = []

    def batches(count: int, seed: int) -> tuple[Batch, ...]:
        asked.append((count, seed))
        return ()

    monkeypatch.setattr(verify, "random_batches", batches)
    found = bosquet("verify", "--random", 50, "--seed", 7, "--json").document
    assert asked == [(50, 7)]
    assert (found["cases"], found["seed"]) == (0, 7)


def test_a_difference_exits_with_1_and_says_where(monkeypatch: pytest.MonkeyPatch) -> None:

    def different(batches: Sequence[Batch], progress: Any, jobs: int, kept: None) -> Verification:
        failure = Failure(7, "fc2", "sparse-4x4", 12, {"cycles": (651, 650)}, 3, 0)
        return replace(run_batches((), progress), cases=1, cycle_mismatches=1, failures=(failure,))

    monkeypatch.setattr(verify, "run_batches", different)
    arguments = ("verify", "lenet5:fc2", "--design", "sparse-4x4")
    finished = bosquet(*arguments)
    assert finished.code == 1
    assert finished.out.startswith("0 of 1 equal: 1 with other cycles")
    assert "cycles 651 (simulated 650)" in finished.out
    (failure,) = bosquet(*arguments, "--json").document["failures"]
    assert failure.keys() >= {"seed", "layer", "design", "first_cycle"}


@pytest.mark.parametrize("count", [0, -5])
def test_no_cases_are_refused(count: int) -> None:
    finished = bosquet("verify", "--random", count)
    assert (finished.code, finished.out) == (1, "")
    assert f"at least 1 case, not {count}" in finished.err


def test_random_cases_take_no_layer_options() -> None:
    finished = bosquet("verify", "--random", 3, "--weight-bits", 4, "--ratio", 2)
    assert finished.code == 2
    assert "leave out --ratio, --weight-bits" in " ".join(finished.err.split())


def test_zero_free_weights() -> None:
    finished = bosquet(
        "verify", "lenet5:fc2", "--design", "sparse-4x4", "--weight-bits", 3,
        "--weight-code", "zero_free", "--json",
    )  # fmt: skip
    assert finished.code == 0
    assert finished.document["quantization"]["weight_code"] == "zero_free"
    assert finished.document["coverage"]["weight_code"]["zero_free"] == 1


def test_a_run_goes_on_from_its_journal(tmp_path: Path) -> None:
    """The same command again gives the same answer and runs nothing, so it writes nothing."""
    journal = tmp_path / "verify.journal"
    arguments = ("verify", "--random", 1, "--seed", 3, "--journal", journal, "--json")
    first = bosquet(*arguments).document
    written = journal.read_bytes()
    assert bosquet(*arguments).document == first
    assert journal.read_bytes() == written
    other = bosquet("verify", "--random", 1, "--seed", 4, "--journal", journal)
    assert (other.code, other.out) == (1, "")
    assert "other seed" in other.err


def test_a_journal_is_of_random_cases(tmp_path: Path) -> None:
    arguments = ("lenet5:fc2", "--design", "sparse-4x4", "--journal", tmp_path / "j")
    finished = bosquet("verify", *arguments)
    assert finished.code == 2
    assert "goes with --random N alone" in " ".join(finished.err.split())
