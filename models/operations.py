"""Operations: what a node of a network computes, whatever ONNX opset it was written in.

One frozen class per operation, with its attributes resolved (implicit padding, negative axes,
attributes that became inputs in a later opset). Tensors are (batch, channels, ...).
"""

from dataclasses import dataclass

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from .scales import ActivationScale

__all__ = [
    "Add",
    "Affine",
    "AveragePool",
    "Clip",
    "Concat",
    "Dequantize",
    "MaxPool",
    "Operation",
    "Pad",
    "Quantize",
    "Reshape",
    "Softmax",
    "Transpose",
    "Unsupported",
    "Weighted",
    "Window",
]


@dataclass(frozen=True)
class Window:
    """A window that slides over rows and columns.

    Attributes
    ----------
    kernel, stride, dilation : (int, int)
        Rows, columns.
    padding : (int, int, int, int)
        Top, left, bottom, right.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int] = (1, 1)
    padding: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilation: tuple[int, int] = (1, 1)


@dataclass(frozen=True)
class Weighted:
    """A convolution or fully connected layer.

    Attributes
    ----------
    layer : str
        Name of the layer, which holds geometry and weights.
    """

    layer: str


@dataclass(frozen=True)
class MaxPool:
    """Maximum over a window; padding never wins."""

    window: Window


@dataclass(frozen=True)
class AveragePool:
    """Mean over a window, or over the whole map.

    Attributes
    ----------
    window : Window
        The window.
    counted : (int, int, int, int)
        The part of the padding that counts as zeros in the mean; the rest does not count.
    """

    window: Window
    counted: tuple[int, int, int, int] = (0, 0, 0, 0)

    def counts(self, height: int, width: int) -> NDArray[np.int64]:
        """Return how many positions each mean over a map divides by, (out rows, out columns)."""
        along = []
        for axis, size in enumerate((height, width)):
            before, after = self.window.padding[axis], self.window.padding[axis + 2]
            counted = np.zeros(before + size + after, np.int64)
            counted[before - self.counted[axis] : before + size + self.counted[axis + 2]] = 1
            reach = self.window.dilation[axis] * (self.window.kernel[axis] - 1) + 1
            windows = sliding_window_view(counted, reach)
            step, gap = self.window.stride[axis], self.window.dilation[axis]
            along.append(windows[::step, ::gap].sum(axis=1))
        return np.outer(*along)


@dataclass(frozen=True)
class Clip:
    """Clamp to low..high; ReLU is ``Clip(0, inf)``."""

    low: float
    high: float


@dataclass(frozen=True, eq=False)
class Affine:
    """``x * scale + offset`` per channel: batch normalization and its like.

    Attributes
    ----------
    scale, offset : float64 array (channels,)
        One value for each index of `axis`.
    axis : int
        The axis they belong to.
    """

    scale: NDArray[np.float64]
    offset: NDArray[np.float64]
    axis: int = 1


@dataclass(frozen=True)
class Add:
    """Sum of all inputs, which have one shape."""


@dataclass(frozen=True)
class Concat:
    """Inputs one after the other along `axis`."""

    axis: int


@dataclass(frozen=True)
class Reshape:
    """The same values in the output's shape: Reshape, Flatten, Squeeze, Unsqueeze."""


@dataclass(frozen=True)
class Transpose:
    """Axes in another order; the batch stays first."""

    order: tuple[int, ...]


@dataclass(frozen=True)
class Pad:
    """A constant border.

    Attributes
    ----------
    widths : tuple of (int, int)
        Before and after, for each axis.
    value : float
        What the border holds.
    """

    widths: tuple[tuple[int, int], ...]
    value: float


@dataclass(frozen=True)
class Softmax:
    """Softmax over `axis`."""

    axis: int


@dataclass(frozen=True)
class Quantize:
    """Real values to integers."""

    scale: ActivationScale


@dataclass(frozen=True)
class Dequantize:
    """Integers to real values."""

    scale: ActivationScale


@dataclass(frozen=True)
class Unsupported:
    """An operator that bosquet does not execute; shapes pass through it.

    Attributes
    ----------
    reason : str
        Why, as the end of a sentence that names the node.
    """

    reason: str


Operation = (
    Weighted
    | MaxPool
    | AveragePool
    | Clip
    | Affine
    | Add
    | Concat
    | Reshape
    | Transpose
    | Pad
    | Softmax
    | Quantize
    | Dequantize
    | Unsupported
)
"""Any of the operations above."""
