"""Cycles of the EIE family, predicted from some columns and some row tiles of a layer.

The scans themselves are those of the exact simulator (``sim.eie_scans``): of all active columns of
an image if they are few, else of so many, evenly spaced, with the zeros between them. A scan then
takes as much longer than its bound, the slots or the entries of the busiest PE, as the scan of
these columns does. The row tiles of a layer, the heaviest first, are cut into strata, and one of
each is scanned. Of many images with activations of their own, a few are looked at.

Where activations are not known, all of them count as active.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ...hw.deal import ranks_by_work
from ...hw.design import Design
from ...hw.eie_program import check_counts
from ...hw.program import Masked
from ...models.layer import LayerShape
from ..eie_scans import Scans
from ..exact_eie import FIRST_SLOT, READ_TO_SUM, slot_to_fifo
from ..output_stage import beat_latency
from .effort import Effort
from .streams import Flags, Floats, Ints

__all__ = ["EieCycles", "EieWeights"]

_IMAGES = 4
_LOCKSTEP = 0.3
"""By how much a scan is longer than its bound where each column makes the PEs wait; our choice."""
_STRATA = 4


@dataclass(frozen=True, eq=False)
class EieImage:
    """What one image meets of the kept weights; filters by falling number of weights.

    Attributes
    ----------
    active : int64 array (active,)
        Inputs that are not zero, ascending.
    kept : int64 array (out,)
        Kept weights of each filter in these columns.
    sampled : int64 array (columns,)
        Numbers of the active columns that are scanned.
    columns : bool array (out, columns)
        Kept weights in them.
    """

    active: Ints
    kept: Ints
    sampled: Ints
    columns: Flags

    @classmethod
    def of(cls, mask: Flags, active: Ints, effort: Effort) -> "EieImage":
        """Look at some columns of a mask (out, in)."""
        some, few = effort.columns
        sampled = np.arange(active.size)
        if active.size > few:
            sampled = active.size * (2 * np.arange(some) + 1) // (2 * some)
        kept = mask.sum(axis=1) if active.size == mask.shape[1] else mask[:, active].sum(axis=1)
        return cls(active, kept, sampled, mask[:, active[sampled]])

    def slots(self, feed: int, words: int) -> int:
        """Return the cycles in which columns are sent, or words without an active one passed."""
        gaps = np.diff(self.active // feed, prepend=-1, append=words)
        return int(self.active.size + np.maximum(gaps - 1, 0).sum())

    def sampled_words(self, feed: int) -> Ints:
        """Return the words of the sampled columns if no others were active in between."""
        gaps = np.diff(self.active // feed, prepend=-1)[self.sampled]
        words: Ints = np.cumsum(gaps) - 1
        return words


@dataclass(frozen=True, eq=False)
class EieWeights:
    """The kept weights of an FC layer and some of its images, counted once.

    Attributes
    ----------
    kept : int64 array (out,)
        Kept weights of each filter, the most first.
    images : tuple of EieImage
    """

    kept: Ints
    images: tuple[EieImage, ...]

    @classmethod
    def of(cls, layer: Masked, active: Flags | None, effort: Effort) -> "EieWeights":
        """Count the weights of an FC layer, given which activations (batch, in) are not zero."""
        mask = layer.mask.reshape(len(layer.mask), -1)
        kept = mask.sum(axis=1)
        order = np.argsort(-ranks_by_work(kept, mask))
        mask = mask[order]
        if active is None:
            chosen = np.ones((1, mask.shape[1]), np.bool_)
        else:
            number = min(_IMAGES, len(active))
            chosen = active[len(active) * (2 * np.arange(number) + 1) // (2 * number)]
        images = (EieImage.of(mask, np.flatnonzero(one), effort) for one in chosen)
        return cls(kept[order], tuple(images))


class _Scanned(NamedTuple):
    """The scanned columns of an image on a design.

    Attributes
    ----------
    image : EieImage
    entries : int32 array (columns, strata, PEs)
        Entries of each PE in each of them.
    fillers : float64 array (strata,)
        Entries / kept weights.
    """

    image: EieImage
    entries: NDArray[np.int32]
    fillers: Floats


@dataclass(frozen=True, eq=False)
class EieCycles:
    """One FC layer on a design of the EIE family.

    Attributes
    ----------
    shape : LayerShape
    weights : EieWeights
    design : Design
    """

    shape: LayerShape
    weights: EieWeights
    design: Design

    @cached_property
    def cycles(self) -> int:
        """Cycles of the layer.

        Raises
        ------
        FitError
            If the design cannot count its entries.
        """
        design, rows = self.design, self._rows
        check_counts(self.shape, design, int(self.stored.sum(axis=0).max()))
        in_tile = np.diff(np.append(np.arange(0, len(rows), design.acc_rows), len(rows)))
        sums = int(in_tile.sum()) * design.drain_groups
        of_image = _mean(float(self._scan_cycles(one).sum()) for one in self._scanned) + sums
        taken = FIRST_SLOT - 1 + self.shape.batch * of_image
        last_lane = int((rows[-1] >= 0).sum()) - 1
        idle = design.drain_groups - 1 - last_lane // design.drain
        return round(taken) - idle + beat_latency(design) + 1

    @property
    def busiest(self) -> float:
        """Entries of the busiest PEs of all row tiles and images."""
        return self.shape.batch * _mean(float(self._busiest(one).sum()) for one in self._scanned)

    @property
    def slots(self) -> float:
        """Slots of all scans."""
        each = (one.slots(self.design.feed, self._words) for one in self.weights.images)
        return self.shape.batch * self._tiles * _mean(each)

    @cached_property
    def stored(self) -> Floats:
        """Entries that each PE stores for each row tile, fillers as in the scanned columns."""
        fillers = np.mean([one.fillers for one in self._scanned], axis=0)
        found: Floats = self._per_pe(self.weights.kept) * fillers[self._stratum][:, None]
        return np.ceil(found)

    @property
    def _words(self) -> int:
        return -(-self.shape.in_channels // self.design.feed)

    # ---- row tiles ---------------------------------------------------------------------------

    @cached_property
    def _rows(self) -> Ints:
        """Filter of each PE in each row, forwards and backwards in turn, -1: none."""
        filters, lanes = self.weights.kept.size, self.design.lanes
        rows = np.full((-(-filters // lanes), lanes), -1)
        rows.flat[:filters] = np.arange(filters)
        whole = rows[: filters // lanes]
        whole[1::2] = whole[1::2, ::-1].copy()
        return rows

    def _per_pe(self, kept: Ints) -> Ints:
        """Return the kept weights of each PE in each row tile, given those of each filter."""
        of_rows = np.where(self._rows >= 0, kept[self._rows], 0)
        found: Ints = np.add.reduceat(
            of_rows, np.arange(0, len(of_rows), self.design.acc_rows), axis=0
        )
        return found

    @property
    def _tiles(self) -> int:
        return -(-len(self._rows) // self.design.acc_rows)

    @cached_property
    def _sampled(self) -> Ints:
        """Row tile in the middle of each stratum."""
        strata = min(_STRATA, self._tiles)
        cuts = self._tiles * np.arange(strata + 1) // strata
        return (cuts[:-1] + cuts[1:]) // 2

    @cached_property
    def _stratum(self) -> Ints:
        """Stratum of each row tile."""
        strata = self._sampled.size
        cuts = self._tiles * np.arange(1, strata + 1) // strata
        return np.searchsorted(cuts, np.arange(self._tiles), side="right")

    @property
    def _sampled_rows(self) -> Sequence[Ints]:
        each = self.design.acc_rows
        return [self._rows[tile * each : (tile + 1) * each] for tile in self._sampled.tolist()]

    # ---- entries -----------------------------------------------------------------------------

    @cached_property
    def _scanned(self) -> tuple[_Scanned, ...]:
        return tuple(map(self._of_image, self.weights.images))

    def _of_image(self, image: EieImage) -> _Scanned:
        in_tiles, kept_weights = [], []
        for rows in self._sampled_rows:
            kept = image.columns[rows] & (rows >= 0)[:, :, None]
            in_tiles.append((kept.sum(axis=0) + self._fillers_between(kept)).T)
            kept_weights.append(int(kept.sum()))
        entries = np.stack(in_tiles, axis=1).astype(np.int32)
        in_all = entries.sum(axis=(0, 2))
        fillers = np.where(in_all > 0, in_all / np.maximum(kept_weights, 1), 1.0)
        return _Scanned(image, entries, fillers)

    def _fillers_between(self, kept: Flags) -> Ints:
        """Return the fillers of each column of each PE, (PEs, columns), of (rows, PEs, columns)."""
        code = (1 << self.design.index_bits[0]) - 1
        if len(kept) <= code:
            return np.zeros(kept.shape[1:], np.int64)
        row = np.arange(len(kept))[:, None, None]
        past = np.maximum.accumulate(np.where(kept, row, -1), axis=0)
        gaps = row[1:] - past[:-1] - 1
        fillers: Ints = np.where(kept[1:], gaps // code, 0).sum(axis=0)
        return fillers

    def _busiest(self, one: _Scanned) -> Floats:
        """Return the entries of the busiest PE of each row tile."""
        kept: Ints = self._per_pe(one.image.kept).max(axis=1)
        busiest: Floats = kept * one.fillers[self._stratum]
        return busiest

    # ---- scans -------------------------------------------------------------------------------

    def _scan_cycles(self, one: _Scanned) -> Floats:
        """Return the cycles of the scan of each row tile, until the first sums are taken."""
        image, entries = one.image, one.entries
        design, columns = self.design, len(entries)
        words, to_fifo = self._words, slot_to_fifo(design)
        every = columns == image.active.size
        own_words = image.active // design.feed if every else image.sampled_words(design.feed)
        in_scan = words if every else int(own_words[-1]) + 1
        scans = Scans.of(entries, own_words, in_scan, design)
        last = np.array(scans.last, np.float64)
        in_all = np.maximum(image.slots(design.feed, words), self._busiest(one))
        scale = np.ones(last.size)
        if not every:
            # Where FIFOs are deep, a scan takes as long as its bound; where the PEs wait for each
            # other in every column, as long as its columns take.
            slots = columns + np.maximum(np.diff(own_words, prepend=-1) - 1, 0).sum()
            bound = np.maximum(slots, scans.busy.max(axis=1))
            longer = np.maximum(last, scans.last_read.max(axis=1)) / bound - 1
            by_column = np.clip(longer / _LOCKSTEP, 0, 1)
            by_bound = in_all[self._sampled] / bound
            scale = by_column * image.active.size / columns + (1 - by_column) * by_bound
        closed = (last * scale + to_fifo)[:, None]
        read = scans.last_read * scale[:, None] + READ_TO_SUM
        ready = np.where(scans.busy == 0, closed, np.maximum(closed, read)) + 1
        first_lanes = np.arange(0, design.lanes, design.drain)
        of_group = np.maximum.reduceat(ready, first_lanes, axis=1) - np.arange(first_lanes.size)
        # Other tiles of a stratum: by their bounds.
        of_strata = of_group.max(axis=1) / in_all[self._sampled]
        found: Floats = of_strata[self._stratum] * in_all
        return found


def _mean(values: Iterable[float]) -> float:
    found = list(values)
    return sum(found) / len(found)
