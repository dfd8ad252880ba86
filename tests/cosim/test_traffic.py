"""Traffic == RTL: every count of accesses and of work, counted anew in the running gateware."""

from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from checked_layers import layer_of
from rtl_accesses import Seen, family_of, watched

from bosquet.hw.design import Design
from bosquet.hw.loads import sections
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Bitmap, Dense, IndexFormat, Relative
from bosquet.models.layer import LayerShape
from bosquet.models.masks import uneven_mask
from bosquet.sim.exact import simulate_schedule
from bosquet.sim.tensors import tensor_of
from bosquet.sim.traffic import Traffic

CONV = LayerShape("conv", "conv", 3, 6, (3, 2), padding=(1, 0, 1, 1), height=4, width=3)
GROUPED = LayerShape(
    "grouped", "conv", 6, 10, (2, 2), stride=(2, 1), groups=2, height=4, width=3, batch=2
)
FC = LayerShape("fc", "fc", 22, 19, batch=2)
FEW_INPUTS = replace(FC, in_channels=6, batch=1)
WINDOW = Design(
    "sparse", lanes=4, vector=4, window=4, feed=2, run_ahead=2, fifo_depth=2, index_bits=(2, 4)
)
ROWS = replace(Design.dense(3, 4), weights_per_row=4, drain_cycles=2)
EIE = replace(Design.eie(17), feed=4, acc_rows=2, fifo_depth=2, index_bits=(2,), drain=2)
PORT = replace(Design.port(3, 5), fifo_depth=2)

CASES: dict[str, tuple[LayerShape, Design, IndexFormat | None]] = {
    "relative": (CONV, WINDOW, Relative(2)),  # of gaps up to 2, so that there are many fillers
    "bitmap": (FC, WINDOW, Bitmap()),
    "dense_format": (CONV, WINDOW, Dense()),
    "groups": (GROUPED, replace(WINDOW, feed=4, buffer_sets=2), Relative(4)),
    "simd": (CONV, replace(WINDOW, simd_group=2, drain=4), Bitmap()),
    "wide": (FEW_INPUTS, replace(WINDOW, lanes=17, vector=1), Relative(4)),  # two clusters
    "port": (GROUPED, PORT, Relative(4)),
    "port_bitmap": (CONV, replace(PORT, lanes=4, simd_group=2, drain=2), Bitmap()),
    "dense": (CONV, replace(Design.dense(3, 4), drain_cycles=4), None),
    "one_set": (GROUPED, replace(Design.dense(5, 3), acc_sets=1, drain=2), None),
    "row_words": (CONV, ROWS, None),
    "own_filters": (FC, ROWS, None),
    "many_rows": (FC, replace(Design.dense(9, 2), drain=3), None),  # weights of 8 rows, and of 1
    "eie": (FC, EIE, None),
}

ENABLED = {
    "window": ("index", "weights"),
    "port": ("index", "weights"),
    "dense": (),
    "eie": ("features", "weights"),
}
"""Memories with a read enable that is low when nobody wants data. The others are read in other
cycles too, and what is wanted of them is counted by strobes."""


