"""FC layers in parts on rows that read V weights: a chain keeps its columns, one pass a run."""

from dataclasses import dataclass, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from bosquet.hw.design import Buffers, Design
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape


@dataclass(frozen=True)
class Masked:
    shape: LayerShape
    mask: NDArray[np.bool_]


@pytest.mark.parametrize("images", [1, 2, 3, 7])
@pytest.mark.parametrize("filters", [1, 3, 8, 9, 21])
def test_every_run_of_a_chain_is_one_pass_with_the_same_columns(images: int, filters: int) -> None:
    buffers = Buffers(
        weight_words=10, index_words=0, feature_words=99, filter_words=99, offset_words=1
    )
    design = replace(Design.dense(2, 4), weights_per_row=4, buffers=buffers)
    shape = LayerShape("fc", "fc", 90, filters, batch=images)
    schedule = Schedule.plan(Masked(shape, np.ones(shape.weight_shape, np.bool_)), design)
    assert any(run.accumulate for run in schedule.runs)
    done = np.zeros((images, filters), np.int64)
    columns = ""
    for run in schedule.runs:
        program = run.program
        if run.accumulate:
            assert program.layout.columns == columns
        columns = program.layout.columns
        if run.accumulate or not run.counts:
            assert program.tiles * program.layout.position_tiles == 1
        done[np.ix_(run.part.images, run.part.filters)] += len(run.part.channels)
    assert (done == 90).all()
