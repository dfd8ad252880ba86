"""A sparse lane: fetch, decode, queue, pick the operand from the window, multiply, accumulate.

Stages, in cycles after the decoder emits an entry: 1 its weight arrives and both enter the queue;
2 at the head of the queue, issued as soon as its window is fed and the accumulators are free;
3 (one more per broadcast stage of V) the operand is picked; 4 product; 5 sum.
"""

from enum import IntEnum
from functools import reduce
from operator import and_, or_

from amaranth.hdl import Cat, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from .decode import IndexDecoder, entry_layout
from .design import CLUSTER_LANES, Design, broadcast_stages
from .fetch import IndexFetch, index_word
from .mac import MacRow, weight_copies
from .program import WINDOW_COUNT_BITS
from .queue import ShiftQueue
from .registers import layer_layout
from .tree import KEEP
from .weights import decoded

__all__ = ["LaneState", "SparseLane", "operand_layout"]


class LaneState(IntEnum):
    """What a lane did in a cycle; the counters turn it into a cause."""

    COMPUTE = 0
    FILLER = 1
    DONE = 2
    EMPTY = 3
    NOT_FREE = 4
    NOT_FED = 5


def operand_layout(design: Design) -> data.StructLayout:
    """Return the layout of an issued entry on its way to the MACs."""
    return data.StructLayout(
        {
            "slot": unsigned((design.ring - 1).bit_length()),
            "weights": data.ArrayLayout(signed(design.operand_bits), design.simd_group),
        }
    )