def planned(
    shape: LayerShape, design: Design, form: IndexFormat | None
) -> tuple[Schedule, np.ndarray]:
    mask = uneven_mask(shape.weight_shape, 0.35, seed=7)
    mask[1] = False  # an empty filter
    mask[2, : shape.weight_shape[1] // 2] = False
    layer = layer_of(shape, mask)
    maps = (shape.batch, shape.in_channels, shape.height, shape.width)
    features = np.random.default_rng(5).integers(-128, 128, maps)
    features[features < 0] = layer.zero_point_in  # as after a ReLU
    return Schedule.plan(layer, design, form).with_features(features), features


def check(schedule: Schedule, features: np.ndarray, seen: Seen) -> Traffic:
    """Compare all that was counted."""
    design = schedule.design
    buffers = design.buffers or schedule.buffers
    found, times = Traffic.of(schedule, buffers), seen.times
    work, family = found.work, family_of(design)

    loads = sum(sum(run.loads) for run in seen.runs)
    assert sum(access.reads for access in found.dram.values()) == loads
    assert found.dram["outputs"].writes == work.beats == times["beats", "out"]

    strobes = {
        "filters": times["beats", "out"] * design.drain,
        "offsets": times["feeder", "steps"],
        "features": times["feeder", "steps"] * seen.memories["features"],
        "weights": times["feeder", "steps"] * seen.memories["weights"],
        "index": times["scanner", "items"] * seen.memories["index"],
        "bases": times["bases", "reads wanted"],
    }
    if family == "port":
        strobes |= {"offsets": times["lane", "weights"], "features": 2 * times["lane", "weights"]}
    for one in found.memories:
        kind = one.memory.kind.name.lower()
        together = [o for o in found.memories if o.memory.kind is one.memory.kind]
        reads, writes = sum(o.reads for o in together), sum(o.writes for o in together)
        assert sum(o.memory.count for o in together) == seen.memories[kind]
        assert writes == times[kind, "writes"], kind
        if kind in ENABLED[family]:
            assert reads == times[kind, "reads"], kind
        else:
            assert reads == strobes[kind], kind
            assert reads <= times[kind, "reads"], kind

    assert work.index_words == times["decoder", "words"]
    if family in ("window", "port"):
        assert work.entries == times["lane", "issues"]
        assert work.weights == times["lane", "weights"]
        assert work.steps == times["feeder", "steps"]
        assert work.scans == _coded_entries(seen) + times["decoder", "blank"]
    if family == "eie":
        assert (work.items, work.columns) == (times["scanner", "items"], times["fifo", "columns"])
    return found


def _coded_entries(seen: Seen) -> int:
    """Return the entries that come out of words of bitmaps; lanes without a filter have none."""
    return sum(
        run.run.program.layout.position_tiles * stream.entry_positions.size
        for run in seen.runs
        if run.run.program.format == Bitmap()
        for tile in run.run.program.streams
        for stream in tile
        if stream.words.size
    )


@pytest.mark.parametrize("name", CASES)
def test_one_run(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    schedule, features = planned(*CASES[name])
    (run,) = schedule.runs
    found = check(schedule, features, watched(schedule, features, monkeypatch))
    compute = simulate_schedule(schedule).compute  # which is that of the RTL
    if run.program.layout.columns == "positions":
        assert found.work.macs == compute * schedule.design.vector
    else:  # 19 neurons of 22 inputs, 2 images
        assert found.work.macs == 19 * 22 * 2 == schedule.layer.shape.macs


SMALL = replace(CONV, out_channels=12, height=3, width=3)
FEW = replace(SMALL, out_channels=3, height=2, width=2)
CUT = {
    "filters": (SMALL, WINDOW, "weight_words", 0.7, "inputs"),
    "channels": (FEW, WINDOW, "weight_words", 0.6, ""),
    "rows": (SMALL, WINDOW, "feature_words", 0.8, "weights"),
    "port_groups": (GROUPED, PORT, "feature_words", 0.6, ""),
    "dense_filters": (SMALL, Design.dense(3, 4), "weight_words", 0.5, "inputs"),
    "dense_channels": (FEW, Design.dense(3, 4), "weight_words", 0.6, ""),
    "row_words": (FC, ROWS, "filter_words", 0.6, "inputs"),
    "eie_filters": (FC, replace(EIE, lanes=5), "weight_words", 0.6, "inputs"),
}
"""What is too small for the layer in one run, and which load then stays from run to run."""


@pytest.mark.parametrize("name", CUT)
def test_several_runs(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays in the buffers from run to run is not loaded again."""
    shape, design, field, share, stays = CUT[name]
    need = planned(shape, design, None)[0].buffers
    small = replace(need, **{field: int(share * getattr(need, field))})
    schedule, features = planned(shape, replace(design, buffers=small), None)
    assert len(schedule.runs) > 1
    found = check(schedule, features, watched(schedule, features, monkeypatch))
    every: Counter[str] = Counter()
    for run in schedule.runs:
        for section in sections(run.program, small):
            every[tensor_of(section.kind)] += section.beats
    saved = {tensor for tensor, beats in every.items() if found.dram[tensor].reads < beats}
    assert (stays in saved) if stays else not saved
