"""Exact cycles of the EIE family: the timing contract as a recurrence over non-zero activations.

Each non-zero is sent when the one before it was, the words between them are scanned, and every PE
has room; each PE pops its columns one after the other. A step is a few operations on all PEs at
once, and nothing loops over cycles.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design, broadcast_stages
from ..hw.eie_program import EieProgram
from .counters import Counters
from .output_stage import OutputStage, beats_per_tile, last_group
from .recorder import UNRECORDED, DrainedPass, EieScan, Recorder

__all__ = ["simulate_eie", "slot_to_fifo"]

_FIRST_SLOT = 2
_SLOT_TO_FIFO = 3
"""From a slot to its column at the head of a FIFO, without the broadcast."""
_READ_TO_SUM = 4


@dataclass(frozen=True)
class _Scan:
    """One scan: cycles of its first and last slot, and what each PE did, (lanes,) each.

    ``last_read`` is -1 for a PE without an entry; ``waits`` counts columns for whose first entry
    the PE had to wait, having nothing else to do. ``slots`` (non-zeros,) and ``pops`` (non-zeros,
    lanes) are those of ``EieScan``.
    """

    first: int
    last: int
    last_read: NDArray[np.int64]
    waits: NDArray[np.int64]
    slots: NDArray[np.int64]
    pops: NDArray[np.int64]


def simulate_eie(
    program: EieProgram, stage: OutputStage, recorder: Recorder = UNRECORDED
) -> Counters:
    """Count the cycles of a program of the EIE family; its sums go to ``stage``."""
    design = program.design
    lanes, to_fifo = design.lanes, slot_to_fifo(design)
    counts = [np.stack([pe.counts for pe in tile], axis=1) for tile in program.columns]
    fillers = [
        np.stack([np.bincount(pe.columns[pe.filler], minlength=pe.counts.size) for pe in tile], 1)
        for tile in program.columns
    ]
    compute = filler = feed = weight_buffer = imbalance = drain = 0
    begin, all_done = _FIRST_SLOT, 0
    for image, active in enumerate(program.active):
        columns = np.flatnonzero(active)
        for number, of_tile in enumerate(counts):
            entries = of_tile[columns]
            scan = _scan(entries, columns // design.feed, program.words, begin, design)
            opened, closed = scan.first + to_fifo, scan.last + to_fifo
            busy = entries.sum(axis=0)
            if all_done:
                drain += lanes * (opened - all_done)
            # A PE issues an entry in the cycle after it has read it.
            done = np.where(scan.last_read < 0, closed, np.maximum(closed, scan.last_read + 2))
            all_done = int(done.max())
            without_weight = int(fillers[number][columns].sum())
            compute += int(busy.sum()) - without_weight
            filler += without_weight
            weight_buffer += int(scan.waits.sum())
            feed += int((done - opened - busy - scan.waits).sum())
            imbalance += int((all_done - done).sum())

            ready = np.where(
                scan.last_read < 0, closed, np.maximum(closed, scan.last_read + _READ_TO_SUM)
            )
            ready += 1
            first = number * design.acc_rows
            recorder.scan(
                EieScan(image, number, columns, scan.first, scan.last, scan.slots, scan.pops, done)
            )
            for row in range(first, min(first + design.acc_rows, program.tiles)):
                taken = stage.take(ready)
                place = image * program.tiles + row
                recorder.drained(DrainedPass(place, ready, stage.begins, stage.ends))
                ready = taken + 1
            begin = stage.end + 1
    cycles = stage.cycles(last_group(program.assignment[-1], design))
    drain += lanes * (cycles - all_done)
    return Counters(
        lanes=lanes,
        cycles=cycles,
        compute=compute,
        stalls={
            "imbalance": imbalance,
            "window": 0,
            "feed": feed,
            "filler": filler,
            "weight_buffer": weight_buffer,
            "dram": 0,
            "drain": drain,
            "fill": lanes * (_FIRST_SLOT + to_fifo),
        },
        output_beats=int(beats_per_tile(program.assignment, design).sum()) * len(program.active),
    )


def slot_to_fifo(design: Design) -> int:
    """Return the cycles from a slot to its column at the head of a FIFO."""
    return _SLOT_TO_FIFO + broadcast_stages(design.lanes)


def _scan(
    entries: NDArray[np.int64],
    word_of: NDArray[np.int64],
    words: int,
    begin: int,
    design: Design,
) -> _Scan:
    """Scan an image for one row tile.

    Parameters
    ----------
    entries : int64 array (non-zeros, lanes)
        Entries of each PE in the column of each non-zero activation.
    word_of : int64 array (non-zeros,)
        Word that each lies in.
    words : int
    begin : int
        First cycle in which there can be a slot.
    """
    number, lanes = entries.shape
    stages, to_fifo = broadcast_stages(lanes), slot_to_fifo(design)
    occupied = entries > 0
    columns_before = np.zeros((number + 1, lanes), np.int64)  # of a PE, before each non-zero
    np.cumsum(occupied, axis=0, out=columns_before[1:])
    empty_words = np.maximum(np.diff(word_of, prepend=-1) - 1, 0).tolist()
    slots: list[int] = []
    pops = np.zeros((number, lanes), np.int64)  # of a PE's columns
    free = np.full(lanes, -1, np.int64)  # first cycle after its last read
    waits = np.zeros(lanes, np.int64)
    in_fifo = 0  # non-zeros whose columns the scanner can know to be in the FIFOs
    slot = begin - 1
    for this in range(number):
        slot += 1 + empty_words[this]
        while True:
            while in_fifo < this and slots[in_fifo] + to_fifo <= slot - stages:
                in_fifo += 1
            # Room: of so many columns in each FIFO all but fifo_depth - 1 have been popped.
            must_pop = columns_before[in_fifo] - design.fifo_depth
            which = np.flatnonzero(must_pop >= 0)
            room = int(pops[must_pop[which], which].max()) + 1 + stages if which.size else 0
            if room <= slot:
                break
            slot = room
        slots.append(slot)
        own = np.flatnonzero(occupied[this])
        in_time = free[own]
        popped = np.maximum(in_time, slot + to_fifo)
        waits[own] += popped > in_time
        pops[columns_before[this, own], own] = popped
        free[own] = popped + entries[this, own]
    if slots:
        last = slots[-1] + words - 1 - int(word_of[-1])
    else:
        last = begin + words - 1
    last_read = np.where(free < 0, -1, free - 1)
    return _Scan(begin, last, last_read, waits, np.array(slots, np.int64), pops)
