"""The feeder in simulation: the vectors that the layout says, also from rows it reads unaligned."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from bosquet.hw.design import Design
from bosquet.hw.feeder import Feeder
from bosquet.hw.layout import Layout
from bosquet.models.layer import LayerShape

SHAPES = (
    LayerShape("plain", "conv", 3, 2, (3, 3), padding=(1, 1, 1, 1), height=4, width=4),
    LayerShape("strided", "conv", 4, 2, (3, 2), stride=(2, 3), groups=2, height=7, width=8),
    LayerShape("dilated", "conv", 2, 1, (2, 2), dilation=(2, 1), height=5, width=6, batch=2),
    LayerShape("fc", "fc", 9, 1, batch=7),
)
VECTORS = (1, 3, 4, 5, 8)
"""Powers of two, and numbers for which the rotator turns by a remainder."""
TILES = 2
"""Filter tiles of each group: every position vector is read again."""

LATENCY = 4
"""Cycles from the issue of a step to its vectors."""


def fed(
    layout: Layout, design: Design, offsets: Sequence[int], banks: Any, pauses: Sequence[bool]
) -> list[Any]:
    """Run a feeder, holding it where ``pauses`` says so; return the vectors of each step."""
    dut = Feeder(design, layout.feature_words, len(offsets))
    steps: list[Any] = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)
    passes = layout.shape.groups * TILES * layout.position_tiles

    async def bench(ctx: Any) -> None:
        block = divmod(layout.plane, design.vector)
        group = divmod(layout.blocks * layout.plane, design.vector)
        for name, value in {
            "position_tiles": layout.position_tiles, "tiles_per_group": TILES,
            "groups": layout.shape.groups, "blocks": layout.blocks, "taps": layout.taps,
            "block_word": block[0], "block_rest": block[1], "steps": layout.steps,
            "own_orders": len(offsets) > layout.steps,
            "group_word": group[0], "group_rest": group[1],
        }.items():  # fmt: skip
            if name in dut.registers.shape().members:
                ctx.set(dut.registers[name], value)
        ctx.set(dut.go, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        on_the_way: list[bool] = [False] * LATENCY
        for cycle in range(3 * passes * layout.steps + 40):
            hold = pauses[cycle % len(pauses)]
            ctx.set(dut.hold, hold)
            if not hold:
                if on_the_way.pop(0):
                    vectors = ctx.get(dut.vectors)
                    steps.append(
                        [[vectors[b][i] for i in range(design.vector)] for b in range(len(banks))]
                    )
                on_the_way.append(bool(ctx.get(dut.step.valid)))
            tap = ctx.get(dut.offset_address) if ctx.get(dut.offset_enable) else None
            rows = (
                [ctx.get(dut.bank_addresses[half]) for half in range(2)]
                if ctx.get(dut.bank_enable)
                else None
            )
            await ctx.tick()
            if tap is not None and tap < len(offsets):
                word, rest = divmod(offsets[tap], design.vector)
                ctx.set(dut.offset_data, {"word": word, "rest": rest})
            if rows is not None:
                for number, bank in enumerate(banks):
                    for half, row in enumerate(rows):
                        if 2 * row + half < len(bank):
                            ctx.set(dut.bank_data[number][half], bank[2 * row + half].tolist())

    simulator.add_testbench(bench)
    simulator.run()
    return steps


def inputs(layout: Layout) -> tuple[Any, Any]:
    """Return the banks of some activations, and the same as flat positions."""
    shape = layout.shape
    size = (shape.batch, shape.in_channels, shape.height, shape.width)
    banks = layout.bank_images(np.random.default_rng(3).integers(-128, 128, size), fill=5)
    return banks, banks.reshape(layout.step_vectors, -1)


RANDOM = (np.random.default_rng(4).random(89) < 0.4).tolist()


@pytest.mark.parametrize("vector", VECTORS)
@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
@pytest.mark.parametrize("family", ["dense", "sparse"])
def test_every_step_brings_its_vectors(shape: LayerShape, vector: int, family: str) -> None:
    design = Design("sparse", 1, vector, window=4, feed=2)
    if family == "dense":
        design = Design.dense(1, vector)
    layout = Layout.of(shape, design)
    banks, flat = inputs(layout)
    expected = [
        flat[:, start : start + vector].tolist()
        for group in range(shape.groups)
        for _ in range(TILES)
        for tile in range(layout.position_tiles)
        for block in range(layout.blocks)
        for offset in layout.tap_offsets
        for start in [(group * layout.blocks + block) * layout.plane + offset + tile * vector]
    ]
    offsets = layout.tap_offsets if family == "dense" else layout.step_offsets
    assert fed(layout, design, offsets, banks, [False]) == expected
    assert fed(layout, design, offsets, banks, RANDOM) == expected


@pytest.mark.parametrize("shape", SHAPES, ids=lambda shape: shape.name)
def test_every_tile_has_the_order_of_its_table(shape: LayerShape) -> None:
    design = Design("sparse", 1, 3, window=4, feed=2)
    layout = Layout.of(shape, design)
    banks, flat = inputs(layout)
    rng = np.random.default_rng(5)
    tiles = shape.groups * TILES
    tables = [rng.permutation(layout.step_offsets).tolist() for _ in range(tiles)]
    expected = [
        flat[:, start : start + 3].tolist()
        for tile, table in enumerate(tables)
        for position in range(layout.position_tiles)
        for offset in table
        for start in [tile // TILES * layout.blocks * layout.plane + offset + position * 3]
    ]
    offsets = [offset for table in tables for offset in table]
    assert fed(layout, design, offsets, banks, RANDOM) == expected
