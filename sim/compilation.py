"""Whether the compiled recurrence is used: where Numba is installed and it saves time.

Both give the same counters. Loading Numba takes about half a second, compiling at the first use on
a machine several, so that small work is done before that. The times below are rough figures of one
machine; they decide nothing but the way.
"""

import os
import sys
from importlib.util import find_spec
from pathlib import Path

from ..hw.program import Program

__all__ = ["compiled_pays"]

_LOADING_S = 1.0
_COMPILING_S = 10.0
_ENTRY_S = 10e-9
"""Compiled, an entry of a pass."""
_WINDOW_S = 8e-6
"""In NumPy, the lanes of a window."""
_TURN_S = 15e-6
"""In NumPy, an entry of all lanes, where the decoder can hold them up."""
_PASSES = 3
"""Passes of a tile until the rest repeats, about; where the decoder holds lanes up, twice that."""

_INSTALLED = find_spec("numba") is not None

_spent_s = 0.0


def compiled_pays(program: Program) -> bool:
    """Return whether a program of the sparse family is better left to the compiled recurrence."""
    global _spent_s
    if not _INSTALLED:
        return False
    if f"{__package__}.exact_compiled" in sys.modules:
        return True
    passes = min(program.layout.position_tiles, _PASSES)
    entries = max(int(program.stored_weights.sum()), 1)
    by_window = program.tiles * passes * program.layout.windows * _WINDOW_S
    binds = program.design.fifo_depth < 3 or program.format.has_empty_words
    turns = 2 * passes * entries / program.design.streams if binds else 0
    _spent_s += by_window + turns * _TURN_S
    waiting_s = _LOADING_S if _compiled_before() else _COMPILING_S
    return _spent_s > waiting_s + passes * entries * _ENTRY_S


def _compiled_before() -> bool:
    """Return whether Numba has kept the compiled code, of the present source."""
    source = Path(__file__).with_name("exact_compiled.py")
    own = os.environ.get("NUMBA_CACHE_DIR")
    folder = Path(own) if own else source.parent / "__pycache__"
    kept = folder.rglob("exact_compiled._count_cycles-*.nbi")
    return any(file.stat().st_mtime >= source.stat().st_mtime for file in kept)
