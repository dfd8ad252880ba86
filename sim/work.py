"""What a run makes the array do, in numbers: steps fed, entries decoded, weights multiplied.

Each number is how often something happens in the gateware, whenever it happens; it follows from
the ``Program`` alone and is exact. Traffic and energy are made of these numbers.
"""

from collections.abc import Iterable
from dataclasses import dataclass, fields

import numpy as np

from ..hw.eie_program import EieProgram
from ..hw.program import Program
from ..models.formats import Bitmap, Relative
from .output_stage import groups_with_filters

__all__ = ["PREFETCHED_WORDS", "Work", "output_beats", "passes_per_tile"]

PREFETCHED_WORDS = 2
"""Index words that the fetcher of a stream reads beyond those its decoder takes."""


@dataclass(frozen=True)
class Work:
    """Events of one run, or of several together.

    Attributes
    ----------
    runs : int
        Starts of the accelerator.
    tiles : int
        Filter tiles, once for each run that works on them.
    steps : int
        Feed steps; eie: words of activations that are scanned.
    items : int
        Non-zero activations that are broadcast (eie).
    columns : int
        Weight columns with an entry that wait in the FIFO of a PE (eie).
    index_words : int
        Index words that decoders take.
    scans : int
        Times that a decoder looks into the word of a bitmap: once for an entry, once for a word
        without any bit.
    unpacked_bits : int
        Bits of the relative codes that decoders cut out of index words.
    entries : int
        Entries of index streams, fillers too (eie: of weight columns); none in the dense family.
    weights : int
        Those with a weight. Dense: weights that rows with a filter are given.
    macs : int
        Multiplications, each added to an accumulator.
    sums : int
        Accumulators that are finished, of lanes with a filter.
    beats : int
        Beats of the output stream.
    """

    runs: int
    tiles: int
    steps: int
    items: int
    columns: int
    index_words: int
    scans: int
    unpacked_bits: int
    entries: int
    weights: int
    macs: int
    sums: int
    beats: int

    @classmethod
    def of(cls, program: Program) -> "Work":
        """Count one run of a program."""
        if isinstance(program, EieProgram):
            return _eie(program)
        return _dense(program) if program.design.family == "dense" else _sparse(program)

    @classmethod
    def total(cls, works: Iterable["Work"]) -> "Work":
        """Add up several runs."""
        counted = [vars(work) for work in works]
        return cls(**{f.name: sum(one[f.name] for one in counted) for f in fields(cls)})


def output_beats(program: Program) -> int:
    """Return the beats of the output stream of a run."""
    groups = int(groups_with_filters(program.first_filters, program.design).sum())
    return groups * program.group_cycles * passes_per_tile(program)


def passes_per_tile(program: Program) -> int:
    """Return how often the output stage takes the sums of each tile (eie: row of accumulators)."""
    if isinstance(program, EieProgram):
        return len(program.active)
    return program.layout.position_tiles


def _dense(program: Program) -> Work:
    layout = program.layout
    passes = layout.position_tiles
    with_filter = int((program.first_filters >= 0).sum())
    filters = int((program.assignment >= 0).sum())
    each = layout.vector // layout.lane_filters  # columns that work on one filter
    return Work(
        runs=1,
        tiles=program.tiles,
        steps=program.tiles * passes * layout.steps,
        items=0,
        columns=0,
        index_words=0,
        scans=0,
        unpacked_bits=0,
        entries=0,
        weights=with_filter * passes * layout.steps,
        macs=filters * passes * layout.steps * each,
        sums=filters * passes * each,
        beats=output_beats(program),
    )


def _sparse(program: Program) -> Work:
    design, layout, form = program.design, program.layout, program.format
    passes = layout.position_tiles
    streams = [stream for lanes in program.streams for stream in lanes]
    entries = sum(stream.entry_is_filler.size for stream in streams)
    weights = int(program.stored_weights.sum())
    coded = sum(stream.entry_is_filler.size for stream in streams if stream.words.size)
    # A word without a bit is passed over, but not that of an empty filter, which ends it.
    blank = sum(int(((stream.words == 0) & ~stream.end).sum()) for stream in streams)
    feeds = design.delivery == "window"
    return Work(
        runs=1,
        tiles=program.tiles,
        steps=program.tiles * passes * layout.steps if feeds else 0,
        items=0,
        columns=0,
        index_words=int(program.index_words.sum()) * passes,
        scans=(coded + blank) * passes if isinstance(form, Bitmap) else 0,
        unpacked_bits=coded * passes * form.index_bits if isinstance(form, Relative) else 0,
        entries=entries * passes,
        weights=weights * passes,
        macs=weights * passes * design.simd_group * design.vector,
        sums=int((program.assignment >= 0).sum()) * passes * design.vector,
        beats=output_beats(program),
    )


def _eie(program: EieProgram) -> Work:
    images = len(program.active)
    times = program.active.sum(axis=0, dtype=np.int64)  # that each column is worked off
    of_column = program.entry_counts.reshape(len(times), -1)
    entries = int(of_column.sum(axis=1, dtype=np.int64) @ times)
    fillers = int(program.filler_counts.sum(axis=1, dtype=np.int64) @ times)
    columns = int((of_column > 0).sum(axis=1, dtype=np.int64) @ times)
    weights = entries - fillers
    return Work(
        runs=1,
        tiles=len(program.columns),
        steps=images * len(program.columns) * program.words,
        items=int(times.sum()) * len(program.columns),
        columns=columns,
        index_words=0,
        scans=0,
        unpacked_bits=0,
        entries=entries,
        weights=weights,
        macs=weights,
        sums=program.shape.out_channels * images,
        beats=output_beats(program),
    )
