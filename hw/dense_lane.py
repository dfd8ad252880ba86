"""A dense lane: a weight register, its copies for the columns, and a row of MACs.

The lane multiplies every activation vector that is broadcast to it. What a sparse lane has besides
is the price of sparsity.
"""

from amaranth.hdl import Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .mac import MacRow
from .tree import broadcast
from .walk import step_layout
from .weights import decoded

__all__ = ["DenseLane"]


class DenseLane(wiring.Component):
    """One weight stream and its V multipliers.

    Members
    -------
    start : Signal, in
    weight_data : Signal, in
        Memory output; its weight meets the operands ``1 + broadcast_stages(vector)`` cycles later.
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
        super().__init__(
            {
                "start": In(1),
                "weight_data": In(design.weight_bits),
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
        held = Signal(signed(design.operand_bits), name="weight")
        weight = decoded(self.weight_data, self.zero_free, design)
        m.d.sync += held.eq(Mux(self.weight_valid, weight, 0))
        copies = broadcast(m, held, design.vector, "weight")
        for i in range(len(macs.weight)):
            m.d.comb += macs.weight[i].eq(copies[i if len(copies) > 1 else 0])
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
