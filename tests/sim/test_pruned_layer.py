"""A layer at other ratios: real weights by magnitude, shapes by made-up uneven masks."""

from dataclasses import replace

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.layer import LayerShape
from bosquet.sim.pruned_layer import PrunedLayer

SHAPE = LayerShape("conv", "conv", 4, 10, (3, 3), height=5, width=5)


def real() -> PrunedLayer:
    weight = np.random.default_rng(0).normal(size=SHAPE.weight_shape)
    weight[0] = 0
    return PrunedLayer(SHAPE, weight != 0, weight)


def test_real_weights_lose_the_smallest() -> None:
    layer = real()
    (half,) = layer.pruned_to(0.5, seed=0)
    assert layer.weight is not None
    assert half.mask.sum() == 180
    assert np.abs(layer.weight[half.mask]).min() >= np.abs(layer.weight[~half.mask]).max()
    assert layer.masks(3) == {"kind": "magnitude", "spread": None, "seeds": [], "simd_group": 1}
    assert layer.ratio == pytest.approx(10 / 9)
    assert layer.own.mask is layer.mask


def test_shapes_get_five_uneven_masks() -> None:
    layer = PrunedLayer.of_shape(SHAPE, 4, seed=7)
    assert layer.ratio == 4
    masks = layer.pruned_to(0.25, seed=7)
    assert [int(workload.mask.sum()) for workload in masks] == [90] * 5
    assert len({workload.key for workload in masks}) == 5
    again = layer.pruned_to(0.25, seed=7)
    assert [w.key for w in masks] == [w.key for w in again]
    assert layer.masks(7) == {
        "kind": "uneven", "spread": 0.3, "seeds": [7, 8, 9, 10, 11], "simd_group": 1,
    }  # fmt: skip


def test_groups_of_filters_are_pruned_together() -> None:
    made_up = replace(PrunedLayer.of_shape(SHAPE, 4, seed=7), simd_group=2)
    by_norm = replace(real(), simd_group=2)
    for layer in (made_up, by_norm):
        for workload in layer.pruned_to(0.25, seed=7):
            assert int(workload.mask.sum()) == 90
            assert np.array_equal(workload.mask[::2], workload.mask[1::2])
    assert by_norm.weight is not None
    (mask,) = (workload.mask for workload in by_norm.pruned_to(0.25, seed=7))
    norms = (by_norm.weight**2).reshape(5, 2, -1).sum(axis=1)
    kept = mask[::2].reshape(5, -1)
    assert norms[kept].min() >= norms[~kept].max()


@pytest.mark.parametrize("ratio", [0.99, 0.0, -2.0, float("inf"), float("nan")])
def test_ratios_below_1_are_refused(ratio: float) -> None:
    with pytest.raises(InputError, match=r"layer conv: the pruning ratio .* at least 1") as caught:
        PrunedLayer.of_shape(SHAPE, ratio, 0)
    assert "\n" not in str(caught.value)


def test_a_layer_without_weights_is_refused() -> None:
    with pytest.raises(InputError, match="no weight is kept"):
        PrunedLayer(SHAPE, np.zeros(SHAPE.weight_shape, np.bool_))
    with pytest.raises(InputError, match="no weight is kept"):
        PrunedLayer.of_shape(SHAPE, 1e9, 0)


def test_shapes_must_agree() -> None:
    ones = np.ones(SHAPE.weight_shape, np.bool_)
    with pytest.raises(InputError, match="mask must have shape"):
        PrunedLayer(SHAPE, ones[:1])
    with pytest.raises(InputError, match="weight must have shape"):
        PrunedLayer(SHAPE, ones, np.ones((2, 2)))


@pytest.mark.parametrize(("shape", "masks"), [((4000, 1000), 1), ((400, 10_000), 5), ((64, 64), 5)])
def test_large_layers_of_many_filters_get_one_mask(shape: tuple[int, int], masks: int) -> None:
    filters, inputs = shape
    layer = PrunedLayer.of_shape(LayerShape("fc", "fc", inputs, filters), 4, 0)
    assert layer.seeds(7) == list(range(7, 7 + masks))
    assert len(layer.masks(7)["seeds"]) == masks
