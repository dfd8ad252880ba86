"""The work of the lanes in one tile, cut into segments that a lane issues without a pause.

A segment is a run of entries of one lane in one window. Only its first entry can wait: for its
window, and, where the segment is ``gated``, for its accumulators. So the last entry of a pass
stands alone where it waits for accumulators (two sets). Where the decoder can hold up an entry,
every segment is one entry.

Segments are ordered as they are visited: window by window, within it the first segment of every
lane, then the second of every lane that has one, and so on. One such *turn* is one vector
operation over lanes. Lanes that share an index stream (a SIMD group) count as one here.
"""

from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..hw.program import Program

__all__ = ["NEVER", "Ints", "Segments", "Turn", "decode_steps", "decoder_can_bind"]

Ints = NDArray[np.int64]

NEVER = -(1 << 60)
"""A cycle before all others, so that waiting for it takes no time."""


def decoder_can_bind(program: Program) -> bool:
    """Return whether an entry can ever wait for the decoder, the first of a lane aside.

    It cannot if every entry takes one decoder cycle and the FIFO holds at least 3: then both
    bounds of ``x(e) + 2 = max(x(e-1) + 1, issue(e-fifo_depth) + 1) + 2`` are met anyway when
    ``issue(e-1) + 1`` is, because

    - ``x(e-1) + 1 + 2 = (x(e-1) + 2) + 1 <= head(e-1) + 1 <= issue(e-1) + 1``, and
    - ``issue(e-fifo_depth) + 1 + 2 <= issue(e-3) + 3 <= issue(e-1) + 1``, since a lane issues at
      most one entry per cycle,

    so that ``head(e) = issue(e-1) + 1``.
    """
    if program.design.fifo_depth < 3:
        return True
    return program.format.has_empty_words and any(
        bool((steps > 1).any())
        for tile in range(program.tiles)
        for steps in decode_steps(program, tile)
    )


def decode_steps(program: Program, tile: int) -> list[Ints]:
    """Return the decoder cycles of each entry, for each lane of a tile."""
    word_bits = program.design.scan_bits
    return [program.format.decode_steps(own, word_bits) for own in program.streams[tile]]


class Turn(NamedTuple):
    """Segments visited together: one segment each of some lanes, all in one window.

    Attributes
    ----------
    start, stop : int
        The segments, in the order of ``Segments``.
    lanes : int64 array (stop - start,)
        Their lanes.
    """

    start: int
    stop: int
    lanes: Ints


@dataclass(frozen=True, eq=False)
class Segments:
    """One tile, cut into segments.

    A *place* is an index into the issues ``[history, segments, NEVER]``: the last ``depth`` issues
    of each lane before the pass, oldest first, ``(depth, lanes)`` flattened; the issues of this
    pass; and one number that stands for an issue that never was.

    Attributes
    ----------
    turns : tuple of tuple of Turn
        Turns of each window.
    window : int64 array (segments,)
        Window of each segment.
    entries : int64 array (segments,)
        Entries of each segment.
    gated : int64 array (lanes,)
        The segment of each lane whose first entry waits for the accumulators.
    last : int64 array (lanes,)
        Last segment of each lane.
    previous : int64 array (segments,)
        Place of the issue before each segment in its lane.
    history : int64 array (depth, lanes)
        Places of the last issues of each lane, after the pass.
    next_steps : int64 array (segments,)
        Decoder cycles of the entry after each segment; 0 after the last of the pass.
    next_room : int64 array (segments,)
        Place of the issue that makes room in the FIFO for the entry after each segment.
    """

    turns: tuple[tuple[Turn, ...], ...]
    window: Ints
    entries: Ints
    gated: Ints
    last: Ints
    previous: Ints
    history: Ints
    next_steps: Ints
    next_room: Ints

    @classmethod
    def of_entries(cls, program: Program, tile: int) -> "Segments":
        """Cut a tile into its entries, for a decoder that can bind."""
        lane, window = _entries(program, tile)
        steps = np.concatenate(decode_steps(program, tile))
        each = np.arange(lane.size)
        return cls._cut(program, tile, (lane, window, steps), each, program.design.fifo_depth)

    @classmethod
    def of_runs(cls, program: Program, tile: int) -> "Segments":
        """Cut a tile into as few segments as possible, for a decoder that cannot bind."""
        lane, window = _entries(program, tile)
        begins = np.ones(lane.size, np.bool_)
        begins[1:] = (np.diff(window) != 0) | (np.diff(lane) != 0)
        if program.design.acc_sets == 2:
            begins[:-1] |= np.diff(lane) != 0
            begins[-1] = True
        return cls._cut(
            program, tile, (lane, window, np.ones_like(lane)), np.flatnonzero(begins), 1
        )

    @classmethod
    def _cut(
        cls,
        program: Program,
        tile: int,
        of_entry: tuple[Ints, Ints, Ints],
        begins: Ints,
        depth: int,
    ) -> "Segments":
        """Order the segments that begin at the entries ``begins``; all is in order of lanes."""
        design = program.design
        lane, window, steps = (values[begins] for values in of_entry)
        number = np.arange(begins.size)
        counts = np.bincount(lane, minlength=design.streams)
        first = np.cumsum(counts) - counts

        new_cell = np.ones(begins.size, np.bool_)  # a cell: the segments of a lane in a window
        new_cell[1:] = (np.diff(window) != 0) | (np.diff(lane) != 0)
        rank = number - np.maximum.accumulate(np.where(new_cell, number, 0))
        order = np.lexsort((rank, window))  # stable, so lanes ascend within a turn
        slot = np.empty_like(order)
        slot[order] = number

        def place(of_lane: Ints, index: Ints) -> Ints:
            inside = depth * design.streams + slot[first[of_lane] + np.maximum(index, 0)]
            return np.where(index >= 0, inside, (depth + index) * design.streams + of_lane)

        index = number - first[lane]
        next_steps = np.append(steps[1:], 0)
        next_steps[first + counts - 1] = 0
        lanes = np.arange(design.streams)
        last = slot[first + counts - 1]
        return cls(
            turns=_turns(window[order], rank[order], lane[order], program.layout.windows),
            window=window[order],
            entries=np.diff(begins, append=of_entry[0].size)[order],
            gated=last if design.acc_sets == 2 else slot[first],
            last=last,
            previous=place(lane, index - 1)[order],
            history=place(lanes, counts - depth + np.arange(depth)[:, None]),
            next_steps=next_steps[order],
            next_room=place(lane, index + 1 - depth)[order],
        )


def _entries(program: Program, tile: int) -> tuple[Ints, Ints]:
    """Lane and window of each entry of a tile, lane after lane."""
    positions = [stream.entry_positions for stream in program.streams[tile]]
    lane = np.repeat(np.arange(len(positions)), [own.size for own in positions])
    return lane, program.layout.window_of(np.concatenate(positions))


def _turns(window: Ints, rank: Ints, lane: Ints, windows: int) -> tuple[tuple[Turn, ...], ...]:
    """Return the turns of each window, given segments ordered by window and rank."""
    changes = np.flatnonzero((np.diff(window) != 0) | (np.diff(rank) != 0)) + 1
    bounds = [0, *changes.tolist(), window.size]
    turns: list[list[Turn]] = [[] for _ in range(windows)]
    for start, stop in pairwise(bounds):
        turns[int(window[start])].append(Turn(start, stop, lane[start:stop]))
    return tuple(tuple(own) for own in turns)
