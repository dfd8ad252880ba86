"""Made-up layers look like quantized ones, and repeat."""

import hashlib

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_layer, synthetic_mask
from bosquet.models.zoo.alexnet import LAYERS, RATIOS

SMALL = LayerShape("small", "conv", 8, 16, (3, 3), height=6, width=6)


@pytest.mark.parametrize("shape", LAYERS[:5], ids=lambda shape: shape.name)
def test_convolutions_are_pruned_unevenly_to_their_ratio(shape: LayerShape) -> None:
    layer = synthetic_layer(shape, RATIOS[shape.name], weight_bits=8, act_bits=8, seed=1)
    assert np.count_nonzero(layer.mask) == round(shape.weights / RATIOS[shape.name])
    per_filter = layer.mask.mean(axis=(1, 2, 3))
    assert 0.2 < per_filter.std() / per_filter.mean() < 0.4  # the definition says 0.3
    assert layer.accumulator_bits <= 32


@pytest.mark.parametrize("weight_bits", [2, 3, 5, 8, 16])
def test_kept_weights_are_not_zero_and_use_their_bits(weight_bits: int) -> None:
    layer = synthetic_layer(SMALL, 2, weight_bits, act_bits=8, seed=2)
    assert (layer.weight[layer.mask] != 0).all()
    largest = 2 ** (weight_bits - 1) - 1
    assert np.abs(layer.weight).max() > 0.9 * largest
    assert layer.weight.min() >= -largest  # symmetric
    assert layer.weight_bits == weight_bits


@pytest.mark.parametrize("act_bits", [4, 8, 16])
def test_outputs_spread_over_the_activations(act_bits: int) -> None:
    layer = synthetic_layer(SMALL, 4, 8, act_bits, seed=3)
    half = 2 ** (act_bits - 1)
    inputs = np.random.default_rng(3).normal(0, half / 2, (2_000, layer.weight[0].size))
    inputs = np.clip(np.abs(np.rint(inputs)), 0, 2 * half - 1)  # x - zero point
    sums = inputs.astype(np.int64) @ layer.weight.reshape(layer.shape.out_channels, -1).T
    outputs = layer.requantization((sums + layer.bias)[:, :, None, None].astype(np.int64))
    assert 0.2 < (outputs == -half).mean() < 0.8  # what ReLU cuts
    assert (outputs == half - 1).mean() < 0.05  # what saturates
    assert outputs.max() > 0.5 * half


def test_empty_filters_are_fine() -> None:
    layer = synthetic_layer(SMALL, 1000, 8, 8, seed=4)
    assert np.count_nonzero(layer.mask) == 1
    assert (layer.requantization.multiplier > 0).all()


def test_layers_repeat_and_differ_by_name_and_seed() -> None:
    first, again = (synthetic_layer(SMALL, 3, 8, 8, seed=5) for _ in range(2))
    assert (first.weight == again.weight).all()
    assert (first.bias == again.bias).all()
    assert (first.mask == synthetic_mask(SMALL, 3, seed=5)).all()
    other = synthetic_layer(SMALL, 3, 8, 8, seed=6)
    assert (first.mask != other.mask).any()


@pytest.mark.parametrize("ratio", [0.5, 0, -1, float("nan"), float("inf")])
def test_a_ratio_below_one_is_refused(ratio: float) -> None:
    with pytest.raises(InputError, match="layer small: the pruning ratio must be finite and at"):
        synthetic_layer(SMALL, ratio, 8, 8, seed=0)


@pytest.mark.parametrize(("weight_bits", "act_bits"), [(0, 8), (99, 8), (8, 0), (8, 99)])
def test_widths_that_do_not_exist_are_refused(weight_bits: int, act_bits: int) -> None:
    with pytest.raises(InputError, match="_bits must be between 2 and 16, not"):
        synthetic_layer(SMALL, 2, weight_bits, act_bits, seed=0)


def test_results_with_the_same_seed_stay_comparable() -> None:
    """Frozen: figures of AlexNet conv4 that were told once can be had again."""
    layer = synthetic_layer(LAYERS[3], RATIOS["conv4"], 8, 8, seed=0)
    digest = hashlib.sha256(layer.weight.tobytes() + layer.bias.tobytes())
    assert digest.hexdigest()[:16] == "e6364bdf89eb66e3"
