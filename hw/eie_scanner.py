"""The scanner of the EIE family: finds the non-zero activations and sends them, one per cycle.

An image is scanned once for each row tile, ``feed`` activations per word. What is sent is
``x - zero_point_in``, so that an activation at the zero point is the one to skip; the biases are
those of the layer, with nothing folded in. A word without a non-zero takes one cycle. The next
row tile waits until the sums of this one are drained.
"""

from amaranth.hdl import Cat, Module, Mux, Signal, signed
from amaranth.lib import data, wiring
from amaranth.lib.wiring import In, Out

from .design import Design
from .eie_words import address_bits, item_layout, row_bits
from .passes import PassCounter
from .registers import layer_layout

__all__ = ["EieScanner"]


class EieScanner(wiring.Component):
    """Reads words of activations and sends the non-zero ones with their columns.

    Members
    -------
    registers : layer registers, in
    start : Signal, in
    address, enable, data : memory read port of the activations
    room : Signal, in
        Every PE takes a further non-zero.
    finished : Signal, in
        The output stage takes the last group of a row.
    item : item_layout, out
    """

    def __init__(self, design: Design, feature_words: int, index_words: int) -> None:
        self._design = design
        super().__init__(
            {
                "registers": In(layer_layout(design)),
                "start": In(1),
                "address": Out(address_bits(feature_words)),
                "enable": Out(1),
                "data": In(data.ArrayLayout(signed(design.act_bits), design.feed)),
                "room": In(1),
                "finished": In(1),
                "item": Out(item_layout(design, index_words)),
            }
        )
        self._place = data.StructLayout(
            {
                "first": 1,
                "last": 1,
                "final": 1,
                "word": address_bits(-(-index_words // design.feed)),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        go, take, fetched = Signal(init=1), Signal(), Signal()
        place = self._fetch(m, take, fetched)
        self._scan(m, place, take, fetched, go)
        self._wait_for_drain(m, go)
        return m

    def _fetch(self, m: Module, take: Signal, fetched: Signal) -> data.View:
        """Read the words of each scan; return which one the memory's output is."""
        registers = self.registers
        place, following = Signal(self._place), Signal(self._place)
        active, last_image = Signal(), Signal()
        address, image_start = Signal.like(self.address), Signal.like(self.address)
        pointer_word = Signal.like(place.word)
        word, tile, image = Signal(16), Signal(16), Signal(16)
        m.d.comb += [
            self.address.eq(address),
            self.enable.eq(active & (~fetched | take)),
            following.word.eq(pointer_word),
            following.first.eq(word == 0),
            following.last.eq(word == registers.words - 1),
            following.final.eq(tile == (registers.tiles_per_group - 1) >> row_bits(self._design)),
            last_image.eq(image == registers.groups - 1),
        ]
        with m.If(self.enable):
            m.d.sync += [
                fetched.eq(1),
                place.eq(following),
                address.eq(address + 1),
                word.eq(word + 1),
                pointer_word.eq(pointer_word + 1),
            ]
            with m.If(following.last):
                m.d.sync += [word.eq(0), tile.eq(tile + 1), address.eq(image_start)]
                with m.If(following.final):
                    m.d.sync += [
                        tile.eq(0),
                        pointer_word.eq(0),
                        address.eq(address + 1),
                        image_start.eq(address + 1),
                        image.eq(image + 1),
                        active.eq(~last_image),
                    ]
        with m.Elif(take):
            m.d.sync += fetched.eq(0)
        with m.If(self.start):
            m.d.sync += [
                Cat(fetched, word, tile, image, address, image_start, pointer_word).eq(0),
                active.eq(1),
            ]
        return place

    def _scan(self, m: Module, place: data.View, take: Signal, fetched: Signal, go: Signal) -> None:
        """Send the non-zeros of a word, lowest first; end with the last one, or at once."""
        design = self._design
        valid, slot, ends, some = Signal(), Signal(), Signal(), Signal()
        left, rest, lowest = (Signal(design.feed, name=n) for n in ("left", "rest", "lowest"))
        values = [
            Signal(signed(design.act_bits + 1), name=f"value_{i}") for i in range(design.feed)
        ]
        here = Signal(self._place)
        number = Signal((design.feed - 1).bit_length())
        value = Signal(signed(design.act_bits + 1))
        m.d.comb += [
            some.eq(left.any()),
            rest.eq(left & (left - 1)),
            lowest.eq(left & ~rest),
            slot.eq(valid & go & (~some | self.room)),
            ends.eq(slot & ~rest.any()),
            take.eq(fetched & (~valid | ends)),
        ]
        for i in range(design.feed):
            with m.If(lowest[i]):
                m.d.comb += [value.eq(values[i]), number.eq(i)]
        m.d.sync += [
            self.item.valid.eq(slot & some),
            self.item.first.eq(slot & here.first),
            self.item.last.eq(ends & here.last),
            self.item.final.eq(here.final),
            self.item.pointer.eq(Cat(number, here.word)),
            self.item.value.eq(value),
        ]
        with m.If(slot):
            m.d.sync += [left.eq(rest), here.first.eq(0)]
        with m.If(ends):
            m.d.sync += valid.eq(0)
            with m.If(here.last):
                m.d.sync += go.eq(0)
        with m.If(take):
            m.d.sync += [valid.eq(1), here.eq(place)]
            for i in range(design.feed):
                difference = self.data[i] - self.registers.zero_point_in
                m.d.sync += [
                    values[i].eq(difference),
                    left[i].eq(self.data[i] != self.registers.zero_point_in),
                ]
        with m.If(self.start):
            m.d.sync += [
                Cat(valid, self.item.valid, self.item.first, self.item.last).eq(0),
            ]

    def _wait_for_drain(self, m: Module, go: Signal) -> None:
        """Let the next scan begin when the last row of a tile is taken."""
        m.submodules.passes = passes = PassCounter(self._design)
        row, drained = Signal(row_bits(self._design)), Signal()
        m.d.comb += [
            passes.registers.eq(self.registers),
            passes.start.eq(self.start),
            passes.advance.eq(self.finished),
            drained.eq(self.finished & (passes.last_tile | row.all())),
        ]
        with m.If(self.finished):
            m.d.sync += row.eq(Mux(passes.last_tile, 0, row + 1))
        with m.If(drained):
            m.d.sync += go.eq(1)
        with m.If(self.start):
            m.d.sync += [row.eq(0), go.eq(1)]
