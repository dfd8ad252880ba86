"""The whole sparse array: what a lane multiplies is the activation its index says.

Feeder, windows, credits and two lanes are real. Each lane has an index word of the solver's own, so
one may run far ahead of the other; the solver also holds back the output stage. Of the weights of a
pass all are 0 but one, which is 1: the finished sum is then the activation that this one met. It
would be another if a window were overwritten while the lane still needs it, or read before it is
there, or never fed again.
"""

from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal

from bosquet.hw.design import Buffers, Design
from bosquet.hw.registers import FORMAT_BITMAP

from .property import Property, pick

__all__ = ["BUFFERS", "ONE", "TWO", "ArrayProperty"]

_COMMON = {"family": "sparse", "lanes": 2, "vector": 1, "feed": 1, "fifo_depth": 2,
           "index_bits": (2,), "weight_bits": 2, "act_bits": 2, "acc_bits": 8}  # fmt: skip
ONE = Design(window=1, run_ahead=3, **_COMMON)  # type: ignore[arg-type]
TWO = Design(window=2, run_ahead=2, **_COMMON)  # type: ignore[arg-type]
FEATURES, STEPS, PASSES, LATENCY = 8, 4, 3, 12
BUFFERS = Buffers(
    weight_words=8, index_words=2, feature_words=FEATURES, filter_words=2, offset_words=8
)


class ArrayProperty(Property):
    """Three passes of one tile over up to four steps; a bitmap says which of them a lane uses."""

    def __init__(self, array: Any, design: Design) -> None:
        super().__init__()
        m = self.m
        m.submodules.array = array
        registers, start = array.registers, self.first
        steps = self.between(3, "steps", 1, STEPS)
        windows = Signal(3)
        m.d.comb += [
            windows.eq((steps + design.window - 1) // design.window),
            array.start.eq(start),
            registers.format.eq(FORMAT_BITMAP),
            registers.windows.eq(windows),
            registers.steps.eq(steps),
            registers.position_tiles.eq(PASSES),
            registers.tiles_per_group.eq(1),
            registers.groups.eq(1),
            registers.last_tile_lanes.eq(design.lanes),
        ]
        # Step s of pass p reads activation s + p.
        features = [self.fixed(design.act_bits, f"feature_{i}") for i in range(FEATURES)]
        with m.If(array.offset_enable):
            m.d.sync += array.offset_data.word.eq(array.offset_address)
        with m.If(array.bank_enable):
            for half in range(2):
                m.d.sync += array.bank_data[0][half][0].eq(
                    pick(features[half::2], array.bank_addresses[half])
                )
        takes, refused = self.free(design.lanes, "takes"), Signal(8)
        m.d.sync += refused.eq(refused + (array.ready & ~takes).any())
        # With nobody holding it up: a step each cycle, and what it takes through feeder and lane.
        most = LATENCY + PASSES * (steps + 2)
        for lane in range(design.lanes):
            bitmap = self.fixed(STEPS, f"bitmap_{lane}")
            self.assume((bitmap >> steps) == 0)
            chosen = self.fixed(3, f"chosen_{lane}")
            kept = sum((bit for bit in bitmap), Const(0))
            self.assume((chosen < kept) | ((chosen == 0) & (kept == 0)))
            with m.If(array.index_enable[lane]):
                m.d.sync += [
                    array.index_data[lane].bits.eq(bitmap),
                    array.index_data[lane].end.eq(1),
                ]
            with m.If(array.weight_enable[lane]):
                m.d.sync += array.weight_data[lane].eq(array.weight_address[lane] == chosen)

            met = Signal(3, name=f"met_{lane}")
            below: Any = Const(0)
            for i in range(STEPS):
                with m.If(bitmap[i] & (below == chosen)):
                    m.d.comb += met.eq(i)
                count = Signal(3, name=f"kept_{lane}_{i}")
                m.d.comb += count.eq(below + bitmap[i])
                below = count
            number = Signal(2, name=f"pass_{lane}")
            ready = array.ready[lane]
            value = pick(features, met + number)
            expected = Mux(
                kept == 0, 0, Cat(value, value[-1].replicate(design.acc_bits - len(value)))
            )
            self.claim(array.sums[lane][0].as_unsigned() == expected, when=ready & ~start)
            self.claim(number < PASSES, when=ready & ~start)
            m.d.comb += array.take[lane].eq(ready & takes[lane])
            with m.If(array.take[lane]):
                m.d.sync += number.eq(number + 1)
            self.claim((number == PASSES) | (self.cycle - refused <= most))
            self.cover(ready & (number == PASSES - 1) & (kept == 2) & (steps == 3))
        self.cover(array.feeder_waits & array.ready[0] & ~array.ready[1])
