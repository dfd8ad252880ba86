"""MobileNet V1 of width 1 on 224x224 images, as a table of shapes.

Howard et al., MobileNets: Efficient Convolutional Neural Networks for Mobile Vision Applications,
arXiv:1704.04861, Table 1: a 3x3 convolution, 13 times a depthwise 3x3 and a 1x1 convolution, an FC
layer. The last depthwise convolution has stride 1: the table prints 2, but a map of 7x7 on both of
its sides. Maps are padded on both sides, where TensorFlow pads below and right at stride 2; the
sizes are the same.
"""

from collections.abc import Iterator

from ..layer import LayerShape
from .square_conv import square_conv

__all__ = ["LAYERS"]

_BLOCKS = ((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2), *5 * ((512, 1),),
           (1024, 2), (1024, 1))  # fmt: skip
"""Output channels of each depthwise separable convolution, and its stride."""


def _layers() -> Iterator[LayerShape]:
    yield square_conv("conv0", 3, 32, 3, 224, 2)
    channels, side = 32, 112
    for number, (width, stride) in enumerate(_BLOCKS, 1):
        yield square_conv(f"conv{number}.depthwise", channels, channels, 3, side, stride, channels)
        side //= stride
        yield square_conv(f"conv{number}.pointwise", channels, width, 1, side)
        channels = width
    yield LayerShape("fc", "fc", channels, 1000)


LAYERS = tuple(_layers())
"""The weight layers in order, at batch 1."""
