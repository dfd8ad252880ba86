"""A row of V multiply-accumulate units: they share one weight, or have one each (dense, FC)."""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Design
from .tree import KEEP

__all__ = ["MacRow", "weight_copies"]


def weight_copies(vector: int) -> int:
    """Return how many registered copies of the weight there are, each for 16 columns."""
    return -(-vector // CLUSTER_LANES)


class MacRow(wiring.Component):
    """V multipliers, a product register, V accumulators, and with two sets V finished sums.

    Operands given in cycle c are accumulated at the end of cycle c + 1. With one accumulator set
    ``sums`` is the accumulator itself; with two, the sums of a finished pass stay in ``sums``
    while the next pass accumulates.

    Members
    -------
    start : Signal, in
        Forget a pass that is about to end.
    operands : array of V signed(act_bits), in
    weight : array of signed(operand_bits), in
        Copies of the one weight, each for 16 columns, or with ``weights_per_row`` one for each.
        All 0 in a cycle whose operands do not count: adding nothing is cheaper than an enable.
    first, last : Signal, in
        The operands start a pass (the accumulators are taken as 0); they end it.
    finished : Signal, out
        In this cycle the last product of a pass is added.
    sums : array of V signed(acc_bits), out
        Valid from the cycle after ``finished``.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        weights = (
            weight_copies(design.vector) if design.weights_per_row == 1 else design.weights_per_row
        )
        super().__init__(
            {
                "start": In(1),
                "operands": In(data.ArrayLayout(signed(design.act_bits), design.vector)),
                "weight": In(data.ArrayLayout(signed(design.operand_bits), weights)),
                "first": In(1),
                "last": In(1),
                "finished": Out(1),
                "sums": Out(data.ArrayLayout(signed(design.acc_bits), design.vector)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        columns = CLUSTER_LANES if design.weights_per_row == 1 else 1  # that share a weight
        first = Signal(attrs=KEEP)
        # ``first`` begins anew, whatever stands in the registers of data: they need no reset.
        sums = Signal.like(self.sums, reset_less=True)
        m.d.comb += self.sums.eq(sums)
        m.d.sync += [first.eq(self.first), self.finished.eq(self.last & ~self.start)]
        for v in range(design.vector):
            product = Signal(signed(design.act_bits + design.operand_bits), name=f"product_{v}",
                             reset_less=True)  # fmt: skip
            total = Signal(signed(design.acc_bits), name=f"total_{v}")
            m.d.sync += product.eq(self.operands[v] * self.weight[v // columns])
            if design.acc_sets == 1:
                accumulator = sums[v]
            else:
                accumulator = Signal.like(total, name=f"accumulator_{v}", reset_less=True)
                with m.If(self.finished):
                    m.d.sync += sums[v].eq(total)
            m.d.comb += total.eq(Mux(first, 0, accumulator) + product)
            m.d.sync += accumulator.eq(total)
        return m
