"""What requantization must come to: bias, multiply, shift, round half up, zero point, clamp.

One word is followed through the stages, whenever these move on; before and behind it comes whatever
the solver likes. The product is checked for multipliers with four digits at a given place: to
compare two multipliers of all digits is beyond a SAT solver.
"""

from typing import Any

from amaranth.hdl import Mux, Signal, signed

from bosquet.hw.design import Design
from bosquet.hw.scale import SCALE_STAGES
from bosquet.models.layer import MULTIPLIER_BITS, SHIFT_BITS

from .property import Property

__all__ = ["DESIGN", "DIGITS", "ScaleProperty"]

DESIGN = Design("sparse", lanes=1, vector=1, window=1, feed=1, act_bits=4, acc_bits=8)
DIGITS = 4


class ScaleProperty(Property):
    """The formula as it is written in the engine, in numbers wide enough for it.

    Parameters
    ----------
    place : int
        Of the lowest of the ``DIGITS`` bits of the multiplier that may be 1.
    """

    def __init__(self, scale: Any, place: int) -> None:
        super().__init__()
        m = self.m
        m.submodules.scale = scale
        act, acc = DESIGN.act_bits, DESIGN.acc_bits
        flow, number, followed = self.free(1, "flow"), Signal(4), self.fixed(1, "followed")
        sums, bias = self.fixed(signed(acc), "sums"), self.fixed(signed(acc), "bias")
        part = self.fixed(DIGITS, "part")
        halvings = self.fixed(SHIFT_BITS, "halvings")
        zero, low, high = (self.fixed(signed(act), name) for name in ("zero", "low", "high"))
        self.assume(low <= high)
        multiplier = Signal(MULTIPLIER_BITS)
        here = flow & (number == followed)
        other = self.free(scale.filter.as_value().shape(), "other")
        other_sums = self.free(acc, "other_sums")
        m.d.comb += [
            multiplier.eq(part << place),
            scale.flow.eq(flow),
            scale.zero_point.eq(zero),
            scale.low.eq(low),
            scale.high.eq(high),
            scale.filter.eq(other),
            scale.sums[0].eq(other_sums),
        ]
        with m.If(here):
            m.d.comb += [
                scale.filter.bias.eq(bias),
                scale.filter.multiplier.eq(multiplier),
                scale.filter.halvings.eq(halvings),
                scale.sums[0].eq(sums),
            ]
        with m.If(flow):
            m.d.sync += number.eq(number + 1)

        biased, product = Signal(signed(acc)), Signal(signed(acc + MULTIPLIER_BITS + 1))
        rounded = Signal(signed(acc + MULTIPLIER_BITS + 3))
        m.d.comb += [
            biased.eq(sums + bias),
            product.eq((biased * part) << place),
            rounded.eq((((product >> halvings) + 1) >> 1) + zero),
        ]
        expected = Mux(rounded < low, low, Mux(rounded > high, high, rounded))
        done = number == followed + SCALE_STAGES
        self.claim(scale.outputs[0] == expected, when=done)
        self.cover(done & (scale.outputs[0] == 3) & part.all() & (halvings == place + 5))
