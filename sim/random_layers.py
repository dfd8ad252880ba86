"""Random layers: a geometry that is tiled as its recipe says, uneven filters, weights, scales."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..hw.design import Design
from ..models.layer import Layer, LayerShape, Requantization
from ..models.masks import uneven_mask
from .coverage import UNEVEN_SPREAD, filter_spread
from .random_fields import between, log_uniform
from .random_recipes import Recipe

__all__ = ["random_features", "random_layer", "random_shape", "scaled"]

_KERNELS = ((3, 3), (3, 3), (5, 5), (2, 2), (1, 3), (3, 2))
_STRIDES = ((2, 2), (2, 2), (1, 2), (3, 1), (3, 2))
_MEDIUM_MACS = (30_000, 60_000)
_SMALL_MACS = (300, 8_000)
_LONGEST_FILTER = 8_000
"""Weights of a filter at most: a layer on few lanes and positions needs a long one."""
_MOST_WINDOWS = 2_000
_TRIES = 50


def random_shape(rng: Generator, name: str, recipe: Recipe, design: Design) -> LayerShape:
    """Draw a geometry that is tiled as the recipe says, and about as large."""
    kind, tiled, cut = recipe.layer
    one_tap = kind in ("fc", "1x1")
    kernels = _kernels(design)
    kernel = (1, 1) if one_tap else kernels[between(rng, 0, len(kernels) - 1)]
    several_filter_tiles = tiled in ("filters", "both")
    several_vectors = tiled in ("positions", "both")
    if tiled == "wide":
        filters = between(rng, 2 * design.lanes + 1, 2 * design.macs)
    elif several_filter_tiles:
        filters = design.lanes + between(rng, 1, design.lanes + 1)
    elif kind == "depthwise":
        filters = between(rng, 1, 2)
    else:
        filters = between(rng, max(2, design.lanes // 2), max(2, design.lanes))

    batch, rows, columns = 1, 1, 1
    if kind == "fc":
        low, high = (
            (design.vector + 1, 3 * design.vector) if several_vectors else (1, design.vector)
        )
        batch = between(rng, 1, 2) if tiled == "wide" else between(rng, low, high)
    elif several_vectors:
        columns = between(rng, 2, 9)
        rows = design.vector * between(rng, 1, 3 if recipe.size == "large" else 7) // columns + 1
        if cut == "columns":
            rows, columns = 1, design.vector * between(rng, 1, 3) + 2
        elif cut == "none" and rng.random() < 0.2:
            batch = 2
        batch = between(rng, 2, 4) if cut == "images" else batch
    else:
        columns = between(rng, 2, design.vector)

    macs = log_uniform(rng, *(_MEDIUM_MACS if recipe.size == "medium" else _SMALL_MACS))
    macs_per_channel = batch * rows * columns * filters * kernel[0] * kernel[1]
    channels = int(np.ceil(macs / macs_per_channel))
    groups = between(rng, 2, 4) if kind == "grouped" else 1
    if kind == "depthwise":
        groups, channels = max(2, channels), 1
    else:
        longest = min(_LONGEST_FILTER, _MOST_WINDOWS * design.window // design.feed)
        channels = min(channels, longest // (kernel[0] * kernel[1]))
        channels = max(2, -(-channels // groups))  # one channel each would be depthwise
    return _map(
        rng,
        recipe,
        LayerShape(
            name,
            "fc" if kind == "fc" else "conv",
            in_channels=groups * channels,
            out_channels=groups * filters,
            kernel=kernel,
            groups=groups,
            height=kernel[0],
            width=kernel[1],
            batch=batch,
        ),
        (rows, columns),
    )


def _kernels(design: Design) -> Sequence[tuple[int, int]]:
    """Return the kernels of which one channel fits the buffers that a design has."""
    if design.buffers is None:
        return _KERNELS
    most = min(design.buffers.offset_words, design.buffers.weight_words)
    return [kernel for kernel in _KERNELS if kernel[0] * kernel[1] <= most] or [(1, 1)]


def _map(rng: Generator, recipe: Recipe, shape: LayerShape, outputs: tuple[int, int]) -> LayerShape:
    """Give a layer the input map of so many output rows and columns."""
    stride = _STRIDES[between(rng, 0, len(_STRIDES) - 1)] if recipe.strided else (1, 1)
    dilation = (1, 1) if rng.random() < 0.8 else (1, 2) if rng.random() < 0.5 else (2, 2)
    if shape.kind == "fc":
        dilation = (1, 1)
    sizes, before, after = [], [], []
    for axis in range(2):
        needed = (outputs[axis] - 1) * stride[axis] + dilation[axis] * (shape.kernel[axis] - 1) + 1
        # Columns are at least 2 wide (kernel or outputs), so a padded layer always has padding.
        most = min(needed - 1, shape.kernel[axis] // 2 + 1) if recipe.padded else 0
        padding = between(rng, min(axis, most), most)
        before.append(between(rng, padding // 2, padding))
        after.append(padding - before[-1])
        sizes.append(needed - padding)
    return replace(
        shape,
        stride=stride,
        dilation=dilation,
        padding=(before[0], before[1], after[0], after[1]),
        height=sizes[0],
        width=sizes[1],
    )


def random_layer(
    rng: Generator, shape: LayerShape, recipe: Recipe, widths: tuple[int, int] | None = None
) -> Layer:
    """Draw weights, biases and scales for a geometry.

    Parameters
    ----------
    rng : Generator
    shape : LayerShape
    recipe : Recipe
    widths : (int, int), optional
        Bits of weights and activations; drawn as well if not given.
    """
    mask = _mask(rng, shape, recipe.density)
    if recipe.code == "zero_free" or rng.random() < 0.5:
        mask = mask[_first_of_block(shape, recipe.simd_group)]
    weight_bits, act_bits = int(rng.choice([8, 8, 8, 4, 6])), int(rng.choice([8, 8, 8, 4, 6]))
    if recipe.code == "zero_free":
        weight_bits = int(rng.choice([2, 3, 4]))
    weight_bits, act_bits = widths or (weight_bits, act_bits)
    limit, half = 1 << (weight_bits - 1), 1 << (act_bits - 1)
    weight = rng.integers(-limit, limit, shape.weight_shape)
    if recipe.code == "zero_free":
        weight += weight >= 0
    weight = np.where(mask, weight, 0)
    # Sums of so many products of uniform integers spread this far.
    spread = np.sqrt(1 + mask.sum(axis=(1, 2, 3))) * limit * half / 3
    outputs = shape.out_channels
    zero_point, low = between(rng, -half, half - 1), -half
    if rng.random() < 0.5:
        low = zero_point  # ReLU
    high = half - 1 if rng.random() < 0.7 else between(rng, low, half - 1)
    return Layer(
        shape,
        weight,
        mask,
        rng.normal(0, spread / 2, outputs).astype(np.int64),
        _requantization(rng, spread / half, zero_point, low, high),
        zero_point_in=between(rng, -half, half - 1),
        weight_bits=weight_bits,
        act_bits=act_bits,
        weight_code=recipe.code,
    )


def _first_of_block(shape: LayerShape, simd_group: int) -> NDArray[np.int64]:
    """Return for each filter the first one of those that share an index stream with it."""
    each = shape.out_channels // shape.groups
    filters = np.arange(shape.out_channels)
    return filters - filters % each % simd_group


def _mask(rng: Generator, shape: LayerShape, density: str) -> NDArray[np.bool_]:
    if density in ("all_zero", "full"):
        return np.full(shape.weight_shape, density == "full")
    mask = _uneven(rng, shape)
    # Few filters may come out alike.
    for _ in range(_TRIES):
        if filter_spread(mask) > UNEVEN_SPREAD:
            break
        mask = _uneven(rng, shape)
    if density == "empty_filters":
        empty = between(rng, 1, shape.out_channels - 1)
        mask[rng.choice(shape.out_channels, empty, replace=False)] = False
        mask[rng.integers(shape.out_channels), 0, 0, 0] |= not mask.any()
    return mask


def _uneven(rng: Generator, shape: LayerShape) -> NDArray[np.bool_]:
    return uneven_mask(shape.weight_shape, log_uniform(rng, 0.06, 0.8), between(rng, 0, 1 << 30))


def _requantization(
    rng: Generator, divisors: NDArray[np.float64], zero_point: int, low: int, high: int
) -> Requantization:
    """Divide sums by about ``divisors`` (out,), so that outputs use their range.

    Now and then the multiplier is a power of two and cancels most of the shift: then many sums
    lie halfway between two outputs.
    """
    divisors = np.maximum(divisors, 1)
    if rng.random() < 0.3:
        bits = np.ceil(np.log2(divisors)).astype(np.int64)
        excess = rng.integers(0, 9, divisors.size)
        return Requantization(1 << excess, np.maximum(1, bits + excess), zero_point, low, high)
    shift = 15 + np.ceil(np.log2(divisors)).astype(np.int64)
    multiplier = np.round((1 << shift) / divisors).astype(np.int64)
    return Requantization(np.minimum(multiplier, (1 << 16) - 1), shift, zero_point, low, high)


def random_features(rng: Generator, layer: Layer) -> NDArray[np.int64]:
    """Draw activations; half of the layers get the zeros of a ReLU before them."""
    shape, half = layer.shape, 1 << (layer.act_bits - 1)
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = rng.integers(-half, half, size)
    if rng.random() < 0.5:
        features = np.maximum(features, layer.zero_point_in)
    return features


def scaled(shape: LayerShape, growth: float) -> LayerShape:
    """Return the layer with more or fewer input channels; if depthwise, groups."""
    if shape.groups == shape.in_channels:
        groups = max(2, int(growth * shape.groups)) if shape.groups > 1 else 1
        each = shape.out_channels // shape.groups
        return replace(shape, groups=groups, in_channels=groups, out_channels=groups * each)
    channels = int(np.ceil(growth * shape.in_channels / shape.groups))
    return replace(shape, in_channels=shape.groups * max(2, channels))
