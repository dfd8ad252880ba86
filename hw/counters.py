"""Performance counters: every lane-cycle gets exactly one cause, by the written priority.

The causes and their order are the table "Counters" of ARCHITECTURE.md. Lanes report what they did
in the cycle before; they are counted by cluster, then all together, then by cause, each in a cycle
of its own so that no clock waits for it. The counters run ``LAG`` cycles behind.
"""

from amaranth.hdl import Cat, Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dense_array import DenseArray
from .design import CLUSTER_LANES, Design
from .lane import LaneState
from .registers import COUNTER_BITS, COUNTERS
from .sparse_array import SparseArray

__all__ = ["CAUSES", "Counters", "dense_causes", "sparse_causes"]

CAUSES = COUNTERS[1:-2]
"""compute, filler and the stalls."""

LAG = 4
"""Cycles from a lane's cycle to its count: reported, counted by cluster, in all, by cause."""


class Counters(wiring.Component):
    """Adds up lanes per cause while ``running``.

    Members
    -------
    start, running : Signal, in
        Clear; count this cycle.
    lanes : struct of lane counts per cause, in
        Of ``LAG`` cycles before.
    loaded, sent : Signal, in
        A load beat, an output beat is accepted in this cycle.
    values : struct of counters, out
    """

    def __init__(self, design: Design) -> None:
        lanes = range(design.lanes + 1)
        super().__init__(
            {
                "start": In(1),
                "running": In(1),
                "lanes": In(data.StructLayout({cause: lanes for cause in CAUSES})),
                "loaded": In(1),
                "sent": In(1),
                "values": Out(data.StructLayout({name: COUNTER_BITS for name in COUNTERS})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        behind = Signal(LAG)  # bit i: running i + 1 cycles before
        values = self.values
        m.d.sync += behind.eq(Cat(self.running, behind))
        with m.If(self.running):
            m.d.sync += values.cycles.eq(values.cycles + 1)
        with m.If(behind[-1]):
            for cause in CAUSES:
                m.d.sync += values[cause].eq(values[cause] + self.lanes[cause])
        with m.If(self.sent):
            m.d.sync += values.output_beats.eq(values.output_beats + 1)
        with m.If(self.start):
            for name in COUNTERS:
                if name != "load_beats":
                    m.d.sync += values[name].eq(0)
            m.d.sync += behind.eq(0)
        loads_end = Signal()  # the next load beat is the first for another layer
        with m.If(self.loaded):
            m.d.sync += [
                values.load_beats.eq(Mux(loads_end, 1, values.load_beats + 1)),
                loads_end.eq(0),
            ]
        with m.If(self.start):
            m.d.sync += loads_end.eq(1)
        return m


def _delayed(m: Module, flag: Signal, name: str) -> Signal:
    """Return a lane's flag as old as the counts over all lanes."""
    for stage in range(LAG - 2):
        later = Signal(name=f"{name}_{stage}")
        m.d.sync += later.eq(flag)
        flag = later
    return flag


def _lanes_in(m: Module, states: list[Signal], state: LaneState) -> Signal:
    """Count the lanes in a state: registered by cluster, then in all."""
    parts = []
    for low in range(0, len(states), CLUSTER_LANES):
        here = [lane == state for lane in states[low : low + CLUSTER_LANES]]
        part = Signal(range(len(here) + 1), name=f"{state.name.lower()}_{low}")
        m.d.sync += part.eq(sum(here[1:], here[0]))
        parts.append(part)
    total = Signal(range(len(states) + 1), name=f"{state.name.lower()}_lanes")
    m.d.sync += total.eq(sum(parts[1:], parts[0]))
    return total


def sparse_causes(m: Module, array: SparseArray, design: Design, counters: Counters) -> None:
    """Give each sparse lane's cycle its cause."""
    states = [array.states[lane] for lane in range(design.lanes)]
    count = {state: _lanes_in(m, states, state) for state in LaneState}
    fed_any = _delayed(m, array.fed_any, "fed_any")
    feeder_waits = _delayed(m, array.feeder_waits, "feeder_waits")
    lanes = counters.lanes
    working = Signal()  # some lane has not issued its last entry
    done, not_fed = count[LaneState.DONE], count[LaneState.NOT_FED]
    m.d.comb += working.eq(done != design.lanes)
    m.d.sync += [lanes[cause].eq(0) for cause in CAUSES]
    m.d.sync += [
        lanes.compute.eq(count[LaneState.COMPUTE]),
        lanes.filler.eq(count[LaneState.FILLER]),
    ]
    with m.If(~fed_any):  # nothing can have been issued
        m.d.sync += lanes.fill.eq(design.lanes)
    with m.Else():
        m.d.sync += [
            lanes.imbalance.eq(Mux(working, done, 0)),
            lanes.weight_buffer.eq(count[LaneState.EMPTY]),
            lanes.drain.eq(count[LaneState.NOT_FREE] + Mux(working, 0, done)),
            lanes.window.eq(Mux(feeder_waits, not_fed, 0)),
            lanes.feed.eq(Mux(feeder_waits, 0, not_fed)),
        ]


def dense_causes(m: Module, array: DenseArray, design: Design, counters: Counters) -> None:
    """Give the cycle of all dense lanes its cause."""
    lanes = counters.lanes
    operand = _delayed(m, array.operand, "operand")
    filled = _delayed(m, array.filled, "filled")
    last_tile = _delayed(m, array.last_tile, "last_tile")
    with_filter = Signal(range(design.lanes + 1))
    m.d.comb += with_filter.eq(Mux(last_tile, array.registers.last_tile_lanes, design.lanes))
    m.d.sync += [lanes[cause].eq(0) for cause in CAUSES]
    with m.If(operand):
        m.d.sync += [
            lanes.compute.eq(with_filter),
            lanes.imbalance.eq(design.lanes - with_filter),
        ]
    with m.Elif(~filled):
        m.d.sync += lanes.fill.eq(design.lanes)
    with m.Else():
        m.d.sync += lanes.drain.eq(design.lanes)
