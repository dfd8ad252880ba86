"""The output stage in simulation against the one definition of requantization."""

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from amaranth.sim import Simulator

from bosquet.hw.design import Design
from bosquet.hw.requantize import OutputStage
from bosquet.models.layer import MULTIPLIER_BITS, Requantization

DESIGN = Design.dense(1, 4)
LARGEST = (1 << (DESIGN.acc_bits - 1)) - 1
SUMS = np.array(
    [
        [0, 1, -1, 2], [-2, 3, -3, 5], [-5, 7, -7, 8],
        [LARGEST, -LARGEST - 1, LARGEST - 1, -LARGEST],
        *np.random.default_rng(1).integers(-LARGEST - 1, LARGEST, (6, 4)).tolist(),
        *np.random.default_rng(2).integers(-4096, 4096, (6, 4)).tolist(),
        *np.random.default_rng(3).integers(-16, 16, (4, 4)).tolist(),
    ]
)  # fmt: skip
"""Sums of one pass in a row: small ones for ties, the extremes, random ones of three sizes."""


def requantized(
    sums: Any, scale: Requantization, bias: int, design: Design = DESIGN
) -> list[list[int]]:
    """Run the output stage on one lane, a pass per row of sums."""
    dut = OutputStage(design, filter_words=1)
    rows: list[list[int]] = []
    simulator = Simulator(dut)
    simulator.add_clock(1e-6)

    async def bench(ctx: Any) -> None:
        for name, value in {
            "position_tiles": len(sums), "tiles_per_group": 1, "groups": 1, "last_tile_lanes": 1,
            "zero_point": scale.zero_point, "low": scale.low, "high": scale.high,
        }.items():  # fmt: skip
            ctx.set(dut.registers[name], value)
        ctx.set(dut.filter_data[0].bias, bias)
        ctx.set(dut.filter_data[0].multiplier, int(scale.multiplier[0]))
        ctx.set(dut.filter_data[0].halvings, int(scale.shift[0]) - 1)
        ctx.set(dut.beat.ready, 1)
        ctx.set(dut.start, 1)
        await ctx.tick()
        ctx.set(dut.start, 0)
        taken = 0
        for _ in range(len(sums) + 20):
            there = taken < len(sums)
            ctx.set(dut.ready, int(there))
            if there:
                ctx.set(dut.sums[0], sums[taken].tolist())
            taken += int(ctx.get(dut.take)) if there else 0
            if ctx.get(dut.beat.valid):
                rows.append([ctx.get(dut.beat.payload.lanes[0][i]) for i in range(4)])
                assert ctx.get(dut.beat.payload.last) == (len(rows) == len(sums))
            await ctx.tick()

    simulator.add_testbench(bench)
    simulator.run()
    return rows


def scaled(
    multiplier: int, shift: int, zero_point: int = 0, low: int = -128, high: int = 127
) -> Requantization:
    return Requantization(np.array([multiplier]), np.array([shift]), zero_point, low, high)


CASES = {
    "halves": scaled(1, 1),
    "quarters": scaled(1, 2),
    "eighths_of_three": scaled(3, 3),
    "identity": scaled(2, 1),
    "large_sums": scaled(1, 16),
    "multiplier_0": scaled(0, 5, zero_point=9),
    "largest_multiplier": scaled((1 << MULTIPLIER_BITS) - 1, 32),
    "both_halves_of_the_multiplier": scaled(0x80FF, 31),
    "largest_shift": scaled((1 << MULTIPLIER_BITS) - 1, 63, zero_point=-1),
    "zero_point_at_its_ends": scaled(1, 8, zero_point=-128),
    "relu": scaled(1, 6, zero_point=-20, low=-20),
    "narrow_clamp": scaled(1, 1, low=-1, high=1),
    "a_single_value": scaled(1, 1, low=7, high=7),
}


@pytest.mark.parametrize("name", CASES)
def test_every_sum_is_requantized_as_defined(name: str) -> None:
    scale = CASES[name]
    expected = scale(SUMS.T[None, None].swapaxes(2, 3))[0, 0]
    assert requantized(SUMS, scale, bias=0) == expected.tolist()


def test_halves_round_up_by_hand() -> None:
    """0.5 to 1, 1.5 to 2, -0.5 to 0, -1.5 to -1."""
    sums = np.array([[1, 3, -1, -3]])
    assert requantized(sums, scaled(1, 1), bias=0) == [[1, 2, 0, -1]]


def test_bias_is_added_before_scaling() -> None:
    sums = np.array([[10, 11, -10, 0]])
    # (sum + 5) / 4, rounded: 15/4, 16/4, -5/4, 5/4
    assert requantized(sums, scaled(1, 2, zero_point=3), bias=5) == [[7, 7, 2, 4]]


@pytest.mark.parametrize(("act_bits", "acc_bits"), [(2, 8), (3, 24), (4, 13), (8, 40), (16, 33)])
@pytest.mark.parametrize("shift", [1, 7, 16, 24, 31, 47, 63])
def test_all_widths_and_shifts(act_bits: int, acc_bits: int, shift: int) -> None:
    """Every part of the product is looked at for what the shift leaves, and what lies beyond."""
    rng = np.random.default_rng(shift)
    half, largest = 1 << (act_bits - 1), (1 << (acc_bits - 1)) - 1
    ends = [[largest, -largest - 1, 0, -1]]
    some = [rng.integers(-(1 << bits), 1 << bits, 4) for bits in range(1, acc_bits)]
    sums = np.array([*ends, *some])
    scale = scaled(
        int(rng.integers(1, 1 << MULTIPLIER_BITS)), shift,
        zero_point=int(rng.integers(-half, half)), low=-half, high=half - 1,
    )  # fmt: skip
    design = replace(DESIGN, act_bits=act_bits, acc_bits=acc_bits)
    expected = scale(sums.T[None, None].swapaxes(2, 3))[0, 0]
    assert requantized(sums, scale, bias=0, design=design) == expected.tolist()
