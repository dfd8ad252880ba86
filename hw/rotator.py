"""The rotator: cuts V consecutive positions out of two neighbouring vectors.

The vectors stand in the even and the odd half of a bank. Position i comes from the first of the
two if ``i >= rest``, else from the one after it; which half the first one is in is told by its
lowest address bit.

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

__all__ = ["BankRotator", "choices_layout", "registered_choices", "rotated"]


def choices_layout(vector: int) -> data.StructLayout:
    """Return the layout of the choices: of each two registers, a bit is high in one of them.

    ``odd`` takes a position from the odd half, ``turn`` turns by a power of two.
    """
    steps = (vector - 1).bit_length()
    return data.StructLayout({"odd": vector, "even": vector, "turn": steps, "stay": steps})


def registered_choices(m: Module, vector: int, odd: Value, rest: Value, name: str) -> data.View:
    """Return registers of where the wanted positions are, for the cycle in which they are read.

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
    choices = Signal(choices_layout(vector), name=name, attrs=KEEP)
    from_odd = Cat((i < rest) ^ odd for i in range(vector))
    m.d.sync += [
        choices.odd.eq(from_odd),
        choices.even.eq(~from_odd),
        choices.turn.eq(rest),
        choices.stay.eq(~rest),
    ]
    return choices


def rotated(choices: data.View, even: Any, odd: Any) -> Sequence[Value]:
    """Return the wanted positions, given the vectors read from both halves."""
    vector, steps = len(choices.odd), len(choices.turn)
    values = [_inverse(choices.odd[i], odd[i], choices.even[i], even[i]) for i in range(vector)]
    for bit in range(steps):
        turn, stay = choices.turn[bit], choices.stay[bit]
        by = (1 << bit) % vector
        values = [_inverse(turn, values[(i + by) % vector], stay, values[i]) for i in range(vector)]
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
    """The rotator of one bank, and the register behind it.

    Members
    -------
    choices : choices_layout, in
    hold : Signal, in
        ``vector`` keeps what it has.
    even, odd : array of V signed(act_bits), in
        What is read from both halves of the bank.
    vector : array of V signed(act_bits), out
        The wanted positions, a cycle later.
    """

    def __init__(self, design: Design) -> None:
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        super().__init__(
            {
                "choices": In(choices_layout(design.vector)),
                "hold": In(1),
                "even": In(vector),
                "odd": In(vector),
                "vector": Out(vector),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        held = Signal.like(self.vector, reset_less=True)  # a step tells when it counts
        values = rotated(self.choices, self.even, self.odd)
        m.d.comb += self.vector.eq(held)
        with m.If(~self.hold):
            m.d.sync += [held[i].eq(value) for i, value in enumerate(values)]
        return m
