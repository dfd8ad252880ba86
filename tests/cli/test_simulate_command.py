"""`bosquet simulate`: the keys of its document, and which masks it works on."""

from importlib.resources import files
from pathlib import Path

import onnx
import pytest
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.sim.counters import STALLS

KEYS = {
    "network", "design", "tier", "cycles", "freq_hz", "latency_s", "area_um2", "calibration",
    "unsupported", "layers", "energy_pj", "energy", "energy_kind", "energy_sources",
    "roof",
}  # fmt: skip
LAYER_KEYS = {
    "name", "format", "cycles", "macs", "effectual_macs", "utilization", "compute", "stalls",
    "energy_pj", "energy", "energy_by_level", "traffic", "bound", "roofline",
}  # fmt: skip


def test_a_network() -> None:
    found = bosquet("simulate", "lenet5", "--design", "sparse-8x8", "--json").document
    assert found["schema"] == "bosquet.simulate/1"
    assert found.keys() >= KEYS
    assert found["tier"] == "exact"
    assert found["cycles"] == sum(layer["cycles"] for layer in found["layers"])
    assert found["latency_s"] == pytest.approx(found["cycles"] / found["freq_hz"])
    assert found["area_um2"] > 0
    for layer in found["layers"]:
        assert layer.keys() >= LAYER_KEYS
        assert set(layer["stalls"]) == set(STALLS)
        # Every lane-cycle computes or has one cause.
        assert layer["compute"] + sum(layer["stalls"].values()) == 8 * layer["cycles"]
        assert layer["utilization"] == pytest.approx(layer["compute"] / (8 * layer["cycles"]))


def test_energy_and_traffic_of_a_network() -> None:
    found = bosquet("simulate", "lenet5", "--design", "sparse-8x8", "--json").document
    assert found["energy_kind"] == "predicted"
    assert all(found["energy_sources"].values())
    assert found["energy"]["leakage"] is None
    assert "generic40 states no leakage" in found["energy"]["leakage_reason"]
    components = {"mac", "decode", "requantization", "registers", "sram", "dram"}
    for one in (found, *found["layers"]):
        assert one["energy"].keys() >= components
        assert one["energy_pj"] == pytest.approx(sum(one["energy"][name] for name in components))
        assert min(one["energy"][name] for name in components) > 0
    assert found["energy_pj"] == pytest.approx(sum(layer["energy_pj"] for layer in found["layers"]))
    for layer in found["layers"]:
        levels = layer["energy_by_level"]
        assert sum(sum(parts.values()) for parts in levels.values()) == pytest.approx(
            layer["energy_pj"]
        )
        assert set(layer["traffic"]) == {"dram", "sram", "registers"}
        for level, tensors in layer["traffic"].items():
            assert set(tensors) == set(levels[level])
            for moved in tensors.values():
                assert moved["read_bits"] + moved["write_bits"] > 0
        assert layer["traffic"]["dram"]["outputs"]["write_bits"] > 0


def test_energy_is_told_in_words(tmp_path: Path) -> None:
    arguments = ("simulate", "lenet5:fc1", "--design", "eie-4")
    said = bosquet(*arguments).out
    assert "energy (predicted): " in said
    assert "leakage not known" in said
    leaky = bosquet(*arguments, "--technology", "sg13g2").out
    assert "energy (predicted): " in leaky
    assert "leakage not known" not in leaky


def test_a_card_without_energy_says_so(tmp_path: Path) -> None:
    text = (files("bosquet.hw.tech") / "cards" / "generic40.toml").read_text()
    card = tmp_path / "card.toml"
    card.write_text(text[: text.index("[energy.logic]")])
    arguments = ("simulate", "lenet5:fc2", "--design", "sparse-4x4", "--technology", card)
    found = bosquet(*arguments, "--json").document
    for one in (found, *found["layers"]):
        assert one["energy_pj"] is one["energy"] is None
        assert "states no energy" in one["energy_pj_reason"]
    assert found["layers"][0]["traffic"]["sram"]["weights"]["reads"] > 0
    assert "no energy: technology card generic40" in bosquet(*arguments).out


def test_effectual_macs_are_those_of_kept_weights() -> None:
    (layer,) = bosquet("simulate", "lenet5:conv2", "--design", "sparse-8x8", "--json").document[
        "layers"
    ]
    assert layer["macs"] == 8 * 8 * 25_000
    assert layer["effectual_macs"] == 8 * 8 * 2_500  # models/zoo/lenet5.json: 2,500 kept


def test_real_weights_are_pruned_by_magnitude_to_a_ratio() -> None:
    arguments = ("simulate", "lenet5:conv1", "--design", "sparse-4x4", "--ratio", 4, "--json")
    (layer,) = bosquet(*arguments).document["layers"]
    assert layer["masks"] == "magnitude"
    assert layer["density"] == 125 / 500


