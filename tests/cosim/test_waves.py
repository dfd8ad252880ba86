"""The waves of a timeline are those of the RTL: every signal of the one is in the other, and equal.

Both are written as VCD and read back. The RTL is the gateware in Amaranth's simulator, or the
emitted Verilog with its testbench in Icarus Verilog and in Verilator. Compared are all cycles of
all runs; the words that tell a lane's cause are the timeline's own.
"""

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from checked_layers import layer_of
from small_bundles import small_job
from waveforms import Cycles, Waveform

from bosquet.engine.integer import layer_outputs
from bosquet.hw.bundle import Bundle, emit
from bosquet.hw.design import Design
from bosquet.hw.dram import Dram
from bosquet.hw.run_image import RunImage, run_images
from bosquet.hw.schedule import Schedule
from bosquet.models.formats import Relative
from bosquet.models.layer import LayerShape
from bosquet.sim.amaranth_rtl import run_all, run_all_in_dram
from bosquet.sim.case import Case
from bosquet.sim.random_cases import random_case
from bosquet.sim.timeline.layer import LayerTimeline
from bosquet.sim.timeline.rtl_signals import CAUSE
from bosquet.sim.timeline.sparse import SparseEvents
from bosquet.sim.timeline.vcd import write_vcd

TESTBENCH = "tb_x_small"
KINDS = ("sparse", "port", "dense", "eie", "rows", "parts")
LIMIT = 20_000

SIGNALS = {
    "sparse": {"array.feeder.hold", "array.window_0.give_back", "array.window_0.fed",
               "array.window_0.released", "array.feeder_waits", "array.fed_any",
               "array.lane_0.front.issue", "array.lane_0.front.head_valid",
               "array.lane_0.front.state", "array.lane_0.front.done"},
    "port": {"array.fed_any", "array.lane_0.front.issue", "array.lane_0.front.state"},
    "dense": {"array.feeder.walk.advance", "array.operand", "array.filled"},
    "eie": {"array.fed_any", "array.pe_0.state", "array.pe_0.entry_enable", "array.pe_0.opened",
            "array.pe_0.queue.level"},
}  # fmt: skip
COMMON = {"m_axis_tvalid", "m_axis_tlast", "done", "shell.control.running",
          "shell.control.waiting", "output.ready", "output.take", "output.finished",
          "output.flow"}  # fmt: skip


def told(timeline: LayerTimeline, folder: Path) -> Cycles:
    path = folder / "timeline.vcd"
    with path.open("w", encoding="utf-8") as file:
        write_vcd(timeline, TESTBENCH, "", file)
    return Cycles.of_timeline(Waveform.read(path), TESTBENCH)


def first_layer(kind: str) -> tuple[Schedule, tuple[RunImage, ...]]:
    """Return the runs of the first layer of a small job."""
    job = small_job(kind)
    schedule = job.runs[0].schedule
    return schedule, tuple(run for run in job.runs if run.schedule is schedule)


def same(found: Cycles, rtl: Cycles) -> None:
    """Check that the RTL has all signals, and that they are equal in all cycles of all runs."""
    common = {name for name in found.signals if not name.endswith(CAUSE)}
    assert common == set(rtl.signals)
    for name in sorted(common):
        for number, (one, other) in enumerate(
            zip(found.signals[name], rtl.signals[name], strict=True)
        ):
            if one != other:
                cycle = next(c for c, pair in enumerate(zip(one, other, strict=False))
                             if pair[0] != pair[1])  # fmt: skip
                pytest.fail(f"{name} in cycle {cycle} of run {number}: {one[cycle]}, in the RTL"
                            f" {other[cycle]}")  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_amaranth(kind: str, tmp_path: Path) -> None:
    schedule, runs = first_layer(kind)
    with (tmp_path / "rtl.vcd").open("w", encoding="utf-8") as file:
        run_all(runs, [LIMIT] * len(runs), file)
    found = told(LayerTimeline.of(schedule), tmp_path)
    assert found.signals.keys() >= COMMON | SIGNALS.get(kind, set())
    assert len(found.signals["done"]) == len(runs)
    same(found, Cycles.of_rtl(Waveform.read(tmp_path / "rtl.vcd"), "bench.top", set(found.signals)))


def compare_case(case: Case, folder: Path) -> None:
    """Run a case in the gateware, in its environment, and compare the waves.

    Runs are loaded one after the other: where they overlap, there are gaps that are not counted.
    """
    case = replace(case, design=replace(case.design, buffer_sets=1))
    runs = run_images([(case.schedule, case.features, layer_outputs(case.layer, case.features))])
    limits = [LIMIT] * len(runs)
    with (folder / "rtl.vcd").open("w", encoding="utf-8") as file:
        if case.dram:
            run_all_in_dram(runs, limits, case.dram, file)
            timeline, scope = (
                LayerTimeline.in_dram(case.schedule, case.dram),
                "bench.top.accelerator",
            )
        else:
            run_all(runs, limits, file)
            timeline, scope = LayerTimeline.of(case.schedule), "bench.top"
    found = told(timeline, folder)
    same(found, Cycles.of_rtl(Waveform.read(folder / "rtl.vcd"), scope, set(found.signals)))


