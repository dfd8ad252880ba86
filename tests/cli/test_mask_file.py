"""``--masks``: masks from a file in the place of the network's, by layer."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command_line import bosquet
from numpy.typing import NDArray

from bosquet.cli.masked_network import MaskedLayer, load_masked
from bosquet.cli.network_argument import NetworkArgument

SIMULATE = ("--design", "sparse-4x4")


def saved(folder: Path, **masks: Any) -> Path:
    path = folder / "masks.npz"
    np.savez(path, allow_pickle=False, **masks)
    return path


def drawn_mask(kept: int, *shape: int) -> Any:
    mask = np.zeros(shape, np.bool_)
    mask.flat[np.random.default_rng(kept).choice(mask.size, kept, replace=False)] = True
    return mask


def test_layers_of_the_file_have_its_masks_the_others_their_own(tmp_path: Path) -> None:
    # 800 x 500 and 10 x 500 weights: bool and numbers, with and without the kernel.
    fc1, fc2 = drawn_mask(900, 500, 800), drawn_mask(77, 10, 500)
    path = saved(tmp_path, fc1=fc1, fc2=fc2[:, :, None, None].astype(np.float64))
    own = load_masked(NetworkArgument("lenet5"), None, 0)
    found = load_masked(NetworkArgument("lenet5"), None, 0, None, path)
    assert [layer.source for layer in found.layers] == ["network", "network", "file", "file"]
    masks = {layer.name: layer.mask for layer in found.layers}
    assert (masks["fc1"][:, :, 0, 0] == fc1).all()
    assert (masks["fc2"][:, :, 0, 0] == fc2).all()
    for before, after in zip(own.layers, found.layers, strict=True):
        assert np.array_equal(real(before), real(after))
        if after.source == "network":
            assert (after.mask == before.mask).all()
    note = "masks of fc1, fc2 from masks.npz; not in masks.npz, as without it: conv1, conv2"
    assert note in found.notes
    zeros = np.count_nonzero(fc2 & (real(own.layers[3]) == 0)[:, :, 0, 0])
    assert f"layer fc2: masks.npz keeps {zeros} weights that are 0" in found.notes


def real(layer: MaskedLayer) -> NDArray[np.float32]:
    assert layer.weight is not None
    return layer.weight


def test_a_ratio_is_for_the_other_layers(tmp_path: Path) -> None:
    path = saved(tmp_path, fc=drawn_mask(3, 1000, 1024), conv0=np.ones((32, 3, 3, 3)))
    found = load_masked(NetworkArgument("mobilenet_v1"), 4, 0, None, path)
    by_name = {layer.name: layer for layer in found.layers}
    assert (by_name["fc"].source, by_name["fc"].kept) == ("file", 3)
    assert (by_name["conv0"].source, by_name["conv0"].density) == ("file", 1)
    pointwise = by_name["conv5.pointwise"]
    assert (pointwise.source, pointwise.density) == ("uneven", 0.25)


def test_simulate_and_breakeven_take_them(tmp_path: Path) -> None:
    mask = drawn_mask(20_000, 50, 20, 5, 5)  # 17,500 more than the network keeps
    path = saved(tmp_path, conv2=mask)
    own, found = (
        bosquet("simulate", "lenet5:conv2", *SIMULATE, *masks, "--json").document
        for masks in ((), ("--masks", path))
    )
    (layer,) = found["layers"]
    assert (layer["masks"], layer["density"]) == ("file", 0.8)
    assert found["cycles"] > own["cycles"]
    assert found["notes"][0] == "masks of conv2 from masks.npz"
    refused = bosquet("breakeven", "lenet5:conv2", "--masks", saved(tmp_path, conv3=mask))
    assert "unknown array 'conv3' (nearest: 'conv" in refused.err


def test_all_layers_of_the_file_leave_nothing_made_up(tmp_path: Path) -> None:
    path = saved(tmp_path, conv2=drawn_mask(5, 256, 48, 5, 5))
    found = load_masked(NetworkArgument("alexnet", "conv2"), None, 0, None, path)
    assert found.notes == (
        "alexnet: shapes only, no weights are bundled",
        "masks of conv2 from masks.npz",
    )
    other = load_masked(NetworkArgument("alexnet", "conv1"), None, 0, None, path)
    assert other.layers[0].source == "uneven"
    assert "not in masks.npz, as without it: conv1" in other.notes


@pytest.mark.parametrize("net", ["lenet5", "lenet5:conv1"])
@pytest.mark.parametrize(
    ("masks", "said"),
    [
        ({"conv_2": np.ones(1)}, "unknown array 'conv_2' (nearest: 'conv2'); the layers of lenet5"),
        ({"fc2": np.ones((500, 10))}, "weights, (10, 500, 1, 1) or (10, 500), not (500, 10)"),
        ({"conv2": np.ones((50, 20))}, "weights, (50, 20, 5, 5), not (50, 20)"),
        ({"fc2": np.full((10, 500), 0.5)}, "0 (pruned) and 1 (kept), not float64, found 0.5"),
        ({"fc2": np.full((10, 500), np.nan)}, "found nan"),
        ({"fc2": np.full((10, 500), -1)}, "not int64, found -1"),
        ({"fc2": np.full((10, 500), "1")}, "not <U1"),
        ({"fc2": np.zeros((10, 500), np.bool_)}, "the mask 'fc2' keeps no weight"),
        ({}, "holds no mask; name each after a layer of lenet5"),
    ],
)
def test_what_does_not_fit_is_told(
    masks: dict[str, Any], said: str, net: str, tmp_path: Path
) -> None:
    path = saved(tmp_path, **masks)
    finished = bosquet("simulate", net, *SIMULATE, "--masks", path)
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith(f"error: {path}: ")
    assert said in finished.err
    assert finished.err.count("\n") == 1
