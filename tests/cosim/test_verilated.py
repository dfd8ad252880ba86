"""The compiled RTL behind its C++ host does what Amaranth's simulator does, cycle for cycle."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from bosquet.engine.integer import layer_outputs
from bosquet.errors import ToolError
from bosquet.hw.cuts import Cuts
from bosquet.hw.design import Buffers, Design
from bosquet.hw.dram import Dram
from bosquet.hw.registers import ErrorCode
from bosquet.hw.run_image import RunImage, run_images
from bosquet.hw.schedule import Schedule
from bosquet.hw.verilog import initialized_verilog
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_layer
from bosquet.sim import host_script, verilated
from bosquet.sim.amaranth_rtl import AmaranthRtl
from bosquet.sim.verilated import VerilatedRtl
from bosquet.sim.verilog_run import available_simulators

pytestmark = pytest.mark.skipif(
    "verilator" not in available_simulators(),
    reason="Verilator is not installed (Debian packages verilator g++ make)",
)

LIMIT = 5_000
SHAPE = LayerShape("small", "conv", 3, 5, kernel=(2, 2), height=4, width=5)
LAYER = synthetic_layer(SHAPE, 2.0, 8, 8, seed=3)
FEATURES = np.random.default_rng(3).integers(-128, 128, (1, 3, 4, 5))

SPARSE = Design("sparse", 2, 3, window=2, feed=2, drain=2, drain_cycles=3)
DENSE = replace(Design.dense(3, 4), buffer_sets=2)


def runs_on(design: Design) -> tuple[Buffers, tuple[RunImage, ...]]:
    """Cut the layer into two runs, which have their weights in common."""
    buffers = Schedule.plan(LAYER, design).buffers
    halves = replace(Cuts.none(SHAPE), rows=2)
    schedule = Schedule.cut(LAYER, replace(design, buffers=buffers), halves)
    assert isinstance(schedule, Schedule)
    assert len(schedule.runs) == 2
    return buffers, run_images([(schedule, FEATURES, layer_outputs(LAYER, FEATURES))])


@pytest.fixture(scope="module", params=[(SPARSE, None), (SPARSE, Dram(40, 7)), (DENSE, Dram(9, 0))],
                ids=["ideal", "dram", "overlapping"])  # fmt: skip
def both(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[VerilatedRtl, AmaranthRtl, tuple[RunImage, ...]]]:
    design, dram = request.param
    buffers, runs = runs_on(design)
    kept = tmp_path_factory.getbasetemp()
    with VerilatedRtl.compiled(design, buffers, dram, kept) as compiled:
        yield compiled, AmaranthRtl(dram), runs


Both = tuple[VerilatedRtl, AmaranthRtl, tuple[RunImage, ...]]


def test_runs_do_the_same(both: Both) -> None:
    """Every beat, the cycle it came in, every counter; with two buffer sets also overlapping."""
    compiled, amaranth, runs = both
    assert compiled.in_turn(runs, [LIMIT] * 2) == amaranth.in_turn(runs, [LIMIT] * 2)
    if amaranth.dram is not None and runs[0].image.design.buffer_sets == 2:
        assert compiled.overlapping(runs, LIMIT) == amaranth.overlapping(runs, LIMIT)


def test_a_run_that_does_not_end_is_the_last(both: Both) -> None:
    compiled, amaranth, runs = both
    (run,) = compiled.in_turn(runs, [40, LIMIT])
    assert not run.ended
    assert [run] == amaranth.in_turn(runs, [40, LIMIT])


def test_a_run_that_is_refused_tells_its_error(both: Both) -> None:
    compiled, amaranth, (first, second) = both
    registers = {**first.image.registers, "low": 5, "high": 4}
    wrong = replace(first, image=replace(first.image, registers=registers))
    (run,) = compiled.in_turn([wrong, second], [LIMIT] * 2)
    assert (run.ended, run.error) == (False, ErrorCode.CLAMP)
    assert [run] == amaranth.in_turn([wrong, second], [LIMIT] * 2)


def test_beats_that_are_not_taken_are_a_hang(both: Both, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two loads of activations, and no start that would make room for the second one."""
    compiled, _, runs = both
    loads = host_script.in_turn(runs, [LIMIT] * 2).splitlines()[: 1 + 2 * len(runs)]
    script = "\n".join([*loads, "1", "3", "offer", "offer", "loaded", ""])
    for name in ("in_turn", "in_turn_in_dram"):
        monkeypatch.setattr(verilated, name, lambda *_: script)
    with pytest.raises(ToolError, match="hangs: s_axis_features takes no beat for 100000 cycles"):
        compiled.in_turn(runs, [LIMIT] * 2)


def test_verilog_that_is_rejected_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        verilated,
        "initialized_verilog",
        lambda *made: f"module wrong(\n{initialized_verilog(*made)}",
    )
    rtl = VerilatedRtl.compiled(DENSE, runs_on(DENSE)[0], None, tmp_path)
    with pytest.raises(ToolError, match=r"verilator rejects design dense-3x4: .*syntax error"), rtl:
        pass
