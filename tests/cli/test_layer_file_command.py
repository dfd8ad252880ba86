"""A single layer given as arrays: every command that takes a network takes it."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import bosquet
from onnx_graphs import drawn


@pytest.fixture
def conv(tmp_path: Path) -> Path:
    """Return a convolution, 4 x 3x3 to 6 x 3x3 in two groups, half of its weights pruned."""
    weight = drawn(1, 6, 2, 3, 3)
    weight[:, :, ::2, 1] = 0
    weight[3] = 0
    activation = np.maximum(0, drawn(2, 2, 4, 3, 3))
    path = tmp_path / "mine.npz"
    np.savez(path, allow_pickle=False, weight=weight, bias=drawn(3, 6), activation=activation,
             groups=2, padding=1)  # fmt: skip
    return path


def test_models_and_simulate_tell_its_geometry_and_mask(conv: Path) -> None:
    (network,) = bosquet("models", conv, "--json").document["models"]
    (layer,) = network["layers"]
    assert (layer["name"], layer["shape"], layer["groups"]) == ("mine", [6, 2, 3, 3], 2)
    assert layer["macs"] == 2 * 9 * 6 * 18  # images, positions, filters, weights of a filter
    assert layer["density"] == 5 * (18 - 4) / 108  # an empty filter, 2 x 2 pruned in each other
    found = bosquet("simulate", conv, "--design", "sparse-2x2", "--json").document
    (simulated,) = found["layers"]
    assert (simulated["masks"], simulated["density"]) == ("network", layer["density"])
    assert simulated["effectual_macs"] == 2 * 9 * 70
    pruned = bosquet("simulate", conv, "--design", "sparse-2x2", "--ratio", 4, "--json").document
    assert pruned["layers"][0]["masks"] == "magnitude"
    assert pruned["layers"][0]["density"] == 0.25
    assert pruned["cycles"] < found["cycles"]


def test_emit_runs_it_on_its_activation(conv: Path, tmp_path: Path) -> None:
    found = bosquet("emit", conv, "--design", "sparse-2x2", "--out", tmp_path, "--json").document
    assert Path(found["bundle"]).name == "mine_sparse_2x2"
    assert found["images"] == found["quantization"]["images"] == 2
    assert found["quantization"]["calibration"] == "data"
    assert found["quantization"]["features"] == "the first 2 images of 'activation' in mine.npz"
    simulated = bosquet("simulate", conv, "--design", "sparse-2x2", "--json").document
    assert found["cycles"] == simulated["cycles"]


@pytest.mark.slow
def test_verify_and_breakeven_take_it(conv: Path, tmp_path: Path) -> None:
    verified = bosquet("verify", conv, "--design", "sparse-2x2", "--json")
    assert verified.code == 0
    assert verified.document["cases"] == 1
    path = tmp_path / "mine.npz"
    np.savez(path, allow_pickle=False, weight=drawn(1, 4, 2, 1, 1), height=4, width=4)
    found = bosquet("breakeven", path, "--baseline", "2x2", "--json").document
    assert (found["network"], found["layer"]) == ("mine", "mine")
    assert found["masks"]["kind"] == "magnitude"  # along the curve: its own weights
    assert len(found["curve"]) > 1


def test_its_name_is_the_only_layer(conv: Path) -> None:
    named = bosquet("simulate", f"{conv}:mine", "--design", "sparse-2x2", "--json")
    assert named.document == bosquet("simulate", conv, "--design", "sparse-2x2", "--json").document
    other = bosquet("simulate", f"{conv}:conv1", "--design", "sparse-2x2")
    assert other.err == "error: mine has no layer 'conv1'; its layers are mine\n"


@pytest.mark.parametrize("command", ["simulate", "emit", "verify"])
@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"weight": np.ones((2, 2)), "activations": np.ones((1, 2))}, "(nearest: 'activation')"),
        ({"weight": np.ones((2, 2)), "activation": np.ones((1, 3))}, "not (1, 3)"),
        ({"weight": np.full((2, 2), np.nan)}, "4 NaN"),
    ],
)
def test_a_file_that_does_not_fit(
    command: str, arrays: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = tmp_path / "mine.npz"
    np.savez(path, allow_pickle=False, **arrays)
    finished = bosquet(command, path, "--design", "sparse-2x2")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.count("\n") == 1
    assert said in finished.err


def test_a_file_that_is_not_there_or_has_its_own_sizes(conv: Path, tmp_path: Path) -> None:
    missing = bosquet("simulate", tmp_path / "other.npz", "--design", "sparse-2x2")
    assert (missing.code, missing.out) == (1, "")
    assert "other.npz: cannot be read: No such file" in missing.err
    shaped = bosquet("simulate", conv, "--design", "sparse-2x2", "--input-shape", "1,4,3,3")
    assert shaped.code == 1
    assert "leave out --input-shape" in shaped.err
