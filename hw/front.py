"""The front of a sparse lane: fetch, decode, queue, issue.

It is the same however the activations arrive: cycles after the decoder emits an entry, 1 its
weight arrives and both enter the queue, 2 it stands at the head, and is issued as soon as its
operands can be had and the accumulators are free.
"""

from enum import IntEnum

from amaranth.hdl import Module, Mux, Signal, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out, connect

from .decode import IndexDecoder, entry_layout
from .design import Design
from .fetch import IndexFetch, index_word
from .program import WINDOW_COUNT_BITS
from .queue import ShiftQueue
from .registers import layer_layout

__all__ = ["LaneFront", "LaneState", "queued_layout"]


class LaneState(IntEnum):
    """What a lane did in a cycle; the counters turn it into a cause."""

    COMPUTE = 0
    FILLER = 1
    DONE = 2
    EMPTY = 3
    NOT_FREE = 4
    NOT_FED = 5


def queued_layout(design: Design) -> data.StructLayout:
    """Return the layout of a queued entry: decoded index, and the weight of each row as stored.

    Windows are numbered from pass to pass. Which entry is the first of a pass need not be kept: the
    one behind a last.
    """
    fields = {name: field.shape for name, field in entry_layout(design) if name != "first"}
    if design.delivery == "window":
        fields["window"] = unsigned(WINDOW_COUNT_BITS)
    return data.StructLayout({**fields, "weights": design.simd_group * design.weight_bits})


class LaneFront(wiring.Component):
    """One index stream, up to the issue of its entries.

    Members
    -------
    registers : layer registers, in
    absent_in_last : Signal, in
        The lanes have no filter in the last tile of a group.
    start : Signal, in
    index_address, index_enable, index_data : memory read port of the index words
    weight_address, weight_enable, weight_data : memory read port of the weights
    fed : Signal, in
        The operands of the entry at the head can be had.
    taken : Signal, in
        The output stage takes the sums of the last lane of the stream.
    head : queued_layout, out
    head_valid : Signal, out
        An entry stands at the head of the queue.
    behind : queued_layout, out
        The entry that would stand there if the head went now.
    followed : Signal, out
        There is one.
    first : Signal, out
        The entry at the head, or the next one there, is the first of a pass.
    begun : Signal, out
        An entry has come to the queue since the start.
    issue : Signal, out
        It is issued in this cycle.
    done : Signal, out
        The last entry has been issued.
    state : LaneState, out
        What the lanes did in the cycle before.
    """

    def __init__(self, design: Design, index_depth: int, weight_depth: int) -> None:
        self._design = design
        self._index_depth = index_depth
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
                "weight_data": In(design.simd_group * design.weight_bits),
                "fed": In(1),
                "taken": In(1),
                "head": Out(queued_layout(design)),
                "first": Out(1),
                "begun": Out(1),
                "head_valid": Out(1),
                "behind": Out(queued_layout(design)),
                "followed": Out(1),
                "issue": Out(1),
                "done": Out(1),
                "state": Out(LaneState),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        m.submodules.fetch = fetch = IndexFetch(design, self._index_depth)
        m.submodules.decode = decode = IndexDecoder(design)
        connect(m, fetch.word, decode.word)
        m.d.comb += [
            fetch.start.eq(self.start),
            fetch.position_tiles.eq(self.registers.position_tiles),
            self.index_address.eq(fetch.address),
            self.index_enable.eq(fetch.enable),
            fetch.data.eq(self.index_data),
            decode.registers.eq(self.registers),
            decode.absent_in_last.eq(self.absent_in_last),
            decode.start.eq(self.start),
        ]
        self._queue(m, decode)
        self._issue(m)
        return m

    def _queue(self, m: Module, decode: IndexDecoder) -> None:
        """Fetch the weight of each decoded entry and queue both; tell if the head opens a pass."""
        design = self._design
        queued = queued_layout(design)
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
        held = Signal(entry_layout(design), reset_less=True)
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

        m.d.comb += [
            queue.clear.eq(self.start),
            queue.push.eq(arriving),
            queue.word.weights.eq(self.weight_data),
            queue.pop.eq(self.issue),
            self.head.eq(queue.head),
            self.head_valid.eq(queue.filled[0]),
            self.behind.eq(queue.behind),
            self.followed.eq(queue.followed),
        ]
        m.d.comb += [
            queue.word[name].eq(held[name])
            for name, _ in queued
            if name not in ("window", "weights")
        ]
        if design.delivery == "window":
            base = Signal(WINDOW_COUNT_BITS)  # running number of the first window of a pass
            with m.If(arriving & held.last):
                m.d.sync += base.eq(base + self.registers.windows)
            with m.If(self.start):
                m.d.sync += base.eq(0)
            m.d.comb += queue.word.window.eq(base + held.window)

        with m.If(queue.push):
            m.d.sync += self.begun.eq(1)
        with m.If(queue.pop):
            m.d.sync += self.first.eq(queue.head.last)
        with m.If(self.start):
            m.d.sync += [self.begun.eq(0), self.first.eq(1)]

    def _issue(self, m: Module) -> None:
        """Issue the head of the queue once it is fed and the accumulators are free."""
        entry = self.head
        free = Signal(init=1)
        gated = self.first if self._design.acc_sets == 1 else entry.last
        m.d.comb += self.issue.eq(self.head_valid & self.fed & (free | ~gated))
        with m.If(self.taken):
            m.d.sync += free.eq(1)
        with m.If(self.issue & entry.last):
            m.d.sync += free.eq(0)
        with m.If(self.issue & entry.final):
            m.d.sync += self.done.eq(1)
        with m.If(self.start):
            m.d.sync += [free.eq(1), self.done.eq(0)]

        with m.If(self.issue):
            m.d.sync += self.state.eq(Mux(entry.filler, LaneState.FILLER, LaneState.COMPUTE))
        with m.Elif(self.done):
            m.d.sync += self.state.eq(LaneState.DONE)
        with m.Elif(~self.head_valid):
            m.d.sync += self.state.eq(LaneState.EMPTY)
        with m.Elif(gated & ~free):
            m.d.sync += self.state.eq(LaneState.NOT_FREE)
        with m.Else():
            m.d.sync += self.state.eq(LaneState.NOT_FED)
