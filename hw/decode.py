"""The index decoder: from index words to entries, one entry per cycle at most.

An entry says where in the window its activation stands. Three formats, chosen per layer:

relative
    The word is cut into sub-indices, lowest first. A sub-index is the gap to the next kept
    weight; all ones is a filler, which advances by that many positions and has no weight.
bitmap
    The lowest bit not yet used is the next kept weight. A word without any bit costs one cycle.
dense
    Every position has a weight; no word is read.

The encoder's side of the same formats is ``models.formats``.
"""

from amaranth.hdl import Array, Cat, Const, Module, Mux, Signal, Value, unsigned
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .fetch import index_word
from .passes import PassCounter
from .program import WINDOW_COUNT_BITS
from .registers import FORMAT_BITMAP, FORMAT_DENSE, FORMAT_RELATIVE, layer_layout

__all__ = ["IndexDecoder", "entry_layout"]


def entry_layout(design: Design) -> data.StructLayout:
    """Return the layout of a decoded entry.

    ``window`` is the running window number, ``place`` that modulo ``run_ahead``, where the window
    stands in the ring, ``slot`` the vector within the window. A lane that reads for itself is told
    the index ``position``, and when an entry ends the ``tile``. ``first`` and ``last`` mark the
    ends of a pass, ``final`` the lane's very last entry; a ``filler`` has no weight.
    """
    window = {
        "window": WINDOW_COUNT_BITS,
        "place": unsigned((design.run_ahead - 1).bit_length()),
        "slot": unsigned((design.window - 1).bit_length()),
    }
    port = {"position": 16, "ends_tile": 1}
    return data.StructLayout(
        {
            **(port if design.delivery == "port" else window),
            "first": 1,
            "last": 1,
            "final": 1,
            "filler": 1,
        }
    )


def modulo(m: Module, value: Value, divisor: int, name: str) -> Value:
    """Return a number modulo 1, 2, 3 or 4."""
    if divisor != 3:
        return value[: (divisor - 1).bit_length()]
    # 4 is 1 modulo 3, so the sum of the digits to base 4 stands for the number.
    most = (1 << len(value)) - 1
    while most > 3:
        digits = [value[low : low + 2] for low in range(0, len(value), 2)]
        most = max(sum(n >> low & 3 for low in range(0, len(value), 2)) for n in range(most + 1))
        total = Signal(range(most + 1), name=f"{name}_modulo_3_up_to_{most}")
        m.d.comb += total.eq(sum(digits[1:], digits[0]))
        value = total
    return Mux(value == 3, 0, value)


