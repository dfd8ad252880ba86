"""Index streams made by hand: words, and nothing that a decoder must not read."""

import numpy as np

from bosquet.models.formats import Stream


def stream_of(*words: int, end: list[bool] | None = None) -> Stream:
    """Return a stream of these words without entries, the end flag on the last word."""
    flags = np.arange(len(words)) == len(words) - 1 if end is None else np.array(end, np.bool_)
    return Stream(
        words=np.array(words, np.uint64),
        end=flags,
        entry_positions=np.zeros(0, np.int64),
        entry_is_filler=np.zeros(0, np.bool_),
    )
