"""The simulator against the contract, stepped: the ``dram`` environment, and SIMD groups."""

from dataclasses import replace

import numpy as np
from dram_contract import interpret_in_dram
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from timing_contract import interpret

from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.part import MaskedPart
from bosquet.hw.program import Program
from bosquet.models.layer import LayerShape
from bosquet.sim.exact import simulate
from bosquet.sim.exact_dram import simulate_in_dram

DESIGNS = (
    Design("sparse", 8, 2, window=4, feed=2, run_ahead=2, simd_group=4, drain=2, drain_cycles=2),
    Design("sparse", 36, 3, window=2, feed=2, run_ahead=3, simd_group=2, acc_sets=1, drain=8),
    Design("sparse", 20, 2, window=4, feed=2, simd_group=2, drain=4),
    Design("sparse", 5, 4, window=2, feed=1, run_ahead=1, fifo_depth=2, drain_cycles=4),
    replace(Design.port(4, 2), simd_group=2, drain_cycles=2),
    replace(Design.port(3, 1), drain=2),
    replace(Design.dense(3, 4), drain_cycles=2),
    replace(Design.dense(4, 2), acc_sets=1, drain=3, weights_per_row=2),
)


@st.composite
def programs(draw: st.DrawFn) -> Program:
    """Small layers of uneven filters, on every kind of array."""
    shape = LayerShape(
        "drawn", "conv", draw(st.integers(1, 5)), draw(st.integers(1, 40)), (2, 1),
        height=draw(st.integers(2, 4)), width=draw(st.integers(1, 4)),
    )  # fmt: skip
    random = np.random.default_rng(draw(st.integers(0, 2**32)))
    density = random.choice([0.0, 0.1, 0.4, 1.0], (shape.out_channels, 1, 1, 1))
    mask = random.random(shape.weight_shape) < density
    return Program.plan(MaskedPart(shape, mask), draw(st.sampled_from(DESIGNS)))


@given(programs())
@settings(max_examples=60)
def test_groups_are_counted_as_the_contract_says(program: Program) -> None:
    counted = simulate(program)
    assume(counted.lane_cycles < 30_000)
    assert counted == interpret(program)


@given(
    program=programs(),
    dram=st.builds(Dram, st.integers(1, 80), st.integers(0, 9)),
    loads=st.lists(st.integers(1, 50), max_size=2),
)
@settings(max_examples=100)
def test_slow_streams_are_counted_as_the_contract_says(
    program: Program, dram: Dram, loads: list[int]
) -> None:
    counted = simulate_in_dram(program, loads, dram)
    assume(counted.lane_cycles < 60_000)
    assert counted == interpret_in_dram(program, dram, loads)
