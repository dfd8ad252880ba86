"""Journals: what was written is there, what was torn is not, and only one process writes."""

import fcntl
import json
from pathlib import Path
from zlib import crc32

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.sim.sweep.journal import JOURNAL, Journal
from bosquet.sim.sweep.point import Result

IDENTITY = {"spec": {"network": ["n"], "design": [{"lanes": [4]}]}, "versions": {"bosquet": "1"}}
POINTS = 9

RESULTS = [
    Result(0, "refused", "no such design"),
    Result(4, "ok", None, {"cycles": 7, "latency_s": 0.1 + 0.2}, ({"layer": "é"}, {"layer": "b"})),
    Result(2, "ok", None, {"cycles": 1 << 60}, ({"layer": "c"},)),
]


def written(folder: Path) -> bytes:
    with Journal.resumed(folder, IDENTITY, POINTS) as journal:
        journal.add(RESULTS[:2])
        journal.add(RESULTS[2:])
    return (folder / JOURNAL).read_bytes()


def found(folder: Path) -> list[Result]:
    with Journal.resumed(folder, IDENTITY, POINTS) as journal:
        return [journal.result(point) for point in range(POINTS) if point in journal]


def test_results_come_back_as_they_were(tmp_path: Path) -> None:
    written(tmp_path)
    assert found(tmp_path) == sorted(RESULTS, key=lambda result: result.point)


def test_a_result_that_is_there_is_not_written_again(tmp_path: Path) -> None:
    before = written(tmp_path)
    with Journal.resumed(tmp_path, IDENTITY, POINTS) as journal:
        journal.add(RESULTS)
        assert len(journal) == 3
    assert (tmp_path / JOURNAL).read_bytes() == before


def test_results_are_read_while_others_are_written(tmp_path: Path) -> None:
    with Journal.resumed(tmp_path, IDENTITY, POINTS) as journal:
        for number, result in enumerate(RESULTS):
            journal.add([result])
            assert [journal.result(one.point) for one in RESULTS[: number + 1]] == RESULTS[
                : number + 1
            ]
    assert len(found(tmp_path)) == 3


@given(cut=st.integers(1, 400), junk=st.binary(max_size=20))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_torn_end_costs_the_torn_lines_only(tmp_path: Path, cut: int, junk: bytes) -> None:
    path = tmp_path / JOURNAL
    path.unlink(missing_ok=True)
    whole = written(tmp_path)
    lines = whole.splitlines(keepends=True)
    kept = max(len(lines[0]), len(whole) - cut)
    path.write_bytes(whole[:kept] + junk)
    intact = whole[:kept].count(b"\n") - 1  # the identity is no result
    assert found(tmp_path) == sorted(RESULTS[:intact], key=lambda result: result.point)
    # What was cut off is written anew, and nothing of the tear stays.
    assert written(tmp_path) == whole


@given(place=st.integers(0, 10_000), bit=st.integers(0, 7))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_flipped_bit_becomes_a_result(tmp_path: Path, place: int, bit: int) -> None:
    path = tmp_path / JOURNAL
    path.unlink(missing_ok=True)
    whole = bytearray(written(tmp_path))
    head = whole.index(b"\n") + 1
    whole[head + place % (len(whole) - head)] ^= 1 << bit
    path.write_bytes(whole)
    assert all(result in RESULTS for result in found(tmp_path))


def test_another_sweep_is_refused_and_told(tmp_path: Path) -> None:
    written(tmp_path)
    other = {
        "spec": {"network": ["m"], "design": [{"lanes": [4]}]},
        "versions": {"bosquet": "1", "numpy": "2"},
    }
    with pytest.raises(InputError) as error, Journal.resumed(tmp_path, other, POINTS):
        pass
    assert str(error.value) == (
        f'{tmp_path} holds another sweep: network was ["n"] and is ["m"]; versions.numpy was not'
        ' given and is "2"; --restart drops its results, --out gives another folder'
    )
    assert len(found(tmp_path)) == 3


def test_a_restart_drops_what_was_there(tmp_path: Path) -> None:
    written(tmp_path)
    with Journal.begun(tmp_path, IDENTITY, POINTS) as journal:
        assert len(journal) == 0
    assert found(tmp_path) == []


@pytest.mark.parametrize("content", [b"hello\n", b"hello", b"\x00" * 50])
def test_a_file_that_is_no_journal(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOURNAL).write_bytes(content)
    with (
        pytest.raises(InputError, match="is no journal of a sweep, or a broken one; --restart"),
        Journal.resumed(tmp_path, IDENTITY, POINTS),
    ):
        pass
    assert (tmp_path / JOURNAL).read_bytes() == content


def test_one_process_at_a_time(tmp_path: Path) -> None:
    with (
        Journal.resumed(tmp_path, IDENTITY, POINTS),
        pytest.raises(InputError, match="another bosquet sweep is at work on it"),
        Journal.begun(tmp_path, IDENTITY, POINTS),
    ):
        pass
    # The lock is that of the open file: a file that was left behind holds nothing.
    with (tmp_path / JOURNAL).open() as left:
        fcntl.flock(left, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_folder_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with (
        pytest.raises(InputError, match=r"cannot be written: .*; give another place with --out"),
        Journal.resumed(tmp_path / "file" / "folder", IDENTITY, POINTS),
    ):
        pass


def test_lines_are_a_checksum_and_a_document(tmp_path: Path) -> None:
    for line in written(tmp_path).splitlines():
        checksum, text = line.split(b" ", 1)
        assert int(checksum, 16) == crc32(text)
        json.loads(text)
