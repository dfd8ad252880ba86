"""Layers on designs of every kind, for laws that must hold on all of them.

Layers are small and uneven, with empty, full and equal filters among them, so that ties, fillers,
waits for windows, accumulators and the output stage all come up within a few examples.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from bosquet.hw.design import Design
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.order import reordered
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.formats.csc import Columns
from bosquet.models.layer import LayerShape

KINDS = ("dense", "window", "simd", "port", "eie")

WIDE = Relative(12)
"""Wide enough for any gap of a layer drawn here: no fillers."""

FORMATS = (Bitmap(), Dense(), Relative(2), Relative(4), WIDE)


@dataclass(frozen=True, eq=False)
class Work:
    """A layer on a design.

    Attributes
    ----------
    layer : MaskedPart
    design : Design
    form : IndexFormat or None
        None: the only one that the design reads.
    active : bool array (batch, in, 1, 1) or None
        Activations that are not zero, for the family whose cycles depend on it.
    """

    layer: MaskedPart
    design: Design
    form: IndexFormat | None
    active: NDArray[np.bool_] | None = None

    @property
    def program(self) -> Program:
        planned = Program.plan(self.layer, self.design, self.form)
        return planned if self.active is None else planned.with_active(self.active)


@st.composite
def works(
    draw: st.DrawFn, kinds: tuple[str, ...] = KINDS, forms: tuple[IndexFormat, ...] = FORMATS
) -> Work:
    kind = draw(st.sampled_from(kinds))
    if kind == "eie":
        return draw(_eie_works())
    design = draw(_designs(kind))
    layer = draw(_layers(1 if kind != "port" else design.simd_group))
    return Work(layer, design, None if kind == "dense" else draw(st.sampled_from(forms)))


@st.composite
def _designs(draw: st.DrawFn, kind: str) -> Design:
    group = draw(st.sampled_from([2, 4])) if kind == "simd" else 1
    if kind == "port":
        group = draw(st.sampled_from([1, 1, 2]))
    lanes = group * draw(st.sampled_from([1, 2, 3, 5, 17]))
    vector = draw(st.sampled_from([1, 2, 4, 17]))
    fields: dict[str, Any] = {
        "drain": draw(st.integers(1, min(4, lanes))),
        "drain_cycles": draw(st.sampled_from([n for n in (1, 2, 17) if vector % n == 0])),
        "acc_sets": draw(st.sampled_from([1, 2])),
    }
    if kind == "dense":
        weights = draw(st.sampled_from([1, vector]))
        return replace(Design.dense(lanes, vector), weights_per_row=weights, **fields)
    fields |= {
        "simd_group": group,
        "fifo_depth": draw(st.integers(1, 6)),
        "scan_bits": draw(st.sampled_from([16, 32])),
        "index_bits": (2, 4, 12),
    }
    if kind == "port":
        return replace(Design.port(lanes, vector), **fields)
    feed = draw(st.sampled_from([1, 2, 4, 8]))
    return Design(
        "sparse",
        lanes,
        vector,
        feed=feed,
        window=draw(st.sampled_from([n for n in (1, 2, 4, 8, 16) if n >= feed])),
        run_ahead=draw(st.integers(1, 4)),
        feed_order=draw(st.sampled_from(["natural", "balanced"])),
        **fields,
    )


@st.composite
def _layers(draw: st.DrawFn, multiple: int) -> MaskedPart:
    groups = draw(st.sampled_from([1, 1, 2]))
    kernel = draw(st.sampled_from([(1, 1), (3, 3), (2, 3)]))
    shape = LayerShape(
        "drawn",
        "conv",
        in_channels=groups * draw(st.integers(1, 40 if kernel == (1, 1) else 6)),
        out_channels=groups * multiple * draw(st.integers(1, 16)),
        kernel=kernel,
        stride=draw(st.sampled_from([(1, 1), (2, 2)])),
        padding=draw(st.sampled_from([(0, 0, 0, 0), (1, 1, 1, 1)])),
        groups=groups,
        height=draw(st.integers(kernel[0], 6)),
        width=draw(st.integers(kernel[1], 6)),
        batch=draw(st.sampled_from([1, 3])),
    )
    return MaskedPart(shape, draw(_masks(shape)))


@st.composite
def _masks(draw: st.DrawFn, shape: LayerShape) -> NDArray[np.bool_]:
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    densities = st.sampled_from([0.0, 0.05, 0.3, 1.0])
    chosen = draw(st.lists(densities, min_size=1, max_size=4))
    density = random.choice(chosen, size=(shape.out_channels, 1, 1, 1))
    return random.random(shape.weight_shape) < density


@st.composite
def _eie_works(draw: st.DrawFn) -> Work:
    lanes = draw(st.sampled_from([1, 2, 3, 5, 17]))
    design = replace(
        Design.eie(lanes),
        feed=draw(st.sampled_from([1, 2, 8])),
        fifo_depth=draw(st.integers(1, 6)),
        index_bits=(draw(st.sampled_from([2, 4, 8])),),
        acc_rows=draw(st.sampled_from([1, 2, 4, 16])),
        drain=draw(st.integers(1, min(4, lanes))),
    )
    shape = LayerShape(
        "drawn", "fc", draw(st.integers(1, 40)), draw(st.integers(1, 60)),
        batch=draw(st.sampled_from([1, 2])),
    )  # fmt: skip
    mask = draw(_masks(shape))
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    active = random.random((shape.batch, shape.in_channels, 1, 1))
    share = draw(st.sampled_from([0.0, 0.4, 1.0]))
    return Work(MaskedPart(shape, mask), design, None, active < share)


def free_positions(program: Program, tile: int, lane: int) -> NDArray[np.int64]:
    """Return where a stream could have one more weight, in the order in which it is read."""
    layout, stream = program.layout, program.streams[tile][lane]
    every = layout.to_index_space(np.ones((1, *program.shape.weight_shape[1:]), np.bool_))
    free = reordered(every, program.order_of(tile), layout.step_vectors)[0]
    free[stream.entry_positions[~stream.entry_is_filler]] = False
    return np.flatnonzero(free)


def with_weight(program: Program, tile: int, lane: int, position: int) -> Program:
    """Return a program with one more weight in a stream; lanes and order of the steps are kept."""
    own = program.streams[tile][lane]
    kept = np.sort(np.append(own.entry_positions[~own.entry_is_filler], position))
    more = program.format.encode(kept, program.layout.length, program.design.scan_bits)
    streams = [list(lanes) for lanes in program.streams]
    streams[tile][lane] = more
    return replace(program, streams=tuple(map(tuple, streams)))


def with_mask(program: EieProgram, mask: NDArray[np.bool_]) -> EieProgram:
    """Return a program for another mask (out, in), its filters in the same rows of the same PEs."""
    design, tiles = program.design, []
    for first in range(0, program.tiles, design.acc_rows):
        filters = program.assignment[first : first + design.acc_rows]
        kept = mask[filters] & (filters >= 0)[:, :, None]
        tiles.append(
            tuple(Columns.encode(kept[:, pe], design.index_bits[0]) for pe in range(design.lanes))
        )
    return program.with_columns(tiles)
