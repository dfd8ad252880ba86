"""The runs of a layer on a design: one, or as many parts as its buffers make necessary.

A layer that fits is one run. Otherwise ``plan`` halves it where it does not fit (``hw.cuts``): a
fixed rule, which asks for few runs; it does not look for the fewest. ``cut`` makes the parts that
it is told to.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..models.formats import IndexFormat
from ..models.formats.grouped import union_masks
from ..models.layer import Layer
from .cuts import Cuts, Shortage
from .deal import ranks_by_work, simd_blocks
from .design import Buffers, Design
from .part import Part
from .program import Masked, Program

__all__ = ["Run", "Schedule", "covering_buffers"]


@dataclass(frozen=True, eq=False)
class Run:
    """One start of the accelerator.

    Attributes
    ----------
    part : Part
        Of the layer.
    layer : Masked
        The part as a layer.
    program : Program
    accumulate : bool
        It goes on from the sums of the run before.
    counts : bool
        Its outputs are those of the layer; otherwise the run after it goes on from its sums.
    """

    part: Part
    layer: Masked
    program: Program
    accumulate: bool
    counts: bool

    def keeps_weights(self, before: "Run") -> bool:
        """Return whether its weight load is that of the run before."""
        own, other = self.program, before.program
        return (
            self.part.weights == before.part.weights
            and own.layout.step_offsets == other.layout.step_offsets
        )

    def keeps_features(self, before: "Run") -> bool:
        """Return whether its feature load is that of the run before."""
        return self.part.features == before.part.features


@dataclass(frozen=True, eq=False)
class Schedule:
    """The runs of one layer, in order.

    Attributes
    ----------
    layer : Masked
    design : Design
    runs : tuple of Run
    """

    layer: Masked
    design: Design
    runs: tuple[Run, ...]

    @classmethod
    def plan(cls, layer: Masked, design: Design, form: IndexFormat | None = None) -> "Schedule":
        """Cut a layer into runs that fit counters and buffers of a design.

        Without buffers a run has all that the counters count.

        Raises
        ------
        FitError
            If the layer does not fit the design's counters or formats, or not even one filter tile
            of one vector of positions and one input channel fits its buffers.
        """
        cuts = Cuts.none(layer.shape)
        while True:
            found = cls.cut(layer, design, cuts, form)
            if isinstance(found, Schedule):
                return found
            cuts = cuts.finer(found, layer.shape, design)

    @classmethod
    def cut(
        cls, layer: Masked, design: Design, cuts: Cuts, form: IndexFormat | None = None
    ) -> "Schedule | Shortage":
        """Cut a layer into given parts; return what is too small, if one of them does not fit.

        Raises
        ------
        FitError
            If the layer does not fit the design's formats.
        """
        shape = layer.shape
        runs = []
        for part in cuts.parts(shape):
            own = part.shape_of(shape)
            short = Shortage.of_counters(own, design) or Shortage.of_positions(own, design)
            if short:
                return short
            piece = part.of(layer)
            free = replace(design, buffers=None)
            program = Program.plan(piece, free, form, _chain_ranks(part, layer, design))
            if short := Shortage.of_buffers(program.buffers, design.buffers):
                return short
            runs.append(
                Run(part, piece, replace(program, design=design),
                    not part.first_of_chain(), part.last_of_chain(shape))
            )  # fmt: skip
        return cls(layer, design, tuple(runs))

    @classmethod
    def of(cls, program: Program, layer: Masked) -> "Schedule":
        """Return the one run of a program that is there already."""
        run = Run(Part.whole(layer.shape), layer, program, accumulate=False, counts=True)
        return cls(layer, program.design, (run,))

    def with_features(self, features: NDArray[np.int64]) -> "Schedule":
        """Return the schedule for activations (batch, in, h, w), if its timing depends on them."""
        runs = []
        for run, inputs in zip(self.runs, self.inputs(features), strict=True):
            assert isinstance(run.layer, Layer)
            runs.append(replace(run, program=run.program.with_features(run.layer, inputs)))
        return replace(self, runs=tuple(runs))

    def with_active(self, active: NDArray[np.bool_]) -> "Schedule":
        """Return the schedule for activations (batch, in, h, w) of which only these are active."""
        shape = self.layer.shape
        runs = (
            replace(run, program=run.program.with_active(run.part.inputs(shape, active)))
            for run in self.runs
        )
        return replace(self, runs=tuple(runs))

    @property
    def buffers(self) -> Buffers:
        """Memory depths that all runs together need."""
        needed = self.runs[0].program.buffers
        for run in self.runs[1:]:
            needed = needed.covering(run.program.buffers)
        return needed

    def inputs(self, features: NDArray[np.int64]) -> Iterator[NDArray[np.int64]]:
        """Yield the activations of each run, given those of the layer (batch, in, h, w)."""
        for run in self.runs:
            yield run.part.inputs(self.layer.shape, features)

    def assembled(self, outputs: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
        """Return the outputs of the layer, given those of each run."""
        shape = self.layer.shape
        whole = np.zeros((shape.batch, shape.out_channels, shape.out_height, shape.out_width),
                         np.int64)  # fmt: skip
        for run, part in zip(self.runs, outputs, strict=True):
            if run.counts:
                run.part.place(shape, whole, part)
        return whole


def covering_buffers(layers: Iterable[Masked], design: Design) -> Buffers:
    """Return the smallest buffers that hold any one of some layers.

    Raises
    ------
    FitError
        If a layer does not fit the design's counters or formats.
    """
    free = replace(design, buffers=None)
    first, *others = (Schedule.plan(layer, free).buffers for layer in layers)
    for other in others:
        first = first.covering(other)
    return first


def _chain_ranks(part: Part, layer: Masked, design: Design) -> NDArray[np.int64] | None:
    """Rank a chain's blocks of filters by their kept weights; None if the part is no chain.

    The sums of a filter stay in its lane, so that all parts of a chain deal filters alike.
    """
    chain = replace(part, channels=Part.whole(layer.shape).channels)
    if chain == part:
        return None
    mask = layer.mask[chain.filters_of(layer.shape)].reshape(len(part.filters), -1)
    blocks = simd_blocks(chain.shape_of(layer.shape), design)
    kept = union_masks(mask, blocks)
    return ranks_by_work(kept.sum(axis=1), kept)
