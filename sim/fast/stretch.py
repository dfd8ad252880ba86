"""Stretches of passes: the first rows of a tile's steps or windows, and its last ones."""

from dataclasses import dataclass, replace

import numpy as np

from .streams import Ints

__all__ = ["Stretches"]


@dataclass(frozen=True, eq=False)
class Stretches:
    """For each tile a stretch at the begin of its pass and, behind it, one at the end.

    Attributes
    ----------
    tile : int64 array (stretches,)
    begin : int64 array (stretches,)
        First step.
    rows : int64 array (stretches,)
    stride : int64 array (stretches,)
        Steps of a row.
    """

    tile: Ints
    begin: Ints
    rows: Ints
    stride: Ints

    @classmethod
    def of(cls, tiles: Ints, rows: Ints, in_all: Ints, stride: int) -> "Stretches":
        """Return two stretches for each tile, of ``rows`` rows together, out of ``in_all``."""
        head = (rows + 1) // 2
        tail = rows - head
        begin = np.zeros(2 * tiles.size, np.int64)
        begin[1::2] = (in_all - tail) * stride
        many = np.empty_like(begin)
        many[::2], many[1::2] = head, tail
        return cls(np.repeat(tiles, 2), begin, many, np.full(begin.size, stride))

    def with_ends(self) -> "Stretches":
        """Return stretches of a row more each: of its begin and the end of every row."""
        return replace(self, rows=self.rows + 1)

    def of_tiles(self, chosen: Ints) -> "Stretches":
        """Return those of some tiles."""
        both = (2 * chosen[:, None] + np.arange(2)).ravel()
        return Stretches(self.tile[both], self.begin[both], self.rows[both], self.stride[both])

    def steps(self) -> tuple[Ints, Ints]:
        """Return tile and first step of each row."""
        first = np.cumsum(self.rows) - self.rows
        own = np.repeat(np.arange(self.rows.size), self.rows)
        number = np.arange(own.size) - first[own]
        step = self.begin[own] + number * self.stride[own]
        return self.tile[own], step.astype(np.int64, copy=False)
