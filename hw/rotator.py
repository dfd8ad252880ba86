"""The rotator: cuts V consecutive positions out of two neighbouring vectors.

The vectors stand in the even and the odd half of a bank. Position i comes from the first of the
two if ``i >= rest``, else from the one after it; which half the first one is in is told by its
lowest address bit. So first the halves are merged, position by position, then what is merged is
turned by ``rest``.

All choices are two-way and each level inverts. With a register for either side of a choice that
is one and-or-invert gate, which takes less area than a multiplexer; of one register and its
inverse synthesis would make multiplexers again.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .tree import KEEP

__all__ = ["BankRotator", "merged", "registered_halves", "registered_turns", "turned"]


def _both_sides(bits: int) -> data.StructLayout:
    """Return the layout of choices: of each two registers, a bit is high in one of them."""
    return data.StructLayout({"yes": bits, "no": bits})


def _registered(m: Module, value: Value, name: str) -> data.View:
    choices = Signal(_both_sides(len(value)), name=name, attrs=KEEP)
    m.d.sync += [choices.yes.eq(value), choices.no.eq(~value)]
    return choices


def registered_halves(m: Module, vector: int, odd: Value, rest: Value, name: str) -> data.View:
    """Return registers of which half each position comes from, for the cycle they are read in.

    Parameters
    ----------
    m : Module
        Where the registers go; within ``m.If`` they hold while the condition does not.
    vector : int
        Positions of a vector.
    odd : Value
        The first of the two vectors is in the odd half.
    rest : Value
        Position within it at which the wanted ones begin.
    name : str
        Of the registers.
    """
    return _registered(m, Cat((i < rest) ^ odd for i in range(vector)), name)


def registered_turns(m: Module, rest: Value, name: str) -> data.View:
    """Return registers of by what to turn; parameters as of ``registered_halves``."""
    return _registered(m, rest, name)


def merged(halves: data.View, even: Any, odd: Any) -> Sequence[Value]:
    """Return the inverse of each position, from the half it is in."""
    return [_inverse(halves.yes[i], odd[i], halves.no[i], even[i]) for i in range(len(halves.yes))]


def turned(m: Module, turns: data.View, values: Sequence[Value], name: str) -> Sequence[Value]:
    """Return the wanted positions, given what ``merged`` returned.

    Each level has signals of its own, named after ``name``: every value is used twice by the next
    one, and what is written out as an expression would double with each.
    """
    vector, steps = len(values), len(turns.yes)
    for bit in range(steps):
        turn, stay = turns.yes[bit], turns.no[bit]
        by = (1 << bit) % vector
        level = [Signal(len(value), name=f"{name}_{bit}_{i}") for i, value in enumerate(values)]
        m.d.comb += [
            level[i].eq(_inverse(turn, values[(i + by) % vector], stay, values[i]))
            for i in range(vector)
        ]
        values = level
    # There is one level more than steps, and each has inverted.
    return [(value if steps % 2 else ~value).as_signed() for value in values]


def _inverse(one: Value, first: Value, other: Value, second: Value) -> Value:
    """Return the inverse of ``first`` if ``one`` is high, of ``second`` if ``other`` is."""
    width = len(first)
    return ~(
        (first.as_unsigned() & one.replicate(width))
        | (second.as_unsigned() & other.replicate(width))
    )


class BankRotator(wiring.Component):
    """The rotator of one bank, with a register in it.

    In the sparse family it stands between merging and turning, so that neither the access of a
    memory nor the way into the windows is long. In the dense family it stands behind both: what
    comes next there may be a multiplier.

    Members
    -------
    halves, turns : choices, in
        ``turns`` belong to the cycle in which they are used: a later one in the sparse family.
    hold : Signal, in
        The register keeps what it has.
    even, odd : array of V signed(act_bits), in
        What is read from both halves of the bank.
    vector : array of V signed(act_bits), out
        The wanted positions, a cycle later.
    """

    def __init__(self, design: Design) -> None:
        self._turns_last = design.family == "sparse"
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        super().__init__(
            {
                "halves": In(_both_sides(design.vector)),
                "turns": In(_both_sides((design.vector - 1).bit_length())),
                "hold": In(1),
                "even": In(vector),
                "odd": In(vector),
                "vector": Out(vector),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = Signal.like(self.vector, reset_less=True)  # a step tells when it counts
        values = merged(self.halves, self.even, self.odd)
        wanted: Sequence[Value] = list(held)
        if self._turns_last:
            wanted = turned(m, self.turns, wanted, "turned")
        else:
            values = turned(m, self.turns, values, "turned")
        with m.If(~self.hold):
            m.d.sync += [held[i].eq(value) for i, value in enumerate(values)]
        m.d.comb += [self.vector[i].eq(value) for i, value in enumerate(wanted)]
        return m
