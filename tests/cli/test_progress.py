"""Progress on standard error: a line that is rewritten, or a log that is not flooded."""

import io
import time

import pytest

from bosquet.cli.progress import Progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the time that Progress sees, in seconds."""
    now = [100.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    return now


def test_a_terminal_sees_one_line_with_the_time_to_go(clock: list[float]) -> None:
    stream = Terminal()
    with Progress("verify", stream) as told:
        clock[0] += 30
        told(1, 4, "conv1")  # 30 s for one of four: 90 s to go
        told(4, 4, "fc2")
    lines = stream.getvalue().split("\r")
    assert lines[1] == "verify: 1 of 4, 1:30 to go (conv1)"
    assert lines[2].rstrip() == "verify: 4 of 4 (fc2)"
    assert len(lines[2]) == len(lines[1])  # nothing of the longer line is left
    assert lines[3].isspace()


def test_parts_may_differ_in_what_they_take(clock: list[float]) -> None:
    stream = Terminal()
    with Progress("reproduce", stream) as told:
        clock[0] += 30
        told(1, 4, "one chip", 0.75)  # the first of four is most of the work
    assert "reproduce: 1 of 4, 0:10 to go (one chip)" in stream.getvalue()


def test_a_log_gets_a_line_every_few_seconds(clock: list[float]) -> None:
    stream = io.StringIO()
    with Progress("verify", stream) as told:
        for done in range(1, 11):
            clock[0] += 2
            told(done, 10)
    assert [line.split(",")[0] for line in stream.getvalue().splitlines()] == [
        "verify: 3 of 10",
        "verify: 6 of 10",
        "verify: 9 of 10",
    ]


def test_another_phase_has_a_time_of_its_own(clock: list[float]) -> None:
    stream = Terminal()
    told = Progress("breakeven", stream)
    clock[0] += 100
    told(2, 2, "dense")
    clock[0] += 3
    told(1, 5, "sparse")  # 3 s for one of five
    assert "1 of 5, 0:12 to go (sparse)" in stream.getvalue()
