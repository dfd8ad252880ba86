"""The table of memories says what the gateware has."""

import re
from dataclasses import replace

import pytest
from accelerators import DENSE, PORT, SPARSE
from amaranth.back import rtlil

from bosquet.hw.design import Buffers, Design
from bosquet.hw.memories import memories
from bosquet.hw.top import Accelerator

BUFFERS = Buffers(
    weight_words=32, index_words=40, feature_words=20, filter_words=6, offset_words=48
)
DESIGNS = {
    "sparse": SPARSE,
    "many lanes": replace(SPARSE, lanes=9),
    "port": PORT,
    "dense": Design.dense(9, 4),
    "rows": replace(DENSE, weights_per_row=4),
    "eie": replace(Design.eie(5), feed=2, drain=2, acc_rows=1),
}


@pytest.mark.parametrize("sets", [1, 2])
@pytest.mark.parametrize("design", DESIGNS.values(), ids=DESIGNS)
def test_every_bit_of_the_gateware_is_told(design: Design, sets: int) -> None:
    design = replace(design, buffer_sets=sets)
    text = rtlil.convert(Accelerator(design, BUFFERS))
    found = sorted(
        (int(size), int(width))
        # Queues, which are memories too, count as logic.
        for width, size in re.findall(r"memory width (\d+) size (\d+) \\set_", text)
    )
    told = sorted(
        (memory.depth, memory.width)
        for memory in memories(design, BUFFERS)
        for _ in range(memory.sets * memory.count)
    )
    assert found == told
