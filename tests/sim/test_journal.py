"""A journal gives back what was written, and is not taken for that of something else."""

from pathlib import Path

import pytest

from bosquet.errors import InputError
from bosquet.sim.journal import Journal

IDENTITY = {"seed": 7, "code": "abc"}


def opened(path: Path, **changes: object) -> dict[str, object]:
    with Journal.opened(path, "verify", "--journal", {**IDENTITY, **changes}) as journal:
        return journal.known


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "a.journal"
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        journal.add("first", [1, None, {"x": 0.1}])
        journal.add("second", "text")
        assert journal.known == {"first": [1, None, {"x": 0.1}], "second": "text"}
    return path


def test_gives_back_what_was_written(path: Path) -> None:
    assert opened(path) == {"first": [1, None, {"x": 0.1}], "second": "text"}


@pytest.mark.parametrize("torn", [1, 9, 20])
def test_a_torn_line_is_cut_off(path: Path, torn: int) -> None:
    whole = path.read_bytes()
    path.write_bytes(whole[:-torn])
    assert opened(path) == {"first": [1, None, {"x": 0.1}]}
    with Journal.opened(path, "verify", "--journal", IDENTITY) as journal:
        journal.add("second", "text")
    assert path.read_bytes() == whole


def test_another_identity_is_refused(path: Path) -> None:
    message = r"another bosquet verify \(other seed\); remove it, or give another --journal"
    with pytest.raises(InputError, match=message):
        opened(path, seed=8)
    assert len(opened(path)) == 2


def test_another_command_is_refused(path: Path) -> None:
    with (
        pytest.raises(InputError, match="is no journal of bosquet breakeven"),
        Journal.opened(path, "breakeven", "--study", IDENTITY),
    ):
        pass


def test_what_is_no_journal_is_refused_and_kept(path: Path) -> None:
    path.write_text("notes\n")
    with pytest.raises(InputError, match="is no journal of bosquet verify"):
        opened(path)
    assert path.read_text() == "notes\n"


def test_a_place_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be written"):
        opened(tmp_path)


def test_it_is_of_one_process_at_a_time(path: Path) -> None:
    with (
        Journal.opened(path, "verify", "--journal", IDENTITY),
        pytest.raises(InputError, match="another bosquet verify is at work on it"),
        Journal.opened(path, "verify", "--journal", IDENTITY),
    ):
        pass
    assert len(opened(path)) == 2
