"""What the output stage must do: every finished sum leaves once, in order, whoever holds it up.

The solver chooses the layer, every sum and bias, when a lane's sums are finished, and when a beat
is taken. The arithmetic is cut out: in its place stand as many stages that add the bias to the sum,
so that a beat tells of which sum and of which filter it was made. ``scale`` proves the arithmetic
by itself.
"""

from typing import Any
from unittest.mock import patch

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value

from bosquet.hw import requantize
from bosquet.hw.design import Design
from bosquet.hw.requantize import OutputStage
from bosquet.hw.scale import SCALE_STAGES, Scale

from .property import Property, pick

__all__ = ["CHUNKS", "COLUMNS", "FILTER_WORDS", "UNEVEN", "CutStage", "OutputProperty"]

_SPARSE = {"family": "sparse", "window": 1, "feed": 1, "act_bits": 4, "acc_bits": 8}
CHUNKS = Design(lanes=2, vector=2, drain=1, drain_cycles=2, **_SPARSE)  # type: ignore[arg-type]
"""Two groups of a lane, two beats each."""

UNEVEN = Design(lanes=3, vector=1, drain=2, drain_cycles=1, **_SPARSE)  # type: ignore[arg-type]
"""Two lanes, then one."""

COLUMNS = Design(
    "dense", lanes=2, vector=2, delivery="broadcast", window=1, run_ahead=1, feed=1, fifo_depth=1,
    feed_order="natural", index_bits=(), weights_per_row=2, act_bits=4, acc_bits=8,
)  # fmt: skip
"""Each column may work on a filter of its own."""

PASSES = 2
FILTER_WORDS = 8


class Carried(Scale):
    """In place of the arithmetic: sum and bias, added, as many cycles later."""

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for column in range(self._design.beat_columns):
            value: Any = self.sums[column] + self.filter.bias
            for stage in range(SCALE_STAGES):
                later = Signal(len(self.outputs[column]), name=f"carried_{column}_{stage}")
                with m.If(self.flow):
                    m.d.sync += later.eq(value)
                value = later
            m.d.comb += self.outputs[column].eq(value)
        return m


class CutStage(OutputStage):
    """The output stage without its arithmetic."""

    def elaborate(self, platform: object) -> Module:
        with patch.object(requantize, "Scale", Carried):
            return super().elaborate(platform)


