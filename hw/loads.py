"""The size of what a host loads for a program, without making it.

The load streams of ``hw.image`` are sections of memory words, each behind a header beat. How many
there are follows from the ``Program``: no weight and no activation has to be known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from .design import Buffers
from .eie_program import EieProgram
from .eie_words import entry_layout, pointer_layout
from .fetch import index_word
from .loader import FEATURE_KINDS, MemoryKind
from .memories import lanes_per_beat
from .ports import bank_row
from .program import Program, weight_words
from .schedule import Schedule

__all__ = ["Loads", "loads_of_runs"]


@dataclass(frozen=True)
class Loads:
    """Beats of the two load streams, headers included.

    Attributes
    ----------
    weight_beats : int
        Weights, indices, filters (bias and scale), offsets and, with ports, bases.
    feature_beats : int
        Activations.
    """

    weight_beats: int
    feature_beats: int

    @classmethod
    def of(cls, program: Program) -> "Loads":
        """Count the loads of a program."""
        beats = {True: 0, False: 0}
        for kind, words in _sections(program):
            if words:
                beats[kind in FEATURE_KINDS] += 1 + words
        return cls(weight_beats=beats[False], feature_beats=beats[True])


def loads_of_runs(schedule: Schedule) -> list[tuple[int, ...]]:
    """Return the beats of the loads that must come before each run of a layer.

    What a run has in common with the one before it stays in its buffers.
    """
    found: list[tuple[int, ...]] = []
    before = None
    for run in schedule.runs:
        loads = Loads.of(run.program)
        weights = () if before and run.keeps_weights(before) else (loads.weight_beats,)
        features = () if before and run.keeps_features(before) else (loads.feature_beats,)
        found.append((*weights, *features))
        before = run
    return found


def _sections(program: Program) -> Iterator[tuple[MemoryKind, int]]:
    """Yield the memory and the words of each section."""
    design, layout = program.design, program.layout
    buffers = design.buffers or program.buffers
    for _ in range(design.drain):
        filters = program.tiles * design.drain_groups * layout.lane_filters
        yield MemoryKind.FILTERS, filters
    if isinstance(program, EieProgram):
        yield from _eie_sections(program, buffers)
        return
    yield MemoryKind.OFFSETS, layout.taps if design.family == "dense" else program.orders.size
    if design.delivery == "port":
        rows = [program.tiles] * design.streams
        yield from _by_beat(MemoryKind.BASES, rows, bank_row(buffers).width, program)
    if design.family == "sparse":
        of_lane = program.index_words.sum(axis=0).tolist()
        yield from _by_beat(MemoryKind.INDEX, of_lane, index_word(design).size, program)
    yield from _by_beat(MemoryKind.WEIGHTS, _row_words(program), design.weight_word_bits, program)
    banks = 1 if design.delivery == "port" else layout.step_vectors
    for _ in range(banks):
        yield MemoryKind.FEATURES, layout.feature_words


def _eie_sections(program: EieProgram, buffers: Buffers) -> Iterator[tuple[MemoryKind, int]]:
    design = program.design
    pointers = [len(program.columns) * program.words * design.feed] * design.lanes
    width = pointer_layout(buffers.weight_words).size
    yield from _by_beat(MemoryKind.INDEX, pointers, width, program)
    entries = np.sum([[pe.codes.size for pe in tile] for tile in program.columns], axis=0)
    yield from _by_beat(MemoryKind.WEIGHTS, entries.tolist(), entry_layout(design).size, program)
    yield MemoryKind.FEATURES, program.shape.batch * program.words


def _row_words(program: Program) -> list[int]:
    """Return the weight words of each index stream, of each row of the dense array."""
    design, layout = program.design, program.layout
    if design.family == "dense":
        return [weight_words(program.tiles * layout.length, layout, design)] * design.lanes
    used = program.assignment[:, :: design.simd_group] >= 0
    of_lane: list[int] = (program.stored_weights * used).sum(axis=0).tolist()
    return of_lane


def _by_beat(
    memory: MemoryKind, words: Sequence[int], word_bits: int, program: Program
) -> Iterator[tuple[MemoryKind, int]]:
    """Yield sections of as many lanes as a beat has room for; the longest lane sets the length."""
    per_beat = lanes_per_beat(program.design, word_bits)
    for low in range(0, len(words), per_beat):
        yield memory, max(words[low : low + per_beat])
