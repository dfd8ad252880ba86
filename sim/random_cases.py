"""Random cases for ``verify``: layers and designs of every kind (``random_recipes``)."""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..errors import DesignError, FitError
from ..hw.design import Buffers, Design
from ..hw.dram import Dram
from ..hw.program import Program
from ..models.formats import Bitmap, Dense, IndexFormat, Relative
from ..models.layer import Layer, LayerShape, Requantization
from ..models.masks import seed_for, uneven_mask
from .case import Case
from .coverage import LARGE_CYCLES, UNEVEN_SPREAD, cut_dimensions, filter_spread
from .exact import simulate
from .random_eie import random_eie_case
from .random_fields import codes_for, random_dram
from .random_recipes import BLOCK, Recipe, recipes
from .tiling import best_schedule

__all__ = ["random_case", "random_cases"]

_KERNELS = ((3, 3), (3, 3), (5, 5), (2, 2), (1, 3), (3, 2))
_STRIDES = ((2, 2), (2, 2), (1, 2), (3, 1), (3, 2))
_MEDIUM_MACS = (30_000, 60_000)
_SMALL_MACS = (300, 8_000)
_LONGEST_FILTER = 8_000
"""Weights of a filter at most: a layer on few lanes and positions needs a long one."""
_MOST_WINDOWS = 2_000
_TRIES = 50
_MOST_WORK_US = 2_500_000
"""Microseconds that Amaranth's simulator may take for a case that need not be large."""
_MOST_RING = ((48, 32), (512, 16))
"""Of arrays of up to so many MACs: most vectors in all windows, which is what simulation costs."""


def random_cases(count: int, seed: int) -> tuple[Case, ...]:
    """Return the first ``count`` random cases of a seed."""
    return tuple(random_case(seed, index) for index in range(count))


def random_case(seed: int, index: int) -> Case:
    """Return one random case: the same for the same seed and index.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    recipe = recipes(seed, index // BLOCK)[index % BLOCK]
    if recipe.array[0] == "eie":
        return random_eie_case(seed, index)
    rng = np.random.default_rng(seed_for(seed, "case", index))
    design = _design(rng, recipe)
    form = _form(recipe.form)
    name = f"random_{index}"
    layer = _layer(rng, _shape(rng, name, recipe, design), recipe)
    while growth := _growth(recipe, Program.plan(layer, design, form)):
        shape = _scaled(layer.shape, growth)
        if shape == layer.shape:
            break
        layer = _layer(rng, shape, recipe)
    design = replace(
        design,
        **codes_for(layer, Program.plan(layer, design, form)),
        act_bits=layer.act_bits,
        acc_bits=max(8, layer.accumulator_bits),  # no bit to spare: a sum too large would show
    )
    dram = random_dram(rng, design) if recipe.environment == "dram" else None
    cut = recipe.layer[2]
    if cut != "none":
        design = _too_small(cut, layer, design, form, dram)
    elif rng.random() < 0.3:
        design = replace(design, buffers=_deeper(rng, Program.plan(layer, design, form).buffers))
    return Case(seed, layer, design, form, _features(rng, layer), dram)


def _too_small(
    cut: str, layer: Layer, design: Design, form: IndexFormat, dram: Dram | None
) -> Design:
    """Return the design with buffers that make it cut the layer in a dimension, if any do."""
    need = Program.plan(layer, design, form).buffers
    for share in (0.7, 0.5, 0.35, 0.25, 0.15, 0.1):
        for field in ("weight_words", "feature_words", "filter_words"):
            less = max(1, int(share * getattr(need, field)))
            try:
                small = replace(design, buffers=replace(need, **{field: less}))
                if cut in cut_dimensions(best_schedule(layer, small, form, dram)):
                    return small
            except (FitError, DesignError):
                continue
    return design


def _growth(recipe: Recipe, program: Program) -> float | None:
    """Return by how much the work of a case must change, None if it need not."""
    cycles = simulate(program).cycles
    if recipe.size == "large":
        return None if cycles > LARGE_CYCLES else max(1.1, 1.05 * LARGE_CYCLES / cycles)
    work_us = cycles * program.design.lanes * _lane_cycle_us(program.design)
    return None if work_us <= _MOST_WORK_US else max(0.1, 0.9 * _MOST_WORK_US / work_us)


def _lane_cycle_us(design: Design) -> int:
    """Microseconds for one lane and cycle, measured with Amaranth 0.5.10."""
    if design.family == "dense":
        return 30 + 2 * design.vector
    return 130 + design.vector * design.ring


def _scaled(shape: LayerShape, growth: float) -> LayerShape:
    """Return the layer with more or fewer input channels; if depthwise, groups."""
    if shape.groups == shape.in_channels:
        groups = max(2, int(growth * shape.groups)) if shape.groups > 1 else 1
        each = shape.out_channels // shape.groups
        return replace(shape, groups=groups, in_channels=groups, out_channels=groups * each)
    channels = int(np.ceil(growth * shape.in_channels / shape.groups))
    return replace(shape, in_channels=shape.groups * max(2, channels))


def _form(name: str) -> IndexFormat:
    if name.startswith("relative"):
        return Relative(int(name.removeprefix("relative")))
    return Bitmap() if name == "bitmap" else Dense()


def _between(rng: Generator, low: int, high: int) -> int:
    return int(rng.integers(low, high + 1))


def _spread(rng: Generator, low: float, high: float) -> float:
    """Draw evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


