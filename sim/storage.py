"""What a memory is made of: SRAM macros, or flip-flops where that is smaller.

Four rules stand between a memory of the design and its silicon:

- No macro is shallower or narrower than the smallest the card's formulas were fitted to: where
  a compiler has no smaller one, a small memory costs as much as the smallest macro.
- No macro is wider than the widest they were fitted to: a wider memory is several equal macros
  abreast, each with a part of every word.
- A memory of up to 8 words is made of flip-flops if they are smaller. That is the case for a word
  or two: a kernel of one tap.
- A deep and narrow memory may hold 2, 4 or 8 of its words in one of the macro's, and one too slow
  for the logic behind it may be split into 2, 4, .. 32 equal macros, both with a multiplexer behind
  them. How far is decided for all memories together (``together``).

The design loads its memories before a layer starts and only reads them while it runs, so one
port serves both.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product
from math import log2

from ..hw.memories import Memory
from ..hw.synth.components import FILE_BITS
from ..hw.tech.card import TechnologyCard
from ..hw.tech.sram import SramMacro

__all__ = ["FILE_DEPTH", "Storage", "choices", "flip_flops", "together"]

FILE_DEPTH = 8
"""Words of the largest memory that is considered for flip-flops; far above the crossing."""

_MULTIPLEXER_GE = 2.33  # two-way multiplexer of the built-in library (hw.tech.logical_effort)
_MULTIPLEXER_FO4 = 1.4  # its delay into one of its kind: (5 + 2) tau, FO4 = 5 tau
_FOLDS = (1, 2, 4, 8)
_PARTS = (1, 2, 4, 8, 16, 32)


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
    behind_s : float
        What the logic behind its data takes.
    """

    kind: str
    macros: int
    abreast: int
    macro: SramMacro | None
    area_um2: float
    access_s: float
    cycle_s: float
    behind_s: float

    @property
    def period_s(self) -> float:
        """Shortest period with it."""
        return max(self.access_s + self.behind_s, self.cycle_s)


def choices(
    memory: Memory, card: TechnologyCard, behind_s: float, enough_s: float = 0.0
) -> tuple[Storage, ...]:
    """Return what a memory may be made of, macros whole to split: each larger and faster.

    Parameters
    ----------
    memory : Memory
        Its ``count`` does not matter.
    card : TechnologyCard
    behind_s : float
        What the logic behind its data takes.
    enough_s : float
        Nothing larger is of use if the smallest choice allows this period.
    """
    smallest = replace(_made(memory.depth, memory.width, card, _PARTS[:1])[0], behind_s=behind_s)
    if smallest.period_s <= enough_s:
        return (smallest,)
    found: list[Storage] = []
    for one in _made(memory.depth, memory.width, card, _PARTS):
        made = replace(one, behind_s=behind_s)
        if not found or made.period_s < found[-1].period_s:
            found.append(made)
    return tuple(found)


@lru_cache(maxsize=1 << 16)
def _made(
    depth: int, width: int, card: TechnologyCard, splits: Sequence[int]
) -> tuple[Storage, ...]:
    """Return a memory in numbers of macros, with every number of its words in one of theirs.

    By area; with nothing behind it, and without what a smaller one is never slower than.
    """
    least_depth, least_width = card.sram.fitted.depth[0], card.sram.fitted.width[0]
    widest = card.sram.fitted.width[1]
    abreast = -(-width // widest)
    own_width = max(-(-width // abreast), least_width)
    made: list[Storage] = []
    for folds, parts in product(_FOLDS, splits):
        ways = folds * parts
        if folds > 1 and own_width * folds > widest:
            continue
        if ways > 1 and depth <= (ways - 1) * least_depth:
            continue
        macro = SramMacro(max(-(-depth // ways), least_depth), own_width * folds)
        gates = (ways - 1) * width * _MULTIPLEXER_GE
        one = Storage(
            kind="SRAM",
            macros=parts * abreast,
            abreast=abreast,
            macro=macro,
            area_um2=parts * abreast * macro.area_um2(card) + gates * card.um2_per_ge,
            access_s=macro.access_s(card) + log2(ways) * _MULTIPLEXER_FO4 * card.fo4_s,
            cycle_s=macro.cycle_s(card),
            behind_s=0.0,
        )
        made.append(one)
    faster: list[Storage] = []
    for one in sorted(made, key=lambda one: one.area_um2):
        if all(one.access_s < other.access_s or one.cycle_s < other.cycle_s for other in faster):
            faster.append(one)
    return tuple(faster)


def flip_flops(
    memory: Memory, card: TechnologyCard, file_ge: float, read_s: float, behind_s: float
) -> Storage:
    """Return a memory made of flip-flops.

    Parameters
    ----------
    memory : Memory
    card : TechnologyCard
    file_ge : float
        Area of a file of this depth with words of ``FILE_BITS`` bits.
    read_s : float
        Its period.
    behind_s : float
        What the logic behind its data takes.
    """
    area = file_ge * memory.width / FILE_BITS * card.um2_per_ge
    return Storage("flip-flops", 1, 1, None, area, read_s, read_s, behind_s)


def together(
    wanted: Sequence[tuple[float, Sequence[Storage]]], logic_s: float, logic_um2: float
) -> list[Storage]:
    """Choose what all memories of a design are made of.

    A shorter period is worth as much as it costs: silicon for splits would be logic otherwise, and
    what an array does in a second goes with its logic over its period. So the period at which
    logic and splits together, times the period, are least is chosen, and each memory is the
    smallest that allows it. The same for both families.

    Parameters
    ----------
    wanted : sequence of pairs
        For each memory how many there are, and its ``choices``.
    logic_s : float
        Period of the logic, which no memory needs to be below.
    logic_um2 : float
        Its area.

    Returns
    -------
    list of Storage
        One for each memory.
    """
    fastest_s = max((options[-1].period_s for _, options in wanted), default=0.0)
    least_s = max(logic_s, fastest_s)
    periods = {max(least_s, one.period_s) for _, options in wanted for one in options} | {least_s}
    best: tuple[float, list[Storage]] | None = None
    for period_s in sorted(periods):
        chosen = [next(one for one in options if one.period_s <= period_s) for _, options in wanted]
        splits_um2 = sum(
            count * (one.area_um2 - options[0].area_um2)
            for one, (count, options) in zip(chosen, wanted, strict=True)
        )
        cost = (logic_um2 + splits_um2) * period_s
        if best is None or cost < best[0]:
            best = cost, chosen
    assert best is not None
    return best[1]