class IndexDecoder(wiring.Component):
    """Decodes the index words of one lane, pass after pass.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    word : stream of index_word, in
    entry : stream of entry_layout, out
    last_position : Signal, out
        The entry belongs to the last pass of its tile.
    """

    def __init__(self, design: Design, first_lane: int) -> None:
        self._design = design
        self._first_lane = first_lane
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "word": In(stream.Signature(index_word(design))),
                "entry": Out(stream.Signature(entry_layout(design))),
                "last_position": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        design = self._design
        registers = self.registers
        end = self.word.payload.end

        m.submodules.passes = passes = PassCounter(design)
        active = Signal()
        m.d.comb += [
            passes.registers.eq(registers),
            passes.start.eq(self.start),
            self.last_position.eq(passes.last_position),
        ]

        position = Signal(16)  # next index position; in a bitmap that of the word's bit 0
        used = Signal(design.scan_bits)  # bits of this bitmap word already issued
        sub = Signal(range(max(2, design.scan_bits // 2)))  # sub-index within this word
        first = Signal(init=1)
        offered, index, following = Signal(), Signal(16), Signal(16)
        filler, last, word_done = Signal(), Signal(), Signal()
        absent = Signal()
        m.d.comb += absent.eq(passes.last_tile & (self._first_lane >= registers.last_tile_lanes))

        code, full, later, at_end = self._sub_index(m, sub)
        unused, lowest, only = self._bitmap(m, used)

        with m.If(absent):
            m.d.comb += [offered.eq(active), filler.eq(1), last.eq(1)]
        with m.Elif(registers.format == FORMAT_DENSE):
            m.d.comb += [
                offered.eq(active),
                index.eq(position),
                following.eq(position + 1),
                last.eq(position == registers.length - 1),
            ]
        with m.Elif(registers.format == FORMAT_RELATIVE):
            m.d.comb += [
                offered.eq(active & self.word.valid),
                filler.eq(full),
                last.eq(end & ~later),
                index.eq(position + code - full),
                following.eq(index + 1),
                word_done.eq(at_end | last),
            ]
            with m.If(first & last & full):  # an empty filter
                m.d.comb += index.eq(0)
        with m.Elif(registers.format == FORMAT_BITMAP):
            m.d.comb += [
                offered.eq(active & self.word.valid & (unused.any() | end)),
                filler.eq(~unused.any()),  # an empty filter
                last.eq(end & only),
                index.eq(Mux(filler, 0, position + lowest)),
                following.eq(Mux(only, position + design.scan_bits, position)),
                word_done.eq(only),
            ]

        emit, skip = Signal(), Signal()
        m.d.comb += [
            emit.eq(offered & self.entry.ready),
            skip.eq(
                active
                & ~absent
                & (registers.format == FORMAT_BITMAP)
                & self.word.valid
                & ~unused.any()
                & ~end
            ),
            self.entry.valid.eq(offered),
            self.word.ready.eq(skip | (emit & word_done)),
            passes.advance.eq(emit & last),
        ]
        if design.delivery == "port":
            m.d.comb += [
                self.entry.payload.position.eq(index),
                self.entry.payload.ends_tile.eq(last & passes.last_position),
            ]
        else:
            self._place(m, index, emit & last)
        m.d.comb += [
            self.entry.payload.first.eq(first),
            self.entry.payload.last.eq(last),
            self.entry.payload.final.eq(last & passes.last),
            self.entry.payload.filler.eq(filler),
        ]

        with m.If(skip):
            m.d.sync += position.eq(position + design.scan_bits)
        with m.If(emit):
            m.d.sync += [
                position.eq(following),
                first.eq(0),
                sub.eq(Mux(word_done, 0, sub + 1)),
                used.eq(Mux(word_done, 0, used | (1 << lowest))),
            ]
            with m.If(last):
                m.d.sync += [
                    position.eq(0),
                    sub.eq(0),
                    used.eq(0),
                    first.eq(1),
                    active.eq(~passes.last),
                ]
        with m.If(self.start):
            m.d.sync += [
                position.eq(0),
                sub.eq(0),
                used.eq(0),
                first.eq(1),
                active.eq(1),
            ]
        return m

    def _sub_index(self, m: Module, sub: Signal) -> tuple[Signal, Signal, Signal, Signal]:
        """Cut the word: this sub-index, is it all ones, is a later one not, is it the last."""
        design = self._design
        bits = self.word.payload.bits
        code, full, later, at_end = Signal(16), Signal(), Signal(), Signal()
        with m.Switch(self.registers.index_select):
            for select, width in enumerate(design.index_bits):
                count = design.scan_bits // width
                fields = [bits[i * width : (i + 1) * width] for i in range(count)]
                real = [Signal(name=f"real_{width}_{i}") for i in range(count)]
                m.d.comb += [real[i].eq(~fields[i].all()) for i in range(count)]
                after = [Cat(*real[i + 1 :]).any() if i + 1 < count else Const(0, 1)
                         for i in range(count)]  # fmt: skip
                with m.Case(select):
                    m.d.comb += [
                        code.eq(Array(fields)[sub]),
                        full.eq(~Array(real)[sub]),
                        later.eq(Array(after)[sub]),
                        at_end.eq(sub == count - 1),
                    ]
        return code, full, later, at_end

    def _bitmap(self, m: Module, used: Signal) -> tuple[Signal, Signal, Signal]:
        """Scan the word: the bits left, the lowest of them, is it the only one (or none)."""
        width = self._design.scan_bits
        unused, lowest, only = Signal(width), Signal(range(width)), Signal()
        m.d.comb += unused.eq(self.word.payload.bits & ~used)
        for i in reversed(range(width)):
            with m.If(unused[i]):
                m.d.comb += lowest.eq(i)
        m.d.comb += only.eq((unused & (unused - 1)) == 0)
        return unused, lowest, only

    def _place(self, m: Module, index: Signal, pass_ends: Value) -> None:
        """Split an index position into the window and the slot it stands in."""
        design, registers = self._design, self.registers
        window_base = Signal(WINDOW_COUNT_BITS)  # running number of this pass's first window
        place_base = Signal(self.entry.payload.place.shape())  # where that one stands in the ring
        with m.If(pass_ends):
            m.d.sync += [
                window_base.eq(window_base + registers.windows),
                place_base.eq(
                    modulo(m, place_base + registers.windows_place, design.run_ahead, "base")
                ),
            ]
        with m.If(self.start):
            m.d.sync += [window_base.eq(0), place_base.eq(0)]
        feed_bits = (design.feed - 1).bit_length()
        step_bits = (design.window // design.feed - 1).bit_length()
        step = Signal(16)
        channel = Signal(feed_bits)
        with m.Switch(registers.feed_shift):
            for shift in range(feed_bits + 1):
                with m.Case(shift):
                    m.d.comb += [step.eq(index >> shift), channel.eq(index[:shift])]
        m.d.comb += [
            self.entry.payload.slot.eq(Cat(channel, step[:step_bits])),
            self.entry.payload.window.eq(window_base + (step >> step_bits)),
            self.entry.payload.place.eq(
                modulo(m, (step >> step_bits) + place_base, design.run_ahead, "place")
            ),
        ]
