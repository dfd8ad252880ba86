"""Zero activations in `bosquet simulate`: where they come from, and what eie-N makes of them."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from command_line import bosquet
from onnx import helper
from onnx_graphs import drawn, model

from bosquet.cli.integer_layer import QuantizationOptions, integer_layers
from bosquet.cli.network_argument import NetworkArgument
from bosquet.hw.design import Design
from bosquet.hw.schedule import Schedule
from bosquet.sim.exact import simulate_schedule

FC1 = ("simulate", "lenet5:fc1", "--design", "eie-8", "--json")


def saved(folder: Path, **arrays: Any) -> Path:
    path = folder / "acts.npz"
    np.savez(path, allow_pickle=False, **arrays)
    return path


@pytest.mark.parametrize("images", [1, 3])
def test_lenet5_runs_on_its_digits_as_emit_and_verify_do(images: int) -> None:
    found = bosquet(*FC1, *(("--images", images) if images > 1 else ())).document
    (one,) = integer_layers(
        NetworkArgument("lenet5", "fc1"), QuantizationOptions(), None, 0, None, images
    )
    schedule = Schedule.plan(one.batched, Design.named("eie-8")).with_features(one.features)
    assert found["cycles"] == simulate_schedule(schedule).cycles
    assert (found["images"], found["calibration"]) == (images, "q/dq")
    assert found["calibration_reason"] is None
    (layer,) = found["layers"]
    digits = "the first held-out digit" if images == 1 else "the first 3 held-out digits"
    active = one.features != one.layer.zero_point_in
    assert layer["activations"] == {"density": active.mean(), "kind": "q/dq", "source": digits}
    assert layer["batch"] == images
    # A PE issues what is stored and meets an activation that is not zero, and nothing else.
    stored = one.layer.mask[:, :, 0, 0].sum(axis=0)
    assert layer["compute"] == layer["effectual_macs"] == (active[:, :, 0, 0] * stored).sum()
    assert layer["mac_utilization"] == layer["utilization"] <= 1


def test_zero_is_what_is_rounded_to_the_zero_point(tmp_path: Path) -> None:
    # The largest value is 255 steps of 1 at 8 bits, and 15 of 17 at 4: 0.4 is 0, and so is 8 at 4.
    path = saved(
        tmp_path, weight=np.ones((3, 5)), activation=[[0, 0.4, 8, 9, 255], [0, 0, 0, 0, 1]]
    )
    eight = bosquet("simulate", path, "--design", "eie-2", "--json").document
    (layer,) = eight["layers"]
    assert (eight["calibration"], eight["images"], layer["batch"]) == ("data", 2, 2)
    assert layer["activations"]["density"] == 4 / 10
    assert layer["effectual_macs"] == 4 * 3
    four = bosquet("simulate", path, "--design", "eie-2", "--act-bits", 4, "--json").document
    assert four["layers"][0]["activations"]["density"] == 2 / 10
    design = tmp_path / "design.toml"
    design.write_text('family = "eie"\nlanes = 2\nact_bits = 4\n')
    own = bosquet("simulate", path, "--design", design, "--json").document
    assert own["layers"][0]["activations"]["density"] == 2 / 10
    first = bosquet("simulate", path, "--design", "eie-2", "--images", 1, "--json").document
    assert first["layers"][0]["activations"]["density"] == 3 / 5
    assert "the first image of 'activation' in acts.npz" in str(first["layers"])


def test_activations_from_a_file_say_which_are_zero(tmp_path: Path) -> None:
    rows = np.zeros((3, 800))
    rows[0, :100], rows[2] = -1e-30, 5
    path = saved(tmp_path, fc1=rows, fc2=np.ones((3, 500)))
    found = bosquet(*FC1, "--activations", path).document
    (layer,) = found["layers"]
    assert (found["images"], found["calibration"]) == (3, "data")
    expected = {"density": 900 / 2400, "kind": "data", "source": "'fc1' in acts.npz"}
    assert layer["activations"] == expected
    two = bosquet(*FC1, "--activations", path, "--images", 2).document
    assert two["layers"][0]["activations"]["density"] == 100 / 1600
    assert "for 2 images together" in bosquet(*FC1[:-1], "--activations", path, "--images", 2).out
    everything = saved(tmp_path, fc1=np.ones((1, 800, 1, 1)))
    assert (
        bosquet(*FC1, "--activations", everything).document["cycles"]
        == bosquet(*FC1, "--activation-density", 1).document["cycles"]
    )


def test_a_stated_density_is_kept_exactly_and_drawn_from_the_seed() -> None:
    density = ("--activation-density", 0.3, "--images", 2, "--seed")
    one, same, other = (bosquet(*FC1, *density, seed).document for seed in (1, 1, 2))
    assert one == same
    assert one["cycles"] != other["cycles"]
    assert one["calibration"] == "synthetic"
    assert one["layers"][0]["activations"] == {
        "density": 480 / 1600, "kind": "synthetic", "source": "uniform, density 0.3, seed 1",
    }  # fmt: skip
    assert bosquet(*FC1, "--activation-density", 1e-9).document["layers"][0]["compute"] == 0


def fc_network(folder: Path, batch: int | str) -> Path:
    nodes = [
        helper.make_node("MatMul", ["x", "w1"], ["h"], name="first"),
        helper.make_node("Relu", ["h"], ["r"], name="relu"),
        helper.make_node("MatMul", ["r", "w2"], ["y"], name="second"),
    ]
    path = folder / "net.onnx"
    weights = {"w1": drawn(1, 12, 16), "w2": drawn(2, 16, 4)}
    onnx.save(model(nodes, weights, [batch, 12]), path)
    return path


def test_a_network_on_its_images(tmp_path: Path) -> None:
    net = fc_network(tmp_path, "n")
    simulate = ("simulate", net, "--design", "eie-2", "--json")
    unknown = bosquet(*simulate).document
    assert (unknown["images"], unknown["calibration"]) == (1, None)
    assert "every activation counts as active" in unknown["calibration_reason"]
    assert unknown["layers"][1]["activations"] is None
    assert "every activation" in unknown["layers"][1]["activations_reason"]
    images = saved(tmp_path, images=np.abs(drawn(3, 6, 12)) + 1)
    found = bosquet(*simulate, "--calibrate", images, "--images", 4).document
    assert (found["images"], found["calibration"]) == (4, "data")
    first, second = (layer["activations"]["density"] for layer in found["layers"])
    assert first == 1
    assert 0.2 < second < 0.8  # behind ReLU
    assert found["cycles"] < 4 * unknown["cycles"]


def test_a_batch_of_the_file_is_scaled_to_the_images(tmp_path: Path) -> None:
    net = fc_network(tmp_path, 2)
    for design in ("dense-2x2", "eie-2"):
        simulate = ("simulate", net, "--design", design, "--json")
        macs = {
            count: [layer["macs"] for layer in bosquet(*simulate, *option).document["layers"]]
            for count, option in ((2, ()), (5, ("--images", 5)))
        }
        assert macs == {2: [384, 128], 5: [960, 320]}


def test_other_designs_take_a_batch_and_no_activations(tmp_path: Path) -> None:
    arguments = ("simulate", "lenet5:fc2", "--design", "dense-4x4", "--json")
    one, four = bosquet(*arguments).document, bosquet(*arguments, "--images", 4).document
    assert (one["images"], four["images"]) == (1, 4)
    assert four["layers"][0]["macs"] == 4 * one["layers"][0]["macs"]
    assert four["calibration"] is None
    assert four["calibration_reason"] == "cycles depend on shapes and masks, not on activations"


@pytest.mark.parametrize(
    ("net", "arguments", "said"),
    [
        ("lenet5:fc1", ("--activation-density", 0), "above 0 and at most 1, not 0"),
        ("lenet5:fc1", ("--activation-density", "nan"), "at most 1, not nan"),
        ("lenet5:fc1", ("--images", 0), "--images must be 1 to 65535, not 0"),
        ("lenet5:fc1", ("--images", 10**8), "--images must be 1 to 65535, not 100000000"),
        ("lenet5:fc1", ("--images", 540), "540 images are to be computed; the calibration data"),
        ("lenet5:fc1", ("--activation-density", 0.5, "--calibrate", "x.npz"),
         "--calibrate and --activation-density both tell the activations; give one"),
        ("lenet5:fc1", ("--activations", "nowhere.npz"), "nowhere.npz: cannot be read"),
        ("vgg16:fc8", ("--calibrate", "x.npz"), "vgg16 has shapes only, so it cannot be run on"),
        ("lenet5", (), "layer conv1: is a convolution; eie-8 runs ungrouped FC layers only"),
    ],
)  # fmt: skip
def test_options_that_make_no_sense_are_told(
    net: str, arguments: tuple[object, ...], said: str
) -> None:
    refused(("simulate", net, "--design", "eie-8", *arguments), said)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"fc_1": np.ones((1, 800))}, "unknown array 'fc_1' (nearest: 'fc1')"),
        ({"fc2": np.ones((1, 500))}, "has no activations of fc1"),
        ({"fc1": np.ones((1, 801))}, "'fc1' must be (batch, 800), not (1, 801)"),
        ({"fc1": np.ones((0, 800))}, "must be (batch, 800), not (0, 800)"),
        ({"fc1": np.ones(800)}, "must be (batch, 800), not (800,)"),
        ({"fc1": np.full((1, 800), np.nan)}, "'fc1' must be finite; it holds 800 NaN"),
        ({"fc1": np.full((1, 800), "a")}, "'fc1' must hold real numbers"),
        ({"fc1": np.ones((1, 800))}, "'fc1' has 1 images, fewer than --images 2"),
    ],
)
def test_activations_that_do_not_fit_are_told(
    arrays: dict[str, Any], said: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, **arrays)
    refused((*FC1, "--activations", path, "--images", 2), said)


def test_files_with_different_numbers_of_images_are_told(tmp_path: Path) -> None:
    path = saved(tmp_path, first=np.ones((2, 12)), second=np.ones((3, 16)))
    simulate = ("simulate", fc_network(tmp_path, "n"), "--design", "eie-2", "--activations", path)
    refused(simulate, "not the same number of images: 2 of first, 3 of second; give --images N")
    assert bosquet(*simulate, "--images", 2).code == 0


@pytest.mark.parametrize("option", ["--calibrate", "--activations", "--activation-density"])
def test_designs_that_skip_no_zeros_take_no_activations(option: str) -> None:
    value = 0.5 if option.endswith("density") else "x.npz"
    refused(
        ("simulate", "lenet5:fc1", "--design", "sparse-4x4", option, value),
        f"{option} tells which activations are zero; only eie-N skips them, sparse-4x4 does not",
    )


def refused(arguments: tuple[object, ...], said: str) -> None:
    finished = bosquet(*arguments)
    assert (finished.code, finished.out) == (1, "")
    assert said in finished.err
    assert finished.err.count("\n") == 1
