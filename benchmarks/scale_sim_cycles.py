"""What a convolution takes on a dense array of ours and on one of SCALE-Sim, from formulas.

Filters lie along one side of the array, output positions along the other, and sums stay where
they are (output-stationary). ``explanation`` says why the two numbers of cycles differ: ours +
its terms = theirs. Ours follows from the timing contract (ARCHITECTURE.md); theirs was read off
SCALE-Sim 3.0.0 and is held against its reports by ``scale_sim.py``.
"""

from dataclasses import dataclass
from typing import Any

from bosquet.errors import InputError
from bosquet.hw.design import Design, broadcast_stages
from bosquet.models.layer import LayerShape

__all__ = [
    "Geometry",
    "Term",
    "buffer_kb",
    "explanation",
    "our_cycles",
    "peer_input",
    "prefetch_explanation",
]

WORDS_PER_PREFETCH_CYCLE = 10
"""What SCALE-Sim fetches before the first cycle, if it estimates bandwidths."""
SETS = 100
"""Parts of a buffer that SCALE-Sim fetches as a whole; half of them are in use, half prefetch."""


@dataclass(frozen=True)
class Term:
    """A part of the difference, theirs - ours.

    Attributes
    ----------
    name : str
        Where it comes from.
    cycles : int
    formula : str
        How the cycles were computed, in the words of ``Geometry``.
    """

    name: str
    cycles: int
    formula: str


