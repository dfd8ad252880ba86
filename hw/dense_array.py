"""The dense array: every lane multiplies every activation vector by its next weight.

Lanes work in step. The feeder's vector is broadcast to all of them; the weights of all lanes are
read together, in the order of the feed, and again for each position vector. It shares feeder, MACs,
memories and output stage with the sparse array, so that the two differ in sparsity alone.

With ``weights_per_row`` each column can work on a filter of its own. Then all columns get the first
activation of the vector, and a row reads V weights per step. In other layers a row's word holds its
next V weights, of which each step takes one: the memory is full either way.
"""

from functools import partial
from typing import Any

from amaranth.hdl import Module, Mux, Signal
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .dense_lane import DenseLane
from .design import CLUSTER_LANES, Buffers, Design, broadcast_stages
from .feeder import Feeder
from .passes import PassCounter
from .ports import array_members, forward
from .shared import add_equal
from .tree import broadcast
from .walk import step_layout

__all__ = ["DenseArray", "column_stages"]


def column_stages(design: Design) -> int:
    """Return the stages between feeder and broadcast that may give all columns one activation."""
    return 0 if design.weights_per_row == 1 else 1 + broadcast_stages(design.vector)


class DenseArray(wiring.Component):
    """Lanes and feeder of the dense family; the memories are outside.

    Besides the members of every array (``hw.ports``):

    Members
    -------
    weight_address, weight_enable : Signal, out; weight_data : array of weight words, in
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
        weights = data.ArrayLayout(design.weight_word_bits, design.lanes)
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
        to_operand = 4 + column_stages(design) + broadcast_stages(design.lanes)
        weight_stages = 2 if design.weights_per_row > 1 else 1 + broadcast_stages(design.vector)
        arrives = to_operand - weight_stages  # the weight, at the memory output
        steps = [step]  # steps[i]: i cycles after issue
        for stage in range(to_operand):
            later = Signal.like(step, name=f"step_{stage}")
            m.d.sync += later.eq(steps[-1])
            with m.If(self.start):
                m.d.sync += later.valid.eq(0)
            steps.append(later)
        place = self._read_weights(m, steps[arrives - 1])
        self._follow(m, steps[to_operand])
        vector = self._columns(m, feeder)
        self._lanes(m, vector, steps[to_operand], steps[arrives].valid, place, platform)
        return m

    def _read_weights(self, m: Module, step: data.View) -> Signal:
        """Read on through the tile's weights; turn back at the end of each pass but its last.

        Return which weight of the word is wanted that arrives.
        """
        design = self._design
        m.submodules.passes = passes = PassCounter(design)
        where = data.StructLayout(
            {"place": range(design.weights_per_row), "word": self.weight_address.shape()}
        )
        here, tile_start, following = Signal(where), Signal(where), Signal(where)
        arriving_place = Signal.like(here.place)
        m.d.comb += [
            passes.registers.eq(self.registers),
            passes.start.eq(self.start),
            passes.advance.eq(step.valid & step.last),
            self.weight_address.eq(here.word),
            self.weight_enable.eq(1),
            following.word.eq(here.word + 1),
        ]
        if design.weights_per_row > 1:
            word_lasts = ~self.registers.own_filters & (here.place != design.weights_per_row - 1)
            with m.If(word_lasts):
                m.d.comb += [following.word.eq(here.word), following.place.eq(here.place + 1)]
        m.d.sync += arriving_place.eq(here.place)
        with m.If(step.valid):
            m.d.sync += here.eq(following)
            with m.If(step.last):
                m.d.sync += here.eq(tile_start)
                with m.If(passes.last_position):
                    m.d.sync += [here.eq(following), tile_start.eq(following)]
        with m.If(self.start):
            m.d.sync += [here.eq(0), tile_start.eq(0)]
        return arriving_place

    def _columns(self, m: Module, feeder: Feeder) -> Any:
        """Return the activations of the columns: the feeder's vector, or its first for all."""
        design = self._design
        vector = feeder.vectors[0]
        if design.weights_per_row == 1:
            return vector
        firsts = broadcast(m, vector[0], design.vector, "first")
        for stage in range(broadcast_stages(design.vector)):
            later = Signal(vector.shape(), name=f"vector_{stage}")
            m.d.sync += later.eq(vector)
            vector = later
        operands = Signal(vector.shape())
        for column in range(design.vector):
            first = firsts[column // CLUSTER_LANES if len(firsts) > 1 else 0]
            m.d.sync += operands[column].eq(Mux(self.registers.own_filters, first, vector[column]))
        return operands

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

    def _lanes(
        self,
        m: Module,
        vector: Any,
        step: data.View,
        arriving: Signal,
        place: Signal,
        platform: object,
    ) -> None:
        """Broadcast the vector to the lanes."""
        design = self._design
        vectors = broadcast(m, vector, design.lanes, "vector")
        for index in range(design.lanes):
            make = partial(DenseLane, design)
            lane = add_equal(m, f"lane_{index}", "lane", make, platform)
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
            if design.weights_per_row > 1:
                m.d.comb += [
                    lane.own_filters.eq(self.registers.own_filters),
                    lane.place.eq(place),
                ]
