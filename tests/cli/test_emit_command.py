"""`bosquet emit`: which data goes into a bundle, and what is said of it."""

import json
from pathlib import Path

import numpy as np
import onnx
import pytest
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model


def test_a_layer_of_a_quantized_network(tmp_path: Path) -> None:
    found = bosquet(
        "emit", "lenet5:fc2", "--design", "sparse-4x4", "--out", tmp_path, "--json"
    ).document
    assert found["schema"] == "bosquet.emit/1"
    folder = Path(found["bundle"])
    assert folder == tmp_path / "lenet5_fc2_sparse_4x4"
    assert sorted(file.name for file in folder.iterdir()) == found["files"]
    manifest = json.loads((folder / f"{folder.name}.json").read_text())
    assert manifest["cycles"] == found["cycles"] == found["counters"]["cycles"] > 0
    quantization = found["quantization"]
    assert (quantization["weight_bits"], quantization["act_bits"]) == (8, 8)
    assert quantization["calibration"] == "q/dq"
    assert quantization["images"] is None
    assert "Q/DQ" in quantization["images_reason"]
    assert quantization["features"] == "the first held-out digit"


def test_accumulators_too_narrow_are_told_before_anything_is_planned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def planned(*_: object) -> None:
        raise AssertionError

    monkeypatch.setattr("bosquet.cli.emit.covering_buffers", planned)
    design = tmp_path / "narrow.toml"
    design.write_text('family = "sparse"\nlanes = 4\nvector = 4\nacc_bits = 12\n')
    found = bosquet("emit", "lenet5:fc2", "--design", design, "--out", tmp_path / "rtl")
    assert found.code == 1
    assert found.err.startswith("error: layer fc2: needs acc_bits = ")
    assert not (tmp_path / "rtl").exists()


def float_network(folder: Path) -> Path:
    node = helper.make_node("Conv", ["x", "conv.weight"], ["y"], name="conv")
    path = folder / "net.onnx"
    onnx.save(model([node], {"conv.weight": drawn(1, 4, 2, 3, 3)}, [1, 2, 6, 6]), path)
    return path


def test_a_float_network_without_data_says_so(tmp_path: Path) -> None:
    net = float_network(tmp_path)
    emit = ("emit", f"{net}:conv", "--design", "dense-2x4", "--out", tmp_path / "rtl")
    found = bosquet(*emit, "--json").document
    assert found["quantization"]["calibration"] == "synthetic"
    assert found["quantization"]["images"] > 0
    assert "calibration: synthetic" in bosquet(*emit).out


def test_calibration_images_are_used(tmp_path: Path) -> None:
    net, images = float_network(tmp_path), tmp_path / "images.npz"
    np.savez(images, allow_pickle=False, images=drawn(2, 5, 2, 6, 6))
    found = bosquet(
        "emit", f"{net}:conv", "--design", "dense-2x4", "--out", tmp_path / "rtl",
        "--calibrate", images, "--weight-bits", 5, "--act-bits", 6, "--ratio", 4, "--json",
    ).document  # fmt: skip
    quantization = found["quantization"]
    assert quantization["calibration"] == "data"
    assert quantization["images"] == 5
    assert (quantization["weight_bits"], quantization["act_bits"]) == (5, 6)
    assert quantization["features"] == "the first image of images.npz"
    assert any("pruned by magnitude to ratio 4" in note for note in found["notes"])


def test_made_up_weights_are_labelled(tmp_path: Path) -> None:
    found = bosquet(
        "emit",
        "alexnet:fc3",
        "--design",
        "sparse-16x1",
        "--out",
        tmp_path,
        "--ratio",
        400,
        "--json",
    ).document
    assert found["quantization"]["calibration"] == "synthetic"
    assert any("no weights are bundled" in note for note in found["notes"])


def test_the_same_seed_gives_the_same_bundle(tmp_path: Path) -> None:
    net = float_network(tmp_path)
    files = []
    for run in ("a", "b"):
        arguments = ("--design", "dense-2x4", "--out", tmp_path / run, "--seed", 3)
        assert bosquet("emit", f"{net}:conv", *arguments).code == 0
        (folder,) = (tmp_path / run).iterdir()
        files.append({file.name: file.read_bytes() for file in folder.iterdir()})
    assert files[0] == files[1]
