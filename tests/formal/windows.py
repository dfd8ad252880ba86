"""Windows and credits: what a lane may still need is not overwritten.

``WindowProperty`` is about one cluster's ring with lanes and a feeder that do as they like within
the rules; it is proven for any number of cycles.
"""

from typing import Any

from amaranth.hdl import Mux, Signal

from bosquet.hw.design import Design

from .property import Property, pick

__all__ = ["DESIGN", "LANES", "WindowProperty"]

DESIGN = Design("sparse", lanes=2, vector=1, window=2, feed=1, run_ahead=3, act_bits=2)
LANES = 2


class WindowProperty(Property):
    """A ring of three windows: counts, credits, and what stands in it.

    The feeder begins a window only with a credit: one for each window of the ring, taken when a
    window is begun, given back by ``give_back``. Two lanes say when they are past.
    """

    def __init__(self, cluster: Any) -> None:
        super().__init__()
        m = self.m
        m.submodules.cluster = cluster
        steps, ahead = DESIGN.window // DESIGN.feed, DESIGN.run_ahead
        feeds, data = self.free(1, "feeds"), self.free(DESIGN.act_bits, "data")
        short = self.free(1, "short")  # the window ends early, with its pass
        past = self.free(LANES, "past")
        credits, place, within = Signal(range(ahead + 1), init=ahead), Signal(2), Signal(1)
        valid, last, opens = Signal(), Signal(), Signal()
        m.d.comb += [
            cluster.start.eq(self.first),
            cluster.past.eq(past),
            valid.eq(feeds & ~self.first & ((within != 0) | credits.any())),
            opens.eq(valid & (within == 0)),
            last.eq(valid & (short | (within == steps - 1))),
            cluster.feed.valid.eq(valid),
            cluster.feed.last.eq(last),
            cluster.feed.step.eq(place * steps + within),
            cluster.feed.vectors[0][0].eq(data),
        ]
        with m.If(valid):
            m.d.sync += within.eq(within + 1)
        with m.If(last):
            m.d.sync += [within.eq(0), place.eq(Mux(place == ahead - 1, 0, place + 1))]
        m.d.sync += credits.eq(credits + cluster.give_back - opens)

        held, going = Signal(13), Signal()
        m.d.comb += [held.eq(cluster.fed - cluster.released), going.eq(~self.first)]
        begun = within != 0
        self.claim(held + begun + credits == ahead, when=going)
        self.claim(held <= ahead, when=going)
        self.claim(place < ahead)
        # Progress: a window that was fed and that all lanes are past is given back at once.
        self.claim(cluster.give_back == (past.all() & (held != 0)), when=going)
        fed_before, released_before = (
            self.before(cluster.fed, "fed_before"),
            self.before(cluster.released, "released_before"),
        )
        after = ~self.first & ~self.before(self.first, "first_before")
        grew = self.before(last, "last_before")
        bits = len(cluster.fed)  # the running numbers wrap
        self.claim(cluster.fed == (fed_before + grew)[:bits], when=after)
        gave = self.before(cluster.give_back, "gave_before")
        self.claim(cluster.released == (released_before + gave)[:bits], when=after)

        # One vector, followed from its feed step until its window is given back: it stays.
        chosen = self.free(1, "chosen")
        watch, slot, value = Signal(), Signal(range(DESIGN.ring)), Signal(DESIGN.act_bits)
        behind = Signal(3)  # windows to be given back, its own with them
        count = held - cluster.give_back + 1
        with m.If(watch & cluster.give_back):
            m.d.sync += behind.eq(behind - 1)
            with m.If(behind == 1):
                m.d.sync += watch.eq(0)
        with m.If(valid & chosen & ~watch):
            m.d.sync += [watch.eq(1), slot.eq(place * steps + within), value.eq(data),
                         behind.eq(count)]  # fmt: skip
        vectors = [cluster.ring[i][0] for i in range(DESIGN.ring)]
        self.claim(pick(vectors, slot)[: DESIGN.act_bits] == value, when=watch)
        # What makes the proof hold for any number of cycles: where the watched window stands.
        newer, slot_place = Signal(13), Signal(2)  # windows fed since its own began
        m.d.comb += [newer.eq(held + 1 - behind), slot_place.eq(slot // steps)]
        self.claim((behind != 0) & (behind <= held + 1) & (slot < DESIGN.ring), when=watch)
        self.claim((newer != 0) | (slot % steps < within), when=watch)
        ahead_of = Signal(4)
        m.d.comb += ahead_of.eq(slot_place + newer[:3])
        self.claim((ahead_of == place) | (ahead_of == place + ahead), when=watch)
        self.cover(held == ahead)
        self.cover(watch & (behind == 1) & (cluster.released == 2) & (cluster.fed == 4))
