"""The output stage: visits the lanes, requantizes their sums, and sends beats.

One multiplier column per output position of a beat. Stages after a group is begun: M cycles to
pick the lane's sums (one per 16-fold multiplexer), then those of ``hw.scale``. Where each column
has a filter of its own, a group is visited once for every column, which is the first of the beat.
When the output stream is not ready, the whole stage holds.
"""

from typing import Any

from amaranth.hdl import Array, Cat, Module, Mux, Signal, signed
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import CLUSTER_LANES, Design
from .passes import PassCounter
from .registers import layer_layout
from .scale import SCALE_STAGES, Scale, filter_layout

__all__ = ["OutputStage", "beat_layout", "filter_layout"]


def beat_layout(design: Design) -> data.StructLayout:
    """Return the layout of an output beat: columns of ``drain`` lanes, and the layer's end."""
    columns = data.ArrayLayout(signed(design.act_bits), design.beat_columns)
    return data.StructLayout({"lanes": data.ArrayLayout(columns, design.drain), "last": 1})


class OutputStage(wiring.Component):
    """Drains finished sums in lane order and requantizes them.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    ready : Signal(lanes), in
        Lanes whose ``sums`` are finished.
    take : Signal(lanes), out
        Lanes whose sums have been read.
    sums : array of lanes arrays of V signed(acc_bits), in
    filter_address, filter_enable, filter_data : memory read ports, one per drain unit
    beat : stream of beat_layout, out
    finished : Signal, out
        The last group of a pass is taken.
    """

    def __init__(self, design: Design, filter_words: int) -> None:
        self._design = design
        sums = data.ArrayLayout(signed(design.acc_bits), design.vector)
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "ready": In(design.lanes),
                "take": Out(design.lanes),
                "sums": In(data.ArrayLayout(sums, design.lanes)),
                "filter_address": Out(range(max(2, filter_words))),
                "filter_enable": Out(1),
                "filter_data": In(data.ArrayLayout(filter_layout(design), design.drain)),
                "beat": Out(stream.Signature(beat_layout(design))),
                "finished": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        flow = Signal()  # the stage moves on
        m.d.comb += flow.eq(~self.beat.valid | self.beat.ready)
        visit, rows = self._pick(m, flow, self._visit(m, flow))
        self._scale(m, flow, visit, rows)
        return m

    def _visit_layout(self) -> data.StructLayout:
        """Return what is known of a visit: whom it is to, and whether a beat comes of it."""
        design = self._design
        return data.StructLayout(
            {
                "group": range(max(2, design.drain_groups)),
                "chunk": range(max(2, design.drain_cycles)),  # of the columns of a beat
                "column": range(max(2, design.weights_per_row)),  # the first of them
                "address": self.filter_address.shape(),
                "send": 1,
                "last": 1,
            }
        )

    def _visit(self, m: Module, flow: Signal) -> data.View:
        """Walk the groups; give each its cycles once all its lanes are ready."""
        design, registers = self._design, self.registers
        m.submodules.passes = passes = PassCounter(design)
        visit, at = Signal(self._visit_layout()), Signal(self._visit_layout())
        active, work, end = Signal(), Signal(), Signal()
        tile_base = Signal.like(self.filter_address)
        members = [
            range(g * design.drain, min((g + 1) * design.drain, design.lanes))
            for g in range(design.drain_groups)
        ]
        group_ready = Array([Cat(*(self.ready[lane] for lane in g)).all() for g in members])
        last_group, next_filter = Signal(), Signal()
        lanes_below = Signal(range(design.lanes + design.drain + 1))  # lanes of groups so far
        if design.weights_per_row == 1:
            last_chunk = at.chunk == design.drain_cycles - 1
            columns: Any = 0
            m.d.comb += next_filter.eq(end)
        else:
            own = registers.own_filters
            last_chunk = at.column == design.vector - Mux(own, 1, design.beat_columns)
            columns = Mux(own, 1, design.beat_columns)
            m.d.comb += next_filter.eq(end | (work & own))
        m.d.comb += [
            visit.eq(at),
            work.eq(active & flow & group_ready[at.group]),
            end.eq(work & last_chunk),
            last_group.eq(at.group == design.drain_groups - 1),
            self.finished.eq(end & last_group),
            passes.registers.eq(registers),
            passes.start.eq(self.start),
            passes.advance.eq(self.finished),
            visit.send.eq(work & (~passes.last_tile | (lanes_below < registers.last_tile_lanes))),
            visit.last.eq(
                end & passes.last & (lanes_below + design.drain >= registers.last_tile_lanes)
            ),
        ]
        for g, lanes in enumerate(members):
            for lane in lanes:
                m.d.comb += self.take[lane].eq(end & (at.group == g))
        with m.If(work):
            m.d.sync += [at.chunk.eq(at.chunk + 1), at.column.eq(at.column + columns)]
        with m.If(next_filter):
            m.d.sync += at.address.eq(at.address + 1)
        with m.If(end):
            m.d.sync += [
                at.chunk.eq(0),
                at.column.eq(0),
                at.group.eq(at.group + 1),
                lanes_below.eq(lanes_below + design.drain),
            ]
            with m.If(last_group):
                m.d.sync += [at.group.eq(0), lanes_below.eq(0), at.address.eq(tile_base)]
                with m.If(passes.last_position):
                    m.d.sync += [
                        at.address.eq(at.address + 1),
                        tile_base.eq(at.address + 1),
                    ]
                if design.family == "eie":  # image after image: the filters begin again
                    with m.If(passes.last_tile):
                        m.d.sync += at.address.eq(0)
                m.d.sync += active.eq(~passes.last)
        with m.If(self.start):
            m.d.sync += [
                active.eq(1),
                at.group.eq(0),
                at.chunk.eq(0),
                at.column.eq(0),
                at.address.eq(0),
                lanes_below.eq(0),
                tile_base.eq(0),
            ]
        return visit

    def _pick(self, m: Module, flow: Signal, visit: data.View) -> tuple[data.View, list[Any]]:
        """Multiplex the visited lanes' columns into registers; read their filter words.

        Where a beat may be of any column, that column is picked a cycle later.
        """
        design = self._design
        lane_sums = self.sums.shape().elem_shape
        lanes = [
            [
                self.sums[min(g * design.drain + u, design.lanes - 1)]
                for g in range(design.drain_groups)
            ]
            for u in range(design.drain)
        ]
        index = visit.group
        m.d.comb += self.filter_enable.eq(flow)
        if design.drain_groups > CLUSTER_LANES:
            for u in range(design.drain):
                halfway = []
                for start in range(0, design.drain_groups, CLUSTER_LANES):
                    some = lanes[u][start : start + CLUSTER_LANES]
                    part = Signal(lane_sums, name=f"halfway_{u}_{start}")
                    with m.If(flow):
                        m.d.sync += part.eq(Array([s.as_value() for s in some])[visit.group[:4]])
                    halfway.append(part)
                lanes[u] = halfway
            visit = self._following(m, flow, visit, "halfway")
            index = visit.group[4:]
        m.d.comb += self.filter_address.eq(visit.address)
        rows: list[Any] = []
        for u in range(design.drain):
            lane = Signal(lane_sums, name=f"lane_{u}")
            m.d.comb += lane.eq(Array([s.as_value() for s in lanes[u]])[index])
            wanted = self._wanted(lane, visit) if design.weights_per_row == 1 else list(lane)
            row = Signal(data.ArrayLayout(signed(design.acc_bits), len(wanted)), name=f"picked_{u}")
            with m.If(flow):
                m.d.sync += [row[i].eq(sums) for i, sums in enumerate(wanted)]
            rows.append(row)
        return self._following(m, flow, visit, "picked"), rows

    def _wanted(self, lane: Any, visit: data.View) -> list[Any]:
        """Return the columns of a lane that a beat is of."""
        design = self._design
        count = design.beat_columns
        wanted = [
            Array([lane[i * count + c] for i in range(design.drain_cycles)])[visit.chunk]
            for c in range(count)
        ]
        if design.weights_per_row > 1:
            wanted[0] = Array(list(lane))[visit.column]
        return wanted

    def _following(self, m: Module, flow: Signal, visit: data.View, name: str) -> data.View:
        """Return what is known of a visit, a stage later."""
        later = Signal(visit.shape(), name=f"visit_{name}")
        with m.If(flow):
            m.d.sync += later.eq(visit)
        with m.If(self.start):
            m.d.sync += [later.send.eq(0), later.last.eq(0)]
        return later

    def _scale(self, m: Module, flow: Signal, visit: data.View, rows: list[Any]) -> None:
        """Requantize the picked sums; send the beats that come of it."""
        design, registers = self._design, self.registers
        for u, row in enumerate(rows):
            m.submodules[f"scale_{u}"] = scale = Scale(design)
            wanted = list(row) if design.weights_per_row == 1 else self._wanted(row, visit)
            m.d.comb += [
                scale.flow.eq(flow),
                scale.filter.eq(self.filter_data[u]),
                scale.zero_point.eq(registers.zero_point),
                scale.low.eq(registers.low),
                scale.high.eq(registers.high),
                *(scale.sums[i].eq(sums) for i, sums in enumerate(wanted)),
                self.beat.payload.lanes[u].eq(scale.outputs),
            ]
        flags = Signal(data.StructLayout({"send": 1, "last": 1}), name="flags_0")
        m.d.comb += [flags.send.eq(visit.send), flags.last.eq(visit.last)]
        for stage in range(1, SCALE_STAGES):
            flags = self._following(m, flow, flags, str(stage))
        with m.If(flow):
            m.d.sync += [self.beat.valid.eq(flags.send), self.beat.payload.last.eq(flags.last)]
        with m.If(self.start):
            m.d.sync += self.beat.valid.eq(0)
