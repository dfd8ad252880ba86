"""Whole sweeps: tables that do not depend on processes, interruptions or the order of results."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest
from sweep_networks import deadly, runner_of, small

from bosquet.cli.masked_network import MaskedNetwork
from bosquet.errors import DesignError, InputError
from bosquet.sim.sweep.columns import LAYERS, POINTS
from bosquet.sim.sweep.journal import JOURNAL
from bosquet.sim.sweep.layers import Loader
from bosquet.sim.sweep.point import Runner
from bosquet.sim.sweep.run import Sweep, SweepRun
from bosquet.sim.sweep.tables import has_parquet

VALUES = {
    "design": {"base": "sparse-2x2", "feed": [1, 2, 3]},
    "sweep": {"ratio": ["own", 2], "seed": [0, 1]},
}
TABLES = ("points.csv", "layers.csv", "sweep.json", *(
    ("points.parquet", "layers.parquet") if has_parquet() else ()))  # fmt: skip


def swept(
    folder: Path,
    values: dict[str, Any] = VALUES,
    load: Loader = small,
    jobs: int = 1,
    columns: list[str] | None = None,
) -> tuple[Sweep, list[str]]:
    told: list[str] = []
    run = SweepRun.of(runner_of(values, load), 0, folder, columns)
    return run.resume(jobs, lambda *_: None, told.append), told


def content(folder: Path) -> list[bytes]:
    return [(folder / name).read_bytes() for name in TABLES]


def table(folder: Path, name: str) -> list[dict[str, str]]:
    with (folder / name).open(newline="") as file:
        return list(csv.DictReader(file))


def test_a_row_for_each_point_and_for_each_layer_that_ran(tmp_path: Path) -> None:
    found, told = swept(tmp_path)
    points, layers = table(tmp_path, "points.csv"), table(tmp_path, "layers.csv")
    assert [int(row["point"]) for row in points] == list(range(12))
    assert [row["status"] for row in points] == ["ok", "ok", "refused"] * 4
    ran = [row["point"] for row in points if row["status"] == "ok"]
    assert [(row["point"], row["layer"]) for row in layers] == [
        (point, layer) for point in ran for layer in ("conv", "fc")
    ]
    for row in points:
        own = [layer for layer in layers if layer["point"] == row["point"]]
        if own:
            assert int(row["cycles"]) == sum(int(layer["cycles"]) for layer in own)
            assert (row["seed"], row["feed"]) == (own[0]["seed"], own[0]["feed"])
    assert (found.counts, found.computed, told) == ({"ok": 8, "refused": 4, "failed": 0}, 12, [])
    ((reason, count, first),) = found.reasons
    assert reason.startswith("sparse-2x2: design.feed must be one of 1, 2, 4, 8, 16, not 3")
    assert (count, first) == (4, 2)
    assert list(points[0]) == [column.name for column in POINTS]
    assert list(layers[0]) == [column.name for column in LAYERS]


def test_the_fastest_point_of_each_network(tmp_path: Path) -> None:
    found, _ = swept(tmp_path, {**VALUES, "network": ["a", "b"]})
    rows = table(tmp_path, "points.csv")
    for name in ("a", "b"):
        times = {int(row["point"]): float(row["latency_s"]) for row in rows
                 if row["network"] == name and row["status"] == "ok"}  # fmt: skip
        row = found.fastest[name]
        assert row["latency_s"] == times[row["point"]] == min(times.values())


def test_a_journal_cut_anywhere_gives_the_same_tables(tmp_path: Path) -> None:
    swept(tmp_path / "whole")
    expected = content(tmp_path / "whole")
    journal = (tmp_path / "whole" / JOURNAL).read_bytes()
    head = journal.index(b"\n") + 1
    for number, cut in enumerate(range(head, len(journal), (len(journal) - head) // 5)):
        folder = tmp_path / str(number)
        folder.mkdir()
        (folder / JOURNAL).write_bytes(journal[:cut])
        found, _ = swept(folder)
        there = journal[:cut].count(b"\n") - 1
        assert found.computed == 12 - there
        assert content(folder) == expected


def test_results_in_any_order_give_the_same_tables(tmp_path: Path) -> None:
    swept(tmp_path / "whole")
    head, *lines = (tmp_path / "whole" / JOURNAL).read_bytes().splitlines(keepends=True)
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / JOURNAL).write_bytes(head + b"".join(reversed(lines)))
    found, told = swept(tmp_path / "other")
    assert (found.computed, told) == (0, ["12 of 12 points are there already"])
    assert content(tmp_path / "other") == content(tmp_path / "whole")


def test_what_failed_is_tried_again(tmp_path: Path) -> None:
    values = {"design": {"base": "dense-2x2"}, "sweep": {"seed": [4, 5, 6]}}
    first, told = swept(tmp_path, values, deadly, jobs=2)
    assert first.counts == {"ok": 2, "refused": 0, "failed": 1}
    assert [row["status"] for row in table(tmp_path, "points.csv")] == ["ok", "failed", "ok"]
    assert any("died" in line for line in told)
    second, _ = swept(tmp_path, values, small)
    assert (second.counts["ok"], second.computed) == (3, 1)
    swept(tmp_path / "whole", values)
    assert content(tmp_path) == content(tmp_path / "whole")


def test_chosen_columns(tmp_path: Path) -> None:
    swept(tmp_path, columns=["cycles", "feed", "area_um2"])
    assert list(table(tmp_path, "points.csv")[0]) == ["point", "feed", "cycles", "area_um2"]
    assert list(table(tmp_path, "layers.csv")[0]) == ["point", "layer", "feed", "cycles"]
    described = json.loads((tmp_path / "sweep.json").read_text())["tables"]
    assert list(described["points"]["columns"]) == ["point", "feed", "cycles", "area_um2"]


def test_the_sidecar_says_what_the_tables_are(tmp_path: Path) -> None:
    found, _ = swept(tmp_path)
    sidecar = json.loads((tmp_path / "sweep.json").read_text())
    assert sidecar == json.loads(json.dumps(found.sidecar))
    assert sidecar["seed"] == [0, 1]
    assert sidecar["points"] == {
        "combinations": 12, "excluded": 0, "ok": 8, "refused": 4, "failed": 0,
    }  # fmt: skip
    assert sidecar["spec"]["design"] == [{"base": ["sparse-2x2"], "feed": [1, 2, 3]}]
    assert sidecar["technology"]["card"] == "generic40"
    assert {"bosquet", "numpy", "onnx"} <= sidecar["versions"].keys()
    assert sidecar["networks"]["small"]["layers"] == ["conv", "fc"]
    assert sidecar["networks"]["small"]["not_counted"] == ["MaxPool pool"]
    columns = sidecar["tables"]["points"]["columns"]
    assert all(one["meaning"] and one["known"] for one in columns.values())


def test_the_default_seed_is_part_of_a_sweep(tmp_path: Path) -> None:
    values = {"design": {"base": "dense-2x2"}}
    swept(tmp_path, values)
    run = SweepRun.of(runner_of(values), 3, tmp_path)
    with pytest.raises(InputError, match=r"sweep.seed was \[0\] and is \[3\]"):
        run.resume(1, lambda *_: None, lambda _: None)
    assert run.restart(1, lambda *_: None, lambda _: None).computed == 1


def test_another_network_under_the_same_name_is_another_sweep(tmp_path: Path) -> None:
    def changed(
        network: str, input_shape: tuple[int, ...] | None, ratio: float | None, seed: int
    ) -> MaskedNetwork:
        return small(network, input_shape, 4, seed)

    values = {"design": {"base": "dense-2x2"}}
    swept(tmp_path, values)
    with pytest.raises(InputError, match=r"networks.small.digest was"):
        swept(tmp_path, values, changed)


def test_another_base_file_is_another_sweep(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('family = "dense"\nlanes = 2\nvector = 2\n')
    values = {"design": {"base": str(file)}}
    swept(tmp_path / "out", values)
    file.write_text('family = "dense"\nlanes = 4\nvector = 2\n')
    with pytest.raises(InputError, match=r"lanes was 2 and is 4"):
        swept(tmp_path / "out", values)


@pytest.mark.parametrize(
    ("values", "error", "told"),
    [
        ({"design": {"base": "spares-2x2"}}, DesignError, "unknown design 'spares-2x2'"),
        ({**VALUES, "network": "nowhere"}, InputError, "nowhere is no network"),
        ({**VALUES, "layers": ["cnov"]}, InputError, "no layer 'cnov'; did you mean conv?"),
    ],
)
def test_what_concerns_every_point_is_told_at_once(
    tmp_path: Path, values: dict[str, Any], error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=told):
        swept(tmp_path / "out", values)
    assert not (tmp_path / "out").exists()


def test_a_column_that_does_not_exist(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no column 'cycle'; did you mean cycles"):
        swept(tmp_path, columns=["cycle"])


def test_a_runner_carries_no_masks_to_other_processes(tmp_path: Path) -> None:
    """Reading the networks for the identity of a sweep does not fill the runner itself."""
    runner: Runner = runner_of(VALUES)
    run = SweepRun.of(runner, 0, tmp_path)
    run.restart(2, lambda *_: None, lambda _: None)
    assert runner._held == {}


@pytest.mark.skipif(not has_parquet(), reason="pyarrow, of the extra parquet, is not installed")
def test_parquet_says_the_same_as_csv(tmp_path: Path) -> None:
    from pyarrow import parquet

    swept(tmp_path)
    for name, columns in (("points", POINTS), ("layers", LAYERS)):
        read = parquet.read_table(tmp_path / f"{name}.parquet")
        assert read.column_names == [column.name for column in columns]
        texts = [
            {key: "" if value is None else str(value) for key, value in row.items()}
            for row in read.to_pylist()
        ]
        assert texts == table(tmp_path, f"{name}.csv")
        for column in columns:
            described = read.schema.field(column.name).metadata
            assert described[b"meaning"].decode() == column.meaning


def test_without_pyarrow_no_older_parquet_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "points.parquet").write_bytes(b"of an earlier run")
    monkeypatch.setattr("bosquet.sim.sweep.tables.has_parquet", lambda: False)
    swept(tmp_path)
    assert not (tmp_path / "points.parquet").exists()