class SparseLane(wiring.Component):
    """One index stream and the V multipliers of each lane that shares it.

    The lanes of a SIMD group (``design.simd_group``, mostly 1) work on the same positions, each on
    a filter of its own; an entry has a weight for each of them.

    Members
    -------
    registers : layer registers, in
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
        The lane needs no window up to number ``released`` any more.
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

    def __init__(
        self, design: Design, first_lane: int, index_depth: int, weight_depth: int
    ) -> None:
        self._design = design
        self._first_lane = first_lane
        self._depths = (index_depth, weight_depth)
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        group = design.simd_group
        super().__init__(
            {
                "registers": In(layer_layout(design)),
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
        design = self._design
        m.submodules.fetch = fetch = IndexFetch(design, self._depths[0])
        m.submodules.decode = decode = IndexDecoder(design, self._first_lane)
        connect(m, fetch.word, decode.word)
        m.d.comb += [
            fetch.start.eq(self.start),
            fetch.position_tiles.eq(self.registers.position_tiles),
            self.index_address.eq(fetch.address),
            self.index_enable.eq(fetch.enable),
            fetch.data.eq(self.index_data),
            decode.registers.eq(self.registers),
            decode.start.eq(self.start),
        ]
        queue, first = self._queue(m, decode)
        self._issue(m, queue, first)
        self._multiply(m, queue, first)
        return m

    def _queue(self, m: Module, decode: IndexDecoder) -> tuple[ShiftQueue, Signal]:
        """Fetch the weight of each decoded entry and queue both; tell if the head opens a pass."""
        design = self._design
        queued = data.StructLayout(
            {
                # Which entry is the first of a pass need not be kept: the one behind a last.
                **{name: field.shape for name, field in entry_layout(design) if name != "first"},
                "window": WINDOW_COUNT_BITS,  # running number
                "weights": design.simd_group * design.weight_bits,
            }
        )
        m.submodules.queue = queue = ShiftQueue(queued, design.fifo_depth)

        entry, arriving = decode.entry.payload, Signal()
        emit, full = Signal(), Signal()
        # There must be room for this entry besides the one that arrives.
        nearly = queue.filled[-2] if design.fifo_depth > 1 else 1
        m.d.comb += [
            full.eq(queue.filled[-1] | (nearly & arriving)),
            decode.entry.ready.eq(~full),
            emit.eq(decode.entry.valid & decode.entry.ready),
        ]
        held = Signal(entry_layout(design))
        m.d.sync += [arriving.eq(emit & ~self.start), held.eq(entry)]

        address, filter_start = Signal.like(self.weight_address), Signal.like(self.weight_address)
        following = Signal.like(self.weight_address)
        m.d.comb += [
            self.weight_address.eq(address),
            self.weight_enable.eq(emit),
            following.eq(address + ~entry.filler),
        ]
        with m.If(emit):
            m.d.sync += address.eq(following)
            with m.If(entry.last):
                m.d.sync += address.eq(filter_start)
                with m.If(decode.last_position):
                    m.d.sync += [address.eq(following), filter_start.eq(following)]
        with m.If(self.start):
            m.d.sync += [address.eq(0), filter_start.eq(0)]

        base = Signal(WINDOW_COUNT_BITS)  # running number of the first window of a pass
        with m.If(arriving & held.last):
            m.d.sync += base.eq(base + self.registers.windows)
        with m.If(self.start):
            m.d.sync += base.eq(0)

        first = Signal()
        m.d.comb += [
            queue.clear.eq(self.start),
            queue.push.eq(arriving),
            *(queue.word[name].eq(held[name]) for name in ("slot", "last", "final", "filler")),
            queue.word.window.eq(base + held.window),
            queue.word.weights.eq(self.weight_data),
        ]
        with m.If(queue.pop):
            m.d.sync += first.eq(queue.head.last)
        with m.If(self.start):
            m.d.sync += first.eq(1)
        return queue, first

    def _issue(self, m: Module, queue: ShiftQueue, first: Signal) -> None:
        """Issue the head of the queue once its window is fed and the accumulators are free."""
        design = self._design
        entry, head_valid, pop = queue.head, queue.filled[0], queue.pop
        free, fed = Signal(init=1), Signal()
        gated = first if design.acc_sets == 1 else entry.last
        distance = Signal(WINDOW_COUNT_BITS)
        begun = Signal()
        m.d.comb += [
            distance.eq(entry.window - self.fed),
            fed.eq(distance[-1]),  # entry.window < fed, modulo the counter
            pop.eq(head_valid & fed & (free | ~gated)),
            # Without a head it counts where the last one stood. The lane is never behind.
            self.past.eq(self.done | (begun & (entry.window != self.released))),
        ]
        with m.If(queue.push):
            m.d.sync += begun.eq(1)
        with m.If(self.take[-1]):
            m.d.sync += free.eq(1)
        with m.If(pop & entry.last):
            m.d.sync += free.eq(0)
        with m.If(pop & entry.final):
            m.d.sync += self.done.eq(1)
        with m.If(self.start):
            m.d.sync += [free.eq(1), self.done.eq(0), begun.eq(0)]

        with m.If(pop):
            m.d.sync += self.state.eq(Mux(entry.filler, LaneState.FILLER, LaneState.COMPUTE))
        with m.Elif(self.done):
            m.d.sync += self.state.eq(LaneState.DONE)
        with m.Elif(~head_valid):
            m.d.sync += self.state.eq(LaneState.EMPTY)
        with m.Elif(gated & ~free):
            m.d.sync += self.state.eq(LaneState.NOT_FREE)
        with m.Else():
            m.d.sync += self.state.eq(LaneState.NOT_FED)

    def _place(self, window: Value) -> Value:
        """Return where a window stands in the ring; it is one of those that are held."""
        run_ahead = self._design.run_ahead
        if run_ahead != 3:
            return window[: (run_ahead - 1).bit_length()]
        # Numbers wrap at a power of two, so they say nothing modulo 3, but their distance does.
        place = self.oldest + (window - self.released)[:2]
        return Mux(place >= run_ahead, place - run_ahead, place)[:2]

    def _multiply(self, m: Module, queue: ShiftQueue, first: Signal) -> None:
        """Carry weights and slot to the columns, pick the operands, and multiply."""
        design = self._design
        flags = data.StructLayout({"first": 1, "last": 1})
        stages = broadcast_stages(design.vector)
        group = range(design.simd_group)
        head, issue = queue.head, queue.pop

        operand, flag = Signal(operand_layout(design)), Signal(flags)
        bits = design.weight_bits
        m.d.comb += [
            operand.slot.eq(Cat(head.slot, self._place(head.window))),
            flag.first.eq(issue & first & ~self.registers.accumulate),
            flag.last.eq(issue & head.last),
        ]
        for row in group:
            weight = decoded(
                head.weights[row * bits : (row + 1) * bits], self.registers.weight_code, design
            )
            m.d.comb += operand.weights[row].eq(Mux(issue & ~head.filler, weight, 0))
        for stage in range(stages):
            operand_next = Signal(operand_layout(design), name=f"operand_{stage}")
            flag_next = Signal(flags, name=f"flag_{stage}")
            m.d.sync += [operand_next.eq(operand), flag_next.eq(flag)]
            with m.If(self.start):
                m.d.sync += flag_next.eq(0)
            operand, flag = operand_next, flag_next
        spread_flag = Signal(flags)
        m.d.sync += spread_flag.eq(flag)
        with m.If(self.start):
            m.d.sync += spread_flag.eq(0)

        operands = self._pick(m, operand)
        for row in group:
            m.submodules[f"macs_{row}"] = macs = MacRow(design)
            for i in range(weight_copies(design.vector)):
                copy = Signal(signed(design.operand_bits), name=f"weight_{row}_{i}", attrs=KEEP)
                m.d.sync += [copy.eq(operand.weights[row]), macs.weight[i].eq(copy)]
            m.d.sync += [macs.first.eq(spread_flag.first), macs.last.eq(spread_flag.last)]
            with m.If(self.start):
                m.d.sync += macs.last.eq(0)
            m.d.comb += [
                macs.start.eq(self.start),
                macs.operands.eq(operands),
                self.sums[row].eq(macs.sums),
            ]
            with m.If(self.take[row]):
                m.d.sync += self.ready[row].eq(0)
            with m.If(macs.finished):
                m.d.sync += self.ready[row].eq(1)
            with m.If(self.start):
                m.d.sync += self.ready[row].eq(0)

    def _pick(self, m: Module, operand: data.View) -> data.View:
        """Pick the operands of all columns from the ring, and register them.

        There is one select line per ring vector: AND-OR picks an operand in fewer gates than a
        tree of two-way multiplexers. Two vectors make one and-or-invert gate (or one 4-input
        LUT), three of those meet in a NAND. Both are kept: synthesis for speed would spread them
        over gates half as large again, though no time is short here.
        """
        design = self._design
        copies = weight_copies(design.vector)
        chosen = [Signal(design.ring, name=f"chosen_{i}", attrs=KEEP) for i in range(copies)]
        m.d.sync += [copy.eq(1 << operand.slot) for copy in chosen]
        operands = Signal(data.ArrayLayout(signed(design.act_bits), design.vector))
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
