"""VGG-16 on 224x224 images, as a table of shapes.

Simonyan and Zisserman, Very Deep Convolutional Networks for Large-Scale Image Recognition, ICLR
2015, Table 1, column D: five stages of 3x3 convolutions with max pooling behind each, three FC
layers. Layers are called as in the pruning papers: conv1_1 to conv5_3, fc6 to fc8.
"""

from collections.abc import Iterator

from ..layer import LayerShape
from .square_conv import square_conv

__all__ = ["LAYERS"]

_STAGES = ((2, 64), (2, 128), (3, 256), (3, 512), (3, 512))
"""Convolutions of each stage, and their channels."""


def _layers() -> Iterator[LayerShape]:
    channels, side = 3, 224
    for stage, (count, width) in enumerate(_STAGES, 1):
        for number in range(1, count + 1):
            yield square_conv(f"conv{stage}_{number}", channels, width, 3, side)
            channels = width
        side //= 2
    yield LayerShape("fc6", "fc", channels * side * side, 4096)
    yield LayerShape("fc7", "fc", 4096, 4096)
    yield LayerShape("fc8", "fc", 4096, 1000)


LAYERS = tuple(_layers())
"""The weight layers in order, at batch 1."""