@dataclass(frozen=True)
class Geometry:
    """A convolution on R x V multipliers, as both machines cut it.

    Attributes
    ----------
    shape : LayerShape
        Of one image, without dilation, with square strides.
    rows, vector : int
        R: filters at once. V: output positions at once.

    Raises
    ------
    InputError
        If SCALE-Sim has nothing of that kind.
    """

    shape: LayerShape
    rows: int
    vector: int

    def __post_init__(self) -> None:
        shape = self.shape
        whole = (shape.padded_height - shape.kernel[0]) % shape.stride[0] == 0
        whole &= (shape.padded_width - shape.kernel[1]) % shape.stride[1] == 0
        if (shape.batch, *shape.dilation) != (1, 1, 1) or len(set(shape.stride)) > 1:
            raise InputError(
                f"layer {shape.name}: SCALE-Sim has no batches, dilation or oblong strides"
            )
        if not whole:
            raise InputError(
                f"layer {shape.name}: SCALE-Sim rounds output sizes up where the stride does not"
                " divide them, which is another layer"
            )

    @property
    def weights(self) -> int:
        """K: weights of a filter, and steps of a pass."""
        return self.shape.weights_per_filter

    @property
    def filter_tiles(self) -> int:
        """Tiles of R filters, those of each group apart."""
        filters = self.shape.out_channels // self.shape.groups
        return self.shape.groups * -(-filters // self.rows)

    @property
    def flat_positions(self) -> int:
        """Output positions and those in the gaps between output rows."""
        pitch = -(-self.shape.padded_width // self.shape.stride[1])
        return (self.shape.out_height - 1) * pitch + self.shape.out_width

    @property
    def passes(self) -> int:
        """Ours: each tile on each vector of positions, gaps included."""
        return self.filter_tiles * -(-self.flat_positions // self.vector)

    @property
    def folds(self) -> int:
        """Theirs: each tile on each vector of positions, side by side without gaps."""
        return self.filter_tiles * -(-self.shape.positions // self.vector)

    @property
    def group_words(self) -> tuple[int, int, int]:
        """Words of a group that SCALE-Sim reads, reads and writes: inputs, weights, outputs."""
        shape, groups = self.shape, self.shape.groups
        rows = _read(shape.out_height, shape.kernel[0], shape.stride[0])
        columns = _read(shape.out_width, shape.kernel[1], shape.stride[1])
        filters = shape.out_channels // groups
        return (
            rows * columns * (shape.in_channels // groups),
            filters * self.weights,
            filters * shape.positions,
        )


def _read(outputs: int, kernel: int, stride: int) -> int:
    """Return the rows of an input that some output row reads."""
    return len({output * stride + tap for output in range(outputs) for tap in range(kernel)})


def our_cycles(geometry: Geometry, design: Design) -> tuple[Term, ...]:
    """Return our cycles as a sum: the steps of all passes, and what is around them.

    From the timing contract of the dense family (ARCHITECTURE.md), one weight per row and cycle.
    """
    steps, passes = geometry.weights, geometry.passes
    stages = broadcast_stages(design.lanes)
    drain = design.drain_groups * design.drain_cycles
    turn = 5 + stages + drain  # from the last step of a pass until its last sums are taken
    wait = max(0, turn + 1 - steps) if design.acc_sets == 2 else turn
    last_filters = (geometry.shape.out_channels // geometry.shape.groups - 1) % design.lanes + 1
    last_groups = -(-last_filters // design.drain)
    beat = 7 + (1 if design.drain_groups <= 16 else 2)
    return (
        Term("steps of all passes", passes * steps, f"{passes} passes x K = {steps}"),
        Term("passes wait for the output stage", (passes - 1) * wait, f"{passes - 1} x {wait}"),
        Term("first step to last sum, less the steps", 6 + stages, f"6 + B, B = {stages}"),
        Term(
            "output stage visits the lanes of the last pass",
            last_groups * design.drain_cycles - 1,
            f"{last_groups} groups of lanes x {design.drain_cycles} - 1",
        ),
        Term("output stage to the last beat", beat, f"7 + M, M = {beat - 7}"),
    )


def explanation(geometry: Geometry, design: Design, stall_cycles: int) -> tuple[Term, ...]:
    """Return what has to be added to our cycles to get the "Total Cycles" of SCALE-Sim.

    Parameters
    ----------
    geometry : Geometry
    design : Design
        Dense, one weight per row and cycle.
    stall_cycles : int
        As SCALE-Sim reports them, all rows.
    """
    folds, steps = geometry.folds, geometry.weights
    _, *around = our_cycles(geometry, design)
    return (
        *(Term(f"ours only: {t.name}", -t.cycles, f"-({t.formula})") for t in around),
        Term(
            "ours only: columns lost in the gaps between rows",
            (folds - geometry.passes) * steps,
            f"({folds} folds - {geometry.passes} passes) x K = {steps}",
        ),
        Term(
            "theirs only: operands are late in the last row of the array",
            folds * (geometry.vector - 1),
            f"{folds} folds x ({geometry.vector} - 1)",
        ),
        Term(
            "theirs only: and in its last column; no fold overlaps the next",
            folds * (geometry.rows - 1),
            f"{folds} folds x ({geometry.rows} - 1)",
        ),
        Term(
            "theirs only: tells the number of the last cycle, from 0 on",
            -geometry.shape.groups,
            f"-1 x {geometry.shape.groups} groups",
        ),
        Term("theirs only: stalls", stall_cycles, "reported"),
    )


def prefetch_explanation(geometry: Geometry) -> tuple[Term, ...]:
    """Return what has to be added to their "Total Cycles" to get those "incl. prefetch"."""
    groups = geometry.shape.groups
    *read, written = geometry.group_words
    fetch = [
        -(
            -_sets(words, buffer_kb(words))
            * _set_words(buffer_kb(words))
            // WORDS_PER_PREFETCH_CYCLE
        )
        for words in read
    ]
    lines = -(-written // geometry.rows)
    return (
        Term(
            "inputs, or weights if later, are fetched before",
            groups * max(fetch),
            f"{groups} groups x max{tuple(fetch)}: whole sets, 10 words a cycle",
        ),
        Term(
            "outputs are written after",
            groups * (lines - 1),
            f"{groups} groups x ({lines} lines of {geometry.rows} words - 1)",
        ),
    )


def buffer_kb(words: int) -> int:
    """Return the smallest power of two, in kB, of which half holds so many words of SCALE-Sim."""
    size = 1
    while _sets(words + 1, size) > SETS // 2:
        size *= 2
    return size


def _set_words(size_kb: int) -> int:
    return size_kb * 1024 // SETS


def _sets(words: int, size_kb: int) -> int:
    return -(-words // _set_words(size_kb))


def peer_input(geometry: Geometry) -> dict[str, Any]:
    """Return what ``scale_sim_peer.py`` is given: array, buffers and a row for each group."""
    shape = geometry.shape
    row = [shape.padded_height, shape.padded_width, *shape.kernel,
           shape.in_channels // shape.groups, shape.out_channels // shape.groups,
           shape.stride[0]]  # fmt: skip
    return {
        "array": [geometry.vector, geometry.rows],  # height, width
        "buffers_kb": [buffer_kb(words) for words in geometry.group_words],
        "rows": [[f"{shape.name}_{group}", *row] for group in range(shape.groups)],
    }
