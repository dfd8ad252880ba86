"""ResNet-18 and ResNet-50 on 224x224 images, as tables of shapes.

He et al., Deep Residual Learning for Image Recognition, CVPR 2016, Table 1. Four stages of residual
blocks; the first block of a stage changes map and channels, and so does the 1x1 convolution of its
shortcut (`downsample`). In the bottlenecks that stride is in the 3x3 convolution, as torchvision
and most others have it (v1.5, 4.1 GMAC), not in the 1x1 before it as in the paper (v1, 3.8). Layers
are called as in torchvision.
"""

from collections.abc import Callable

from ..layer import LayerShape
from .square_conv import square_conv

__all__ = ["RESNET18", "RESNET50"]

_Block = Callable[[str, int, int, int, int], tuple[LayerShape, ...]]
"""Of a name, input channels, width, side of the input and stride."""


def _basic(name: str, channels: int, width: int, side: int, stride: int) -> tuple[LayerShape, ...]:
    return (
        square_conv(f"{name}.conv1", channels, width, 3, side, stride),
        square_conv(f"{name}.conv2", width, width, 3, side // stride),
    )


def _bottleneck(
    name: str, channels: int, width: int, side: int, stride: int
) -> tuple[LayerShape, ...]:
    return (
        square_conv(f"{name}.conv1", channels, width, 1, side),
        square_conv(f"{name}.conv2", width, width, 3, side, stride),
        square_conv(f"{name}.conv3", width, 4 * width, 1, side // stride),
    )


def _resnet(block: _Block, blocks: tuple[int, int, int, int]) -> tuple[LayerShape, ...]:
    """Return the layers of a network with so many blocks in each stage."""
    layers = [square_conv("conv1", 3, 64, 7, 224, 2)]
    channels, side = 64, 56  # behind the max pooling, 3x3 with stride 2
    for stage, count in enumerate(blocks):
        for number in range(count):
            name = f"layer{stage + 1}.{number}"
            stride = 2 if stage and not number else 1
            layers += block(name, channels, 64 << stage, side, stride)
            out = layers[-1].out_channels
            if (out, stride) != (channels, 1):
                layers.append(square_conv(f"{name}.downsample.0", channels, out, 1, side, stride))
            channels, side = out, side // stride
    return (*layers, LayerShape("fc", "fc", channels, 1000))


RESNET18 = _resnet(_basic, (2, 2, 2, 2))
"""The weight layers of ResNet-18 in order, at batch 1."""

RESNET50 = _resnet(_bottleneck, (3, 4, 6, 3))
"""The weight layers of ResNet-50 v1.5 in order, at batch 1."""
