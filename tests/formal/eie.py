"""The EIE array: every column that meets a non-zero activation counts once.

Scanner, broadcast and two PEs are real. A column's part in a PE is there or not, and is as long as
the solver likes: a weight, and fillers behind it that only take time, so that a FIFO fills while
the scanner goes on. Of the weights all are 0 but one, which is 1: a PE's finished sum is then the
activation of that column. It would be another if a column were lost in a FIFO without room, came
twice, or met the activation of another.
"""

from typing import Any

from amaranth.hdl import Cat, Mux, Signal, signed

from bosquet.hw.design import Buffers, Design

from .property import Property, pick

__all__ = ["BUFFERS", "DESIGN", "EieProperty"]

DESIGN = Design(
    "eie", lanes=2, vector=1, delivery="broadcast", window=1, run_ahead=1, feed=2,
    feed_order="natural", fifo_depth=1, index_bits=(2,), acc_sets=1, weight_bits=2, act_bits=2,
    acc_bits=8,
)  # fmt: skip
LONGEST = 4  # entries of a column
BUFFERS = Buffers(
    weight_words=8 * LONGEST, index_words=8, feature_words=8, filter_words=2, offset_words=1
)


class EieProperty(Property):
    """The output stage takes the sums when it likes.

    Parameters
    ----------
    most_words, most_images : int
        Of an image, and of the layer; the solver may choose fewer.
    """

    def __init__(self, array: Any, most_words: int, most_images: int) -> None:
        super().__init__()
        m = self.m
        m.submodules.array = array
        registers, start = array.registers, self.first
        words = self.between(2, "words", 1, most_words)
        images = self.between(2, "images", 1, most_images)
        columns = most_words * DESIGN.feed
        zero = self.fixed(signed(DESIGN.act_bits), "zero")
        m.d.comb += [
            array.start.eq(start),
            registers.words.eq(words),
            registers.tiles_per_group.eq(1),
            registers.groups.eq(images),
            registers.last_tile_lanes.eq(DESIGN.lanes),
            registers.zero_point_in.eq(zero),
        ]
        features = [
            self.fixed(signed(DESIGN.act_bits), f"feature_{i}")
            for i in range(most_images * columns)
        ]
        pairs = [Cat(*features[i : i + 2]) for i in range(0, len(features), 2)]
        with m.If(array.feature_enable):
            m.d.sync += array.feature_data.eq(pick(pairs, array.feature_address))

        takes, first_taken = self.free(DESIGN.lanes, "takes"), Signal()
        m.d.comb += [
            array.take[0].eq(array.ready[0] & takes[0] & ~first_taken),
            array.take[1].eq(array.ready[1] & takes[1] & first_taken),
            array.finished.eq(array.take[1]),
        ]
        with m.If(array.take[0]):
            m.d.sync += first_taken.eq(1)
        with m.If(array.take[1]):
            m.d.sync += first_taken.eq(0)

        for lane in range(DESIGN.lanes):
            there = self.fixed(columns, f"there_{lane}")
            lengths = [self.fixed(2, f"length_{lane}_{c}") for c in range(columns)]  # less 1
            chosen = self.fixed(3, f"chosen_{lane}")
            self.assume(chosen < words * DESIGN.feed)
            pointer, entry = array.pointer_data[lane], array.entry_data[lane]
            column = array.pointer_address[lane]
            m.d.sync += [
                pointer.occupied.eq(there.bit_select(column, 1)),
                pointer.start.eq(column * LONGEST),
            ]
            address = array.entry_address[lane]
            within, of = address[:2], address[2:]
            with m.If(array.entry_enable[lane]):
                m.d.sync += [
                    entry.weight.eq((of == chosen) & (within == 0)),
                    entry.code.eq(Mux(within == 0, 0, 3)),
                    entry.end.eq(within == pick(lengths, of)),
                ]
            image = Signal(2, name=f"image_{lane}")
            with m.If(array.take[lane]):
                m.d.sync += image.eq(image + 1)
            ready = array.ready[lane] & ~start
            if lane == 0:
                ready = ready & ~first_taken
            met = Signal(signed(DESIGN.act_bits), name=f"met_{lane}")
            m.d.comb += met.eq(pick(features, image * words * DESIGN.feed + chosen))
            expected = Mux(there.bit_select(chosen, 1), met - zero, 0)
            self.claim(image < images, when=ready)
            self.claim(array.sums[lane][0] == expected, when=ready)
            self.cover(
                ready & (image == 0) & (words == most_words) & (expected == -2) & there.all()
            )
            self.cover(ready & (image == most_images - 1))
