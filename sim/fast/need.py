"""Whether layers are one run of a design: what its counters count, what its buffers hold."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ...hw.cuts import Shortage
from ...hw.design import Buffers, Design
from ...hw.layout import Layout
from ...hw.program import COUNT_LIMIT, MAX_LENGTH, MAX_WINDOWS
from ...models.formats import IndexFormat
from .eie import EieCycles
from .pace import Pace
from .prepared import Prepared

__all__ = ["buffers_needed", "shortage", "too_large"]


def buffers_needed(prepared: Prepared, number: int, design: Design, form: IndexFormat) -> Buffers:
    """Return the memory depths that hold a layer.

    Those of the EIE family are predicted, where its columns have fillers.
    """
    shape = prepared.shapes[number]
    if design.family == "eie":
        layer = EieCycles(shape, prepared.eie(number), design)
        words = -(-shape.in_channels // design.feed)
        rows = -(-shape.out_channels // design.lanes)
        return Buffers(
            weight_words=max(1, int(layer.stored.sum(axis=0).max())),
            index_words=len(layer.stored) * words * design.feed,
            feature_words=shape.batch * words,
            filter_words=rows * design.drain_groups,
            offset_words=1,
        )
    own = prepared.workloads[prepared.own[number]]
    needed: Buffers = own.buffers(design, own.load(design, form))
    return replace(needed, feature_words=Layout.of(shape, design).feature_words)


def shortage(prepared: Prepared, number: int, design: Design, form: IndexFormat) -> Shortage | None:
    """Return what is too small for a layer in one run, None if nothing is."""
    shape = prepared.shapes[number]
    short = Shortage.of_counters(shape, design) or Shortage.of_positions(shape, design)
    if short is None and design.buffers is not None:
        short = Shortage.of_buffers(buffers_needed(prepared, number, design, form), design.buffers)
    return short


def too_large(prepared: Prepared, design: Design, forms: Sequence[IndexFormat]) -> list[int]:
    """Return the layers for which something is too small."""
    every = np.arange(len(forms))
    if design.buffers is None and design.family == "sparse":
        # Of all layers at once, since this is done for every design of a search.
        space, pace = prepared.space(design), Pace.of(design)
        large = space.steps * space.step_vectors > MAX_LENGTH
        if pace.windows:
            large |= -(-space.steps // pace.window_steps) > MAX_WINDOWS
        vectors = -(-prepared.positions // design.vector)
        every = every[large[prepared.own] | (vectors > COUNT_LIMIT)]
    return [number for number in every.tolist()
            if shortage(prepared, number, design, forms[number])]  # fmt: skip
