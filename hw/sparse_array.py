"""The sparse array: feeder, clusters of lanes with their windows, and window credits.

A window is written while every cluster has a free one. The feeder reads ahead: when it must wait,
its stages hold what they have read, and go on in the cycle after the last cluster gives back.
"""

from functools import partial
from typing import Any

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring

from .design import CLUSTER_LANES, Buffers, Design, broadcast_stages
from .feeder import Feeder
from .lane import SparseLane
from .ports import array_members, forward, stream_members
from .shared import add_equal
from .tree import broadcast
from .window import ClusterWindow, feed_layout

__all__ = ["SparseArray", "release_stages"]


def release_stages(design: Design) -> int:
    """Return by how many cycles a window is given back later than its last entry is issued.

    The entry reads the window a cycle after it has passed the broadcast stages of V; what is fed
    into the place takes as long to get there as the broadcast stages of the lanes.
    """
    return max(0, broadcast_stages(design.vector) - broadcast_stages(design.streams))


class SparseArray(wiring.Component):
    """Lanes, windows and feeder of the sparse family; the memories are outside.

    Its members are ``array_members`` and ``stream_members`` of ``hw.ports``; a window that has
    been fed is what makes ``fed_any``.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        super().__init__(array_members(design, buffers) | stream_members(design, buffers))

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, buffers = self._design, self._buffers
        m.submodules.feeder = feeder = Feeder(design, buffers.feature_words, buffers.offset_words)
        forward(m, self, feeder)
        clusters = []
        for c in range(design.clusters):
            size = min(CLUSTER_LANES, design.streams - c * CLUSTER_LANES)
            make = partial(ClusterWindow, design, size)
            clusters.append(add_equal(m, f"window_{c}", f"window_of_{size}", make, platform))
        self._pace(m, feeder, clusters)
        for c, cluster in enumerate(clusters):
            m.d.comb += cluster.start.eq(self.start)
            streams = range(c * CLUSTER_LANES, min((c + 1) * CLUSTER_LANES, design.streams))
            past = []
            for index in streams:
                lanes = range(index * design.simd_group, (index + 1) * design.simd_group)
                lane = add_equal(m, f"lane_{index}", "lane", self._lane, platform)
                m.d.comb += [
                    lane.registers.eq(self.registers),
                    lane.absent_in_last.eq(lanes[0] >= self.registers.last_tile_lanes),
                    lane.start.eq(self.start),
                    self.index_address[index].eq(lane.index_address),
                    self.index_enable[index].eq(lane.index_enable),
                    lane.index_data.eq(self.index_data[index]),
                    self.weight_address[index].eq(lane.weight_address),
                    self.weight_enable[index].eq(lane.weight_enable),
                    lane.weight_data.eq(self.weight_data[index]),
                    lane.ring.eq(cluster.ring),
                    lane.fed.eq(cluster.fed),
                    lane.released.eq(cluster.released),
                    lane.oldest.eq(cluster.oldest),
                    lane.take.eq(self.take[lanes.start : lanes.stop]),
                    self.ready[lanes.start : lanes.stop].eq(lane.ready),
                    *(self.sums[one].eq(lane.sums[row]) for row, one in enumerate(lanes)),
                    self.states[index].eq(lane.state),
                ]
                past.append(lane.past)
            m.d.comb += cluster.past.eq(Cat(*past))
        return m

    def _lane(self) -> SparseLane:
        return SparseLane(self._design, self._buffers.index_words, self._buffers.weight_words)

    def _pace(self, m: Module, feeder: Feeder, clusters: list[Any]) -> None:
        """Group steps into windows, hold the feeder back, and broadcast what it reads."""
        design = self._design
        window_steps = design.window // design.feed
        steps_left_bits = range(max(2, window_steps))
        within = Signal(steps_left_bits)  # step within its window
        place = Signal(range(max(2, design.run_ahead)))  # window within the ring
        ends = Signal()
        m.d.comb += [
            feeder.go.eq(1),
            ends.eq(feeder.step.last | (within == window_steps - 1)),
        ]
        with m.If(feeder.step.valid & ~feeder.hold):
            m.d.sync += within.eq(within + 1)
            with m.If(ends):
                m.d.sync += [
                    within.eq(0),
                    place.eq(Mux(place == design.run_ahead - 1, 0, place + 1)),
                ]
        with m.If(self.start):
            m.d.sync += [within.eq(0), place.eq(0)]

        written = Signal(feed_layout(design))
        step = Signal(
            data.StructLayout({"valid": 1, "opens": 1, "last": 1, "step": written.step.shape()})
        )
        m.d.comb += [
            step.valid.eq(feeder.step.valid),
            step.opens.eq(within == 0),
            step.last.eq(ends),
            step.step.eq(place * window_steps + within),
        ]
        for stage in range(4):
            later = Signal.like(step, name=f"step_{stage}")
            with m.If(~feeder.hold):
                m.d.sync += later.eq(step)
            with m.If(self.start):
                m.d.sync += later.valid.eq(0)
            step = later

        free, opens = Signal(), Signal()
        credits = [
            Signal(range(design.run_ahead + 1), init=design.run_ahead, name=f"credits_{c}")
            for c in range(len(clusters))
        ]
        m.d.comb += [
            free.eq(Cat(*(credit.any() for credit in credits)).all()),
            feeder.hold.eq(step.valid & step.opens & ~free),
            opens.eq(step.valid & step.opens & free),
            written.valid.eq(step.valid & ~feeder.hold & ~self.start),
            written.last.eq(step.last),
            written.step.eq(step.step),
            written.vectors.eq(feeder.vectors),
        ]
        for c, (credit, cluster) in enumerate(zip(credits, clusters, strict=True)):
            given_back = cluster.give_back
            for stage in range(release_stages(design)):
                later = Signal(name=f"given_back_{c}_{stage}")
                m.d.sync += later.eq(given_back & ~self.start)
                given_back = later
            m.d.sync += credit.eq(credit + given_back - opens)
            with m.If(self.start):
                m.d.sync += credit.eq(design.run_ahead)
        spread = broadcast(m, written, design.streams, "feed")
        for c, cluster in enumerate(clusters):
            m.d.comb += cluster.feed.eq(spread[c if len(spread) > 1 else 0])

        fed_before = Signal()
        with m.If(clusters[0].feed.valid & clusters[0].feed.last):
            m.d.sync += fed_before.eq(1)
        with m.If(self.start):
            m.d.sync += fed_before.eq(0)
        m.d.sync += [self.fed_any.eq(fed_before), self.feeder_waits.eq(feeder.hold)]
