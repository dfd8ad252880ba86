"""The index fetcher: reads a lane's index words in the order the decoder needs them.

A filter's words are read once per position vector and then left behind. The end flag stored with
the last word of a filter says where to turn back, so no length has to be kept per filter. The
memory's output, which waits there, and one word before it hide the memory's latency: a decoder
that takes one word per cycle is never kept waiting.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .passes import last_of

__all__ = ["IndexFetch", "index_word"]


def index_word(design: Design) -> data.StructLayout:
    """Return the layout of an index word: payload, and the end flag of its filter."""
    return data.StructLayout({"bits": design.scan_bits, "end": 1})


class IndexFetch(wiring.Component):
    """Endless stream of a lane's index words, filter after filter, pass after pass.

    Members
    -------
    start : Signal, in
        Back to the first word; the first word is offered two cycles later.
    position_tiles : Signal(16), in
        Passes per filter.
    address, enable, data : memory read port
        ``data`` follows ``address`` by one cycle and is held while ``enable`` is low.
    word : stream of index_word, out
    """

    def __init__(self, design: Design, depth: int) -> None:
        self._design = design
        super().__init__(
            {
                "start": In(1),
                "position_tiles": In(16),
                "address": Out(range(max(2, depth))),
                "enable": Out(1),
                "data": In(index_word(design)),
                "word": Out(stream.Signature(index_word(design))),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        here, filter_start = Signal.like(self.address), Signal.like(self.address)
        active, held = Signal(), Signal()  # held: the memory's output is a word not yet offered
        taken = Signal()  # the word offered goes, or there is none
        filter_ends = Signal()  # a filter's last word goes

        m.d.comb += [
            taken.eq(~self.word.valid | self.word.ready),
            self.enable.eq(active & (~held | taken)),
            self.address.eq(here),
            filter_ends.eq(self.enable & held & self.data.end),
        ]
        last_position = last_of(m, self.position_tiles, self.start, filter_ends, "position")
        with m.If(taken):
            m.d.sync += [self.word.payload.eq(self.data), self.word.valid.eq(held)]
        with m.If(held):
            m.d.comb += self.address.eq(here + 1)
            with m.If(self.data.end & ~last_position):
                m.d.comb += self.address.eq(filter_start)
        with m.If(self.enable):
            m.d.sync += [here.eq(self.address), held.eq(1)]
            with m.If(filter_ends & last_position):
                m.d.sync += filter_start.eq(here + 1)
        with m.If(self.start):
            m.d.sync += [here.eq(0), filter_start.eq(0), held.eq(0), active.eq(1)]
            m.d.sync += self.word.valid.eq(0)
        return m
