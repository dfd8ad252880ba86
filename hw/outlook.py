"""The outlook: what the entry at hand is, known from a register before its cycle begins.

Much of what a lane does in a cycle hangs on whether the entry at hand is the last of its word. The
index word tells, but only after a scan of all of it. So the outlook of a word's first entry comes
with the word, and that of each further one is worked out in the cycle of the entry before it.

In a bitmap the marks of a word are its bits; in the relative format the sub-indices that are no
fillers. ``alone``: no mark stands behind the entry at hand. ``filler``: it is one (relative).
"""

from collections.abc import Sequence

from amaranth.hdl import Cat, Module, Signal, Value
from amaranth.lib import data

from .design import Design
from .registers import FORMAT_BITMAP

__all__ = ["first_outlook", "next_outlook", "outlook_layout", "sub_indices"]


def outlook_layout() -> data.StructLayout:
    """Return the layout of an outlook."""
    return data.StructLayout({"alone": 1, "filler": 1})


def sub_indices(bits: Value, width: int) -> Sequence[Value]:
    """Return the sub-indices of an index word, lowest first."""
    return [bits[i : i + width] for i in range(0, len(bits) - width + 1, width)]


def first_outlook(m: Module, design: Design, registers: data.View, bits: Value) -> data.View:
    """Return the outlook of the first entry of a word."""
    found, real = Signal(outlook_layout()), _real(m, design, registers, bits)
    with m.If(registers.format == FORMAT_BITMAP):
        m.d.comb += found.alone.eq(_at_most(bits, 1))
    with m.Else():
        m.d.comb += [found.alone.eq(~real[1:].any()), found.filler.eq(~real[0])]
    return found


def next_outlook(
    m: Module, design: Design, registers: data.View, bits: Value, used: Signal
) -> data.View:
    """Return the outlook of the entry behind the one at hand, if the word has another.

    Parameters
    ----------
    used : Signal
        Bits or sub-indices of the word that are used up, the one at hand not counted. Those of
        the relative format are used from the lowest on.
    """
    found, real = Signal(outlook_layout()), _real(m, design, registers, bits)
    # Used up and at hand are n; sub-index n is the next one, from n + 1 on come others.
    reached, behind = Cat(1, used)[: len(real)], Cat(1, 1, used)[: len(real)]
    with m.If(registers.format == FORMAT_BITMAP):
        m.d.comb += found.alone.eq(_at_most(bits & ~used, 2))
    with m.Else():
        m.d.comb += [
            found.alone.eq(~(real & ~behind).any()),
            found.filler.eq(~(real & behind & ~reached).any()),
        ]
    return found


def _real(m: Module, design: Design, registers: data.View, bits: Value) -> Signal:
    """Return a bit for each sub-index that is no filler."""
    real = Signal(len(bits) // min(design.index_bits))
    with m.Switch(registers.index_select):
        for select, width in enumerate(design.index_bits):
            with m.Case(select):
                m.d.comb += real.eq(Cat(~field.all() for field in sub_indices(bits, width)))
    return real


def _at_most(bits: Value, limit: int) -> Value:
    """Return whether at most so many bits are high."""

    def up_to(bits: Value) -> list[Value]:
        """Return for 0, 1, ... limit whether at most so many are high."""
        if len(bits) == 1:
            return [~bits, *[Cat(1)] * limit]
        low, high = up_to(bits[: len(bits) // 2]), up_to(bits[len(bits) // 2 :])
        return [
            Cat(low[i] & high[most - i] for i in range(most + 1)).any() for most in range(limit + 1)
        ]

    return up_to(bits)[limit]
