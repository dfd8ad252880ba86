"""AlexNet: the sizes and ratios printed in ADMM-NN."""

import pytest

from bosquet.models.zoo.alexnet import LAYERS, RATIOS


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
