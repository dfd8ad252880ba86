"""A sweep of 2,000 points that is killed goes on where it stopped, and ends as one that was not.

Killed means SIGKILL: the process writes nothing more. It happens at random moments of the work, in
one process and with workers, and the last process to go on is let run to its end.
"""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnx
import pytest
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.sim.sweep.journal import JOURNAL
from bosquet.sim.sweep.tables import has_parquet

POINTS = 2000

SPEC = """
network = "{network}"
[design]
base = ["sparse-2x2", "dense-2x2"]
acc_bits = [20, 21, 22, 23, 24]
drain_cycles = [1, 2]
weights_per_row = [1, 2, 3, 4]
[sweep]
weight_bits = [4, 5, 6, 7, 8]
act_bits = [4, 5, 6, 7, 8]
"""
"""2 x 5 x 2 x 4 x 5 x 5 points. The weights of a row are 1 in sparse designs, 1 or 2 in dense ones
of two columns, so that 1,000 - 250 and 1,000 - 500 of them do not exist."""

TABLES = ("points.csv", "layers.csv", "sweep.json", *(
    ("points.parquet", "layers.parquet") if has_parquet() else ()))  # fmt: skip

PROGRAM = """
import signal, sys
from bosquet.cli.main import run
signal.signal(signal.SIGINT, signal.default_int_handler)
sys.exit(run(sys.argv[1:]))
"""
"""A shell that starts the tests in the background lets its children ignore Ctrl-C."""

PATIENCE_S = 240
"""Seconds to wait for a process on a busy machine before the test fails."""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    """Return a sweep of a pruned convolution, 2 to 4 channels, 3x3 on 3x3."""
    weight = drawn(1, 4, 2, 3, 3)
    weight[np.abs(weight) < 0.5] = 0
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv", pads=[1, 1, 1, 1])
    onnx.save(model([node], {"w": weight}, [1, 2, 3, 3]), tmp_path / "net.onnx")
    path = tmp_path / "grid.toml"
    path.write_text(SPEC.format(network=tmp_path / "net.onnx"))
    return path


@contextmanager
def sweeping(spec: Path, out: Path, jobs: int) -> Iterator[subprocess.Popen[str]]:
    """Give a sweep in a process and a process group of its own, as a terminal starts it."""
    command = ["sweep", str(spec), "--out", str(out), "--jobs", str(jobs)]
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *command],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def results(out: Path) -> list[int]:
    """Return the points that a journal holds, in its order; a torn last line is left out."""
    path = out / JOURNAL
    text = path.read_bytes() if path.exists() else b""
    lines = text[: text.rfind(b"\n") + 1].splitlines()[1:]
    return [json.loads(line[9:])["point"] for line in lines]


def wait_for(out: Path, process: subprocess.Popen[str], points: int) -> None:
    """Wait until a journal holds so many results."""
    deadline = time.monotonic() + PATIENCE_S
    path = out / JOURNAL
    while not path.exists() or path.read_bytes().count(b"\n") <= points:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.01)


def children(process: int) -> list[int]:
    """Return the processes that a process has started."""
    tasks = Path(f"/proc/{process}/task")
    found = [(task / "children").read_text().split() for task in tasks.iterdir()]
    return [int(child) for each in found for child in each]


def runs(process: int) -> bool:
    """Whether a process is there and does not merely wait to be reaped."""
    try:
        state = Path(f"/proc/{process}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state != "Z"


def test_a_killed_sweep_ends_as_an_unbroken_one(spec: Path, tmp_path: Path) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    done = bosquet("sweep", spec, "--out", whole, "--jobs", 1, "--json")
    assert (done.document["ok"], done.document["refused"]) == (750, 1250)

    rng = random.Random(7)
    there = 0
    for jobs, most in ((1, 600), (2, 1100), (1, 1500)):
        with sweeping(spec, broken, jobs) as process:
            wait_for(broken, process, rng.randrange(there + 1, most))
            process.send_signal(signal.SIGKILL)
            process.wait(PATIENCE_S)
        now = results(broken)
        assert there < len(now) < POINTS
        there = len(now)
    assert not (broken / "points.csv").exists()

    done = bosquet("sweep", spec, "--out", broken, "--jobs", 2, "--json")
    assert done.document["computed"] == POINTS - there
    assert f"{there:,} of 2,000 points are there already" in done.err
    assert sorted(results(broken)) == list(range(POINTS))  # none twice, none lost
    for name in TABLES:
        assert (broken / name).read_bytes() == (whole / name).read_bytes(), name


def test_ctrl_c_keeps_what_is_done(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sweeping(spec, out, 2) as process:
        wait_for(out, process, 20)
        os.killpg(process.pid, signal.SIGINT)
        printed, told = process.communicate(timeout=PATIENCE_S)
    assert (process.returncode, printed) == (130, "")
    assert "interrupted; what is done is kept, the same command goes on from there" in told
    assert "Traceback" not in told
    kept = results(out)
    assert 20 <= len(set(kept)) == len(kept) < POINTS


def test_ctrl_c_while_workers_start(spec: Path, tmp_path: Path) -> None:
    with sweeping(spec, tmp_path / "out", 2) as process:
        deadline = time.monotonic() + PATIENCE_S
        while not (tmp_path / "out" / JOURNAL).exists():
            assert time.monotonic() < deadline
            time.sleep(0.01)
        time.sleep(0.2)
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 130
    assert "Traceback" not in told


@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="looks at processes in /proc")
def test_workers_end_with_the_process_that_started_them(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sweeping(spec, out, 2) as process:
        wait_for(out, process, 5)
        workers = children(process.pid)
        assert len(workers) >= 2
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + PATIENCE_S
    while any(runs(worker) for worker in workers):
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_a_folder_is_for_one_sweep_at_a_time(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with sweeping(spec, out, 1) as process:
        wait_for(out, process, 1)
        second = bosquet("sweep", spec, "--out", out, "--jobs", 1)
        assert process.poll() is None
        process.send_signal(signal.SIGKILL)
    assert second.code == 1
    (line,) = second.err.splitlines()
    assert "another bosquet sweep is at work on it" in line
    # The killed one holds nothing: the next one is not refused.
    assert bosquet("sweep", spec, "--out", out, "--jobs", 1).code == 0
