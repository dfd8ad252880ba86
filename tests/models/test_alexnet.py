"""AlexNet: the sizes printed in ADMM-NN, and layers that look like quantized ones."""

import numpy as np
import pytest

from bosquet.errors import InputError
from bosquet.models.layer import LayerShape
from bosquet.models.zoo.alexnet import LAYERS, RATIOS, synthetic_layer, synthetic_mask

SMALL = LayerShape("small", "conv", 8, 16, (3, 3), height=6, width=6)


def test_operations_are_those_of_the_paper() -> None:
    # ADMM-NN, Table 8, row "AlexNet": millions of operations, 2 per MAC. It prints FC1 as 75:
    # 2 * 37,748,736 = 75.497 million.
    printed = [211, 448, 299, 224, 150, 75, 34, 8]
    assert [round(2 * shape.macs / 1e6) for shape in LAYERS] == printed


def test_parameters_are_those_of_the_paper() -> None:
    # Tables 2 and 7: 60.9M in all; 34.8K, 307.2K, 884.7K, 663.5K, 442.4K, 37.7M, 16.8M, 4.1M.
    # The exact numbers by hand, out * in / groups * kernel; with 10,568 biases 60,965,224.
    weights = [34_848, 307_200, 884_736, 663_552, 442_368, 37_748_736, 16_777_216, 4_096_000]
    assert [shape.weights for shape in LAYERS] == weights
    parameters = sum(shape.weights + shape.out_channels for shape in LAYERS)
    assert parameters == 60_965_224
    assert parameters // 100_000 == 609


def test_maps_fit_each_other() -> None:
    sides = [(shape.height, shape.out_height) for shape in LAYERS[:5]]
    assert sides == [(227, 55), (27, 27), (13, 13), (13, 13), (13, 13)]
    pooled = [(side - 3) // 2 + 1 for side in (55, 27, 13)]  # 3x3 pooling, stride 2
    assert pooled == [27, 13, 6]
    channels = [(shape.in_channels, shape.out_channels) for shape in LAYERS]
    assert channels[5][0] == channels[4][1] * 6 * 6
    assert all(channels[i + 1][0] == channels[i][1] for i in (0, 1, 2, 3, 5, 6))


def test_ratios_are_those_of_the_paper() -> None:
    # Computed from Table 8 by others than the code: see the prototype figures in the sources.
    assert list(RATIOS) == [shape.name for shape in LAYERS]
    convolutions = [round(ratio, 3) for ratio in RATIOS.values()][:5]
    assert convolutions == [1.586, 14.452, 16.611, 14.0, 13.636]
    # Row "Ours": 209M operations left of 1,332M in the convolutions.
    left = sum(2 * shape.macs / RATIOS[shape.name] for shape in LAYERS[:5])
    assert left / 1e6 == pytest.approx(209, abs=0.5)


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
