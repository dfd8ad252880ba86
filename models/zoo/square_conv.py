"""A convolution as the ImageNet networks have it: square kernel on a square map, edges padded."""

from ..layer import LayerShape

__all__ = ["square_conv"]


def square_conv(
    name: str,
    in_channels: int,
    out_channels: int,
    kernel: int,
    side: int,
    stride: int = 1,
    groups: int = 1,
) -> LayerShape:
    """Return a convolution that keeps the map's size, over its stride.

    Parameters
    ----------
    name : str
        Name of the layer.
    in_channels, out_channels : int
        Channels of all groups.
    kernel : int
        Rows and columns of the kernel, odd; half of it is padded on each side.
    side : int
        Rows and columns of the input.
    stride : int
        In both directions.
    groups : int
        Convolution groups.

    Raises
    ------
    InputError
        If there is no such layer (see `LayerShape`).
    """
    edge = kernel // 2
    return LayerShape(
        name,
        "conv",
        in_channels,
        out_channels,
        (kernel, kernel),
        (stride, stride),
        (edge, edge, edge, edge),
        groups=groups,
        height=side,
        width=side,
    )
