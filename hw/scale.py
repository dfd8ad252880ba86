"""The arithmetic of requantization: bias, multiply, shift, round and zero point, clamp.

A pipeline for all columns of a drain unit, which share one filter word. The multiplier is Booth
encoded, radix 4, before it meets the sums, and the partial products are added up in carry-save form
in the stage in which they are made; a stage of its own makes the product of it. What the shift
leaves is cut to ``act_bits + 2`` bits, saturated: more cannot come back from the clamp, whatever
the zero point.
"""

from amaranth.hdl import Cat, Const, Module, Mux, Signal, Value, signed, unsigned
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from ..models.layer import MULTIPLIER_BITS, SHIFT_BITS
from .design import Design

__all__ = ["SCALE_STAGES", "Scale", "filter_layout"]

SCALE_STAGES = 7
"""Cycles from the sums and their filter word to the outputs."""

_DIGITS = MULTIPLIER_BITS // 2 + 1


def filter_layout(design: Design) -> data.StructLayout:
    """Return the layout of a filter's bias and requantization; ``halvings`` is shift - 1."""
    return data.StructLayout(
        {
            "bias": signed(design.acc_bits),
            "multiplier": unsigned(MULTIPLIER_BITS),
            "halvings": unsigned(SHIFT_BITS),
        }
    )


def _digit_layout() -> data.StructLayout:
    """Return the layout of a Booth digit, -2 to 2: its magnitude if it is 1, if it is 2, its sign.

    A digit of -0 is one of neither magnitude.
    """
    return data.StructLayout({"one": 1, "two": 1, "negative": 1})


