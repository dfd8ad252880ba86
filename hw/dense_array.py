"""The dense array: every lane multiplies every activation vector by its next weight.

Lanes work in step. The feeder's vector is broadcast to all of them; the weights of all lanes are
read together, in the order of the feed, and again for each position vector. It shares feeder, MACs,
memories and output stage with the sparse array, so that the two differ in sparsity alone.
"""

from amaranth.hdl import Module, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dense_lane import DenseLane
from .design import CLUSTER_LANES, Buffers, Design, broadcast_stages
from .feeder import Feeder
from .passes import PassCounter
from .ports import array_members, forward
from .tree import broadcast
from .walk import step_layout

__all__ = ["DenseArray"]


class DenseArray(wiring.Component):
    """Lanes and feeder of the dense family; the memories are outside.

    Besides the members of every array (``hw.ports``):

    Members
    -------
    weight_address, weight_enable : Signal, out; weight_data : array of weight_bits, in
        Memory read port of the weights of all lanes.
    finished : Signal, in
        The output stage takes the last group of a pass.
    operand, filled : Signal, out
        In the cycle before, an operand was at the MACs; the first operand had come by then.
    last_tile : Signal, out
        That operand belonged to the last filter tile of a group.
    """

    def __init__(self, design: Design, buffers: Buffers) -> None:
        self._design = design
        self._buffers = buffers
        weights = data.ArrayLayout(design.weight_bits, design.lanes)
        super().__init__(
            array_members(design, buffers)
            | {
                "weight_address": Out(range(max(2, buffers.weight_words))),
                "weight_enable": Out(1),
                "weight_data": In(weights),
                "finished": In(1),
                "operand": Out(1),
                "filled": Out(1),
                "last_tile": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design, buffers = self._design, self._buffers
        m.submodules.feeder = feeder = Feeder(design, buffers.feature_words, buffers.offset_words)
        forward(m, self, feeder)

        free, issue = Signal(init=1), Signal()
        gated = feeder.step.first if design.acc_sets == 1 else feeder.step.last
        m.d.comb += [
            feeder.go.eq(free | ~gated),
            issue.eq(feeder.step.valid & feeder.go),
        ]
        with m.If(self.finished):
            m.d.sync += free.eq(1)
        with m.If(issue & feeder.step.last):
            m.d.sync += free.eq(0)
        with m.If(self.start):
            m.d.sync += free.eq(1)

        step = Signal(step_layout())
        m.d.comb += [step.eq(feeder.step), step.valid.eq(issue)]
        row_stages = broadcast_stages(design.lanes)
        weight_stages = broadcast_stages(design.vector)
        steps = [step]  # steps[i]: i cycles after issue
        for stage in range(4 + row_stages):
            later = Signal.like(step, name=f"step_{stage}")
            m.d.sync += later.eq(steps[-1])
            with m.If(self.start):
                m.d.sync += later.valid.eq(0)
            steps.append(later)
        self._read_weights(m, steps[2 + row_stages - weight_stages])
        self._follow(m, steps[4 + row_stages])
        arriving = steps[3 + row_stages - weight_stages].valid
        self._lanes(m, feeder, steps[4 + row_stages], arriving)
        return m

    def _read_weights(self, m: Module, step: data.View) -> None:
        """Read on through the tile's weights; turn back at the end of each pass but its last."""
        m.submodules.passes = passes = PassCounter(self._design)
        address, tile_start = Signal.like(self.weight_address), Signal.like(self.weight_address)
        m.d.comb += [
            passes.registers.eq(self.registers),
            passes.start.eq(self.start),
            passes.advance.eq(step.valid & step.last),
            self.weight_address.eq(address),
            self.weight_enable.eq(1),
        ]
        with m.If(step.valid):
            m.d.sync += address.eq(address + 1)
            with m.If(step.last):
                m.d.sync += address.eq(tile_start)
                with m.If(passes.last_position):
                    m.d.sync += [address.eq(address + 1), tile_start.eq(address + 1)]
        with m.If(self.start):
            m.d.sync += [address.eq(0), tile_start.eq(0)]

    def _follow(self, m: Module, step: data.View) -> None:
        """Tell the counters what the lanes do."""
        m.submodules.position = position = PassCounter(self._design)
        m.d.comb += [
            position.registers.eq(self.registers),
            position.start.eq(self.start),
            position.advance.eq(step.valid & step.last),
        ]
        m.d.sync += [
            self.operand.eq(step.valid),
            self.filled.eq(self.filled | step.valid),
            self.last_tile.eq(position.last_tile),
        ]
        with m.If(self.start):
            m.d.sync += self.filled.eq(0)

    def _lanes(self, m: Module, feeder: Feeder, step: data.View, arriving: Signal) -> None:
        """Broadcast the vector to the lanes."""
        design = self._design
        vectors = broadcast(m, feeder.vectors[0], design.lanes, "vector")
        for index in range(design.lanes):
            lane = DenseLane(design)
            m.submodules[f"lane_{index}"] = lane
            cluster = index // CLUSTER_LANES if len(vectors) > 1 else 0
            m.d.comb += [
                lane.start.eq(self.start),
                lane.weight_data.eq(self.weight_data[index]),
                lane.weight_valid.eq(arriving),
                lane.zero_free.eq(self.registers.weight_code),
                lane.accumulate.eq(self.registers.accumulate),
                lane.operands.eq(vectors[cluster]),
                lane.step.eq(step),
                lane.take.eq(self.take[index]),
                self.ready[index].eq(lane.ready),
                self.sums[index].eq(lane.sums),
            ]
