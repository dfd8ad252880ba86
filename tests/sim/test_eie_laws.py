"""Laws of the EIE array: what FIFOs are good for, what fillers cost, what a weight more costs.

The scanner sends columns while the FIFOs hold fewer than ``fifo_depth``; what is on its way then
does not count. So how many columns a FIFO takes in at once hangs on the cycle in which it fills up,
and a run can end a few cycles earlier with one entry or one non-zero activation more, or with a
FIFO a place shallower. Where no FIFO fills up, and against FIFOs that never do, the laws are exact.

That FIFOs of one place cost what the RTL costs is in ``tests/cosim/test_eie``.
"""

from dataclasses import replace

import numpy as np
import pytest
from drawn_work import Work, with_mask, works
from eie_contract import interpret_eie
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from bosquet.hw.design import Design
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.part import MaskedPart
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.exact import simulate

NEVER_FULL = 64
"""More places than a layer drawn here has columns."""


def planned(work: Work, **fields: object) -> EieProgram:
    design = replace(work.design, **fields)  # type: ignore[arg-type]
    program = replace(work, design=design).program
    assert isinstance(program, EieProgram)
    assert program.shape.in_channels < NEVER_FULL
    return program


@given(work=works(("eie",)), choice=st.integers(0, 2**32))
def test_an_entry_more_never_saves_cycles_where_no_fifo_is_full(work: Work, choice: int) -> None:
    program = planned(work, fifo_depth=NEVER_FULL)
    mask = work.layer.mask[:, :, 0, 0].copy()
    pruned = np.flatnonzero(~mask)
    assume(pruned.size)
    mask.flat[pruned[choice % pruned.size]] = True
    more = with_mask(program, mask)
    # A weight can take away fillers, and be faster: that is no entry more.
    assume((more.entry_counts >= program.entry_counts).all())
    assert simulate(more).cycles >= simulate(program).cycles


@given(work=works(("eie",)), choice=st.integers(0, 2**32))
def test_a_zero_more_never_costs_cycles_where_no_fifo_is_full(work: Work, choice: int) -> None:
    program = planned(work, fifo_depth=NEVER_FULL)
    active = program.active.copy()
    there = np.flatnonzero(active)
    assume(there.size)
    active.flat[there[choice % there.size]] = False
    assert simulate(program.with_active(active)).cycles <= simulate(program).cycles


@given(work=works(("eie",)))
def test_no_fifo_is_faster_than_one_that_is_never_full(work: Work) -> None:
    assert simulate(planned(work, fifo_depth=NEVER_FULL)).cycles <= simulate(work.program).cycles


@given(work=works(("eie",)))
def test_fillers_that_are_counted_are_those_of_the_scanned_columns(work: Work) -> None:
    program = planned(work)
    fillers, weights = (
        sum(
            int(active[pe.columns[pe.filler == which]].sum())
            for active in program.active
            for tile in program.columns
            for pe in tile
        )
        for which in (True, False)
    )
    counted = simulate(program)
    assert (counted.stalls["filler"], counted.compute) == (fillers, weights)


@pytest.mark.parametrize(("scanned", "fillers"), [((0,), 5), ((1,), 1), ((2,), 0), ((0, 1, 2), 6)])
def test_fillers_of_long_gaps(scanned: tuple[int, ...], fillers: int) -> None:
    """One PE: 17 rows before the only weight of column 0, gaps of 3 at a time; 5 in column 1."""
    mask = np.zeros((18, 3), np.bool_)
    mask[17, 0] = mask[0, 1] = mask[6, 1] = mask[2, 2] = True
    shape = LayerShape("gaps", "fc", 3, 18)
    design = replace(Design.eie(1), acc_rows=32, index_bits=(2,))
    active = np.isin(np.arange(3), scanned).reshape(1, 3, 1, 1)
    empty = Work(MaskedPart(shape, np.zeros(shape.weight_shape, np.bool_)), design, None, active)
    # Dealing would bring the filters into another order: the rows are set here.
    program = planned(empty)
    rows = program.assignment[:, 0]
    by_row = np.empty_like(mask)
    by_row[rows] = mask
    program = with_mask(program, by_row)
    counted = simulate(program)
    assert counted.stalls["filler"] == fillers
    assert counted == interpret_eie(program)


# ---- depth of the FIFOs --------------------------------------------------------------------------


def fc(
    filters: int, inputs: int, density: float, share: float
) -> tuple[MaskedPart, NDArray[np.bool_]]:
    """Return an FC layer of uneven filters, and which of its activations are not zero."""
    shape = LayerShape("fc", "fc", inputs, filters)
    active = np.random.default_rng(2).random((1, inputs, 1, 1)) < share
    return MaskedPart(shape, uneven_mask(shape.weight_shape, density, seed=1)), active


@pytest.mark.parametrize("lanes", [16, 64])
def test_utilization_rises_with_the_depth_of_the_fifos_and_saturates(lanes: int) -> None:
    layer, active = fc(512, 512, 0.10, 0.35)
    shares = []
    for depth in (1, 2, 4, 8, 16, 32, 64):
        work = Work(layer, replace(Design.eie(lanes), fifo_depth=depth), None, active)
        shares.append(simulate(work.program).utilization)
    assert shares == sorted(shares)
    assert shares[-1] > 1.1 * shares[0]
    assert shares[-1] < 1.01 * shares[-2]


# ---- what a full FIFO can do, stepped ------------------------------------------------------------


def cycles_of(entries: list[int], fifo_depth: int, feed: int, scanned: list[int]) -> int:
    """Return the cycles of one PE with so many entries in each column, counted and stepped."""
    rows, inputs = 8, len(entries)
    shape = LayerShape("hand", "fc", inputs, rows)
    design = replace(
        Design.eie(1), acc_rows=rows, fifo_depth=fifo_depth, feed=feed, index_bits=(4,)
    )
    active = np.isin(np.arange(inputs), scanned).reshape(1, inputs, 1, 1)
    empty = Work(MaskedPart(shape, np.zeros(shape.weight_shape, np.bool_)), design, None, active)
    program = planned(empty)
    mask = np.zeros((rows, inputs), np.bool_)
    for place, filters in enumerate(program.assignment[:, 0]):
        mask[filters] = place < np.array(entries)
    program = with_mask(program, mask)
    counted = simulate(program)
    assert counted == interpret_eie(program)
    return counted.cycles


def test_an_entry_more_can_save_cycles_where_a_fifo_fills_up() -> None:
    every = list(range(5))
    less = cycles_of([0, 3, 4, 2, 1], fifo_depth=1, feed=1, scanned=every)
    more = cycles_of([1, 3, 4, 2, 1], fifo_depth=1, feed=1, scanned=every)
    assert (less, more) == (38, 36)


def test_a_zero_more_can_cost_cycles_where_a_fifo_fills_up() -> None:
    entries = [0, 3, 0, 0, 4, 1, 2]
    every = list(range(7))
    assert cycles_of(entries, fifo_depth=1, feed=8, scanned=every) == 37
    assert cycles_of(entries, fifo_depth=1, feed=8, scanned=[0, 1, 3, 4, 5, 6]) == 39


def test_a_place_more_can_cost_cycles() -> None:
    entries = [6, 0, 8, 4, 1, 1, 8, 0, 0, 0, 0]
    every = list(range(len(entries)))
    shallow, deeper = (cycles_of(entries, depth, feed=1, scanned=every) for depth in (1, 2))
    assert (shallow, deeper) == (53, 55)
