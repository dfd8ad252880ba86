"""Stretches of feed steps in balanced order, as ``hw.program`` would order them.

Steps of a long pass are chosen such that light and heavy ones have their shares, and ordered by
the rule of ``hw.order``. In a relative format fillers follow from the order, and the order is
refused where a stream would need more words for it.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from ...hw.order import balanced_orders
from .deal import side_by_side
from .fillers import fillers
from .lanes import Lanes
from .streams import Counts, Floats, Ints, PackedSteps
from .tiles import Tiles

__all__ = ["Balanced"]

_SURE = 0.1
"""A probability below this one counts as none."""

_KEPT = np.uint16(31)
"""Bits of ``PackedSteps`` that are its kept weights."""


class Balanced(NamedTuple):
    """Steps in balanced order.

    Attributes
    ----------
    entries : float32 array (steps, tiles, lanes)
        Entries of each step in the order in which it is fed.
    natural : float64 array (tiles,)
        Share of the steps to be fed in natural order: 1 where the order is refused. Where that is
        not known, the probability of it, so that the error is never that of the wrong order.
    in_pass : float64 array (tiles, lanes)
        Entries of each lane in a whole pass.
    """

    entries: NDArray[np.float32]
    natural: Floats
    in_pass: Floats

    @classmethod
    def of(cls, tiles: Tiles, lanes: Lanes, chosen: Ints, size: int) -> "Balanced":
        """Order so many steps of some sampled tiles."""
        streams, many = tiles.streams, tiles.design.streams
        weights, there = lanes.weights[chosen], lanes.there[chosen]
        place = _places(tiles, lanes, chosen, size)
        packed = side_by_side(streams.packed, place.ravel(), many)
        packed = packed.reshape(chosen.size, size, many)
        if not there.all():
            packed *= there[:, None]
        order = balanced_orders((packed & _KEPT).astype(np.int64))
        order += np.arange(chosen.size)[:, None] * size
        packed = packed.reshape(-1, many)[order.T]
        found = cls(
            (packed & _KEPT).astype(np.float32),
            np.zeros(chosen.size),
            side_by_side(streams.entries, lanes.first[chosen], many),
        )
        relative = np.flatnonzero(streams.relative_bits[weights])
        if relative.size:
            found._add_fillers(tiles, lanes, chosen[relative], relative, packed[:, relative])
        return found

    def _add_fillers(
        self, tiles: Tiles, lanes: Lanes, chosen: Ints, own: Ints, packed: Counts
    ) -> None:
        """Add the fillers that an order takes to tiles ``own`` of these, or refuse it.

        Of a stretch this is a probability: where another f fillers were not looked at, they change
        as those that were, give or take the root of f.
        """
        streams, design = tiles.streams, tiles.design
        weights, there = lanes.weights[chosen], lanes.there[chosen]
        bits, size = streams.relative_bits[weights], len(packed)
        steps = PackedSteps.unpacked(packed)
        added = fillers(steps, streams.space.step_vectors[weights], (1 << bits) - 1)
        self.entries[:, own] += added
        natural = self.in_pass[own] * (there & ~lanes.idle[chosen])
        kept = side_by_side(streams.kept, lanes.first[chosen], design.streams) * there
        in_natural = natural - kept
        seen = in_natural * (size / streams.space.steps[weights])[:, None]
        unseen = in_natural - seen
        change = added.sum(axis=(0, 2)) / np.maximum(seen.sum(axis=1), 1e-9)
        entries = kept + added.sum(axis=0) + unseen * change[:, None]
        per_word = (design.scan_bits // bits)[:, None]
        room = -(-np.maximum(natural, 1) // per_word) * per_word - entries
        spread = np.sqrt(np.maximum(unseen, 0))
        sure = spread == 0
        fits = np.where(sure, room >= 0, ndtr((room + 0.5) / np.where(sure, 1, spread)))
        refused = 1 - fits.prod(axis=1)
        refused[refused < _SURE] = 0
        refused[refused > 1 - _SURE] = 1
        self.natural[own] = refused
        self.in_pass[own] += (1 - refused)[:, None] * (entries - self.in_pass[own])


def _places(tiles: Tiles, lanes: Lanes, chosen: Ints, size: int) -> Ints:
    """Return where steps of some tiles lie in the counts, (tiles, steps)."""
    streams, space, weights = tiles.streams, tiles.streams.space, lanes.weights[chosen]
    share = space.steps[weights][:, None] * (2 * np.arange(size) + 1) // (2 * size)
    step = space.by_weight[space.first_step[weights][:, None] + share]
    step.sort(axis=1)
    column = streams.first[weights] + lanes.first[chosen] - space.first_stream[weights]
    places: Ints = column[:, None] + step * space.streams[weights][:, None]
    return places
