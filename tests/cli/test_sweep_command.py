"""`bosquet sweep`: its document, its files, and the one line where something is wrong."""

import csv
import json
from pathlib import Path

import pytest
from command_line import Finished, bosquet

from bosquet.sim.sweep.tables import has_parquet

SPEC = """
network = "lenet5:fc2"
[design]
base = "dense-8x4"
acc_sets = [1, 2, 3]
[sweep]
ratio = ["own", 8]
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    path = tmp_path / "grid.toml"
    path.write_text(SPEC)
    return path


def swept(spec: Path, *options: object) -> Finished:
    return bosquet("sweep", spec, "--out", spec.parent / "out", "--jobs", 1, *options)


def refused(finished: Finished, told: str) -> None:
    assert finished.code == 1
    assert finished.out == ""
    (line,) = finished.err.splitlines()
    assert line.startswith("error: ")
    assert told in line


def test_the_document(spec: Path) -> None:
    done = swept(spec, "--json")
    assert done.code == 0
    found = done.document
    assert found["schema"] == "bosquet.sweep/1"
    counts = {name: found[name] for name in ("points", "computed", "ok", "refused", "failed")}
    assert counts == {"points": 6, "computed": 6, "ok": 4, "refused": 2, "failed": 0}
    (reason,) = found["reasons"]
    assert (reason["points"], reason["first_point"]) == (2, 2)
    assert "design.acc_sets must be one of 1, 2, not 3" in reason["reason"]
    assert (found["seed"], found["tier"], found["excluded"]) == ([0], "exact", 0)
    assert found["parquet"] == has_parquet()
    assert bool(found["parquet_reason"]) != has_parquet()
    for file in found["files"]:
        assert Path(file).is_file()


def test_rows_equal_what_simulate_says(spec: Path) -> None:
    swept(spec)
    with (spec.parent / "out" / "points.csv").open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["status"] == "ok"]
    assert len(rows) == 4
    for row in rows:
        design = spec.parent / "design.toml"
        design.write_text(f'family = "dense"\nlanes = 8\nvector = 4\nacc_sets = {row["acc_sets"]}')
        ratio = ("--ratio", row["ratio"]) if row["ratio"] else ()
        told = bosquet("simulate", "lenet5:fc2", "--design", design, *ratio, "--json").document
        (layer,) = told["layers"]
        assert int(row["cycles"]) == told["cycles"]
        for name in ("latency_s", "freq_hz", "area_um2"):
            assert float(row[name]) == told[name]
        for name in ("macs", "effectual_macs"):
            assert int(row[name]) == layer[name]
        for name in ("density", "utilization", "mac_utilization"):
            assert float(row[name]) == layer[name]
        for cause, lost in layer["stalls"].items():
            assert int(row[f"stall_{cause}_lane_cycles"]) == lost


def test_a_finished_sweep_is_not_run_again(spec: Path) -> None:
    swept(spec)
    tables = {name: (spec.parent / "out" / name).read_bytes()
              for name in ("points.csv", "layers.csv", "sweep.json")}  # fmt: skip
    again = swept(spec, "--json")
    assert again.document["computed"] == 0
    assert again.err == "sweep: 6 of 6 points are there already\n"
    assert {name: (spec.parent / "out" / name).read_bytes() for name in tables} == tables


def test_a_changed_specification(spec: Path) -> None:
    swept(spec)
    spec.write_text(SPEC.replace("[1, 2, 3]", "[1, 2]"))
    refused(swept(spec), "another sweep: design[0].acc_sets was [1, 2, 3] and is [1, 2]; --rest")
    assert swept(spec, "--restart", "--json").document["points"] == 4


def test_the_folder_is_named_after_the_specification(
    spec: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(spec.parent)
    assert bosquet("sweep", "grid.toml", "--jobs", 1).code == 0
    assert json.loads(Path("sweeps/grid/sweep.json").read_text())["points"]["ok"] == 4


def test_the_text_names_reasons_and_the_fastest_point(spec: Path) -> None:
    text = swept(spec).out
    assert "6 points: 4 simulated, 2 refused" in text
    assert "2 (from point 2 on): dense-8x4: design.acc_sets must be one of 1, 2, not 3" in text
    assert "fastest of" in text


def test_a_grid_without_a_legal_point_ends_with_1(spec: Path) -> None:
    spec.write_text(SPEC.replace("[1, 2, 3]", "3"))
    done = swept(spec, "--json")
    assert done.code == 1
    assert done.document["refused"] == 2
    assert done.err.startswith("error: every point was refused, most of them: dense-8x4: design.")


@pytest.mark.parametrize(
    ("text", "options", "told"),
    [
        (SPEC + "ratoi = 2\n", (), "unknown field sweep.ratoi; did you mean sweep.ratio?"),
        (SPEC.replace("lenet5:fc2", "lenet5:fc9"), (), "fc9"),
        (SPEC.replace("lenet5:fc2", "lenet55"), (), "lenet55 is neither a file nor a bundled"),
        (SPEC.replace("[1, 2, 3]", "[]"), (), "design.acc_sets: an empty list gives no points"),
        (SPEC.replace("dense-8x4", "dense-8by4"), (), "unknown design 'dense-8by4'"),
        (SPEC + "seed = 1\n", ("--seed", 2), "says sweep.seed itself; leave --seed out"),
        (SPEC, ("--columns", "cycles,latency"), "no column 'latency'; did you mean latency_s?"),
        (SPEC, ("--technology", "nowhere"), "no technology card nowhere"),
        ("network = ", (), "not valid TOML"),
    ],
)
def test_what_is_wrong_is_told_in_one_line(
    spec: Path, text: str, options: tuple[object, ...], told: str
) -> None:
    spec.write_text(text)
    refused(swept(spec, *options), told)
    assert not (spec.parent / "out").exists()


def test_no_specification_there(tmp_path: Path) -> None:
    refused(bosquet("sweep", tmp_path / "none.toml"), "none.toml: cannot be read")


def test_columns(spec: Path) -> None:
    swept(spec, "--columns", "cycles, acc_sets")
    head = (spec.parent / "out" / "points.csv").read_text().splitlines()[0]
    assert head == "point,acc_sets,cycles"