class OutputProperty(Property):
    """Lanes that finish when they like, and a stream that is taken when somebody likes."""

    def __init__(self, stage: Any, design: Design) -> None:
        super().__init__()
        m = self.m
        m.submodules.stage = stage
        registers, bits = stage.registers, design.act_bits
        positions, tiles = self.between(2, "positions", 1, PASSES), self.between(2, "tiles", 1, 2)
        groups = self.between(2, "groups", 1, PASSES)
        passes = Signal(4)
        m.d.comb += passes.eq(positions * tiles * groups)
        self.assume(passes <= PASSES)
        last_lanes = self.between(3, "last_tile_lanes", 1, design.lanes)
        own: Any = self.fixed(1, "own_filters") if design.weights_per_row > 1 else Const(0, 1)
        restart, taken = self.free(1, "restart"), self.free(1, "taken")
        start = Signal()
        m.d.comb += [
            start.eq(self.first | (restart & (self.cycle == 11))),
            stage.start.eq(start),
            stage.beat.ready.eq(taken),
            registers.position_tiles.eq(positions),
            registers.tiles_per_group.eq(tiles),
            registers.groups.eq(groups),
            registers.last_tile_lanes.eq(last_lanes),
        ]
        if design.weights_per_row > 1:
            m.d.comb += registers.own_filters.eq(own)

        # Lanes: the sums of a pass stand there from when they are finished until they are taken.
        table = [
            [
                [self.fixed(bits, f"sum_{p}_{lane}_{column}") for column in range(design.vector)]
                for lane in range(design.lanes)
            ]
            for p in range(PASSES)
        ]
        finishes, eager = self.free(design.lanes, "finishes"), []
        for lane in range(design.lanes):
            number, here = Signal(2, name=f"number_{lane}"), Signal(name=f"here_{lane}")
            just = Signal(name=f"just_{lane}")
            m.d.sync += just.eq(stage.take[lane] | start)
            with m.If(stage.take[lane]):
                m.d.sync += [here.eq(0), number.eq(number + 1)]
            with m.Elif(finishes[lane] & (number < passes)):
                m.d.sync += here.eq(1)
            with m.If(start):
                m.d.sync += [here.eq(0), number.eq(0)]
            m.d.comb += stage.ready[lane].eq(here)
            for column in range(design.vector):
                other = self.free(bits, f"other_{lane}_{column}")
                value = pick([table[p][lane][column] for p in range(PASSES)], number)
                m.d.comb += stage.sums[lane][column].eq(Mux(here, value, other))
            eager.append(here | just | (number == passes))
            self.claim(here, when=stage.take[lane])

        # The filter memory, whose output holds while it is not enabled.
        biases = [
            [self.fixed(bits, f"bias_{word}_{unit}") for word in range(FILTER_WORDS)]
            for unit in range(design.drain)
        ]
        for unit in range(design.drain):
            with m.If(stage.filter_enable):
                m.d.sync += stage.filter_data[unit].bias.eq(
                    pick(biases[unit], stage.filter_address)
                )

        # The beat to come: pass, group of lanes, and which of its columns.
        number, group, chunk = Signal(3), Signal(2), Signal(2)
        beat = stage.beat.payload
        accepted, ended = Signal(), Signal()
        m.d.comb += [
            accepted.eq(stage.beat.valid & taken & ~start),
            ended.eq(number == passes),
        ]
        chunks = Mux(own, design.vector, design.drain_cycles)
        tile = Signal(3)
        m.d.comb += tile.eq(number // positions)
        lanes_there = Mux(tile % tiles == tiles - 1, last_lanes, design.lanes)
        next_lane = (group + 1) * design.drain
        ends_group, ends_pass = Signal(), Signal()
        m.d.comb += [
            ends_group.eq(chunk == chunks - 1),
            ends_pass.eq(ends_group & (next_lane >= lanes_there)),
        ]
        with m.If(accepted):
            m.d.sync += chunk.eq(chunk + 1)
            with m.If(ends_group):
                m.d.sync += [chunk.eq(0), group.eq(group + 1)]
            with m.If(ends_pass):
                m.d.sync += [group.eq(0), number.eq(number + 1)]
        with m.If(start):
            m.d.sync += [number.eq(0), group.eq(0), chunk.eq(0)]

        offered = stage.beat.valid & ~start & ~self.first
        self.claim(~ended, when=offered)
        self.claim(beat.last == (ends_pass & (number == passes - 1)), when=offered)
        word = Signal(range(FILTER_WORDS))
        group_word = tile * design.drain_groups + group
        m.d.comb += word.eq(Mux(own, group_word * design.vector + chunk, group_word))
        first_column = Mux(own, chunk, chunk * design.beat_columns)
        for unit in range(design.drain):
            lane = group * design.drain + unit
            lane_sums = Array(
                Array(Cat(*table[p][i]) for i in range(design.lanes)) for p in range(PASSES)
            )[number][lane]
            for i in range(design.beat_columns):
                value = Value.cast(lane_sums).word_select(first_column + i, bits)
                expected = (value + pick(biases[unit], word))[:bits]
                counts = offered & (lane < lanes_there)
                self.claim(
                    beat.lanes[unit][i].as_unsigned() == expected,
                    when=counts & ~own if i else counts,
                )
        waiting = self.before(stage.beat.valid & ~taken & ~start, "waiting")
        before = self.before(beat.as_value(), "beat_before")
        self.claim(stage.beat.valid & (beat.as_value() == before), when=waiting & ~start)

        # Where nobody but the stage is waited for, the next beat comes: through all its stages, and
        # past the groups of a pass that has fewer lanes, each with a cycle until it is ready again.
        idle, moves = Signal(6), Signal()
        most = (
            SCALE_STAGES
            + 2
            + design.drain_groups
            * (max(design.drain_cycles, design.vector if design.weights_per_row > 1 else 1) + 1)
        )
        m.d.comb += moves.eq((~stage.beat.valid | taken) & Cat(*eager).all())
        with m.If(moves):
            m.d.sync += idle.eq(idle + 1)
        with m.If(accepted | start):
            m.d.sync += idle.eq(0)
        self.claim(idle <= most, when=~ended & ~self.first)
        self.cover(accepted & beat.last & (number == PASSES - 1) & waiting)
        self.cover(accepted & ends_pass & (lanes_there < design.lanes) & (tiles == 2))
