"""Random cases of the EIE family: FC layers, uneven filters, activations with the zeros of a ReLU.

A case has one to three row tiles and one to three images, FIFOs from one column to eight, and gaps
that the index cannot say. About half of its activations are zero, or, in every third case, hardly
any. Weight code, buffer sets and environment are drawn too.
"""

from dataclasses import replace

import numpy as np
from numpy.random import Generator
from numpy.typing import NDArray

from ..errors import FitError
from ..hw.design import Design
from ..hw.program import Program, accumulator_bits
from ..models.layer import WEIGHT_CODES, Layer, LayerShape, Requantization
from ..models.masks import seed_for, uneven_mask
from .case import Case
from .random_fields import codes_for, random_dram

__all__ = ["another_eie_case", "random_eie_case"]


def random_eie_case(seed: int, index: int) -> Case:
    """Return one random case: the same for the same seed and index.

    Raises
    ------
    InputError
        If the seed is negative.
    """
    rng = np.random.default_rng(seed_for(seed, "eie", index))
    lanes = int(rng.integers(17, 20)) if index % 5 == 4 else int(rng.integers(2, 8))
    design = replace(
        Design.eie(lanes),
        feed=int(rng.choice([1, 2, 4, 8, 16])),
        fifo_depth=1 + index % 8,
        index_bits=(int(rng.integers(2, 6)),),
        acc_rows=int(rng.choice([1, 2, 4, 8])),
        drain=int(rng.integers(1, min(lanes, 4) + 1)),
        weight_bits=int(rng.choice([8, 8, 4, 6])),
        act_bits=int(rng.choice([8, 8, 4, 6])),
        buffer_sets=int(rng.integers(1, 3)),
    )
    shape = _shape(rng, index, design)
    layer = _layer(rng, shape, design)
    design = replace(design, **codes_for(layer, Program.plan(layer, design)))
    features = _features(rng, layer, index)
    # No bit to spare: a sum too large would show.
    bits = max(8, accumulator_bits(layer, design))
    dram = random_dram(rng, design) if rng.random() < 0.4 else None
    return Case(seed, layer, replace(design, acc_bits=bits), None, features, dram)


def another_eie_case(seed: int, index: int, lead: Case) -> Case:
    """Return a random case on the design of another: with narrower weights where sums need it.

    If no layer fits, it is the lead's with other activations.
    """
    design = lead.design
    rng = np.random.default_rng(seed_for(seed, "eie", index))
    for weight_bits in (design.weight_bits, *range(design.weight_bits, 1, -1), 2, 2):
        shape = _shape(rng, index, design)
        try:
            layer = _layer(rng, shape, replace(design, weight_bits=weight_bits))
            case = Case(lead.seed, layer, design, None, _features(rng, layer, index), lead.dram)
            case.check_fit()
        except FitError:
            continue
        return case
    layer = replace(lead.layer, shape=replace(lead.layer.shape, name=f"random_{index}"))
    return replace(lead, layer=layer, features=_features(rng, layer, index))


def _shape(rng: Generator, index: int, design: Design) -> LayerShape:
    tiles = int(rng.integers(1, 4))
    most = design.acc_rows * design.lanes
    filters = int(rng.integers((tiles - 1) * most + 1, tiles * most + 1))
    return LayerShape(
        f"random_{index}", "fc", int(rng.integers(2, 80)), max(2, filters),
        batch=int(rng.integers(1, 4)),
    )  # fmt: skip


def _features(rng: Generator, layer: Layer, index: int) -> NDArray[np.int64]:
    half, shape = 1 << (layer.act_bits - 1), layer.shape
    features = rng.integers(-half, half, (shape.batch, shape.in_channels, 1, 1))
    return np.maximum(features, layer.zero_point_in) if index % 3 else features


def _layer(rng: Generator, shape: LayerShape, design: Design) -> Layer:
    mask = uneven_mask(
        shape.weight_shape, float(rng.uniform(0.05, 0.6)), int(rng.integers(1 << 30))
    )
    mask[rng.integers(shape.out_channels)] = False
    mask[:, rng.integers(shape.in_channels)] = False
    code = WEIGHT_CODES[int(rng.random() < 0.4)]
    weight_bits = int(rng.choice([2, 3, 4])) if code == "zero_free" else design.weight_bits
    if design.weight_codes == ("zero_free",):
        code, weight_bits = "zero_free", design.weight_bits
    limit, half = 1 << (weight_bits - 1), 1 << (design.act_bits - 1)
    weight = rng.integers(-limit, limit, shape.weight_shape)
    if code == "zero_free":
        weight += weight >= 0
    weight = np.where(mask, weight, 0)
    outputs = shape.out_channels
    # Sums of so many products of uniform integers spread this far; outputs use their range.
    spread = np.sqrt(1 + mask.sum(axis=(1, 2, 3))) * limit * half / 3
    shift = 15 + np.ceil(np.log2(np.maximum(spread / half, 1))).astype(np.int64)
    multiplier = np.minimum(np.round((1 << shift) / np.maximum(spread / half, 1)), (1 << 16) - 1)
    scale = Requantization(
        multiplier.astype(np.int64), shift, int(rng.integers(-half, half)), -half, half - 1
    )
    return Layer(
        shape,
        weight,
        mask,
        rng.normal(0, spread / 2, outputs).astype(np.int64),
        scale,
        zero_point_in=int(rng.integers(-half, half // 2)),
        weight_bits=weight_bits,
        act_bits=design.act_bits,
        weight_code=code,
    )
