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

from functools import reduce
from operator import or_

from amaranth.hdl import Cat, Const, Module, Mux, Signal
from amaranth.lib import data, stream, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .fetch import index_word
from .passes import PassCounter, follows
from .program import MAX_WINDOWS
from .registers import FORMAT_BITMAP, FORMAT_DENSE, FORMAT_RELATIVE, layer_layout
from .tree import KEEP

__all__ = ["IndexDecoder", "entry_layout"]


def entry_layout(design: Design) -> data.StructLayout:
    """Return the layout of a decoded entry.

    ``window`` counts the windows of the pass, ``slot`` the vectors of the window. A lane that reads
    for itself is told the index ``position``, and when an entry ends the ``tile``. ``first`` and
    ``last`` mark the ends of a pass, ``final`` the lane's very last entry; a ``filler`` has no
    weight.
    """
    window = {"window": range(MAX_WINDOWS), "slot": (design.window - 1).bit_length()}
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


class IndexDecoder(wiring.Component):
    """Decodes the index words of one lane, pass after pass.

    Members
    -------
    registers : layer registers, in
    absent_in_last : Signal, in
        The lane has no filter in the last tile of a group.
    start : Signal, in
    word : stream of index_word, in
    entry : stream of entry_layout, out
    last_position : Signal, out
        The entry belongs to the last pass of its tile.
    """

    def __init__(self, design: Design) -> None:
        self._design = design
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "absent_in_last": In(1),
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
        used = Signal(design.scan_bits)  # bits, or sub-indices, of this word already issued
        first = Signal(init=1)

        # What the registers say is decoded once: they stand from the cycle of the start on. Each
        # lane has its own copy, near to what hangs on it.
        dense, bitmap, relative = (
            Signal(name=name, attrs=KEEP) for name in ("dense", "bitmap", "relative")
        )
        absent, absent_in_last = Signal(), Signal(attrs=KEEP)
        dense_last, reads = Signal(), Signal()
        m.d.sync += [
            dense.eq(registers.format == FORMAT_DENSE),
            bitmap.eq(registers.format == FORMAT_BITMAP),
            relative.eq(registers.format == FORMAT_RELATIVE),
            absent_in_last.eq(self.absent_in_last),
        ]
        m.d.comb += [
            absent.eq(passes.last_tile & absent_in_last),
            dense_last.eq(follows(position, registers.length)),
        ]
        gap, full, later, at_end, after_sub = self._sub_index(m, used)
        any_bit, lowest, only, after_bit = self._bitmap(m, used)

        # In a bitmap ``position`` is a multiple of a word's bits, so nothing need be added to it;
        # the next entry is looked for behind this one or, in a word that is used up, behind it.
        offered, filler, last, word_done = Signal(), Signal(), Signal(), Signal()
        ahead, within = Signal.like(gap), Signal.like(lowest)
        unplaced = Signal()  # the filler of an empty filter stands at index position 0
        with m.If(absent):
            m.d.comb += [offered.eq(active), filler.eq(1), last.eq(1)]
        with m.Elif(dense):
            m.d.comb += [offered.eq(active), last.eq(dense_last)]
        with m.Elif(relative):
            m.d.comb += [
                offered.eq(active & self.word.valid),
                filler.eq(full),
                last.eq(end & ~later),
                ahead.eq(gap),
                word_done.eq(at_end | last),
                unplaced.eq(first & last & full),
            ]
        with m.Elif(bitmap):
            m.d.comb += [
                offered.eq(active & self.word.valid & (any_bit | end)),
                filler.eq(~any_bit),
                last.eq(end & only),
                within.eq(lowest),
                word_done.eq(only),
                unplaced.eq(~any_bit),
            ]

        emit, skip, index, following = Signal(), Signal(), Signal(16), Signal(16)
        m.d.comb += [
            emit.eq(offered & self.entry.ready),
            skip.eq(active & ~absent & bitmap & self.word.valid & ~any_bit & ~end),
            self.entry.valid.eq(offered),
            # The same as ``emit`` with ``word_done`` or ``last``, in the order in which they are
            # known: what a word has left comes last, and much hangs on it.
            reads.eq(active & ~absent & self.word.valid & self.entry.ready),
            self.word.ready.eq(
                skip
                | (reads & relative & (at_end | (end & ~later)))
                | (reads & bitmap & (any_bit | end) & only)
            ),
            passes.advance.eq(
                (active & self.entry.ready & (absent | (dense & dense_last)))
                | (reads & end & relative & ~later)
                | (reads & end & bitmap & only)
            ),
            index.eq(Mux(unplaced, 0, (position + ahead) | within)),
            following.eq(position + Mux(bitmap, design.scan_bits - 1, ahead) + 1),
        ]
        if design.delivery == "port":
            m.d.comb += [
                self.entry.payload.position.eq(index),
                self.entry.payload.ends_tile.eq(last & passes.last_position),
            ]
        else:
            self._place(m, index)
        m.d.comb += [
            self.entry.payload.first.eq(first),
            self.entry.payload.last.eq(last),
            self.entry.payload.final.eq(last & passes.last),
            self.entry.payload.filler.eq(filler),
        ]

        with m.If(skip | (emit & (~bitmap | only))):
            m.d.sync += position.eq(following)
        with m.If(emit):
            m.d.sync += [
                first.eq(0),
                used.eq(Mux(word_done | absent, 0, Mux(relative, after_sub, after_bit))),
            ]
            with m.If(last):
                m.d.sync += [
                    position.eq(0),
                    first.eq(1),
                    active.eq(~passes.last),
                ]
        with m.If(self.start):
            m.d.sync += [
                position.eq(0),
                used.eq(0),
                first.eq(1),
                active.eq(1),
            ]
        return m

    def _sub_index(self, m: Module, used: Signal) -> tuple[Signal, Signal, Signal, Signal, Signal]:
        """Cut the word: gap, is it a filler's, is a later one not, is it the last, what is used.

        ``used`` has a bit for each sub-index that has been issued, what is used also one for this
        one. The gap of a filler is one
        less than its code says, since the next entry is looked for one position behind.
        """
        design = self._design
        bits, most = self.word.payload.bits, design.scan_bits // min(design.index_bits)
        now = Signal(most, name="sub_index_now")
        m.d.comb += now.eq(~used[:most] & Cat(Const(1, 1), used[: most - 1]))
        gap, full, later, at_end = Signal(max(design.index_bits)), Signal(), Signal(), Signal()
        after = Signal(design.scan_bits)
        with m.Switch(self.registers.index_select):
            for select, width in enumerate(design.index_bits):
                count = design.scan_bits // width
                fields = [bits[i * width : (i + 1) * width] for i in range(count)]
                code = Signal(width, name=f"code_{width}")
                real = Cat(~field.all() for field in fields)
                m.d.comb += code.eq(
                    reduce(or_, (f & now[i].replicate(width) for i, f in enumerate(fields)))
                )
                with m.Case(select):
                    m.d.comb += [
                        full.eq(~(real & now[:count]).any()),
                        gap.eq(Cat(code[0] & ~full, code[1:])),
                        later.eq((real[1:] & ~used[: count - 1]).any()),
                        at_end.eq(now[count - 1]),
                    ]
        m.d.comb += after.eq((used | now)[:most])
        return gap, full, later, at_end, after

    def _bitmap(self, m: Module, used: Signal) -> tuple[Signal, Signal, Signal, Signal]:
        """Scan the word: is a bit left, the lowest, is no other left, what is used."""
        width = self._design.scan_bits
        unused, lowest, only = Signal(width), Signal(range(width)), Signal()
        below = Signal(width)  # a bit is left below this one
        m.d.comb += unused.eq(self.word.payload.bits & ~used)
        # Doubling the reach: as many steps as the number of a bit has binary digits.
        reached, reach = unused, 1
        while reach < width:
            reached, reach = reached | (reached << reach)[:width], 2 * reach
        m.d.comb += below.eq(reached << 1)
        lone = unused & ~below
        for digit in range(len(lowest)):
            members = [lone[i] for i in range(width) if i >> digit & 1]
            m.d.comb += lowest[digit].eq(Cat(*members).any())
        m.d.comb += only.eq(~(unused & below).any())
        return reached[-1], lowest, only, ~below

    def _place(self, m: Module, index: Signal) -> None:
        """Split an index position into the window and the slot it stands in."""
        design = self._design
        feed_bits = (design.feed - 1).bit_length()
        step_bits = (design.window // design.feed - 1).bit_length()
        step = Signal(16)
        channel = Signal(feed_bits)
        with m.Switch(self.registers.feed_shift):
            for shift in range(feed_bits + 1):
                with m.Case(shift):
                    m.d.comb += [step.eq(index >> shift), channel.eq(index[:shift])]
        m.d.comb += [
            self.entry.payload.slot.eq(Cat(channel, step[:step_bits])),
            self.entry.payload.window.eq(step >> step_bits),
        ]
