"""Compressed columns: the kept weights of a block of rows, one input column after the other.

Within a column each kept weight says how many pruned rows lie before it, in the relative code of
``relative``: a code below ``m = 2**index_bits - 1`` is the gap, and m is a filler that advances m
rows without a weight. A column ends with a flag on its last entry; one without a kept weight has
no entry at all, which its pointer says. This is the interleaved CSC of EIE (Han et al., ISCA 2016,
section 3), with the filler as a reserved code instead of a stored zero.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .index_format import checked_mask

__all__ = ["Columns"]


@dataclass(frozen=True, eq=False)
class Columns:
    """The entries of a block of rows.

    Attributes
    ----------
    codes : int64 array (entries,)
        Relative code of each entry.
    rows, columns : int64 array (entries,)
        Row that an entry lands on (a filler: the row before the ones it leads to), and its column.
    filler : bool array (entries,)
        The entry has no weight.
    end : bool array (entries,)
        It is the last one of its column.
    starts, counts : int64 array (columns,)
        First entry of each column, and how many it has.
    """

    codes: NDArray[np.int64]
    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    filler: NDArray[np.bool_]
    end: NDArray[np.bool_]
    starts: NDArray[np.int64]
    counts: NDArray[np.int64]

    @classmethod
    def encode(cls, mask: NDArray[np.bool_], index_bits: int) -> "Columns":
        """Encode a mask (rows, columns) with codes of ``index_bits`` bits.

        Raises
        ------
        InputError
            If the mask is not a bool array (rows, columns).
        """
        filler_code = (1 << index_bits) - 1
        kept_columns, kept_rows = np.nonzero(checked_mask(mask).T)
        first = np.diff(kept_columns, prepend=-1) > 0
        gaps = np.where(first, kept_rows, np.diff(kept_rows, prepend=0) - 1)
        fillers = gaps // filler_code
        kept_at = np.cumsum(fillers + 1) - 1
        size = int(kept_at[-1]) + 1 if kept_at.size else 0
        codes = np.full(size, filler_code, np.int64)
        codes[kept_at] = gaps % filler_code
        columns = np.repeat(kept_columns, fillers + 1).astype(np.int64)
        counts = np.bincount(columns, minlength=mask.shape[1]).astype(np.int64)
        starts = np.cumsum(counts) - counts
        # Each entry lies so many rows behind the first of its column.
        advance = np.minimum(codes + 1, filler_code)
        total = np.cumsum(advance)
        before = np.concatenate(([0], total))[starts[columns]]
        return cls(
            codes=codes,
            rows=total - before - 1,
            columns=columns,
            filler=codes == filler_code,
            end=np.diff(columns, append=-1) != 0,
            starts=starts,
            counts=counts,
        )

    def decode(self, shape: tuple[int, int], index_bits: int) -> NDArray[np.bool_]:
        """Return the mask, read from ``codes``, ``end``, ``starts`` and ``counts`` alone."""
        filler_code = (1 << index_bits) - 1
        mask = np.zeros(shape, np.bool_)
        for column in np.flatnonzero(self.counts):
            row, at = 0, int(self.starts[column])
            while True:
                code = int(self.codes[at])
                row += code
                if code != filler_code:
                    mask[row, column] = True
                    row += 1
                if self.end[at]:
                    break
                at += 1
        return mask
