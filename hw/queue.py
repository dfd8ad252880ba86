"""A queue whose words move up: the head is a register, and always in the same place.

It takes no more gates than a memory with pointers, as nothing has to pick the head, and its
user gets the head without a delay.
"""

from typing import Any

from amaranth.hdl import Cat, Module, Signal
from amaranth.lib import wiring
from amaranth.lib.wiring import In, Out

__all__ = ["ShiftQueue"]


class ShiftQueue(wiring.Component):
    """Words in order.

    Members
    -------
    clear : Signal, in
        Forget all words; what is pushed or popped in the same cycle does not count.
    push, word : Signal, shape, in
        Append a word; only if there is room.
    pop : Signal, in
        The head goes; only if there is one.
    filled : Signal(depth), out
        Bit i: there are more than i words.
    head : shape, out
        The oldest word; without any, the one popped last (nothing certain before the first).
    behind : shape, out
        The word that would be the head if that went now; only if there is one.
    followed : Signal, out
        There is one: behind the head, or pushed in this cycle.
    """

    def __init__(self, shape: Any, depth: int) -> None:
        self._shape = shape
        self._depth = depth
        super().__init__(
            {
                "clear": In(1),
                "push": In(1),
                "word": In(shape),
                "pop": In(1),
                "filled": Out(depth),
                "head": Out(shape),
                "behind": Out(shape),
                "followed": Out(1),
            }
        )

    def elaborate(self, platform: object) -> Module:
        m = Module()
        filled, depth = self.filled, self._depth
        # Words that are not there may be anything, so that none needs a reset.
        words = [Signal(self._shape, name=f"word_{i}", reset_less=True) for i in range(depth)]
        m.d.comb += [
            self.head.eq(words[0]),
            self.behind.eq(self.word),
            self.followed.eq(self.push),
        ]
        if depth > 1:
            with m.If(filled[1]):
                m.d.comb += [self.behind.eq(words[1]), self.followed.eq(1)]
        with m.If(self.clear):
            m.d.sync += filled.eq(0)
        with m.Elif(self.push & ~self.pop):
            m.d.sync += filled.eq(Cat(1, filled))
        with m.Elif(self.pop & ~self.push):
            m.d.sync += filled.eq(filled[1:])

        for i, word in enumerate(words):
            comes = filled[i + 1] if i + 1 < depth else 0
            with m.If(self.pop & comes):
                m.d.sync += word.eq(words[min(i + 1, depth - 1)])
            # A word that is not there may be anything, but the head keeps the last one.
            with m.Elif((self.pop | ~filled[i]) & (self.push if i == 0 else 1)):
                m.d.sync += word.eq(self.word)
        return m
