"""What every kind of random case draws alike: the codes that its weights need, and its memory."""

from typing import Any

import numpy as np
from numpy.random import Generator

from ..hw.design import Design
from ..hw.dram import Dram
from ..hw.program import Program
from ..models.layer import WEIGHT_CODES, Layer

__all__ = ["between", "codes_for", "log_uniform", "random_dram"]


def codes_for(layer: Layer, program: Program) -> dict[str, Any]:
    """Return widths and codes of the weights of a design that can store those of a layer."""
    if layer.weight_code == "twos_complement":
        return {"weight_bits": layer.weight_bits}
    if program.filter_weights > layer.mask.sum():  # zeros, which take two's complement
        return {"weight_bits": layer.weight_bits + 1, "weight_codes": WEIGHT_CODES}
    either = WEIGHT_CODES if layer.shape.out_channels % 2 else ("zero_free",)
    return {"weight_bits": layer.weight_bits, "weight_codes": either}


def random_dram(rng: Generator, design: Design) -> Dram:
    """Draw an outside memory, from one that is never waited for to a slow one."""
    widest = max(design.bus_bits, design.beat_bits)
    slowest, fastest = np.log([max(1, widest // 6), 2 * widest])
    return Dram(int(np.exp(rng.uniform(slowest, fastest))), int(rng.integers(41)))


def between(rng: Generator, low: int, high: int) -> int:
    """Draw a whole number, the ends included."""
    return int(rng.integers(low, high + 1))


def log_uniform(rng: Generator, low: float, high: float) -> float:
    """Draw evenly on a logarithmic scale."""
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))
