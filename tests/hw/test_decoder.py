"""The index decoder in simulation against the encoder of ``models.formats``."""

from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from bosquet.hw.decode import IndexDecoder
from bosquet.hw.design import Design
from bosquet.hw.layout import Layout
from bosquet.hw.registers import FORMAT_BITMAP, FORMAT_DENSE, FORMAT_RELATIVE
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape

DESIGN = Design("sparse", 1, 1, window=4, feed=2)
SHAPE = LayerShape("decoded", "conv", 7, 1, (3, 3), height=3, width=3)
LAYOUT = Layout.of(SHAPE, DESIGN)
"""4 blocks of 2 channels at 9 taps: 72 positions, of which the last channel of the last block is
never kept."""

FORMS = (Relative(4), Relative(6), Relative(8), Bitmap(), Dense())
PASSES = 2


def filters() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    masks = {f"density_{d}": rng.random(LAYOUT.length) < d for d in (0.03, 0.2, 0.5, 0.9)}
    masks |= {
        "empty": np.zeros(LAYOUT.length, np.bool_),
        "full": np.ones(LAYOUT.length, np.bool_),
        "only_first": np.arange(LAYOUT.length) == 0,
        "only_last": np.arange(LAYOUT.length) == LAYOUT.length - 1,
        "word_ends": np.arange(LAYOUT.length) % DESIGN.scan_bits == DESIGN.scan_bits - 1,
    }
    return masks


def decoded(
    form: IndexFormat, positions: Any, ready: Any, groups: int = 1, tiles: int = 1
) -> list[dict[str, int]]:
    """Run a decoder over a filter for ``PASSES`` passes; return the entries it emits.

    It is lane 1, which has no filter in the last tile of a group if there are several.
    """
    dut = IndexDecoder(DESIGN)
    stream = form.encode(positions, LAYOUT.length, DESIGN.scan_bits)
    words = [(int(w), int(e)) for w, e in zip(stream.words, stream.end, strict=True)]
    words *= PASSES * groups * max(1, tiles - 1)
    entries: list[dict[str, int]] = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx: Any) -> None:
        kind = FORMAT_DENSE
        if isinstance(form, Relative):
            kind = FORMAT_RELATIVE
            ctx.set(dut.registers.index_select, DESIGN.index_bits.index(form.index_bits))
        elif isinstance(form, Bitmap):
            kind = FORMAT_BITMAP
        ctx.set(dut.registers.format, kind)
        ctx.set(dut.registers.feed_shift, LAYOUT.step_vectors.bit_length() - 1)
        ctx.set(dut.registers.length, LAYOUT.length)
        ctx.set(dut.registers.windows, LAYOUT.windows)
        ctx.set(dut.registers.position_tiles, PASSES)
        ctx.set(dut.registers.tiles_per_group, tiles)
        ctx.set(dut.registers.groups, groups)
        ctx.set(dut.absent_in_last, tiles > 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        taken = 0
        for cycle in range(4 * PASSES * groups * tiles * LAYOUT.length):
            there = taken < len(words)
            ctx.set(dut.word.valid, there)
            if there:
                ctx.set(dut.word.payload.bits, words[taken][0])
                ctx.set(dut.word.payload.end, words[taken][1])
            ctx.set(dut.entry.ready, bool(ready[cycle % len(ready)]))
            if ctx.get(dut.entry.valid) and ctx.get(dut.entry.ready):
                entry = ctx.get(dut.entry.payload)
                entries.append(
                    {name: int(entry[name]) for name in ("window", "slot", "first", "last")}
                    | {"final": int(entry.final), "filler": int(entry.filler)}
                )
            taken += there and ctx.get(dut.word.ready)
            await ctx.tick()
        assert taken == len(words), "every word is used up"

    simulator.add_testbench(bench)
    simulator.run()
    return entries


@pytest.mark.parametrize("name", filters())
@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_entries_are_those_that_were_encoded(form: IndexFormat, name: str) -> None:
    positions = np.flatnonzero(filters()[name])
    encoded = form.entries(positions, LAYOUT.length, DESIGN.scan_bits)
    count = encoded.entry_positions.size
    steps = encoded.entry_positions // LAYOUT.step_vectors
    expected = [
        {
            "window": int(step) // LAYOUT.window_steps,
            "slot": int(step) % LAYOUT.window_steps * DESIGN.feed + int(k) % LAYOUT.step_vectors,
            "first": int(e == 0),
            "last": int(e == count - 1),
            "final": int(e == count - 1 and passes == PASSES - 1),
            "filler": int(encoded.entry_is_filler[e]),
        }
        for passes in range(PASSES)
        for e, (step, k) in enumerate(zip(steps, encoded.entry_positions, strict=True))
    ]
    for ready in (np.ones(1), np.random.default_rng(2).random(97) < 0.6):
        found = decoded(form, positions, ready)
        assert found == expected


@pytest.mark.parametrize("form", FORMS, ids=lambda form: form.name)
def test_a_tile_without_a_filter_has_a_filler_and_leaves_the_words_alone(
    form: IndexFormat,
) -> None:
    positions = np.flatnonzero(filters()["density_0.2"])
    one = decoded(form, positions, np.ones(1))
    for entry in one:
        entry["final"] = 0
    filler = {"window": 0, "slot": 0, "first": 1, "last": 1, "final": 0, "filler": 1}
    expected = (one + [filler] * PASSES) * 2
    expected[-1] = filler | {"final": 1}
    assert decoded(form, positions, np.ones(1), groups=2, tiles=2) == expected
