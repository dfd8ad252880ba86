"""Random designs of every kind (``random_recipes``), and buffers for them."""

from dataclasses import replace

from numpy.random import Generator

from ..errors import DesignError, FitError
from ..hw.design import Buffers, Design
from ..hw.dram import Dram
from ..hw.program import Program
from ..models.formats import IndexFormat
from ..models.layer import Layer
from .coverage import cut_dimensions
from .random_fields import between
from .random_recipes import Recipe
from .tiling import best_schedule

__all__ = ["deeper", "random_design", "too_small"]

_MOST_RING = ((48, 32), (512, 16))
"""Of arrays of up to so many MACs: most vectors in all windows, which is what simulation costs."""


def random_design(rng: Generator, recipe: Recipe) -> Design:
    """Draw all of a design but its widths and its buffers."""
    family, lane_range, vector_range = recipe.array
    lanes, vector = between(rng, *lane_range), between(rng, *vector_range)
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
        drain=1 if recipe.drain == 1 else between(rng, 2, min(base.lanes, 6)),
        drain_cycles=1 if recipe.drain_cycles == 1 else int(rng.choice(dividers)),
        acc_sets=recipe.acc_sets,
        buffer_sets=recipe.buffer_sets,
    )


def deeper(rng: Generator, least: Buffers) -> Buffers:
    """Return buffers with words to spare."""
    return Buffers(
        weight_words=least.weight_words + between(rng, 0, 9),
        index_words=least.index_words and least.index_words + between(rng, 0, 9),
        feature_words=least.feature_words + between(rng, 0, 9),
        filter_words=least.filter_words + between(rng, 0, 9),
        offset_words=least.offset_words + between(rng, 0, 9),
    )


def too_small(
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