class Scale(wiring.Component):
    """Requantizes the sums of one lane, ``SCALE_STAGES`` cycles behind.

    Members
    -------
    flow : Signal, in
        The stages move on.
    filter : filter_layout, in
        Memory output, together with the sums.
    sums : array of columns signed(acc_bits), in
    zero_point, low, high : signed(act_bits), in
    outputs : array of columns signed(act_bits), out
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        columns, act = design.beat_columns, signed(design.act_bits)
        super().__init__(
            {
                "flow": In(1),
                "filter": In(filter_layout(design)),
                "sums": In(data.ArrayLayout(signed(design.acc_bits), columns)),
                "zero_point": In(act),
                "low": In(act),
                "high": In(act),
                "outputs": Out(data.ArrayLayout(act, columns)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        word = self._later(m, self.filter, "word")
        digits = Signal(data.ArrayLayout(_digit_layout(), _DIGITS))
        padded = Cat(Const(0, 1), word.multiplier, Const(0, 2))
        with m.If(self.flow):
            for i in range(_DIGITS):
                low, middle, high = padded[2 * i], padded[2 * i + 1], padded[2 * i + 2]
                m.d.sync += [
                    digits[i].one.eq(low ^ middle),
                    digits[i].two.eq((low == middle) & (middle != high)),
                    digits[i].negative.eq(high),
                ]
        halvings = word.halvings
        for stage in ("bias", "rows", "product"):
            halvings = self._later(m, halvings, f"halvings_{stage}")
        offset = Signal(signed(self._design.act_bits + 1))
        m.d.comb += offset.eq(Cat(Const(1, 1), self.zero_point))  # 2 zero_point + 1
        for column in range(self._design.beat_columns):
            self._column(m, column, word.bias, digits, halvings, offset)
        return m

    def _later(self, m: Module, source: data.View | Signal, name: str) -> data.View | Signal:
        later = Signal(source.shape(), name=name)
        with m.If(self.flow):
            m.d.sync += later.eq(source)
        return later

    def _column(
        self,
        m: Module,
        column: int,
        bias: Value,
        digits: data.View,
        halvings: Signal,
        offset: Signal,
    ) -> None:
        design = self._design
        act_bits, product_bits = design.act_bits, design.acc_bits + MULTIPLIER_BITS
        sums = Signal(signed(design.acc_bits), name=f"sum_{column}")
        biased = Signal(signed(design.acc_bits), name=f"biased_{column}")
        ones = Signal(product_bits, name=f"ones_{column}")
        carries = Signal(product_bits, name=f"carries_{column}")
        product = Signal(signed(product_bits), name=f"product_{column}")
        shifted = Signal(act_bits + 2, name=f"shifted_{column}")
        negative, beyond = Signal(name=f"negative_{column}"), Signal(name=f"beyond_{column}")
        rounded = Signal(signed(act_bits + 2), name=f"rounded_{column}")

        rows = _summed(m, _partial_products(m, biased, digits, product_bits))
        kept, lost = _shifted(m, product, halvings, act_bits + 2)
        sign = negative.replicate(act_bits + 1)
        cut = Mux(beyond, Cat(~sign, negative), shifted).as_signed()
        clamped = Mux(rounded < self.low, self.low, Mux(rounded > self.high, self.high, rounded))
        with m.If(self.flow):
            m.d.sync += [
                sums.eq(self.sums[column]),
                biased.eq(sums + bias),
                ones.eq(rows[0]),
                carries.eq(rows[1]),
                product.eq(ones + carries),
                shifted.eq(kept),
                beyond.eq(lost),
                negative.eq(product[-1]),
                rounded.eq((cut + offset) >> 1),  # (cut + 1) / 2 + zero_point
                self.outputs[column].eq(clamped),
            ]


def _partial_products(m: Module, value: Signal, digits: data.View, bits: int) -> list[Signal]:
    """Return rows whose sum, modulo 2**bits, is the value times the Booth encoded multiplier.

    A negative multiple is an inverted one and 1 more, which stands in a free place of the next row.
    Signs are not extended: a row of n bits with sign s is -s 2**(n-1) + ..., which is
    (1 - s) 2**(n-1) + ... less a constant; the constants of all rows together are bits that the
    rows leave free.
    """
    wide = len(value) + 1
    once, twice = Cat(value, value[-1]), Cat(Const(0, 1), value)
    rows = []
    for i in range(_DIGITS):
        digit = digits[i]
        chosen = Signal(wide, name=f"{value.name}_multiple_{i}")
        m.d.comb += chosen.eq(
            ((once & digit.one.replicate(wide)) | (twice & digit.two.replicate(wide)))
            ^ digit.negative.replicate(wide)
        )
        if i == 0:
            row = Cat(chosen, chosen[-1], ~chosen[-1])
        else:
            before = Cat(digits[i - 1].negative, Const(0, 1))
            row = Cat(Const(0, 2 * i - 2), before, chosen[:-1], ~chosen[-1], Const(1, 1))
        rows.append(Signal(bits, name=f"{value.name}_row_{i}"))
        m.d.comb += rows[-1].eq(row)
    return rows


def _summed(m: Module, rows: list[Signal]) -> list[Signal]:
    """Add rows up to two, three at a time, without carrying."""
    while len(rows) > 2:
        fewer = rows[len(rows) - len(rows) % 3 :]
        for low in range(0, len(rows) - 2, 3):
            a, b, c = rows[low : low + 3]
            ones, carries = Signal.like(a), Signal.like(a)
            m.d.comb += [
                ones.eq(a ^ b ^ c),
                carries.eq(Cat(Const(0, 1), (a & b) | (a & c) | (b & c))),
            ]
            fewer += [ones, carries]
        rows = fewer
    return rows


def _shifted(m: Module, value: Signal, by: Signal, bits: int) -> tuple[Signal, Value]:
    """Return the lowest bits of ``value >> by``, and whether it has more than its sign above them.

    From the largest shift to the smallest, each keeps no more bits than the following can move down
    into the lowest ones.
    """
    sign = value[-1]
    here = value
    lost = []
    for level in reversed(range(len(by))):
        step = 1 << level
        keep = min(len(here), bits + step - 1)
        extended = Cat(here, sign.replicate(keep + step))
        for above, moved in ((here[keep:], ~by[level]), (here[keep + step :], by[level])):
            if len(above):
                lost.append(moved & (above != sign.replicate(len(above))))
        following = Signal(keep, name=f"{value.name}_by_{step}")
        m.d.comb += following.eq(Mux(by[level], extended[step : step + keep], extended[:keep]))
        here = following
    return here, Cat(*lost, here[-1] != sign).any()
