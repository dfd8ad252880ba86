"""A sparse lane: it picks the operands of each issued entry from the window, and multiplies.

Stages, in cycles after the front (``hw.front``) issues an entry: 1 (one more per broadcast stage
of V) the operand is picked; 2 product; 3 sum.
"""

from functools import reduce
from operator import and_, or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Design, broadcast_stages
from .fetch import index_word
from .front import LaneFront, LaneState
from .mac import weight_copies
from .program import WINDOW_COUNT_BITS
from .registers import layer_layout
from .rows import LaneRows, row_weights
from .tree import KEEP
from .weights import decoded

__all__ = ["SparseLane", "operand_layout"]


def operand_layout(design: Design) -> data.StructLayout:
    """Return the layout of an issued entry on its way to the MACs."""
    return data.StructLayout(
        {
            "slot": unsigned((design.ring - 1).bit_length()),
            "weights": row_weights(design),
        }
    )


class SparseLane(wiring.Component):
    """One index stream and the V multipliers of each lane that shares it.

    The lanes of a SIMD group (``design.simd_group``, mostly 1) work on the same positions, each on
    a filter of its own; an entry has a weight for each of them.

    Members
    -------
    registers : layer registers, in
    absent_in_last : Signal, in
        The lanes have no filter in the last tile of a group.
    start : Signal, in
    index_address, index_enable, index_data : memory read port of the index words
    weight_address, weight_enable, weight_data : memory read port of the weights
    ring : array of window * run_ahead vectors, in
        The cluster's activation windows.
    fed, released : Signal, in
        Running number of windows the cluster has received and given back.
    oldest : Signal, in
        Where window number ``released`` stands in the ring.
    past : Signal, out
        From the next cycle on the lane issues nothing of a window up to number ``released``.
    done : Signal, out
        The lane has issued its last entry.
    ready : Signal(simd_group), out
        ``sums`` of the lane hold the finished sums of a pass.
    take : Signal(simd_group), in
        The output stage takes them; those of the last lane last.
    sums : array of simd_group arrays of V signed(acc_bits), out
    state : LaneState, out
        What the lanes did in the cycle before.
    """

    def __init__(self, design: Design, index_depth: int, weight_depth: int) -> None:
        self._design = design
        self._depths = (index_depth, weight_depth)
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        group = design.simd_group
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "absent_in_last": In(1),
                "start": In(1),
                "index_address": Out(range(max(2, index_depth))),
                "index_enable": Out(1),
                "index_data": In(index_word(design)),
                "weight_address": Out(range(max(2, weight_depth))),
                "weight_enable": Out(1),
                "weight_data": In(group * design.weight_bits),
                "ring": In(data.ArrayLayout(vector, design.ring)),
                "fed": In(WINDOW_COUNT_BITS),
                "released": In(WINDOW_COUNT_BITS),
                "oldest": In(range(max(2, design.run_ahead))),
                "past": Out(1),
                "done": Out(1),
                "ready": Out(group),
                "take": In(group),
                "sums": Out(data.ArrayLayout(sums, group)),
                "state": Out(LaneState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        m.submodules.front = front = LaneFront(self._design, *self._depths)
        m.d.comb += [
            front.registers.eq(self.registers),
            front.absent_in_last.eq(self.absent_in_last),
            front.start.eq(self.start),
            self.index_address.eq(front.index_address),
            self.index_enable.eq(front.index_enable),
            front.index_data.eq(self.index_data),
            self.weight_address.eq(front.weight_address),
            self.weight_enable.eq(front.weight_enable),
            front.weight_data.eq(self.weight_data),
            front.taken.eq(self.take[-1]),
            self.done.eq(front.done),
            self.state.eq(front.state),
        ]
        self._reach(m, front)
        self._multiply(m, front)
        return m

    def _reach(self, m: Module, front: LaneFront) -> None:
        """Tell whether the window of the entry at the head is fed, and which are past."""
        head, distance = front.head, Signal(WINDOW_COUNT_BITS)
        stays, leaves = Signal(), Signal()
        m.d.comb += [
            distance.eq(head.window - self.fed),
            front.fed.eq(distance[-1]),  # window < fed, modulo the counter
            # The lane is never behind. Without a head it counts where the last one stood.
            stays.eq(~front.begun | (head.window == self.released)),
            leaves.eq(
                (front.issue & head.final)
                | (
                    (front.issue | ~front.head_valid)
                    & front.followed
                    & (front.behind.window != self.released)
                )
            ),
            self.past.eq(self.done | ~stays | leaves),
        ]

    def _place(self, window: Value) -> Value:
        """Return where a window stands in the ring; it is one of those that are held."""
        run_ahead = self._design.run_ahead
        if run_ahead != 3:
            return window[: (run_ahead - 1).bit_length()]
        # Numbers wrap at a power of two, so they say nothing modulo 3, but their distance does.
        place = self.oldest + (window - self.released)[:2]
        return Mux(place >= run_ahead, place - run_ahead, place)[:2]

    def _multiply(self, m: Module, front: LaneFront) -> None:
        """Carry weights and slot to the columns, pick the operands, and multiply."""
        design = self._design
        flags = data.StructLayout({"first": 1, "last": 1})
        stages = broadcast_stages(design.vector)
        head, issue = front.head, front.issue

        operand, flag = Signal(operand_layout(design)), Signal(flags)
        bits = design.weight_bits
        m.d.comb += [
            operand.slot.eq(Cat(head.slot, self._place(head.window))),
            flag.first.eq(issue & front.first & ~self.registers.accumulate),
            flag.last.eq(issue & head.last),
        ]
        for row in range(design.simd_group):
            weight = decoded(
                head.weights[row * bits : (row + 1) * bits], self.registers.weight_code, design
            )
            m.d.comb += operand.weights[row].eq(Mux(issue & ~head.filler, weight, 0))
        for stage in range(stages):
            operand_next = Signal(operand_layout(design), name=f"operand_{stage}", reset_less=True)
            flag_next = Signal(flags, name=f"flag_{stage}")
            m.d.sync += [operand_next.eq(operand), flag_next.eq(flag)]
            with m.If(self.start):
                m.d.sync += flag_next.eq(0)
            operand, flag = operand_next, flag_next
        m.submodules.rows = rows = LaneRows(design)
        m.d.comb += [
            rows.start.eq(self.start),
            rows.weights.eq(operand.weights),
            rows.first.eq(flag.first),
            rows.last.eq(flag.last),
            rows.operands.eq(self._pick(m, operand)),
            rows.take.eq(self.take),
            self.ready.eq(rows.ready),
            self.sums.eq(rows.sums),
        ]

    def _pick(self, m: Module, operand: data.View) -> data.View:
        """Pick the operands of all columns from the ring, and register them.

        There is one select line per ring vector: AND-OR picks an operand in fewer gates than a
        tree of two-way multiplexers. Two vectors make one and-or-invert gate (or one 4-input
        LUT), three of those meet in a NAND. Both are kept: synthesis for speed would spread them
        over gates half as large again, though no time is short here.
        """
        design = self._design
        copies = weight_copies(design.vector)
        chosen = [
            Signal(design.ring, name=f"chosen_{i}", attrs=KEEP, reset_less=True)
            for i in range(copies)
        ]
        m.d.sync += [copy.eq(1 << operand.slot) for copy in chosen]
        # What is multiplied before a pass begins does not count, so that no reset is needed.
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        operands = Signal(vector, reset_less=True)
        for column in range(design.vector):
            lines = chosen[column // CLUSTER_LANES]
            picked = [
                self.ring[i][column].as_unsigned() & lines[i].replicate(design.act_bits)
                for i in range(design.ring)
            ]
            neither = [~reduce(or_, picked[i : i + 2]) for i in range(0, design.ring, 2)]
            neither = [_kept(m, pair, f"neither_{column}_{i}") for i, pair in enumerate(neither)]
            any_of = [~reduce(and_, neither[i : i + 3]) for i in range(0, len(neither), 3)]
            any_of = [_kept(m, six, f"any_of_{column}_{i}") for i, six in enumerate(any_of)]
            m.d.sync += operands[column].eq(reduce(or_, any_of))
        return operands


def _kept(m: Module, value: Value, name: str) -> Signal:
    """Return a value as a signal that synthesis must keep."""
    signal = Signal(len(value), name=name, attrs=KEEP)
    m.d.comb += signal.eq(value)
    return signal
