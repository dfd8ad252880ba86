"""The roofline: by hand, and that no layer stands above the roof."""

import numpy as np
import pytest

from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.part import MaskedPart
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.sim.random_cases import random_cases
from bosquet.sim.roofline import Roof, Roofline
from bosquet.sim.tiling import simulated
from bosquet.sim.traffic import Traffic

DESIGN = Design("sparse", 2, 2, window=4, feed=4, drain=1, drain_cycles=1)


def test_roof_by_hand() -> None:
    # Load beats of 64 bits; output beats of 2 columns of 8 bits.
    assert DESIGN.bus_bits == 64
    assert DESIGN.beat_bits == 16
    assert Roof.of(DESIGN, None) == Roof(4, None, None)
    assert Roof.of(DESIGN, Dram(64, 5)) == Roof(4, 8 + 8 + 2, 8)
    # 32 bits per cycle: a load beat in two cycles, an output beat in one.
    roof = Roof.of(DESIGN, Dram(32, 5))
    assert roof == Roof(4, 4 + 4 + 2, 4)
    assert roof.macs_per_cycle(0.1) == pytest.approx(1.0)
    assert roof.macs_per_cycle(0.4) == 4.0
    assert roof.macs_per_cycle(7.0) == 4.0
    assert Roof.of(DESIGN, None).macs_per_cycle(0.001) == 4.0


def test_a_layer_by_hand() -> None:
    """One filter of two weights kept of four, on four positions."""
    mask = np.array([1, 0, 1, 0], np.bool_).reshape(1, 4, 1, 1)
    layer = MaskedPart(LayerShape("tiny", "conv", 4, 1, height=1, width=4), mask)
    schedule = Schedule.plan(layer, DESIGN)
    traffic = Traffic.of(schedule, schedule.buffers)
    dram = Dram(16, 3)
    cycles = simulated(schedule, dram).cycles
    found = Roofline.of(8, 16, traffic, cycles, Roof.of(DESIGN, dram))
    moved = sum(one.reads for one in traffic.dram.values()) * 8 + 2 * 2  # two output beats
    assert found.moved_bytes == moved
    assert found.intensity == 8 / moved
    assert found.dense_intensity == 16 / moved
    assert found.achieved_macs_per_cycle == 8 / cycles
    # Load beats in 4 cycles, output beats in one: 2 + 2 + 2 bytes per cycle.
    assert found.attainable_macs_per_cycle == pytest.approx(6 * 8 / moved)


def test_figures_per_second_need_a_clock() -> None:
    place = Roofline(100, 400, 50.0, 20, Roof(16, 4.0, 2.0))
    told = place.to_json(1e9, None)
    assert told["achieved_macs_per_s"] == 5e9
    assert told["attainable_macs_per_s"] == 8e9
    assert told["dense_equivalent_macs_per_s"] == 20e9
    assert not [key for key in told if key.endswith("_reason")]
    silent = place.to_json(None, "no row of the lane table")
    for name in ("achieved_macs_per_s", "attainable_macs_per_s", "dense_equivalent_macs_per_s"):
        assert silent[name] is None
        assert silent[f"{name}_reason"] == "no row of the lane table"
    assert silent["achieved_macs_per_cycle"] == 5.0
    assert Roof(16, 4.0, 2.0).to_json(1e9, None)["peak_macs_per_s"] == 16e9


def test_no_layer_is_above_the_roof() -> None:
    for case in random_cases(9, seed=3):
        schedule, design, shape = case.schedule, case.design, case.layer.shape
        traffic = Traffic.of(schedule, design.buffers or schedule.buffers)
        kept = int(case.layer.mask.sum()) * shape.positions
        macs = traffic.work.macs if design.family == "eie" else kept
        for dram in {case.dram, None, Dram(1, 0), Dram(40, 7)}:
            cycles = simulated(schedule, dram).cycles
            found = Roofline.of(macs, shape.macs, traffic, cycles, Roof.of(design, dram))
            assert found.achieved_macs_per_cycle <= found.attainable_macs_per_cycle, design.name
            assert found.attainable_macs_per_cycle <= design.macs
            assert found.intensity <= found.dense_intensity
