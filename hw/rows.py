"""The multipliers of the lanes that share an index stream: one row of V for each of them.

All rows work on the same operands, each with a weight of its own. A row's finished sums wait for
the output stage.
"""

from amaranth.hdl import Module, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .mac import MacRow, weight_copies
from .tree import KEEP

__all__ = ["LaneRows", "row_weights"]


def row_weights(design: Design) -> data.ArrayLayout:
    """Return the layout of the decoded weights of all rows."""
    return data.ArrayLayout(signed(design.operand_bits), design.simd_group)


class LaneRows(wiring.Component):
    """``simd_group`` rows of V multiply-accumulate units.

    Members
    -------
    start : Signal, in
    weights : array of simd_group signed(operand_bits), in
        Two cycles before the operands; 0 where these do not count.
    first, last : Signal, in
        Two cycles before the operands that start and end a pass.
    operands : array of V signed(act_bits), in
    take : Signal(simd_group), in
        The output stage takes the sums of a row.
    ready : Signal(simd_group), out
        ``sums`` of the row hold the finished sums of a pass, two cycles after its last operands.
    sums : array of simd_group arrays of V signed(acc_bits), out
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        group = design.simd_group
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        super().__init__(
            {
                "start": In(1),
                "weights": In(row_weights(design)),
                "first": In(1),
                "last": In(1),
                "operands": In(data.ArrayLayout(signed(design.act_bits), design.vector)),
                "take": In(group),
                "ready": Out(group),
                "sums": Out(data.ArrayLayout(sums, group)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        first, last = Signal(), Signal()
        m.d.sync += [first.eq(self.first), last.eq(self.last & ~self.start)]
        for row in range(design.simd_group):
            m.submodules[f"macs_{row}"] = macs = MacRow(design)
            for i in range(weight_copies(design.vector)):
                copy = Signal(
                    signed(design.operand_bits), name=f"weight_{row}_{i}", attrs=KEEP,
                    reset_less=True,
                )  # fmt: skip
                m.d.sync += [copy.eq(self.weights[row]), macs.weight[i].eq(copy)]
            m.d.sync += [macs.first.eq(first), macs.last.eq(last & ~self.start)]
            m.d.comb += [
                macs.start.eq(self.start),
                macs.operands.eq(self.operands),
                self.sums[row].eq(macs.sums),
            ]
            with m.If(self.take[row]):
                m.d.sync += self.ready[row].eq(0)
            with m.If(macs.finished):
                m.d.sync += self.ready[row].eq(1)
            with m.If(self.start):
                m.d.sync += self.ready[row].eq(0)
        return m