# ---- design ----------------------------------------------------------------------------------


def _design(rng: Generator, recipe: Recipe) -> Design:
    family, lane_range, vector_range = recipe.array
    lanes, vector = _between(rng, *lane_range), _between(rng, *vector_range)
    dividers = [n for n in range(2, vector + 1) if vector % n == 0]
    if recipe.simd_group > 1:
        most = max(1, (32 if recipe.simd_group == 16 else 16) // recipe.simd_group)
        lanes = recipe.simd_group * min(most, -(-lanes // recipe.simd_group))
        vector = min(vector, 4) if lanes > 16 else vector
    base = Design.dense(lanes, vector)
    if family == "sparse":
        ring = next(ring for macs, ring in _MOST_RING if lanes * vector <= macs)
        windows = [n for n in (1, 2, 4, 8, 16) if n * recipe.run_ahead <= ring]
        feed = int(rng.choice([n for n in windows if n <= 8]))
        base = Design(
            "sparse",
            lanes,
            vector,
            simd_group=recipe.simd_group,
            window=int(rng.choice([n for n in windows if n >= feed])),
            run_ahead=recipe.run_ahead,
            feed=feed,
            feed_order="balanced" if rng.random() < 0.6 else "natural",
            fifo_depth=int(rng.choice([1, 2, 3, 4, 6])),
            scan_bits=int(rng.choice([16, 32, 64])),
        )
    elif family == "rows":
        base = replace(base, weights_per_row=vector)
    elif family == "port":
        one_group = recipe.layer[0] not in ("grouped", "depthwise")
        base = replace(
            Design.port(2 * (lanes // 2), vector),
            simd_group=2 if one_group and rng.random() < 0.5 else 1,
            fifo_depth=int(rng.choice([1, 2, 3, 4, 6])),
            scan_bits=int(rng.choice([16, 32, 64])),
        )
    return replace(
        base,
        drain=1 if recipe.drain == 1 else _between(rng, 2, min(base.lanes, 6)),
        drain_cycles=1 if recipe.drain_cycles == 1 else int(rng.choice(dividers)),
        acc_sets=recipe.acc_sets,
        buffer_sets=recipe.buffer_sets,
    )


def _deeper(rng: Generator, least: Buffers) -> Buffers:
    """Return buffers with words to spare."""
    return Buffers(
        weight_words=least.weight_words + _between(rng, 0, 9),
        index_words=least.index_words and least.index_words + _between(rng, 0, 9),
        feature_words=least.feature_words + _between(rng, 0, 9),
        filter_words=least.filter_words + _between(rng, 0, 9),
        offset_words=least.offset_words + _between(rng, 0, 9),
    )


# ---- layer -----------------------------------------------------------------------------------


def _shape(rng: Generator, name: str, recipe: Recipe, design: Design) -> LayerShape:
    """Draw a geometry that is tiled as the recipe says, and about as large."""
    kind, tiled, cut = recipe.layer
    one_tap = kind in ("fc", "1x1")
    kernel = (1, 1) if one_tap else _KERNELS[_between(rng, 0, len(_KERNELS) - 1)]
    several_filter_tiles = tiled in ("filters", "both")
    several_vectors = tiled in ("positions", "both")
    if tiled == "wide":
        filters = _between(rng, 2 * design.lanes + 1, 2 * design.macs)
    elif several_filter_tiles:
        filters = design.lanes + _between(rng, 1, design.lanes + 1)
    elif kind == "depthwise":
        filters = _between(rng, 1, 2)
    else:
        filters = _between(rng, max(2, design.lanes // 2), max(2, design.lanes))

    batch, rows, columns = 1, 1, 1
    if kind == "fc":
        low, high = (
            (design.vector + 1, 3 * design.vector) if several_vectors else (1, design.vector)
        )
        batch = _between(rng, 1, 2) if tiled == "wide" else _between(rng, low, high)
    elif several_vectors:
        columns = _between(rng, 2, 9)
        rows = design.vector * _between(rng, 1, 3 if recipe.size == "large" else 7) // columns + 1
        if cut == "columns":
            rows, columns = 1, design.vector * _between(rng, 1, 3) + 2
        elif cut == "none" and rng.random() < 0.2:
            batch = 2
        batch = _between(rng, 2, 4) if cut == "images" else batch
    else:
        columns = _between(rng, 2, design.vector)

    macs = _spread(rng, *(_MEDIUM_MACS if recipe.size == "medium" else _SMALL_MACS))
    macs_per_channel = batch * rows * columns * filters * kernel[0] * kernel[1]
    channels = int(np.ceil(macs / macs_per_channel))
    groups = _between(rng, 2, 4) if kind == "grouped" else 1
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


def _map(rng: Generator, recipe: Recipe, shape: LayerShape, outputs: tuple[int, int]) -> LayerShape:
    """Give a layer the input map of so many output rows and columns."""
    stride = _STRIDES[_between(rng, 0, len(_STRIDES) - 1)] if recipe.strided else (1, 1)
    dilation = (1, 1) if rng.random() < 0.8 else (1, 2) if rng.random() < 0.5 else (2, 2)
    if shape.kind == "fc":
        dilation = (1, 1)
    sizes, before, after = [], [], []
    for axis in range(2):
        needed = (outputs[axis] - 1) * stride[axis] + dilation[axis] * (shape.kernel[axis] - 1) + 1
        # Columns are at least 2 wide (kernel or outputs), so a padded layer always has padding.
        most = min(needed - 1, shape.kernel[axis] // 2 + 1) if recipe.padded else 0
        padding = _between(rng, min(axis, most), most)
        before.append(_between(rng, padding // 2, padding))
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


def _layer(rng: Generator, shape: LayerShape, recipe: Recipe) -> Layer:
    """Draw weights, biases and scales for a geometry."""
    mask = _mask(rng, shape, recipe.density)
    if recipe.code == "zero_free" or rng.random() < 0.5:
        mask = mask[_first_of_block(shape, recipe.simd_group)]
    weight_bits, act_bits = int(rng.choice([8, 8, 8, 4, 6])), int(rng.choice([8, 8, 8, 4, 6]))
    if recipe.code == "zero_free":
        weight_bits = int(rng.choice([2, 3, 4]))
    limit, half = 1 << (weight_bits - 1), 1 << (act_bits - 1)
    weight = rng.integers(-limit, limit, shape.weight_shape)
    if recipe.code == "zero_free":
        weight += weight >= 0
    weight = np.where(mask, weight, 0)
    # Sums of so many products of uniform integers spread this far.
    spread = np.sqrt(1 + mask.sum(axis=(1, 2, 3))) * limit * half / 3
    outputs = shape.out_channels
    zero_point, low = _between(rng, -half, half - 1), -half
    if rng.random() < 0.5:
        low = zero_point  # ReLU
    high = half - 1 if rng.random() < 0.7 else _between(rng, low, half - 1)
    return Layer(
        shape,
        weight,
        mask,
        rng.normal(0, spread / 2, outputs).astype(np.int64),
        _requantization(rng, spread / half, zero_point, low, high),
        zero_point_in=_between(rng, -half, half - 1),
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
        empty = _between(rng, 1, shape.out_channels - 1)
        mask[rng.choice(shape.out_channels, empty, replace=False)] = False
        mask[rng.integers(shape.out_channels), 0, 0, 0] |= not mask.any()
    return mask


def _uneven(rng: Generator, shape: LayerShape) -> NDArray[np.bool_]:
    return uneven_mask(shape.weight_shape, _spread(rng, 0.06, 0.8), _between(rng, 0, 1 << 30))


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


def _features(rng: Generator, layer: Layer) -> NDArray[np.int64]:
    """Draw activations; half of the layers get the zeros of a ReLU before them."""
    shape, half = layer.shape, 1 << (layer.act_bits - 1)
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = rng.integers(-half, half, size)
    if rng.random() < 0.5:
        features = np.maximum(features, layer.zero_point_in)
    return features
