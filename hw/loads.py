"""The size of what a host loads for a program, without making it.

The load streams of ``hw.image`` are sections of memory words, each behind a header beat. How many
there are follows from the ``Program``: no weight and no activation has to be known.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from .design import Buffers, Design
from .eie_program import EieProgram
from .eie_words import entry_layout, pointer_layout
from .fetch import index_word
from .loader import FEATURE_KINDS, MemoryKind
from .memories import lanes_per_beat
from .ports import bank_row
from .program import Program, weight_words
from .schedule import Schedule

__all__ = ["HEADER_BEATS", "Loads", "Section", "loads_of_runs", "sections"]

HEADER_BEATS = 1
"""Beats before the words of each section."""


class Section(NamedTuple):
    """Words for the memories of one unit (``hw.loader``).

    Attributes
    ----------
    kind : MemoryKind
    unit : int
    words : int
        Beats behind the header; each writes a word of each of some memories.
    memories : int
        How many.
    """

    kind: MemoryKind
    unit: int
    words: int
    memories: int

    @property
    def beats(self) -> int:
        """Beats of the section, the header included."""
        return HEADER_BEATS + self.words


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
        for section in sections(program, program.design.buffers or program.buffers):
            beats[section.kind in FEATURE_KINDS] += section.beats
        return cls(weight_beats=beats[False], feature_beats=beats[True])


def loads_of_runs(schedule: Schedule) -> list[dict[str, int]]:
    """Return the beats of the loads that must come before each run of a layer.

    By stream, ``weights`` and ``features``. What a run has in common with the one before it stays
    in its buffers and is not there.
    """
    found: list[dict[str, int]] = []
    before = None
    for run in schedule.runs:
        loads = Loads.of(run.program)
        beats = {"weights": loads.weight_beats, "features": loads.feature_beats}
        if before and run.keeps_weights(before):
            del beats["weights"]
        if before and run.keeps_features(before):
            del beats["features"]
        found.append(beats)
        before = run
    return found


def sections(program: Program, buffers: Buffers) -> Iterator[Section]:
    """Yield the sections of both load streams; there are none without words.

    Parameters
    ----------
    program : Program
    buffers : Buffers
        Of the accelerator; some words are as wide as their depths make necessary.
    """
    for section in _all_sections(program, buffers):
        if section.words:
            yield section


def _all_sections(program: Program, buffers: Buffers) -> Iterator[Section]:
    design, layout = program.design, program.layout
    filters = program.tiles * design.drain_groups * layout.lane_filters
    for unit in range(design.drain):
        yield Section(MemoryKind.FILTERS, unit, filters, 1)
    if isinstance(program, EieProgram):
        yield from _eie_sections(program, buffers)
        return
    port = design.delivery == "port"
    copies = design.streams if port else 1
    offsets = layout.taps if design.family == "dense" else program.orders.size
    yield Section(MemoryKind.OFFSETS, 0, offsets, copies)
    if port:
        rows = [program.tiles] * design.streams
        yield from _by_beat(MemoryKind.BASES, rows, bank_row(buffers).width, design)
    if design.family == "dense":
        row = [weight_words(program.tiles * layout.length, layout, design)] * design.lanes
        yield from _shared(MemoryKind.WEIGHTS, row, design.weight_word_bits, design)
    else:
        of_lane = program.index_words.sum(axis=0).tolist()
        yield from _by_beat(MemoryKind.INDEX, of_lane, index_word(design).size, design)
        used = program.assignment[:, :: design.simd_group] >= 0
        stored = (program.stored_weights * used).sum(axis=0).tolist()
        yield from _by_beat(MemoryKind.WEIGHTS, stored, design.weight_word_bits, design)
    for bank in range(1 if port else layout.step_vectors):
        yield Section(MemoryKind.FEATURES, bank, layout.feature_words, copies)


def _eie_sections(program: EieProgram, buffers: Buffers) -> Iterator[Section]:
    design = program.design
    pointers = [len(program.columns) * program.words * design.feed] * design.lanes
    width = pointer_layout(buffers.weight_words).size
    yield from _shared(MemoryKind.INDEX, pointers, width, design)
    entries = np.sum([[pe.codes.size for pe in tile] for tile in program.columns], axis=0)
    yield from _by_beat(MemoryKind.WEIGHTS, entries.tolist(), entry_layout(design).size, design)
    yield Section(MemoryKind.FEATURES, 0, program.shape.batch * program.words, 1)


def _by_beat(
    kind: MemoryKind, words: Sequence[int], word_bits: int, design: Design
) -> Iterator[Section]:
    """Yield sections of as many lanes as a beat has room for; the longest lane sets the length."""
    per_beat = lanes_per_beat(design, word_bits)
    for unit, low in enumerate(range(0, len(words), per_beat)):
        members = words[low : low + per_beat]
        yield Section(kind, unit, max(members), len(members))


def _shared(
    kind: MemoryKind, words: Sequence[int], word_bits: int, design: Design
) -> Iterator[Section]:
    """Yield the sections of memories that the lanes of a beat share."""
    for section in _by_beat(kind, words, word_bits, design):
        yield section._replace(memories=1)
