"""The rotator: cuts V consecutive positions out of two neighbouring vectors.

The vectors stand in the even and the odd half of a bank. Position i comes from the first of the
two if ``i >= rest``, else from the one after it; which half the first one is in is told by its
lowest address bit.

All choices are two-way and each level inverts. With a register for either side of a choice that
is one and-or-invert gate, which takes less area than a multiplexer; of one register and its
inverse synthesis would make multiplexers again.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from amaranth.hdl import Cat, Module, Signal, Value

from .tree import KEEP

__all__ = ["Rotation"]


@dataclass(frozen=True)
class _Choice:
    """Registers of two-way choices: a bit is high in one of the two."""

    yes: Signal
    no: Signal

    @classmethod
    def of(cls, m: Module, value: Value, name: str) -> "_Choice":
        yes = Signal(len(value), name=name, attrs=KEEP)
        no = Signal(len(value), name=f"not_{name}", attrs=KEEP)
        m.d.sync += [yes.eq(value), no.eq(~value)]
        return cls(yes, no)

    def inverse(self, bit: int, first: Value, second: Value) -> Value:
        """Return the inverse of ``first`` if the bit is high, else of ``second``."""
        width = len(first)
        return ~(
            (first.as_unsigned() & self.yes[bit].replicate(width))
            | (second.as_unsigned() & self.no[bit].replicate(width))
        )


class Rotation:
    """Where the wanted positions are, registered; banks are rotated by it a cycle later.

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
        Put before the names of registers.
    """

    def __init__(self, m: Module, vector: int, odd: Value, rest: Value, name: str) -> None:
        self._from_odd = _Choice.of(
            m, Cat((i < rest) ^ odd for i in range(vector)), f"{name}_from_odd"
        )
        self._turn = _Choice.of(m, rest, f"{name}_turn")
        self._vector = vector

    def rotated(self, even: Any, uneven: Any) -> Sequence[Value]:
        """Return the wanted positions, given the vectors read from both halves."""
        vector, steps = self._vector, len(self._turn.yes)
        values = [self._from_odd.inverse(i, uneven[i], even[i]) for i in range(vector)]
        for bit in range(steps):
            by = (1 << bit) % vector
            values = [
                self._turn.inverse(bit, values[(i + by) % vector], values[i]) for i in range(vector)
            ]
        # There is one level more than steps, and each has inverted.
        return [(value if steps % 2 else ~value).as_signed() for value in values]
