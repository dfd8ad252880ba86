"""AlexNet as ADMM-NN evaluates it: real shapes and pruning ratios.

The geometry is that of the original grouped network on 227x227 images. The ratios are the "Ours"
row of ADMM-NN (ASPLOS 2019), Table 8. No weights were published.
"""

from ..layer import LayerShape

__all__ = ["LAYERS", "RATIOS"]

LAYERS = (
    LayerShape("conv1", "conv", 3, 96, (11, 11), (4, 4), height=227, width=227),
    LayerShape(
        "conv2", "conv", 96, 256, (5, 5), padding=(2, 2, 2, 2), groups=2, height=27, width=27
    ),
    LayerShape("conv3", "conv", 256, 384, (3, 3), padding=(1, 1, 1, 1), height=13, width=13),
    LayerShape(
        "conv4", "conv", 384, 384, (3, 3), padding=(1, 1, 1, 1), groups=2, height=13, width=13
    ),
    LayerShape(
        "conv5", "conv", 384, 256, (3, 3), padding=(1, 1, 1, 1), groups=2, height=13, width=13
    ),
    LayerShape("fc1", "fc", 9216, 4096),
    LayerShape("fc2", "fc", 4096, 4096),
    LayerShape("fc3", "fc", 4096, 1000),
)
"""The weight layers in order, at batch 1."""

RATIOS = {
    "conv1": 211 / 133,
    "conv2": 448 / 31,
    "conv3": 299 / 18,
    "conv4": 224 / 16,
    "conv5": 150 / 11,
    "fc1": 75 / 7,
    "fc2": 34 / 3,
    "fc3": 8 / 2,
}
"""Pruning ratio of each layer: operations of row "AlexNet" / row "Ours", in millions as printed.

Ref: ADMM-NN, Table 8. The FC ratios are coarse, since the table prints one digit there.
"""
