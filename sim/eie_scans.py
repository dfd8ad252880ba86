"""The scans of one image on the EIE array: when each non-zero is sent, when each PE reads.

Cycles are counted from the first slot of a scan. With ``before[i]`` the entries that a PE has in
the columns before non-zero i, a PE that is never idle reads the first entry of column i

    popped(i) = before(i) + max over its columns j <= i of (slot(j) + to_fifo - before(j))

so that all PEs follow from running maxima, once the slots are known. The slot of a non-zero waits
for room: of the columns that the scanner can know to be in a FIFO, all but ``fifo_depth - 1`` have
to be popped. A column is known to be there ``lag`` cycles after its slot, and ``fifo_depth - 1``
others lie between. So a block of ``fifo_depth`` non-zeros, and of ``lag - 1`` more where slots
follow each other closely, depends on nothing that happens within the block, and is worked off at
once, in all row tiles.
"""

from bisect import bisect_right
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from ..hw.design import Design, broadcast_stages

__all__ = ["SLOT_TO_FIFO", "Scans"]

SLOT_TO_FIFO = 3
"""From a slot to its column at the head of a FIFO, without the broadcast."""

_NEVER = -(1 << 30)

Counts = NDArray[np.int32]


@dataclass(frozen=True, eq=False)
class Scans:
    """The scans of one image, one for each row tile; cycles count from the first slot of each.

    Attributes
    ----------
    last : list of int
        Last slot of each scan.
    last_read : int32 array (row tiles, PEs)
        Cycle in which a PE reads its last entry; means nothing for a PE without an entry.
    busy : int64 array (row tiles, PEs)
        Entries of each PE.
    waits : int64 array (row tiles, PEs)
        Columns for whose first entry the PE had to wait, having nothing else to do.
    slots : tuple of list of int
        Slot of each non-zero, for each row tile.
    popped : int32 array (row tiles, PEs, at least non-zeros)
        When a PE reads the first entry of each of its columns; as many of a PE count as it has.
    """

    last: list[int]
    last_read: Counts
    busy: NDArray[np.int64]
    waits: NDArray[np.int64]
    slots: tuple[list[int], ...]
    popped: Counts

    @classmethod
    def of(cls, entries: Counts, words: NDArray[np.int64], in_all: int, design: Design) -> "Scans":
        """Scan the non-zero activations of an image for every row tile.

        Parameters
        ----------
        entries : int32 array (non-zeros, row tiles, PEs)
            Entries of each PE in the column of each non-zero.
        words : int64 array (non-zeros,)
            Word of activations that each is in, ascending.
        in_all : int
            Words of the image.
        design : Design
        """
        number, tiles, lanes = entries.shape
        if not number:
            nothing = np.zeros((tiles, lanes), np.int64)
            none = nothing.astype(np.int32)
            last = [in_all - 1] * tiles
            return cls(last, none, nothing, nothing, ([],) * tiles, none[:, :, None][:, :, :0])
        steps = 1 + np.maximum(np.diff(words, prepend=-1) - 1, 0)
        before = np.zeros((number + 1, tiles, lanes), np.int32)
        before[1:] = entries
        _sum_up(before)
        slots, latest, waits, popped = _work_off(entries > 0, before, steps.tolist(), design)
        rest = in_all - 1 - int(words[-1])
        return cls(
            last=[own[-1] + rest for own in slots],
            last_read=latest + before[-1] - 1,
            busy=before[-1].astype(np.int64),
            waits=waits,
            slots=tuple(slots),
            popped=popped,
        )


def _work_off(
    occupied: NDArray[np.bool_], before: Counts, steps: list[int], design: Design
) -> tuple[list[list[int]], Counts, NDArray[np.int64], Counts]:
    """Return slots, last running maxima, columns waited for, and when each column is popped.

    Parameters
    ----------
    occupied : bool array (non-zeros, row tiles, PEs)
        Columns in which a PE has an entry.
    before : int32 array (non-zeros + 1, row tiles, PEs)
        Entries before each column.
    steps : list of int
        Cycles from the slot before each non-zero to its own, if it need not wait.
    """
    number, tiles, lanes = occupied.shape
    depth, stages = design.fifo_depth, broadcast_stages(lanes)
    to_fifo, lag = SLOT_TO_FIFO + stages, SLOT_TO_FIFO + 2 * stages
    # When each column of a PE is popped, behind as many that were popped before all others.
    popped = np.full(tiles * lanes * (depth + number + 1), _NEVER, np.int32)
    column = np.empty((number + 1, tiles, lanes), np.int64)  # place of the PE's next column
    column[0] = np.arange(depth, popped.size, depth + number + 1).reshape(tiles, lanes)
    column[1:] = occupied
    _sum_up(column)
    start = np.where(occupied, to_fifo - before[:-1], np.int32(_NEVER))
    maxima = np.empty((depth + lag, tiles, lanes), np.int32)
    latest = np.full((tiles, lanes), -1, np.int32)
    waits = np.zeros((tiles, lanes), np.int64)
    slots: list[list[int]] = [[] for _ in range(tiles)]
    rooms: list[list[int]] = [[] for _ in range(tiles)]
    first = 0
    while first < number:
        must_pop = popped[column[len(rooms[0]) : first + depth] - depth].max(axis=2)
        for own, known in zip(rooms, (must_pop + (1 + stages)).T.tolist(), strict=True):
            own += known
        for own, room in zip(slots, rooms, strict=True):
            _send(own, room, steps[first : first + depth + lag - 1], lag)
        end = min(map(len, slots))
        for own in slots:
            del own[end:]
        sent = np.array([own[first:] for own in slots], np.int32).T[:, :, None]
        running = maxima[: end - first + 1]
        running[0] = latest
        np.add(start[first:end], sent, out=running[1:])
        np.maximum.accumulate(running, axis=0, out=running)
        # A PE without the column writes where its next one will be.
        popped[column[first:end]] = running[1:] + before[first:end]
        waits += np.count_nonzero(running[1:] > running[:-1], axis=0)
        latest = running[-1].copy()
        first = end
    return slots, latest, waits, popped.reshape(tiles, lanes, -1)[:, :, depth:]


def _send(slots: list[int], rooms: list[int], steps: list[int], lag: int) -> None:
    """Append the slots of a block of non-zeros, as far as ``rooms`` is known.

    ``rooms[m]`` is the first cycle in which m columns in the FIFOs leave room for one more.
    """
    slot = slots[-1] if slots else -1
    in_fifo = bisect_right(slots, slot - lag)
    known = len(rooms)
    for sent, step in enumerate(steps, len(slots)):
        slot += step
        while True:
            while in_fifo < sent and slots[in_fifo] + lag <= slot:
                in_fifo += 1
            if in_fifo >= known:
                return
            if rooms[in_fifo] <= slot:
                break
            slot = rooms[in_fifo]
        slots.append(slot)


def _sum_up(rows: NDArray[np.signedinteger]) -> None:
    """Replace each row by the sum of all rows up to it.

    ``numpy.cumsum`` along the first axis takes several times as long.
    """
    for before, row in pairwise(rows):
        np.add(before, row, out=row)
