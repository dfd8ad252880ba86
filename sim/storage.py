"""What a memory is made of: SRAM macros, or flip-flops where that is smaller.

Four rules stand between a memory of the design and its silicon:

- No macro is shallower or narrower than the smallest the card's formulas were fitted to: where
  a compiler has no smaller one, a small memory costs as much as the smallest macro.
- No macro is wider than the widest they were fitted to: a wider memory is several equal macros
  abreast, each with a part of every word.
- A memory of up to 8 words is made of flip-flops if they are smaller. That is the case for a word
  or two: a kernel of one tap.
- A macro too slow for the logic behind it is split into 2, 4, .. 32 equal ones and a multiplexer,
  as few as let the logic set the clock. Both families get this; it costs a few percent.

The design loads its memories before a layer starts and only reads them while it runs, so one
port serves both.
"""

from dataclasses import dataclass
from math import log2

from ..hw.memories import Memory
from ..hw.synth.components import FILE_BITS
from ..hw.tech.card import TechnologyCard
from ..hw.tech.sram import SramMacro

__all__ = ["FILE_DEPTH", "Storage", "flip_flops", "macros"]

FILE_DEPTH = 8
"""Words of the largest memory that is considered for flip-flops; far above the crossing."""

_MULTIPLEXER_GE = 2.33  # two-way multiplexer of the built-in library (hw.tech.logical_effort)
_MULTIPLEXER_FO4 = 1.4  # its delay into one of its kind: (5 + 2) tau, FO4 = 5 tau
_MOST_MACROS = 32


@dataclass(frozen=True)
class Storage:
    """Silicon of one memory.

    Attributes
    ----------
    kind : str
        ``"SRAM"`` or ``"flip-flops"``.
    macros : int
        SRAM macros it is split into (flip-flops: 1).
    abreast : int
        How many of them hold a word together (flip-flops: 1).
    macro : SramMacro or None
        One of them (flip-flops: none).
    area_um2 : float
    access_s : float
        From the clock edge that takes the address to the data, multiplexer included.
    cycle_s : float
        Shortest period of the macro itself.
    """

    kind: str
    macros: int
    abreast: int
    macro: SramMacro | None
    area_um2: float
    access_s: float
    cycle_s: float


def macros(memory: Memory, card: TechnologyCard, behind_s: float, period_s: float) -> Storage:
    """Return a memory made of as few macros as are fast enough, or of the fastest.

    Parameters
    ----------
    memory : Memory
        Its ``count`` does not matter.
    card : TechnologyCard
    behind_s : float
        What the logic behind its data takes.
    period_s : float
        Period of the logic, which the memory should not lengthen.
    """
    least_depth, least_width = card.sram.fitted.depth[0], card.sram.fitted.width[0]
    abreast = -(-memory.width // card.sram.fitted.width[1])
    width = max(-(-memory.width // abreast), least_width)
    best: Storage | None = None
    parts = 1
    while parts == 1 or (parts <= _MOST_MACROS and memory.depth > (parts - 1) * least_depth):
        macro = SramMacro(max(-(-memory.depth // parts), least_depth), width)
        area = macro.area_um2(card)
        gates = (parts - 1) * memory.width * _MULTIPLEXER_GE
        storage = Storage(
            kind="SRAM",
            macros=parts * abreast,
            abreast=abreast,
            macro=macro,
            area_um2=parts * abreast * area + gates * card.um2_per_ge,
            access_s=macro.access_s(card) + log2(parts) * _MULTIPLEXER_FO4 * card.fo4_s,
            cycle_s=macro.cycle_s(card),
        )
        time = _period_s(storage, behind_s)
        if best is None or time < _period_s(best, behind_s):
            best = storage
        if time <= period_s:
            return storage
        parts *= 2
    assert best is not None
    return best


def flip_flops(memory: Memory, card: TechnologyCard, file_ge: float, read_s: float) -> Storage:
    """Return a memory made of flip-flops.

    Parameters
    ----------
    memory : Memory
    card : TechnologyCard
    file_ge : float
        Area of a file of this depth with words of ``FILE_BITS`` bits.
    read_s : float
        Its period.
    """
    area = file_ge * memory.width / FILE_BITS * card.um2_per_ge
    return Storage("flip-flops", 1, 1, None, area, access_s=read_s, cycle_s=read_s)


def _period_s(storage: Storage, behind_s: float) -> float:
    return max(storage.access_s + behind_s, storage.cycle_s)
