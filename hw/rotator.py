"""The rotator: cuts V consecutive positions out of two neighbouring vectors.

The vectors stand in the even and the odd half of a bank. Position i comes from the first of the
two if ``i >= rest``, else from the one after it; which half the first one is in is told by its
lowest address bit.
"""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Mux, Signal, Value

__all__ = ["rotated", "sources"]


def sources(m: Module, vector: int, odd: Value, rest: Value, name: str = "from_odd") -> Signal:
    """Return for each position whether it is read from the odd half.

    Parameters
    ----------
    m : Module
        Where the comparators go.
    vector : int
        Positions of a vector.
    odd : Value
        The first of the two vectors is in the odd half.
    rest : Value
        Position within it at which the wanted ones begin.
    """
    from_odd = Signal(vector, name=name)
    m.d.comb += [from_odd[i].eq((i < rest) ^ odd) for i in range(vector)]
    return from_odd


def rotated(even: Any, uneven: Any, from_odd: Value, rest: Value) -> Sequence[Any]:
    """Return the wanted positions, given the vectors read from both halves."""
    vector = len(from_odd)
    values = [Mux(from_odd[i], uneven[i], even[i]).as_signed() for i in range(vector)]
    for bit in range(len(rest)):
        by = (1 << bit) % vector
        values = [Mux(rest[bit], values[(i + by) % vector], values[i]) for i in range(vector)]
    return values
