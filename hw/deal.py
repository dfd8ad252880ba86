"""Which filters share an index stream, and which stream works on them in which tile."""

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError
from ..models.formats import Dense, IndexFormat
from ..models.formats.grouped import consecutive_blocks
from ..models.layer import LayerShape
from .design import Design

__all__ = ["deal", "dealt_groups", "ranks_by_entries", "ranks_by_work", "simd_blocks"]


def simd_blocks(shape: LayerShape, design: Design) -> NDArray[np.int64]:
    """Return the filters that share an index stream, (blocks, simd_group), -1 where there is none.

    They follow each other in one convolution group; its last block may have fewer.
    """
    each = shape.out_channels // shape.groups
    blocks = consecutive_blocks(each, design.simd_group)
    first = np.arange(shape.groups)[:, None, None] * each
    return np.where(blocks >= 0, first + blocks, -1).reshape(-1, design.simd_group)


def dealt_groups(shape: LayerShape, design: Design) -> int:
    """Return the groups that are dealt apart: lanes that share a window share its channels."""
    return 1 if design.delivery == "port" else shape.groups


def ranks_by_entries(
    entries: NDArray[np.int64], mask: NDArray[np.bool_], form: IndexFormat
) -> NDArray[np.int64]:
    """Rank blocks by the entries (blocks,) of their streams, the heaviest highest.

    Without an index all streams are alike, whatever the mask (blocks, length).
    """
    return entries if isinstance(form, Dense) else ranks_by_work(entries, mask)


def ranks_by_work(counts: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    """Rank blocks by counts, those of equal ones by where they keep weights.

    So it depends on the filters, and not on their numbers, which ones share a tile: a permutation
    of them changes no cycle count. Only of equal masks the first has the highest rank.

    Parameters
    ----------
    counts : int64 array (blocks,)
    mask : bool array (blocks, length)

    Returns
    -------
    int64 array (blocks,)
        A permutation of 0 .. blocks - 1.
    """
    rows = [row.tobytes() for row in np.packbits(mask, axis=1)]
    keys = list(zip(counts.tolist(), rows, strict=True))
    ranks = np.empty(len(keys), np.int64)
    ranks[sorted(reversed(range(len(keys))), key=keys.__getitem__)] = np.arange(len(keys))
    return ranks


def deal(
    ranks: NDArray[np.int64], shape: LayerShape, design: Design, streams: int | None = None
) -> NDArray[np.int64]:
    """Deal blocks of filters to (tile, stream): like with like, to and fro.

    ``ranks`` (blocks,) are higher for heavier blocks, and equal for those that are alike. There are
    as many streams as the design has, or ``streams``.

    A tile takes as long as its heaviest block, so tiles have neighbours by rank. The first one
    begins with its lightest, the next one with its heaviest, and so on, in the next group the other
    way round: so streams store nearly the same, and the fullest one decides how deep all their
    memories are. A block with fewer filters than the others comes last, so that filters take the
    first lanes of a tile.

    Raises
    ------
    FitError
        If there is such a block in each of several groups that share tiles.
    """
    groups = dealt_groups(shape, design)
    blocks = ranks.size // groups
    ragged = (shape.out_channels // shape.groups) % design.simd_group != 0
    streams = streams or design.streams
    tiles = -(-blocks // streams)
    if ragged and groups != shape.groups:
        raise FitError(
            f"layer {shape.name}: {shape.out_channels // shape.groups} filters of a convolution"
            f" group on {design.name} with ports, whose streams are shared by {design.simd_group}"
            " lanes; use a design.simd_group that divides them, such as 1"
        )
    dealt = np.full((groups * tiles, streams), -1, np.int64)
    for group in range(groups):
        members = np.arange(group * blocks, (group + 1) * blocks)
        whole = members[:-1] if ragged else members
        by_work = whole[np.argsort(-ranks[whole], kind="stable")]
        for tile in range(tiles):
            chunk = by_work[tile * streams : (tile + 1) * streams]
            if (tile + group) % 2 == 0:
                chunk = chunk[::-1]
            if ragged and tile == tiles - 1:
                chunk = np.append(chunk, members[-1])
            dealt[group * tiles + tile, : len(chunk)] = chunk
    return dealt
