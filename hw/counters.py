"""Performance counters: every lane-cycle gets exactly one cause, by the written priority.

The causes and their order are the table "Counters" of ARCHITECTURE.md. Lanes report what they did
in the cycle before; they are counted by cluster, then all together, then by cause, each in a cycle
of its own so that no clock waits for it. A counter is added to in two halves, the carry between
them a cycle later. The counters run ``LAG`` cycles behind.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Design
from .front import LaneState
from .registers import COUNTER_BITS, COUNTERS

__all__ = ["CAUSES", "LANE_CAUSES", "Counters", "causes", "told_members"]

CAUSES = COUNTERS[1:-2]
"""compute, filler and the stalls."""

LANE_CAUSES = tuple(cause for cause in CAUSES if cause != "dram")
"""The causes within a run: ``dram`` is waiting for one to start."""

COUNT_LAG = 4
"""Cycles from a lane's cycle to its count: reported, counted by cluster, in all, by cause."""

LAG = COUNT_LAG + 2
"""Cycles from a lane's cycle to its place in a counter: a count is added, then its carry."""

HALF_BITS = COUNTER_BITS // 2
"""Bits of a counter that are added to at once."""


class Counters(wiring.Component):
    """Adds up lanes per cause while ``running``, from run to run.

    Members
    -------
    clear : Signal, in
        Back to 0.
    running, waiting : Signal, in
        Count this cycle; it is one in which a run waits to be loaded.
    lanes : struct of lane counts per cause, in
        Of ``COUNT_LAG`` cycles before.
    weight_beat, feature_beat, sent : Signal, in
        A beat of that load stream, an output beat is accepted in this cycle.
    weights_swapped, features_swapped : Signal, in
        A run starts on what that stream has loaded: now its beats count.
    values : struct of counters, out
    """

    def __init__(self, design: Design) -> None:
        self._lanes = design.lanes
        lanes = range(design.lanes + 1)
        super().__init__(
            {
                "clear": In(1),
                "running": In(1),
                "waiting": In(1),
                "lanes": In(data.StructLayout({cause: lanes for cause in LANE_CAUSES})),
                "weight_beat": In(1),
                "feature_beat": In(1),
                "weights_swapped": In(1),
                "features_swapped": In(1),
                "sent": In(1),
                "values": Out(data.StructLayout({name: COUNTER_BITS for name in COUNTERS})),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        behind = Signal(COUNT_LAG)  # bit i: running i + 1 cycles before
        m.d.sync += behind.eq(Cat(self.running, behind))
        amounts: dict[str, Value] = {
            "cycles": self.running | self.waiting,
            "dram": Mux(self.waiting, self._lanes, 0),
            "output_beats": self.sent,
            "load_beats": self._loaded(m),
            **{cause: Mux(behind[-1], self.lanes[cause], 0) for cause in LANE_CAUSES},
        }
        for name in COUNTERS:
            self._count(m, name, amounts[name])
        return m

    def _count(self, m: Module, name: str, amount: Value) -> None:
        """Add an amount to a counter: registered, then to the low half, its carry to the high."""
        added = Signal(len(amount), name=f"{name}_added")
        carry = Signal(name=f"{name}_carry")
        value = self.values[name]
        low, high = value[:HALF_BITS], value[HALF_BITS:]
        m.d.sync += [
            added.eq(amount),
            Cat(low, carry).eq(low + added[:HALF_BITS]),
            high.eq(high + added[HALF_BITS:] + carry),
        ]
        with m.If(self.clear):
            m.d.sync += [added.eq(0), carry.eq(0), value.eq(0)]

    def _loaded(self, m: Module) -> Value:
        """Return the beats to be counted in this cycle: of the loads swapped in, one by one."""
        following: Value = Const(0, 32)
        for beat, swapped, name in (
            (self.weight_beat, self.weights_swapped, "weight_beats"),
            (self.feature_beat, self.features_swapped, "feature_beats"),
        ):
            beats, moved = Signal(32, name=name), Signal(32, name=f"{name}_moved")
            with m.If(swapped):
                m.d.sync += [beats.eq(beat), moved.eq(beats)]
            with m.Else():
                m.d.sync += [beats.eq(beats + beat), moved.eq(following)]
            with m.If(self.clear):
                m.d.sync += moved.eq(0)
            following = moved
        return following


def _delayed(m: Module, flag: Signal, name: str) -> Signal:
    """Return a lane's flag as old as the counts over all lanes."""
    for stage in range(COUNT_LAG - 2):
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


def told_members(design: Design) -> dict[str, Any]:
    """Return what an array tells the counters, as inputs; the array has outputs of the names."""
    if design.family == "dense":
        return {"operand": In(1), "filled": In(1), "last_tile": In(1)}
    return {
        "states": In(data.ArrayLayout(LaneState, design.streams)),
        "fed_any": In(1),
        "feeder_waits": In(1),
    }


def causes(m: Module, told: Any, design: Design, counters: Counters) -> None:
    """Give each lane's cycle its cause, from what the array tells (``told_members``)."""
    if design.family == "dense":
        _dense_causes(m, told, design, counters)
    else:
        _sparse_causes(m, told, design, counters)


def _sparse_causes(m: Module, array: Any, design: Design, counters: Counters) -> None:
    """Give each sparse lane's cycle its cause."""
    states = [array.states[stream] for stream in range(design.streams)]
    count = {state: design.simd_group * _lanes_in(m, states, state) for state in LaneState}
    fed_any = _delayed(m, array.fed_any, "fed_any")
    feeder_waits = _delayed(m, array.feeder_waits, "feeder_waits")
    lanes = counters.lanes
    working = Signal()  # some lane has not issued its last entry
    done, not_fed = count[LaneState.DONE], count[LaneState.NOT_FED]
    m.d.comb += working.eq(done != design.lanes)
    m.d.sync += [lanes[cause].eq(0) for cause in LANE_CAUSES]
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


def _dense_causes(m: Module, array: Any, design: Design, counters: Counters) -> None:
    """Give the cycle of all dense lanes its cause."""
    lanes = counters.lanes
    operand = _delayed(m, array.operand, "operand")
    filled = _delayed(m, array.filled, "filled")
    last_tile = _delayed(m, array.last_tile, "last_tile")
    with_filter = Signal(range(design.lanes + 1))
    m.d.comb += with_filter.eq(Mux(last_tile, array.registers.last_tile_lanes, design.lanes))
    m.d.sync += [lanes[cause].eq(0) for cause in LANE_CAUSES]
    with m.If(operand):
        m.d.sync += [
            lanes.compute.eq(with_filter),
            lanes.imbalance.eq(design.lanes - with_filter),
        ]
    with m.Elif(~filled):
        m.d.sync += lanes.fill.eq(design.lanes)
    with m.Else():
        m.d.sync += lanes.drain.eq(design.lanes)
