"""`bosquet simulate --trace --vcd`: files that say what the answer says, and refusals in a line."""

import json
from pathlib import Path

import pytest
from command_line import Finished, bosquet
from waveforms import Waveform

LAYER = ("simulate", "lenet5:conv1", "--design", "sparse-4x16")


def refused(finished: Finished, *parts: str) -> None:
    assert finished.code == 1, finished.err
    assert finished.out == ""
    (line,) = [line for line in finished.err.splitlines() if line.startswith("error: ")]
    assert all(part in line for part in parts), line


def test_a_trace_and_waves(tmp_path: Path) -> None:
    trace, waves = tmp_path / "new" / "t.json", tmp_path / "t.vcd"
    found = bosquet(*LAYER, "--trace", trace, "--vcd", waves, "--json")
    assert found.code == 0, found.err
    (layer,) = found.document["layers"]
    written = json.loads(trace.read_text())
    cycles = layer["cycles"]
    assert cycles < 20_000
    facts = written["otherData"]
    assert facts["time"] == "1 us = 1 cycle"
    assert facts["layer"] == "lenet5:conv1"
    assert facts["design"] == "sparse-4x16"
    assert facts["cycles"] == f"0 to {cycles} of {cycles}"
    assert facts["bosquet"]
    computed = sum(
        event["dur"] for event in written["traceEvents"]
        if event["ph"] == "X" and event["name"] == "compute"
    )  # fmt: skip
    assert computed == layer["compute"]
    for path in (trace, waves):
        assert f"written: {path}: cycles 0 to {cycles} of {cycles}, " in found.err

    # The testbench of `bosquet emit` for this layer and design has this name.
    names = Waveform.read(waves).names
    assert "tb_lenet5_conv1_sparse_4x16.dut.array.lane_3.front.issue" in names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["new", "t.vcd"]


def test_a_range(tmp_path: Path) -> None:
    trace, waves = tmp_path / "t.json", tmp_path / "t.vcd"
    bosquet(*LAYER, "--trace", trace, "--vcd", waves, "--trace-cycles", "300:340")
    events = json.loads(trace.read_text())["traceEvents"]
    times = [event["ts"] for event in events if "ts" in event]
    assert min(times) == 300
    assert max(times) < 340
    clock = Waveform.read(waves)
    edges = clock.edges(clock.names["tb_lenet5_conv1_sparse_4x16.dut.clk"])
    assert edges.tolist() == [10 * cycle for cycle in range(300, 341)]


def test_nothing_is_written_unless_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert "written" not in bosquet(*LAYER).err
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("option", ["--trace", "--vcd"])
def test_one_layer_is_needed(option: str, tmp_path: Path) -> None:
    found = bosquet("simulate", "lenet5", "--design", "sparse-4x4", option, tmp_path / "t")
    refused(found, f"lenet5: {option} tells one layer", "lenet5:LAYER", "bosquet models lenet5")


@pytest.mark.parametrize("cycles", ["5:5", "9:3", "7", "a:b", "-1:4", ":9", "1:2:3", "1.5:3"])
def test_a_range_that_is_none(cycles: str, tmp_path: Path) -> None:
    found = bosquet(*LAYER, "--trace", tmp_path / "t", f"--trace-cycles={cycles}")
    refused(found, "--trace-cycles must be A:B", f"not '{cycles}'")


def test_a_range_behind_the_end(tmp_path: Path) -> None:
    found = bosquet(*LAYER, "--trace", tmp_path / "t", "--trace-cycles", "900000:900001")
    refused(found, "layer conv1: takes ", "there is no cycle 900,000")
    assert list(tmp_path.iterdir()) == []


def test_a_range_of_nothing() -> None:
    refused(bosquet(*LAYER, "--trace-cycles", "0:9"), "--trace-cycles without --trace or --vcd")


def test_two_files_of_one_name(tmp_path: Path) -> None:
    path = tmp_path / "t"
    refused(bosquet(*LAYER, "--trace", path, "--vcd", path), str(path), "the same file")


@pytest.mark.parametrize("option", ["--trace", "--vcd"])
def test_a_place_that_cannot_be_written(option: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path, tmp_path / "file" / "t"):
        refused(bosquet(*LAYER, option, path), str(path), "cannot be written", option)
    assert [one.name for one in tmp_path.iterdir()] == ["file"]
