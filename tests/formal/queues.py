"""What the shifting queue must do: words in order, none lost, none doubled.

The solver names one word by its number and follows it; as any number will do, it follows them all.
"""

from typing import Any

from amaranth.hdl import Mux, Signal

from .property import Property

__all__ = ["WORD_BITS", "QueueProperty"]

WORD_BITS = 3
NUMBER_BITS = 5  # of a word; more than a bounded proof pushes


class QueueProperty(Property):
    """A queue that is pushed only with room and popped only with a head."""

    def __init__(self, queue: Any, depth: int) -> None:
        super().__init__()
        m = self.m
        m.submodules.queue = queue
        push, pop, clear = self.free(1, "push"), self.free(1, "pop"), self.free(1, "clear")
        word, followed = self.free(WORD_BITS, "word"), self.fixed(NUMBER_BITS, "followed")
        m.d.comb += [
            queue.push.eq(push),
            queue.pop.eq(pop),
            queue.clear.eq(clear),
            queue.word.eq(word),
        ]
        pushed, popped = Signal(NUMBER_BITS), Signal(NUMBER_BITS)
        held, here, value = Signal(NUMBER_BITS), Signal(), Signal(WORD_BITS)
        m.d.comb += held.eq(pushed - popped)
        # A word may come into a full queue in the cycle in which another goes.
        self.assume(~push | (held < depth) | pop)
        self.assume(~pop | held.any())
        m.d.sync += [pushed.eq(pushed + push), popped.eq(popped + pop)]
        with m.If(push & (pushed == followed)):
            m.d.sync += [here.eq(1), value.eq(word)]
        left, gone = Signal(WORD_BITS), Signal()  # the word popped last, and whether there is one
        with m.If(pop):
            m.d.sync += [left.eq(queue.head), gone.eq(1)]
        with m.If(clear):
            m.d.sync += [pushed.eq(0), popped.eq(0), here.eq(0), gone.eq(0)]

        self.claim(queue.filled == ((1 << held) - 1)[:depth])
        self.claim(queue.head == value, when=here & (popped == followed))
        self.claim(queue.head == left, when=gone & ~held.any())
        # What is behind the head stands there in the cycle after it went.
        self.claim(queue.followed == ((held > 1) | push))
        goes = ~clear & (pop | ~held.any()) & queue.followed
        behind = self.before(queue.behind, "behind_before")
        self.claim(queue.head == behind, when=self.before(goes, "went_before"))
        was_cleared = Signal()
        m.d.sync += was_cleared.eq(Mux(clear & queue.filled.all(), 1, was_cleared))
        self.cover(here & (popped == followed) & (followed == depth + 1) & was_cleared)
        self.cover(push & pop & queue.filled.all() & (popped == 2))
        self.cover(gone & ~held.any() & push)
