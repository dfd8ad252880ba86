"""Windows over feature maps, and convolution as a matrix product over them.

For whoever wants exact results simply, not fast ones: integers stay integers.
"""

from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from ..models.layer import LayerShape
from ..models.operations import Window

__all__ = ["convolve", "windows"]

CHUNK_VALUES = 1 << 23
"""Values unfolded at once: 64 MB of doubles."""


def windows(x: NDArray[Any], window: Window, fill: float) -> NDArray[Any]:
    """Return what a window sees at each of its positions, as a view of the padded map.

    Parameters
    ----------
    x : array (batch, channels, height, width)
        Feature maps.
    window : Window
        The window.
    fill : float
        What padding holds.

    Returns
    -------
    array (batch, channels, out rows, out columns, kernel rows, kernel columns)
    """
    top, left, bottom, right = window.padding
    padded = np.pad(x, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=fill)
    rows, columns = (
        dilation * (kernel - 1) + 1
        for kernel, dilation in zip(window.kernel, window.dilation, strict=True)
    )
    (stride_y, stride_x), (gap_y, gap_x) = window.stride, window.dilation
    seen = sliding_window_view(padded, (rows, columns), axis=(2, 3))
    return seen[:, :, ::stride_y, ::stride_x, ::gap_y, ::gap_x]


def convolve(x: NDArray[Any], weight: NDArray[Any], shape: LayerShape) -> NDArray[Any]:
    """Return the sums of a layer, padding with zeros, in the type of `x` and `weight`.

    Parameters
    ----------
    x : array (batch, in, height, width)
        Feature maps.
    weight : array (out, in / groups, kh, kw)
        Weights.
    shape : LayerShape
        Geometry.

    Returns
    -------
    array (batch, out, out rows, out columns)
    """
    batch, groups = len(x), shape.groups
    rows, columns = shape.out_height, shape.out_width
    length = shape.weights_per_filter
    filters = weight.reshape(groups, shape.out_channels // groups, length).transpose(0, 2, 1)
    window = Window(shape.kernel, shape.stride, shape.padding, shape.dilation)
    sums = np.empty((batch, shape.out_channels, rows, columns), x.dtype)
    step = max(1, CHUNK_VALUES // (groups * length * rows * columns))
    for start in range(0, batch, step):
        seen = windows(x[start : start + step], window, 0)
        count = len(seen)
        unfolded = seen.reshape(count, groups, -1, rows, columns, *shape.kernel)
        unfolded = unfolded.transpose(1, 0, 3, 4, 2, 5, 6).reshape(groups, -1, length)
        made = (unfolded @ filters).reshape(groups, count, rows, columns, -1)
        sums[start : start + count] = made.transpose(1, 0, 4, 2, 3).reshape(
            count, shape.out_channels, rows, columns
        )
    return sums
