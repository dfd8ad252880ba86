"""Sparse encodings: where the kept weights of each filter are, as a lane reads it from memory.

``index_format`` says what a format is; there is one module for each, and ``choose`` picks the
smallest for a mask.
"""

from .bitmap import Bitmap
from .choose import smallest, smallest_indexed
from .dense import Dense
from .index_format import WORD_BITS, Entries, IndexFormat, Stream
from .relative import Relative

__all__ = [
    "WORD_BITS",
    "Bitmap",
    "Dense",
    "Entries",
    "IndexFormat",
    "Relative",
    "Stream",
    "smallest",
    "smallest_indexed",
]