def conv(design: Design, dram: Dram | None = None) -> Case:
    """Return a small convolution of 18 filters: more than a cluster of lanes has."""
    shape = LayerShape("small", "conv", 2, 18, (2, 2), height=3, width=4)
    mask = np.random.default_rng(5).random(shape.weight_shape) < np.linspace(0.1, 0.9, 18)[
        :, None, None, None
    ]  # fmt: skip
    features = np.random.default_rng(6).integers(-128, 128, (1, 2, 3, 4))
    return Case(0, layer_of(shape, mask), design, Relative(4), features, dram)


CLUSTERS = Design("sparse", 18, 2, window=2, run_ahead=2, feed=1, fifo_depth=2, index_bits=(4,))


def test_clusters_release_windows_apart_from_each_other(tmp_path: Path) -> None:
    case = conv(CLUSTERS)
    (placed,) = LayerTimeline.of(case.schedule).runs
    assert isinstance(placed.run.events, SparseEvents)
    released = placed.run.events.windows.released
    assert (released[:, 0] != released[:, 1]).any()
    compare_case(case, tmp_path)


@pytest.mark.parametrize(
    "design",
    [replace(CLUSTERS, simd_group=2, acc_sets=1, drain=2), replace(Design.dense(4, 2), drain=3)],
    ids=["groups", "dense"],
)
def test_slow_streams(design: Design, tmp_path: Path) -> None:
    dram = Dram(bandwidth_bits=5, latency_cycles=7)
    compare_case(replace(conv(design, dram), form=None), tmp_path)


@pytest.mark.parametrize("index", [22, 23])
def test_random_cases(index: int, tmp_path: Path) -> None:
    """Two clusters of dense lanes in two runs; EIE in dram."""
    compare_case(random_case(20, index), tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("index", [0, 7, 14, 17, 21, 31, 34, 37, 39])
def test_more_random_cases(index: int, tmp_path: Path) -> None:
    """Windows, ports, SIMD groups, chains of parts; EIE of two clusters; in dram and not."""
    compare_case(random_case(20, index), tmp_path)


def in_verilog(kind: str, folder: Path) -> Bundle:
    return emit(small_job(kind), "x_small", folder)


def compare_with(kind: str, waves: Path, scope: str, folder: Path) -> None:
    """Compare with the waves of a testbench, which does all layers of a job."""
    schedule, runs = first_layer(kind)
    found = told(LayerTimeline.of(schedule), folder)
    rtl = Cycles.of_rtl(Waveform.read(waves), scope, set(found.signals))
    same(found, Cycles({name: own[: len(runs)] for name, own in rtl.signals.items()}))


@pytest.mark.skipif(shutil.which("iverilog") is None, reason="needs Icarus Verilog")
@pytest.mark.parametrize("kind", KINDS)
def test_icarus(kind: str, tmp_path: Path) -> None:
    folder = in_verilog(kind, tmp_path).folder
    compiled = tmp_path / "simulation.vvp"
    sources = [str(path) for path in sorted(folder.glob("*.v"))]
    subprocess.run(["iverilog", "-g2005", "-s", TESTBENCH, "-o", str(compiled), *sources],
                   check=True)  # fmt: skip
    subprocess.run(["vvp", "-n", str(compiled), "+vcd"], cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    compare_with(kind, folder / f"{TESTBENCH}.vcd", f"{TESTBENCH}.dut", tmp_path)


@pytest.mark.slow
@pytest.mark.skipif(
    any(shutil.which(program) is None for program in ("verilator", "g++", "make")),
    reason="needs Verilator with g++ and make",
)
@pytest.mark.parametrize("kind", ["sparse", "port", "dense", "eie"])
def test_verilator(kind: str, tmp_path: Path) -> None:
    folder = in_verilog(kind, tmp_path).folder
    build = tmp_path / "build"
    subprocess.run(
        ["verilator", "--binary", "--timing", "--trace", "-Wno-fatal", "-MAKEFLAGS", "OPT_FAST=-O0",
         "-MAKEFLAGS", "OPT_SLOW=-O0", "-MAKEFLAGS", "OPT_GLOBAL=-O0", "--top-module", TESTBENCH,
         "--Mdir", str(build), "-o", "simulation", "x_small.vlt", f"{TESTBENCH}.v", "x_small.v"],
        cwd=folder, check=True, capture_output=True,
    )  # fmt: skip
    subprocess.run([str(build / "simulation"), "+vcd"], cwd=folder, check=True,
                   capture_output=True)  # fmt: skip
    compare_with(kind, folder / f"{TESTBENCH}.vcd", f"TOP.{TESTBENCH}.dut", tmp_path)
