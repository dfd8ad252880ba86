"""What one more weight costs, all else equal: the same lanes, the same order of the feed steps.

With ports of their own, lanes never save a cycle by it. Lanes that share windows can, since what a
lane lets go of is fed anew: a window that it holds until its next entry stands at the head of its
FIFO. There are two ways in which one more entry comes between and lets go of windows earlier:

- with two accumulator sets the last entry of a filter waits for the sums of the pass before. One
  behind it waits in its place, and the former issues at once;
- in a bitmap the decoder spends a cycle on each zero word. A weight in one of them is found before
  the next entry is, and stands for the windows up to it.

Neither matters behind an entry of the same lane in the same window. Everywhere else the law holds
exactly in the ``ideal`` environment, with any design and format, for an entry that is added. (With
relative indices a weight can take away fillers, and an empty filter has one: that may be faster.)
"""

from dataclasses import replace

import numpy as np
import pytest
from drawn_work import Work, free_positions, with_weight, works
from hypothesis import assume, given
from hypothesis import strategies as st
from timing_contract import interpret

from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.loads import Loads
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.models.formats import Bitmap, IndexFormat, Relative
from bosquet.models.formats.index_format import Stream
from bosquet.models.layer import LayerShape
from bosquet.sim.exact import simulate
from bosquet.sim.exact_dram import simulate_in_dram


def adds_an_entry(before: Stream, after: Stream) -> bool:
    """Return whether all entries are where they were, and one has come to them."""
    kept = np.isin(before.entry_positions, after.entry_positions)
    return bool(kept.all()) and after.entry_positions.size == kept.size + 1


def keeps_windows(program: Program, before: Stream, position: int) -> bool:
    """Return whether an entry added at a position lets go of no window earlier."""
    layout, design = program.layout, program.design
    others = before.entry_positions
    window = layout.window_of(others) == layout.window_of(np.array(position))
    if (others[window] < position).any():
        return True
    if design.acc_sets == 2 and position > others[-1]:
        return False
    in_word = others // design.scan_bits == position // design.scan_bits
    return not program.format.has_empty_words or bool(in_word.any())


def one_more(program: Program, data: st.DataObject) -> Program:
    """Draw a program with one entry more that lets go of no window earlier."""
    there = [
        (tile, lane)
        for tile, lanes in enumerate(program.streams)
        for lane, stream in enumerate(lanes)
        if program.assignment[tile, lane * program.design.simd_group] >= 0
    ]
    tile, lane = data.draw(st.sampled_from(there))
    before = program.streams[tile][lane]
    windows = program.design.delivery == "window"
    places = [
        one
        for one in free_positions(program, tile, lane).tolist()
        if not windows or keeps_windows(program, before, one)
    ]
    assume(places)
    more = with_weight(program, tile, lane, data.draw(st.sampled_from(places)))
    assume(adds_an_entry(before, more.streams[tile][lane]))
    return more


@given(work=works(("window", "simd", "port")), data=st.data())
def test_an_entry_more_never_saves_cycles(work: Work, data: st.DataObject) -> None:
    program = work.program
    assert simulate(one_more(program, data)).cycles >= simulate(program).cycles


@given(
    work=works(("window", "simd", "port")),
    data=st.data(),
    wider=st.integers(0, 50),
    latency=st.integers(0, 9),
)
def test_an_entry_more_never_saves_cycles_with_its_load(
    work: Work, data: st.DataObject, wider: int, latency: int
) -> None:
    # The output stream takes every beat at once. Where it holds the output stage, sums that are
    # ready later can be behind fewer beats, and be taken earlier.
    program = work.program
    dram = Dram(program.design.beat_bits + wider, latency)
    less, more = (
        simulate_in_dram(one, [Loads.of(one).weight_beats], dram)
        for one in (program, one_more(program, data))
    )
    assert more.cycles >= less.cycles


@given(work=works(("dense",)), seed=st.integers(0, 2**32))
def test_dense_arrays_take_the_same_cycles_whatever_is_pruned(work: Work, seed: int) -> None:
    mask = np.random.default_rng(seed).permuted(work.layer.mask)
    other = replace(work, layer=MaskedPart(work.layer.shape, mask))
    full = replace(work, layer=MaskedPart(work.layer.shape, np.ones_like(mask)))
    assert simulate(work.program) == simulate(other.program) == simulate(full.program)


# ---- the two ways to save cycles, stepped --------------------------------------------------------

ONE_LANE = Design(
    "sparse", 1, 1, window=1, run_ahead=1, feed=1, feed_order="natural", index_bits=(4,)
)


def cycles_of(
    design: Design, form: IndexFormat, channels: int, *filters: list[int], positions: int = 1
) -> int:
    """Return the cycles of filters that keep these channels, as counted and stepped through."""
    shape = LayerShape("hand", "conv", channels, len(filters), width=positions)
    mask = np.array([np.isin(np.arange(channels), kept) for kept in filters])
    program = Program.plan(MaskedPart(shape, mask.reshape(shape.weight_shape)), design, form)
    assert program.assignment[0].tolist() == list(range(len(filters)))
    counted = simulate(program)
    assert counted == interpret(program)
    return counted.cycles


def test_a_weight_halfway_can_save_cycles() -> None:
    # A lane holds its window until it has found its next entry, 15 words on; with one halfway,
    # half of the windows are released, and fed, meanwhile.
    design = replace(ONE_LANE, window=16, feed=16, fifo_depth=1)
    apart, closer = (cycles_of(design, Bitmap(), 256, kept) for kept in ([0, 255], [0, 128, 255]))
    assert closer < apart


@pytest.mark.parametrize(("acc_sets", "saves"), [(1, False), (2, True)])
def test_a_weight_behind_the_last_can_save_cycles(acc_sets: int, saves: bool) -> None:
    # Lane 0 is ready at the end of a pass; then the output stage takes 20 cycles for each lane.
    # Two sets: until it has taken lane 1, the entry of that lane in window 0 waits, and holds the
    # only window. With another in window 9 that one waits, while windows 0 to 8 are fed. With one
    # set the first entry waits, whatever comes behind it.
    design = replace(ONE_LANE, lanes=2, vector=20, drain_cycles=20, acc_sets=acc_sets)
    first, both = (
        cycles_of(design, Relative(4), 10, [9], kept, positions=100) for kept in ([0], [0, 9])
    )
    assert (both < first) == saves
