"""`bosquet simulate --tier fast` and sweeps with ``tier = "fast"``."""

import csv
import json
from pathlib import Path

import pytest
from command_line import bosquet

from bosquet.sim.counters import STALLS

LENET = ("simulate", "lenet5", "--design", "sparse-8x8", "--json")


def test_cycles_are_predicted_with_their_error() -> None:
    exact = bosquet(*LENET).document
    found = bosquet(*LENET, "--tier", "fast").document
    assert found["schema"] == "bosquet.simulate/1"
    assert (found["tier"], found["cycles_kind"]) == ("fast", "predicted")
    assert found["error"]["kind"] == "measured"
    assert found["error"]["median"] < 0.01
    assert found["error"]["worst"] > 0.01
    assert found["cycles"] == pytest.approx(exact["cycles"], rel=0.02)
    for key in ("network", "design", "freq_hz", "images", "environment", "calibration"):
        assert found[key] == exact[key]
    assert found["area_um2"] == pytest.approx(exact["area_um2"], rel=0.01)
    assert found["energy_pj"] is None
    assert found["energy_pj_reason"]
    for one, other in zip(found["layers"], exact["layers"], strict=True):
        assert one["cycles"] == pytest.approx(other["cycles"], rel=0.05)
        for key in ("name", "format", "runs", "masks", "density", "macs", "effectual_macs"):
            assert one[key] == other[key]
        assert one["bound"]["name"] in ("busiest_lane", "feed", "drain", "fill")


def test_activations_of_eie_count() -> None:
    command = ("simulate", "lenet5:fc1", "--design", "eie-16", "--json")
    exact = bosquet(*command).document
    found = bosquet(*command, "--tier", "fast").document
    assert found["calibration"] == exact["calibration"] is not None
    assert found["cycles"] == pytest.approx(exact["cycles"], rel=0.05)
    every = bosquet(*command, "--tier", "fast", "--activation-density", "1").document
    assert every["cycles"] > found["cycles"]


def test_the_text_says_that_it_is_a_prediction() -> None:
    text = bosquet("simulate", "lenet5", "--design", "sparse-8x8", "--tier", "fast").out
    assert text.startswith("lenet5 on sparse-8x8: about ")
    assert "cycles predicted (fast tier): of " in text


@pytest.mark.parametrize(
    "option",
    [
        ("--dram-bandwidth", "32"),
        ("--trace", "t.json"),
        ("--vcd", "t.vcd"),
        ("--trace-cycles", "0:9"),
        ("--report", "r.html"),
    ],
)
def test_what_only_the_exact_tier_does(option: tuple[str, str]) -> None:
    found = bosquet(*LENET, "--tier", "fast", *option)
    assert found.code == 1
    assert found.err == (
        f"error: {option[0]} needs --tier exact: --tier fast predicts cycles only\n"
    )


SPEC = """
network = "alexnet"
layers = ["conv3", "conv4"]
tier = "{tier}"
[design]
base = "sparse-16x16"
lanes = [8, 24]
[sweep]
ratio = [3, 9]
"""


def test_a_sweep(tmp_path: Path) -> None:
    tables = {}
    for tier in ("fast", "exact"):
        (tmp_path / "grid.toml").write_text(SPEC.format(tier=tier))
        out = tmp_path / tier
        found = bosquet("sweep", tmp_path / "grid.toml", "--out", out, "--json").document
        assert found["tier"] == tier
        sidecar = json.loads((out / "sweep.json").read_text())
        how = "predicted" if tier == "fast" else "simulated"
        for columns in (table["columns"] for table in sidecar["tables"].values()):
            assert columns["cycles"]["known"] == how
        assert (sidecar["error"] is None) == (tier == "exact")
        with (out / "layers.csv").open() as file:
            tables[tier] = list(csv.DictReader(file))
    assert len(tables["fast"]) == len(tables["exact"]) == 8
    for one, other in zip(tables["fast"], tables["exact"], strict=True):
        assert int(one["cycles"]) == pytest.approx(int(other["cycles"]), rel=0.05)
        for name in ("utilization", "energy_pj", *(f"stall_{s}_lane_cycles" for s in STALLS)):
            assert one[name] == ""
        for name in ("layer", "runs", "weights", "density", "stored_format", "lanes", "ratio"):
            assert one[name] == other[name]


def test_no_memory_at_the_streams(tmp_path: Path) -> None:
    spec = tmp_path / "grid.toml"
    spec.write_text(SPEC.format(tier="fast") + "[environment]\ndram_bandwidth_bits = 32\n")
    found = bosquet("sweep", str(spec), "--out", str(tmp_path / "out"))
    assert found.code == 1
    assert found.err == (
        f'error: {spec}: environment.dram_bandwidth_bits needs tier = "exact": the fast tier'
        " predicts cycles where streams never wait\n"
    )
