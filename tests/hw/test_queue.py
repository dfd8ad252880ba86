"""The shift queue against a list, with random pushes, pops and clears."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from bosquet.hw.queue import ShiftQueue


@pytest.mark.parametrize("depth", [1, 2, 3, 4, 7])
def test_words_come_out_in_order_and_the_last_one_stays(depth: int) -> None:
    rng = np.random.default_rng(depth)
    dut = ShiftQueue(8, depth)
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx: Any) -> None:
        words: list[int] = []
        last = None
        for cycle in range(400):
            filled = int(ctx.get(dut.filled))
            assert filled == (1 << len(words)) - 1
            if words:
                assert ctx.get(dut.head) == words[0]
            elif last is not None:
                assert ctx.get(dut.head) == last
            pop = bool(words) and rng.random() < 0.5
            push = len(words) < depth and rng.random() < (0.8 if cycle % 100 < 50 else 0.3)
            clear = rng.random() < 0.02
            word = int(rng.integers(256))
            ctx.set(dut.pop, pop)
            ctx.set(dut.push, push)
            ctx.set(dut.word, word)
            ctx.set(dut.clear, clear)
            if pop:
                last = words.pop(0)
            if push:
                words.append(word)
            if clear:
                words, last = [], None
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