def test_a_layer_that_is_pruned_further_stays_as_it_is() -> None:
    arguments = ("simulate", "lenet5:conv2", "--design", "sparse-4x4", "--ratio", 4, "--json")
    found = bosquet(*arguments).document
    assert found["layers"][0]["masks"] == "network"
    assert found["layers"][0]["density"] == 0.1
    assert any("already pruned to ratio 4 or further" in note for note in found["notes"])


def test_shapes_only_get_uneven_masks_from_the_seed() -> None:
    arguments = ("simulate", "alexnet:conv4", "--design", "sparse-16x16", "--json", "--seed")
    one, same, other = (bosquet(*arguments, seed).document for seed in (1, 1, 2))
    assert one == same
    assert one["cycles"] != other["cycles"]
    assert one["layers"][0]["masks"] == "uneven"
    assert one["layers"][0]["density"] == pytest.approx(16 / 224, rel=1e-3)  # ADMM-NN, Table 8
    assert any("no weights are bundled" in note for note in one["notes"])


def test_shapes_without_published_ratios_run_dense() -> None:
    arguments = ("simulate", "mobilenet_v1:conv13.depthwise", "--design", "sparse-4x4", "--json")
    dense = bosquet(*arguments).document
    (layer,) = dense["layers"]
    assert (layer["masks"], layer["density"]) == ("dense", 1.0)
    assert layer["macs"] == 7 * 7 * 1024 * 9
    assert any("no weights are bundled; run dense" in note for note in dense["notes"])
    pruned = bosquet(*arguments, "--ratio", 3).document
    assert (pruned["layers"][0]["masks"], pruned["layers"][0]["density"]) == ("uneven", 1 / 3)
    assert pruned["cycles"] < dense["cycles"]


def shapes_only(folder: Path) -> Path:
    """Return a file whose weights are one constant, with an operator that has no cycles."""
    nodes = [
        helper.make_node("ConstantOfShape", ["s"], ["w"]),
        helper.make_node("Conv", ["x", "w"], ["c"], name="conv"),
        helper.make_node("Sin", ["c"], ["y"], name="wave"),
    ]
    path = folder / "net.onnx"
    onnx.save(model(nodes, {"s": [8, 4, 3, 3]}, [1, 4, 8, 8]), path)
    return path


def test_a_file_without_real_weights_says_so(tmp_path: Path) -> None:
    path = shapes_only(tmp_path)
    dense = bosquet("simulate", path, "--design", "sparse-4x4", "--json").document
    (layer,) = dense["layers"]
    assert (layer["masks"], layer["density"]) == ("dense", 1.0)
    assert any("no real weights in" in note and "--ratio R" in note for note in dense["notes"])
    assert dense["unsupported"] == ["wave (Sin)"]
    pruned = bosquet("simulate", path, "--design", "sparse-4x4", "--ratio", 6, "--json").document
    assert pruned["layers"][0]["masks"] == "uneven"
    assert pruned["layers"][0]["density"] == 48 / 288
    assert pruned["cycles"] < dense["cycles"]


def test_a_network_without_zeros_is_told_how_to_go_on(tmp_path: Path) -> None:
    node = helper.make_node("Conv", ["x", "w"], ["y"], name="conv")
    path = tmp_path / "net.onnx"
    onnx.save(model([node], {"w": drawn(1, 4, 2, 3, 3)}, [1, 2, 6, 6]), path)
    finished = bosquet("simulate", path, "--design", "sparse-4x4")
    assert finished.code == 0
    assert "has no zero weights" in finished.out
    assert "--ratio R" in finished.out


def test_cycles_are_told_where_nothing_was_measured() -> None:
    """The shipped lane table has 8-bit weights; others have cycles, but no area and no clock."""
    arguments = ("simulate", "lenet5:fc2", "--design", "sparse-4x4", "--weight-bits", 5)
    found = bosquet(*arguments, "--json").document
    assert found["cycles"] > 0
    for key in ("area_um2", "freq_hz", "latency_s"):
        assert found[key] is None
    assert "bosquet synth" in found["area_um2_reason"]
    assert "bosquet synth" in found["energy_pj_reason"]
    assert "no area, no clock and no energy" in bosquet(*arguments).out


def test_own_buffers_are_what_is_charged(tmp_path: Path) -> None:
    text = 'family = "sparse"\nlanes = 8\nvector = 8\n[buffers]\nweight_words = {}\n'
    rest = "index_words = 4096\nfeature_words = 512\nfilter_words = 64\noffset_words = 25\n"
    areas = []
    for words in (4096, 8192):
        design = tmp_path / f"{words}.toml"
        design.write_text(text.format(words) + rest)
        found = bosquet("simulate", "lenet5:conv2", "--design", design, "--json").document
        areas.append(found["area_um2"])
    assert areas[0] < areas[1]
