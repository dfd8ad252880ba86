"""What the index decoder must do, in each format, whatever its neighbours do.

The solver chooses the index words of a filter, the layer registers, and when a word is there and
an entry is taken. Entry number n of a pass is compared with entry number n of a list that is
computed from the words at once: no running state, no queue, no order of visits. So the entries
come once, in order, at the right place, with the right flags, and none is lost to back-pressure.
"""

from dataclasses import replace
from typing import Any

from amaranth.hdl import Cat, Const, Mux, Signal

from bosquet.hw.design import Design
from bosquet.hw.registers import FORMAT_BITMAP, FORMAT_DENSE, FORMAT_RELATIVE

from .property import Property, pick

__all__ = ["DESIGN", "PORT", "BitmapDecoder", "DenseDecoder", "RelativeDecoder"]

DESIGN = Design(
    "sparse", lanes=2, vector=1, window=4, feed=2, run_ahead=3, scan_bits=16, index_bits=(2, 4, 6)
)
PORT = replace(DESIGN, delivery="port", window=1, feed=1, run_ahead=1, feed_order="natural")
"""Its lanes are told the position itself."""

PASSES = 2
WINDOWS = 5  # of a pass: what a pass adds to the number of a window


class DecoderProperty(Property):
    """Passes of ``PASSES`` tiles over the same words; what the formats have in common.

    Attributes
    ----------
    words : list of Signal
        The filter's words, the first ``used_words`` of which exist.
    number : Signal
        Entries of this pass so far.
    taken : Signal
        An entry is taken in this cycle.
    """

    def __init__(self, decoder: Any, index_format: int, words: int) -> None:
        super().__init__()
        m = self.m
        m.submodules.decoder = self.decoder = decoder
        self.words = [self.fixed(DESIGN.scan_bits, f"word_{i}") for i in range(words)]
        self.used_words = self.between(2, "used_words", 1, words)
        registers = decoder.registers
        self.windowed = "windows" in registers.shape().members
        restart = self.free(1, "restart")
        start = Signal()
        m.d.comb += [
            start.eq(self.first | (restart & (self.cycle == 3))),
            decoder.start.eq(start),
            registers.format.eq(index_format),
            registers.position_tiles.eq(1),
            registers.tiles_per_group.eq(PASSES),
            registers.groups.eq(1),
            decoder.absent_in_last.eq(0),
        ]
        if self.windowed:
            self.feed_shift = self.fixed((DESIGN.feed - 1).bit_length(), "feed_shift")
            m.d.comb += [registers.feed_shift.eq(self.feed_shift), registers.windows.eq(WINDOWS)]
        self.word_here, self.entry_taken = self.free(1, "word_here"), self.free(1, "entry_taken")
        at = Signal(2)  # word on offer
        self.number, self.passes, running = Signal(6), Signal(2), Signal()
        self.taken, word_taken = Signal(), Signal()
        entry = decoder.entry.payload
        m.d.comb += [
            decoder.word.valid.eq(self.word_here),
            decoder.word.payload.bits.eq(pick(self.words, at)),
            decoder.word.payload.end.eq(at == self.used_words - 1),
            decoder.entry.ready.eq(self.entry_taken),
            self.taken.eq(decoder.entry.valid & decoder.entry.ready & ~start),
            word_taken.eq(decoder.word.valid & decoder.word.ready & ~start),
        ]
        with m.If(word_taken):
            m.d.sync += at.eq(Mux(at == self.used_words - 1, 0, at + 1))
        with m.If(self.taken):
            m.d.sync += self.number.eq(self.number + 1)
            with m.If(entry.last):
                m.d.sync += [self.number.eq(0), self.passes.eq(self.passes + 1)]
                # The last word ends with the pass: none is left over, none is read ahead.
                if index_format != FORMAT_DENSE:
                    self.claim(word_taken & (at == self.used_words - 1))
            with m.If(entry.final):
                m.d.sync += running.eq(0)
        with m.If(start):
            m.d.sync += [at.eq(0), self.number.eq(0), self.passes.eq(0), running.eq(1)]

        quiet = self.first | start
        self.claim(running, when=self.taken)
        self.claim(~decoder.word.ready, when=~quiet & ~running)
        # No cycle is lost: with a word there and the entry wanted, one of them moves.
        needed = 1 if index_format == FORMAT_DENSE else self.word_here
        self.claim(self.taken | word_taken, when=running & needed & self.entry_taken & ~quiet)
        waiting = self.before(decoder.entry.valid & ~decoder.entry.ready & ~start, "waiting")
        offered = self.before(entry, "entry_before")
        # An offered entry stays as it is until it is taken.
        self.claim(decoder.entry.valid & (entry == offered),
                   when=waiting & needed & ~quiet)  # fmt: skip
        self.claim(entry.first == (self.number == 0), when=self.taken)
        self.claim(entry.final == (entry.last & (self.passes == PASSES - 1)), when=self.taken)
        self.cover(self.taken & entry.final & ~entry.filler)
        self.cover(self.taken & entry.last & ~entry.first & waiting)

    def expect(self, index: Any, filler: Any, last: Any) -> None:
        """Compare the entry taken in this cycle; windows and slots follow from its index."""
        entry = self.decoder.entry.payload
        self.claim(entry.filler == filler, when=self.taken)
        self.claim(entry.last == last, when=self.taken)
        if not self.windowed:
            self.claim(entry.position == index, when=self.taken)
            # A tile has a single pass here.
            self.claim(entry.ends_tile == last, when=self.taken)
            return
        step, slot, window = Signal(10), Signal(2), Signal(10)
        per_window = DESIGN.window // DESIGN.feed
        self.m.d.comb += [
            step.eq(Mux(self.feed_shift == 0, index, index >> 1)),
            slot.eq((step % per_window) * DESIGN.feed + Mux(self.feed_shift == 0, 0, index[0])),
            window.eq(step // per_window),
        ]
        self.claim(entry.slot == slot, when=self.taken & (filler == 0))
        # A filler's window counts too: the lane gives it back when it is past.
        self.claim(entry.window == window, when=self.taken)


class RelativeDecoder(DecoderProperty):
    """Relative index of one of the design's widths: a code is a gap, all ones a filler."""

    def __init__(self, decoder: Any, width: int) -> None:
        super().__init__(decoder, FORMAT_RELATIVE, words=2)
        self.m.d.comb += decoder.registers.index_select.eq(DESIGN.index_bits.index(width))
        count, most = DESIGN.scan_bits // width, (1 << width) - 1
        codes = [word[i * width : (i + 1) * width] for word in self.words for i in range(count)]
        there = [Const(j // count, 2) < self.used_words for j in range(len(codes))]
        real = [there[j] & (code != most) for j, code in enumerate(codes)]
        # Landing on the k-th code's position: the running sum of what the codes advance, less 1.
        landings = []
        total: Any = Const(0)
        for j, code in enumerate(codes):
            advanced = Signal(12, name=f"advanced_{j}")
            self.m.d.comb += advanced.eq(total + Mux(code == most, most, code + 1))
            total = advanced
            landings.append((advanced - 1)[:12])
        empty = ~Cat(*real).any()
        # The encoder ends a stream with a word that has a weight; an empty filter is one word.
        for used in range(1, len(self.words) + 1):
            tail = real[(used - 1) * count : used * count]
            self.assume((self.used_words != used) | Cat(*tail).any() | (empty & (used == 1)))
        self.expect(
            Mux(empty, 0, pick(landings, self.number)),
            ~pick(real, self.number),
            empty | ~pick([Cat(Const(0, 1), *real[j + 1 :]).any() for j in range(len(codes))],
                          self.number),
        )  # fmt: skip


class BitmapDecoder(DecoderProperty):
    """Bitmap: entry n is the n-th bit set."""

    def __init__(self, decoder: Any, most_entries: int) -> None:
        super().__init__(decoder, FORMAT_BITMAP, words=2)
        scan = DESIGN.scan_bits
        bits = [word[i] & (w < self.used_words) for w, word in enumerate(self.words)
                for i in range(scan)]  # fmt: skip
        total: Any = Const(0)
        index, found = Signal(6), Signal()
        for i, bit in enumerate(bits):
            with self.m.If(bit & (total == self.number)):
                self.m.d.comb += [index.eq(i), found.eq(1)]
            count = Signal(6, name=f"bits_up_to_{i}")
            self.m.d.comb += count.eq(total + bit)
            total = count
        self.assume(total <= most_entries)
        self.assume((self.used_words == 1) | self.words[1].any())
        self.claim(found | (total == 0), when=self.taken)
        self.expect(index, total == 0, (total == 0) | (self.number == total - 1))


class DenseDecoder(DecoderProperty):
    """Dense format: entry n is position n, and no word is read."""

    def __init__(self, decoder: Any) -> None:
        super().__init__(decoder, FORMAT_DENSE, words=1)
        length = self.between(4, "length", 1, 6)
        self.m.d.comb += decoder.registers.length.eq(length)
        self.claim(~decoder.word.ready)
        self.expect(self.number, 0, self.number == length - 1)
