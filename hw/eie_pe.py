"""A PE of the EIE family: works off its part of the column of each non-zero activation.

The pointer of the column is read when the activation arrives, so that the FIFO holds only columns
in which the PE has an entry. Then one entry is read per cycle: its row is found from the relative
code, weight and activation are multiplied, the product is added to the accumulator of the row.
When a tile is finished its sums leave row by row.
"""

from amaranth.hdl import Array, Cat, Module, Mux, ResetInserter, Signal, signed
from amaranth.lib import data, fifo, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .eie_words import entry_layout, item_layout, pointer_layout, queue_places, row_bits
from .front import LaneState
from .registers import layer_layout
from .weights import decoded

__all__ = ["EiePe"]


class EiePe(wiring.Component):
    """FIFO, entry reader, multiplier and accumulators of one PE.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    item : item_layout, in
        What is broadcast.
    pointer_data : pointer_layout, in
        Pointer of the item of the cycle before (``item.pointer`` is its address).
    entry_address, entry_enable, entry_data : memory read port of the entries
    room : Signal, out
        Fewer than ``fifo_depth`` columns wait.
    ready : Signal, out
        ``sums`` holds the finished sum of a row.
    take : Signal, in
    sums : signed(acc_bits), out
    state : LaneState, out
        What the PE did in the cycle before.
    """

    def __init__(self, design: Design, index_words: int, weight_words: int) -> None:
        self._design = design
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "item": In(item_layout(design, index_words)),
                "pointer_data": In(pointer_layout(weight_words)),
                "entry_address": Out(pointer_layout(weight_words)["start"].shape),
                "entry_enable": Out(1),
                "entry_data": In(entry_layout(design)),
                "room": Out(1),
                "ready": Out(1),
                "take": In(1),
                "sums": Out(signed(design.acc_bits)),
                "state": Out(LaneState),
            }
        )
        self._column = data.StructLayout(
            {
                "value": signed(design.act_bits + 1),
                "start": pointer_layout(weight_words)["start"].shape,
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        due, final = Signal(), Signal()  # a tile has to be drained; it is an image's last
        opened = Signal()  # a scan goes on
        queue = fifo.SyncFIFO(width=self._column.size, depth=queue_places(design))
        m.submodules.queue = ResetInserter(self.start)(queue)
        self._arrive(m, queue, opened, due, final)
        held, value = self._read(m, queue)
        filler, operand = self._operand(m, held, value)
        m.d.sync += self.state.eq(LaneState.DONE)
        with m.If(held):
            m.d.sync += self.state.eq(Mux(filler, LaneState.FILLER, LaneState.COMPUTE))
        with m.Elif(queue.r_rdy):
            m.d.sync += self.state.eq(LaneState.EMPTY)
        with m.Elif(opened):
            m.d.sync += self.state.eq(LaneState.NOT_FED)
        quiet = Signal()
        m.d.comb += quiet.eq(due & ~queue.r_rdy & ~held & ~operand.valid)
        self._accumulate(m, operand, quiet, due, final)
        return m

    def _arrive(
        self, m: Module, queue: fifo.SyncFIFO, opened: Signal, due: Signal, final: Signal
    ) -> None:
        """Take an item, and the pointer that is read for it a cycle later."""
        item = Signal(self.item.shape(), name="arrived")
        column = Signal(self._column)
        m.d.sync += item.eq(self.item)
        m.d.comb += [
            column.value.eq(item.value),
            column.start.eq(self.pointer_data.start),
            queue.w_data.eq(column),
            queue.w_en.eq(item.valid & self.pointer_data.occupied),
            self.room.eq(queue.level < self._design.fifo_depth),
        ]
        with m.If(item.first):
            m.d.sync += opened.eq(1)
        with m.If(item.last):
            m.d.sync += [opened.eq(0), due.eq(1), final.eq(item.final)]
        with m.If(self.start):
            m.d.sync += [item.valid.eq(0), item.first.eq(0), item.last.eq(0), opened.eq(0)]

    def _read(self, m: Module, queue: fifo.SyncFIFO) -> tuple[Signal, Signal]:
        """Read entry after entry; return whether the memory's output is one, and its activation."""
        head = data.View(self._column, queue.r_data)
        held, more, pop = Signal(), Signal(), Signal()
        here = Signal.like(self.entry_address)
        value = Signal(signed(self._design.act_bits + 1))
        m.d.comb += [
            more.eq(held & ~self.entry_data.end),
            pop.eq(~more & queue.r_rdy),
            queue.r_en.eq(pop),
            self.entry_address.eq(Mux(more, here + 1, head.start)),
            self.entry_enable.eq(more | pop),
        ]
        m.d.sync += [held.eq(self.entry_enable), here.eq(self.entry_address)]
        with m.If(pop):
            m.d.sync += value.eq(head.value)
        with m.If(self.start):
            m.d.sync += held.eq(0)
        return held, value

    def _operand(self, m: Module, held: Signal, value: Signal) -> tuple[Signal, data.View]:
        """Find the row of an entry and decode its weight; return the operands a cycle later."""
        design, entry = self._design, self.entry_data
        bits = row_bits(design)
        base, row, filler = Signal(bits), Signal(bits), Signal()
        operand = Signal(
            data.StructLayout(
                {"valid": 1, "row": bits, "value": signed(design.act_bits + 1),
                 "weight": signed(design.operand_bits)}
            )
        )  # fmt: skip
        m.d.comb += [filler.eq(entry.code.all()), row.eq(base + entry.code)]
        with m.If(held):
            m.d.sync += base.eq(Mux(entry.end, 0, row + ~filler))
        m.d.sync += [
            operand.valid.eq(held & ~filler),
            operand.row.eq(row),
            operand.value.eq(value),
            operand.weight.eq(decoded(entry.weight, self.registers.weight_code, design)),
        ]
        with m.If(self.start):
            m.d.sync += [base.eq(0), operand.valid.eq(0)]
        return filler, operand

    def _accumulate(
        self, m: Module, operand: data.View, quiet: Signal, due: Signal, final: Signal
    ) -> None:
        """Multiply, add to the row's accumulator, and hand the rows out when all is quiet.

        Sums leave through the multiplexer that also reads the accumulator to add to.
        """
        design = self._design
        bits = row_bits(design)
        product = Signal(
            data.StructLayout(
                {"valid": 1, "row": bits,
                 "value": signed(design.act_bits + 1 + design.operand_bits)}
            )
        )  # fmt: skip
        m.d.sync += [
            product.valid.eq(operand.valid),
            product.row.eq(operand.row),
            product.value.eq(operand.value * operand.weight),
        ]
        rows = [Signal(signed(design.acc_bits), name=f"row_{r}") for r in range(design.acc_rows)]
        written = Signal(design.acc_rows)  # rows of this tile that are not 0
        row, next_row, last = Signal(bits), Signal(bits), Signal()
        current, total = Signal(signed(design.acc_bits)), Signal(signed(design.acc_bits))
        m.d.comb += [
            row.eq(Mux(product.valid, product.row, next_row)),
            current.eq(Mux(written.bit_select(row, 1), Array(rows)[row], 0)),
            total.eq(current + product.value),
            # Counted modulo acc_rows: all rows of a tile, or as many as the image has left.
            last.eq(next_row == Mux(final, self.registers.tiles_per_group[:bits], 0)),
        ]
        with m.If(product.valid):
            m.d.sync += [Array(rows)[row].eq(total), written.bit_select(row, 1).eq(1)]
        with m.If(quiet & ~product.valid & ~self.ready):
            m.d.sync += [self.ready.eq(1), self.sums.eq(current), next_row.eq(next_row + 1)]
        with m.If(self.take):
            m.d.sync += [self.sums.eq(current), next_row.eq(next_row + 1)]
            with m.If(last):
                m.d.sync += [self.ready.eq(0), due.eq(0), written.eq(0), next_row.eq(0)]
        with m.If(self.start):
            m.d.sync += [
                Cat(product.valid, self.ready, due).eq(0),
                written.eq(0),
                next_row.eq(0),
            ]
