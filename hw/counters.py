"""Performance counters: every lane-cycle gets exactly one cause, by the written priority.

The causes and their order are the table "Counters" of ARCHITECTURE.md. Lanes report what they did
in the cycle before; the counters run one cycle behind.
"""

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dense_array import DenseArray
from .design import Design
from .lane import LaneState
from .registers import COUNTER_BITS, COUNTERS
from .sparse_array import SparseArray

__all__ = ["CAUSES", "Counters", "dense_causes", "sparse_causes"]

CAUSES = COUNTERS[1:-2]
"""compute, filler and the stalls."""


class Counters(wiring.Component):
    """Adds up lanes per cause while ``running``.

    Members
    -------
    start, running : Signal, in
        Clear; count this cycle.
    lanes : struct of lane counts per cause, in
        Of the cycle before.
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
        behind = Signal()
        values = self.values
        m.d.sync += behind.eq(self.running)
        with m.If(self.running):
            m.d.sync += values.cycles.eq(values.cycles + 1)
        with m.If(behind):
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


def _count(bits: list[Signal]) -> Signal:
    return sum(bits[1:], bits[0])


def sparse_causes(m: Module, array: SparseArray, design: Design, counters: Counters) -> None:
    """Give each sparse lane's cycle its cause."""
    states = [array.states[lane] for lane in range(design.lanes)]
    by_state = {s: _count([state == s for state in states]) for s in LaneState}
    lanes = counters.lanes
    idle = Signal(range(design.lanes + 1))  # lanes that issue nothing
    working = Signal()  # some lane has not issued its last entry
    m.d.comb += [
        lanes.compute.eq(by_state[LaneState.COMPUTE]),
        lanes.filler.eq(by_state[LaneState.FILLER]),
        idle.eq(design.lanes - lanes.compute - lanes.filler),
        working.eq(by_state[LaneState.DONE] != design.lanes),
    ]
    with m.If(~array.fed_any):
        m.d.comb += lanes.fill.eq(idle)
    with m.Else():
        m.d.comb += [
            lanes.imbalance.eq(Mux(working, by_state[LaneState.DONE], 0)),
            lanes.weight_buffer.eq(by_state[LaneState.EMPTY]),
            lanes.drain.eq(
                by_state[LaneState.NOT_FREE] + Mux(working, 0, by_state[LaneState.DONE])
            ),
            lanes.window.eq(Mux(array.feeder_waits, by_state[LaneState.NOT_FED], 0)),
            lanes.feed.eq(Mux(array.feeder_waits, 0, by_state[LaneState.NOT_FED])),
        ]


def dense_causes(m: Module, array: DenseArray, design: Design, counters: Counters) -> None:
    """Give the cycle of all dense lanes its cause."""
    lanes = counters.lanes
    with_filter = Signal(range(design.lanes + 1))
    m.d.comb += with_filter.eq(Mux(array.last_tile, array.registers.last_tile_lanes, design.lanes))
    with m.If(array.operand):
        m.d.comb += [
            lanes.compute.eq(with_filter),
            lanes.imbalance.eq(design.lanes - with_filter),
        ]
    with m.Elif(~array.filled):
        m.d.comb += lanes.fill.eq(design.lanes)
    with m.Else():
        m.d.comb += lanes.drain.eq(design.lanes)
