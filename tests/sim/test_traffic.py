"""Traffic of small layers, by hand; that the RTL does the same is in ``tests/cosim``."""

from dataclasses import replace

import numpy as np
import pytest
from checked_layers import layer_of

from bosquet.hw.design import Design
from bosquet.hw.loads import loads_of_runs
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.traffic import Traffic
from bosquet.sim.workload import Workload


def test_by_hand() -> None:
    """Two filters of one weight each, of a map of two channels, 1 x 3, on two lanes of two."""
    shape = LayerShape("tiny", "conv", 2, 2, (1, 1), height=1, width=3)
    design = Design(
        "sparse", lanes=2, vector=2, window=2, feed=2, run_ahead=1, fifo_depth=2, acc_bits=20
    )
    mask = np.array([[1, 0], [0, 1]], np.bool_).reshape(2, 2, 1, 1)
    schedule = Schedule.plan(layer_of(shape, mask), design, Bitmap())
    found = Traffic.of(schedule, schedule.buffers)
    # 3 positions are 2 vectors of 2: each pass feeds both channels in one step.
    assert (found.work.steps, found.work.entries, found.work.macs) == (2, 4, 8)
    sram = found.sram
    assert sram["inputs"].reads == 2 * 2 * 2  # steps, banks, halves
    assert sram["inputs"].read_bits == 8 * 2 * 8  # two activations of 8 bits
    assert sram["weights"].reads == 4  # 2 lanes in 2 passes
    assert sram["indices"].reads == 4 + 2 * 2  # and two words ahead in each lane
    assert sram["indices"].read_bits == 8 * 17  # 16 positions and the end flag
    assert sram["offsets"].reads == 2
    # Beats of one lane and one vector: 2 passes of 2 lanes.
    assert sram["filters"].reads == found.dram["outputs"].writes == 4
    assert found.dram["outputs"].write_bits == 4 * 16
    # One word of each lane in one beat, behind a header.
    assert found.dram["weights"].reads == found.dram["indices"].reads == 2
    assert sram["weights"].writes == sram["indices"].writes == 2
    assert found.dram["weights"].read_bits == 2 * design.bus_bits
    # Windows: 2 steps of 2 vectors of 16 bits come in, 4 weights pick a vector each.
    windows = found.registers["windows"]
    assert (windows.write_bits, windows.read_bits) == (2 * 32, 4 * 16)
    # Products of 16 bits and sums of 20, for 8 MACs; the 2 x 2 x 2 finished sums move on.
    assert found.registers["accumulators"].write_bits == 8 * 36 + 8 * 20


def test_a_dense_array_by_hand() -> None:
    """Three filters of two weights on two rows of two, one image of 1 x 3."""
    shape = LayerShape("tiny", "conv", 2, 3, (1, 1), height=1, width=3)
    design = replace(Design.dense(2, 2), acc_bits=20)
    schedule = Schedule.plan(layer_of(shape, np.ones(shape.weight_shape, np.bool_)), design)
    found = Traffic.of(schedule, schedule.buffers)
    # 2 tiles of 2 position vectors, each of 2 steps; one row has no filter in the second tile.
    assert found.work.steps == 8
    assert found.work.weights == 3 * 2 * 2
    assert found.work.macs == 3 * 2 * 2 * 2  # of 6 positions that count 2 are none
    assert found.sram["weights"].reads == 8  # of one memory for both rows
    assert found.sram["weights"].read_bits == 8 * 16
    assert found.sram["inputs"].reads == 8 * 2
    assert "indices" not in found.sram
    assert "windows" not in found.registers


def test_an_eie_array_by_hand() -> None:
    """Three PEs, four inputs, one of them zero; the filters keep 1, 2 and 0 weights."""
    shape = LayerShape("tiny", "fc", 4, 3)
    mask = np.array([[1, 0, 0, 0], [1, 0, 1, 0], [0, 0, 0, 0]], np.bool_)
    layer = layer_of(shape, mask.reshape(shape.weight_shape))
    features = np.array([5, 6, layer.zero_point_in, 7]).reshape(1, 4, 1, 1)
    design = replace(Design.eie(3), feed=2)
    found = Traffic.of(
        Schedule.plan(layer, design).with_features(features), Schedule.plan(layer, design).buffers
    )
    assert found.work.steps == 2  # words of two activations
    assert found.work.items == 3
    assert (found.work.entries, found.work.columns, found.work.macs) == (2, 2, 2)
    assert found.sram["inputs"].reads == 2
    assert found.sram["indices"].reads == 3  # one memory of the pointers of all PEs
    assert found.sram["weights"].reads == 2
    assert found.work.sums == 3


@pytest.mark.parametrize("name", ["sparse-4x4", "dense-4x4"])
def test_what_is_loaded_is_what_the_streams_carry(name: str) -> None:
    shape = LayerShape("conv", "conv", 8, 12, (3, 3), padding=(1, 1, 1, 1), height=8, width=8)
    layer = Workload(shape, uneven_mask(shape.weight_shape, 0.3, 1))
    design = Design.named(name)
    need = Schedule.plan(layer, design).buffers
    small = replace(need, feature_words=int(0.6 * need.feature_words))
    schedule = Schedule.plan(layer, replace(design, buffers=small))
    assert len(schedule.runs) > 1
    found = Traffic.of(schedule, small)
    beats = sum(access.reads for access in found.dram.values())
    assert beats == sum(sum(loads.values()) for loads in loads_of_runs(schedule))


def test_fewer_weights_are_less_traffic() -> None:
    """The same filters with ever fewer weights, on lanes that keep theirs."""
    shape = LayerShape("conv", "conv", 8, 4, (3, 3), height=6, width=6)
    design = replace(Design.named("sparse-4x4"), feed_order="natural")
    order = np.random.default_rng(1).permutation(shape.weights)
    before: Traffic | None = None
    for kept in (200, 150, 100, 50, 0):
        mask = np.zeros(shape.weights, np.bool_)
        mask[order[:kept]] = True
        schedule = Schedule.plan(
            Workload(shape, mask.reshape(shape.weight_shape)), design, Bitmap()
        )
        found = Traffic.of(schedule, schedule.buffers)
        if before:
            for tensor in ("weights", "indices", "inputs", "filters", "offsets"):
                now, then = found.sram[tensor], before.sram[tensor]
                assert now.reads <= then.reads
                assert now.writes <= then.writes
            assert found.work.macs < before.work.macs
        before = found
