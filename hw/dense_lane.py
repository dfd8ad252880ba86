"""A dense lane: a weight register, its copies for the columns, and a row of MACs.

The lane multiplies every activation vector that is broadcast to it. What a sparse lane has besides
is the price of sparsity. With ``weights_per_row`` it reads a word of V weights: one for each
column, if each works on a filter of its own, or the next V weights of one filter.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Design
from .mac import MacRow
from .tree import KEEP, broadcast
from .walk import step_layout
from .weights import decoded

__all__ = ["DenseLane"]


class DenseLane(wiring.Component):
    """One weight stream and its V multipliers.

    Members
    -------
    start : Signal, in
    weight_data : Signal, in
        Memory output; its weight meets the operands ``1 + broadcast_stages(vector)`` cycles later,
        with ``weights_per_row`` always 2.
    own_filters, place : Signal, in (with ``weights_per_row``)
        Each column has a filter of its own; otherwise which weight of the word at the memory
        output is wanted.
    zero_free, accumulate : Signal, in
        The layer's weight code; go on from the sums of the run before.
    weight_valid : Signal, in
        A weight is at the memory output; without one the lane multiplies by 0.
    operands : array of V signed(act_bits), in
    step : step_layout, in
        What the operands are.
    ready : Signal, out
        ``sums`` holds the finished sums of a pass.
    take : Signal, in
        The output stage takes them.
    sums : array of V signed(acc_bits), out
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        several = {"own_filters": In(1), "place": In(range(design.vector))}
        super().__init__(
            {
                "start": In(1),
                **(several if design.weights_per_row > 1 else {}),
                "weight_data": In(design.weight_word_bits),
                "zero_free": In(1),
                "accumulate": In(1),
                "weight_valid": In(1),
                "operands": In(data.ArrayLayout(signed(design.act_bits), design.vector)),
                "step": In(step_layout()),
                "ready": Out(1),
                "take": In(1),
                "sums": Out(data.ArrayLayout(signed(design.acc_bits), design.vector)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        m.submodules.macs = macs = MacRow(design)
        if design.weights_per_row == 1:
            self._weight_of_all(m, macs)
        else:
            self._weight_of_each(m, macs)
        m.d.comb += [
            macs.start.eq(self.start),
            macs.operands.eq(self.operands),
            macs.first.eq(self.step.valid & self.step.first & ~self.accumulate),
            macs.last.eq(self.step.valid & self.step.last),
            self.sums.eq(macs.sums),
        ]
        with m.If(self.take):
            m.d.sync += self.ready.eq(0)
        with m.If(macs.finished):
            m.d.sync += self.ready.eq(1)
        with m.If(self.start):
            m.d.sync += self.ready.eq(0)
        return m

    def _weight_of_all(self, m: Module, macs: MacRow) -> None:
        """Give all columns copies of the one weight."""
        design = self._design
        held = Signal(signed(design.operand_bits), name="weight")
        weight = decoded(self.weight_data, self.zero_free, design)
        m.d.sync += held.eq(Mux(self.weight_valid, weight, 0))
        copies = broadcast(m, held, design.vector, "weight")
        for i in range(len(macs.weight)):
            m.d.comb += macs.weight[i].eq(copies[i if len(copies) > 1 else 0])

    def _weight_of_each(self, m: Module, macs: MacRow) -> None:
        """Give each column its weight of the word, or every column the same.

        The word stands in a register, so that no memory access and multiplexer share a cycle;
        each 16 columns have a multiplexer of their own.
        """
        design = self._design
        words = data.ArrayLayout(design.weight_bits, design.vector)
        word, valid = Signal(words), Signal()
        m.d.sync += [word.eq(self.weight_data), valid.eq(self.weight_valid)]
        for low in range(0, design.vector, CLUSTER_LANES):
            place = Signal.like(self.place, name=f"place_{low}", attrs=KEEP)
            wanted = Signal(design.weight_bits, name=f"wanted_{low}")
            m.d.sync += place.eq(self.place)
            m.d.comb += wanted.eq(word[place])
            for column in range(low, min(low + CLUSTER_LANES, design.vector)):
                held = Signal(signed(design.operand_bits), name=f"weight_{column}")
                bits = Mux(self.own_filters, word[column], wanted)
                m.d.sync += held.eq(Mux(valid, decoded(bits, self.zero_free, design), 0))
                m.d.comb += macs.weight[column].eq(held)
