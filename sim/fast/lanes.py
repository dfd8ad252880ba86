"""The lanes of sampled tiles: which streams they work on."""

from dataclasses import dataclass

import numpy as np

from .deal import side_by_side
from .streams import Flags, Floats, Ints
from .tiles import Tiles

__all__ = ["Lanes"]


@dataclass(frozen=True, eq=False)
class Lanes:
    """Lanes (SIMD groups) of the sampled tiles, (tiles, streams) each, by rising work.

    Attributes
    ----------
    weights : int64 array (tiles,)
        Layer of the ``Streams``.
    first : int64 array (tiles,)
        Stream of the first one; those of the others follow.
    there : bool array
        The lane has a filter.
    idle : bool array
        It has nothing but a filler.
    turned : bool array (tiles,)
        The first one comes last in the drain: its stream has fewer filters than the others.
    backwards : bool array (tiles,)
        The last one is drained first, and so on.
    work : float64 array
        Cycles it works in a pass.
    entry_cycles : float64 array
        Cycles of an entry.
    """

    weights: Ints
    first: Ints
    there: Flags
    idle: Flags
    turned: Flags
    backwards: Flags
    work: Floats
    entry_cycles: Floats

    @classmethod
    def of(cls, tiles: Tiles) -> "Lanes":
        """Deal the streams of the sampled tiles."""
        sampled, space, many = tiles.sampled, tiles.streams.space, tiles.design.streams
        run, first = tiles.run[sampled], tiles.stream[sampled]
        weights = tiles.weights[run]
        there = np.arange(many) < tiles.used[sampled][:, None]
        # The last tile of a group begins with its first stream.
        begins = (first - space.first_stream[weights]) % tiles.each[run] == 0
        turned = begins & (space.missing[weights] > 0) & (tiles.used[sampled] > 1)
        idle = ~there | side_by_side(tiles.streams.empty, first, many)
        busy = side_by_side(tiles.work, first, many)
        work = np.where(idle, tiles.pace.entry_cycles, busy)
        each = side_by_side(tiles.entry_cycles, first, many)
        backwards = tiles.backwards[sampled]
        return cls(weights, first, there, idle, turned & ~backwards, backwards, work, each)
