"""Exact cycles of the EIE family: the timing contract as a recurrence over non-zero activations.

A scan (one image, one row tile) knows nothing of the others but the cycle in which it begins, so
the scans of an image are worked off together (``sim.eie_scans``), counted from the first slot of
each. Here they are put one after the other: the next one begins when the sums of the last row
have been taken.
"""

import numpy as np

from ..hw.design import Design, broadcast_stages
from ..hw.eie_program import EieProgram
from .counters import Counters
from .eie_scans import SLOT_TO_FIFO, Scans
from .output_stage import OutputStage, beats_per_tile, last_group
from .recorder import UNRECORDED, DrainedPass, EieScan, Recorder

__all__ = ["FIRST_SLOT", "READ_TO_SUM", "simulate_eie", "slot_to_fifo"]

FIRST_SLOT = 2
READ_TO_SUM = 4


def simulate_eie(
    program: EieProgram, stage: OutputStage, recorder: Recorder = UNRECORDED
) -> Counters:
    """Count the cycles of a program of the EIE family; its sums go to ``stage``."""
    design = program.design
    lanes, to_fifo = design.lanes, slot_to_fifo(design)
    compute = filler = feed = weight_buffer = imbalance = drain = 0
    begin, all_done = FIRST_SLOT, 0
    for image, active in enumerate(program.active):
        columns = np.flatnonzero(active)
        without_weight = program.filler_counts[columns].sum(axis=0).tolist()
        entries = program.entry_counts[columns]
        scans = Scans.of(entries, columns // design.feed, program.words, design)
        for number in range(len(without_weight)):
            busy, waits = scans.busy[number], scans.waits[number]
            opened, closed = begin + to_fifo, begin + scans.last[number] + to_fifo
            read = begin + scans.last_read[number]
            idle = busy == 0
            if all_done:
                drain += lanes * (opened - all_done)
            # A PE issues an entry in the cycle after it has read it.
            done = np.where(idle, closed, np.maximum(closed, read + 2))
            all_done = int(done.max())
            compute += int(busy.sum()) - without_weight[number]
            filler += without_weight[number]
            weight_buffer += int(waits.sum())
            feed += int((done - opened - busy - waits).sum())
            imbalance += int((all_done - done).sum())

            ready = np.where(idle, closed, np.maximum(closed, read + READ_TO_SUM)) + 1
            first = number * design.acc_rows
            recorder.scan(EieScan(image, number, columns, begin, scans, done))
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
            "fill": lanes * (FIRST_SLOT + to_fifo),
        },
        output_beats=int(beats_per_tile(program.assignment, design).sum()) * len(program.active),
    )


def slot_to_fifo(design: Design) -> int:
    """Return the cycles from a slot to its column at the head of a FIFO."""
    return SLOT_TO_FIFO + broadcast_stages(design.lanes)
