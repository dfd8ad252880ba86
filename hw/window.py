"""A cluster's activation windows: a ring of vectors that up to 16 lanes pick from.

Every cluster holds its own copy, written by the broadcast feed, so that no vector drives more
than 16 lanes. A window is given back once all lanes of the cluster are past it.
"""

from amaranth.hdl import Module, Mux, Signal, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .program import WINDOW_COUNT_BITS

__all__ = ["ClusterWindow", "feed_layout"]


def feed_layout(design: Design) -> data.StructLayout:
    """Return the layout of a feed step on its way into the windows.

    ``step`` is its place in the ring, ``last`` ends a window.
    """
    vector = data.ArrayLayout(signed(design.act_bits), design.vector)
    return data.StructLayout(
        {
            "valid": 1,
            "last": 1,
            "step": unsigned((design.ring // design.feed - 1).bit_length()),
            "vectors": data.ArrayLayout(vector, design.feed),
        }
    )


class ClusterWindow(wiring.Component):
    """The ring of one cluster.

    Members
    -------
    start : Signal, in
    feed : feed_layout, in
    past : Signal(lanes), in
        Lanes that issue nothing of a window up to number ``released`` from the next cycle on.
    ring : array of window * run_ahead vectors, out
    fed, released : Signal, out
        Running numbers of windows received and given back.
    oldest : Signal, out
        Where window number ``released`` stands in the ring.
    give_back : Signal, out
        A window is given back in this cycle.
    """

    def __init__(self, design: Design, lanes: int) -> None:
        self._design = design
        vector = data.ArrayLayout(signed(design.act_bits), design.vector)
        super().__init__(
            {
                "start": In(1),
                "feed": In(feed_layout(design)),
                "past": In(lanes),
                "ring": Out(data.ArrayLayout(vector, design.ring)),
                "fed": Out(WINDOW_COUNT_BITS),
                "released": Out(WINDOW_COUNT_BITS),
                "oldest": Out(range(max(2, design.run_ahead))),
                "give_back": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        # Nobody reads a slot before it is written, so that it needs no reset: a gate less per bit.
        ring = Signal.like(self.ring, reset_less=True)
        m.d.comb += self.ring.eq(ring)
        for slot in range(design.ring):
            step, vector = divmod(slot, design.feed)
            with m.If(self.feed.valid & (self.feed.step == step)):
                m.d.sync += ring[slot].eq(self.feed.vectors[vector])
        m.d.comb += self.give_back.eq(self.past.all() & (self.released != self.fed))
        with m.If(self.feed.valid & self.feed.last):
            m.d.sync += self.fed.eq(self.fed + 1)
        with m.If(self.give_back):
            m.d.sync += [
                self.released.eq(self.released + 1),
                self.oldest.eq(Mux(self.oldest == design.run_ahead - 1, 0, self.oldest + 1)),
            ]
        with m.If(self.start):
            m.d.sync += [self.fed.eq(0), self.released.eq(0), self.oldest.eq(0)]
        return m
