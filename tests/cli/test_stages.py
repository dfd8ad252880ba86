"""Stages of a long job: each is announced with the time left, scaled by how it went so far."""

import io
import time

import pytest

from bosquet.cli.stages import Stages


def test_the_time_left_follows_how_it_went(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [50.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    stream = io.StringIO()
    stages = Stages({"read": 10, "run": 60, "write": 30}, stream)
    stages.begin("read")  # 100 s expected in all
    now[0] += 20  # twice as slow as expected: 2 x 90 s are left
    stages.begin("run")
    now[0] += 50  # now 70 s of 70 s expected: as expected
    stages.begin("write")
    assert stages.seconds == 70
    assert stream.getvalue().splitlines() == [
        "[1/3] read (1:40 to go with what follows)",
        "[2/3] run (3:00 to go with what follows)",
        "[3/3] write (0:30 to go with what follows)",
    ]
