"""The benchmark of the cost of sparsity: what it adds up, on parts of made-up areas."""

from pathlib import Path
from typing import Any

import pytest
from benchmark_scripts import benchmark

from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.synth.parts import Part, parts_of
from bosquet.hw.synth.row import Row
from bosquet.models.layer import LayerShape

SHAPE = LayerShape("small", "conv", 8, 16, (3, 3), padding=(1, 1, 1, 1), height=6, width=6)
DENSE = Design.dense(16, 4)


def row(part: Part, area_ge: float, period_s: float) -> Row:
    reads: dict[MemoryKind, float] = {}
    return Row(part, area_ge, 1, 1, period_s, reads, 0.0, "cells", 2e-11, "r", "t=1", "g")


def test_area_and_clock_by_hand() -> None:
    parts = [part for part, _ in parts_of(DENSE)]
    rows = {part: row(part, 64.0, 1e-9) for part in parts}
    slow = next(part for part in parts if part.name == "output_stage")
    rows[slow] = row(slow, 640.0, 2e-9)
    found = benchmark("rtl_area").Silicon.of(DENSE, rows)
    # 16 lanes, feeder and control of 64 each, and the output stage; 64 MACs.
    assert found.bare_per_mac_ge == (16 * 64 + 64 + 64) / 64
    assert found.area_per_mac_ge == found.bare_per_mac_ge + 10
    assert (found.freq_hz, found.limit) == (pytest.approx(5e8), "output_stage")


def test_a_dense_array_does_what_it_must() -> None:
    found = benchmark("rtl_area").use(SHAPE, DENSE, 0.5, 0)
    # 72 steps for each of 11 vectors (36 positions and the gaps of 8 columns), half of them pruned.
    assert found.efficiency == pytest.approx(0.5, abs=0.05)
    assert found.format == "dense"


def test_the_fastest_format_is_taken() -> None:
    one = benchmark("rtl_area").use(SHAPE, Design("sparse", 16, 4), 0.5, 0)
    assert 0.5 < one.efficiency <= 1
    assert one.format != "dense"
    assert 0 < one.feature_bits < one.memory_bits


def test_every_point_of_the_full_table() -> None:
    script: Any = benchmark("rtl_area")
    points = list(script.pairs(False, Design("sparse", 16, 16)))
    assert len(points) == 2 * 4 * 3
    assert {sparse.delivery for _, sparse, _ in points} == {"window", "port"}
    assert all(
        (sparse.lanes, sparse.vector, sparse.weight_bits, sparse.drain_cycles)
        == (dense.lanes, dense.vector, dense.weight_bits, dense.drain_cycles)
        for _, sparse, dense in points
    )


@pytest.mark.slow
def test_the_cost_of_sparsity(tmp_path: Path) -> None:
    """Of the design that breaks even first: V = 16, 8 bits, densities 0.5 and 0.25."""
    script: Any = benchmark("rtl_area")
    (point,) = script.run(True, script.SPARSE, 0, tmp_path / "parts.csv")[0]["points"]
    assert (point["vector"], point["weight_bits"]) == (16, 8)
    half, quarter = point["uses"]
    assert half["cost"] <= 1.55
    assert quarter["cost"] <= 1.75
    assert point["freq_ratio"] >= 0.95
