"""Dense rows that read a weight for each column: RTL == simulator == reference."""

from dataclasses import replace

import numpy as np
import pytest
from checked_layers import CONV, check, half_mask, layer_of

from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram
from bosquet.hw.program import Program
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.sim.cosim import compare, compare_schedule

FC = LayerShape("neurons", "fc", in_channels=7, out_channels=19)
CORNER = LayerShape(
    "whole_map", "conv", 4, 30, kernel=(2, 2), stride=(2, 2), padding=(0, 0, 1, 1), groups=2,
    height=2, width=2, batch=3,
)  # fmt: skip
"""Outputs of one position, whose images do not follow each other."""


@pytest.mark.parametrize(
    ("shape", "design"),
    [
        (FC, replace(Design.dense(2, 4), acc_sets=1)),
        (replace(FC, batch=2, out_channels=23), replace(Design.dense(3, 4), drain=2)),
        (replace(FC, batch=3), replace(Design.dense(5, 3), drain=3, drain_cycles=3)),
        (replace(FC, out_channels=61), replace(Design.dense(2, 18), drain_cycles=3)),
        (replace(FC, out_channels=75), Design.dense(17, 2)),
        (replace(FC, out_channels=1, in_channels=5), Design.dense(2, 2)),
        (replace(FC, in_channels=14, out_channels=46, groups=2), Design.dense(2, 4)),
        (CORNER, replace(Design.dense(2, 4), drain=2)),
        (CONV, replace(Design.dense(2, 4), drain_cycles=2)),
        (replace(CONV, out_channels=5, stride=(2, 1)), Design.dense(2, 3)),
        (replace(CONV, kernel=(1, 1)), Design.dense(1, 18)),
    ],
    ids=lambda value: getattr(value, "name", None),
)
def test_rows_that_read_a_weight_for_each_column(shape: LayerShape, design: Design) -> None:
    """Columns on filters of their own, and convolutions, whose words hold consecutive weights."""
    several = replace(design, weights_per_row=design.vector)
    check(layer_of(shape, half_mask(shape)), several)


def test_rows_of_filters_behind_a_slow_output() -> None:
    """Every chunk of a visit waits for the stream."""
    layer = layer_of(FC, half_mask(FC))
    features = np.random.default_rng(2).integers(-128, 128, (1, 7, 1, 1))
    design = replace(Design.dense(2, 4), weights_per_row=4)
    dram = Dram(bandwidth_bits=10, latency_cycles=5)
    found = compare(Program.plan(layer, design), layer, features, dram)
    assert found.equal, found


def test_neurons_in_parts_keep_a_column_each() -> None:
    """Filters and input channels in parts; the columns go on from their sums."""
    shape = replace(FC, in_channels=25, out_channels=11)
    buffers = Buffers(
        weight_words=10, index_words=0, feature_words=99, filter_words=99, offset_words=1
    )
    design = replace(Design.dense(2, 4), weights_per_row=4, buffers=buffers)
    layer = layer_of(shape, half_mask(shape))
    schedule = Schedule.plan(layer, design)
    assert any(run.accumulate and run.program.layout.columns == "filters" for run in schedule.runs)
    features = np.random.default_rng(2).integers(-128, 128, (1, 25, 1, 1))
    found = compare_schedule(schedule, features)
    assert found.equal, found
