"""The benchmark of the simulator: what it measures, and the RTL that it runs beside it."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmark_scripts import benchmark
from timed_simulation import TimedSimulation
from verilated_bundle import VerilatedBundle

from bosquet.errors import ToolError
from bosquet.hw.design import Design
from bosquet.hw.eie_program import EieProgram
from bosquet.hw.schedule import Schedule
from bosquet.models.layer import LayerShape
from bosquet.models.masks import seed_for
from bosquet.models.synthetic import synthetic_mask
from bosquet.sim.exact import simulate_schedule
from bosquet.sim.verilog_run import available_simulators
from bosquet.sim.workload import Workload

CONV = LayerShape("small", "conv", 6, 8, (3, 3), padding=(1, 1, 1, 1), height=5, width=5)
FC = LayerShape("fc", "fc", 40, 12)
SPARSE = Design("sparse", 4, 4, window=4, run_ahead=2, feed=2)


def work(shape: LayerShape, density: float, seed: int) -> Workload:
    return Workload(shape, synthetic_mask(shape, 1 / density, seed))


def test_a_figure_adds_up_its_layers() -> None:
    layers = (CONV, replace(CONV, name="other", out_channels=5))
    figure = benchmark("simulator").Figure("", SPARSE, layers, 0.4)
    found = figure.measure(7)
    schedules = [Schedule.plan(work(shape, 0.4, 7), SPARSE) for shape in layers]
    assert found["cycles"] == sum(simulate_schedule(one).cycles for one in schedules)
    assert found["cycles"] != figure.measure(8)["cycles"]
    assert found["plan_cpu_s"] > 0
    assert found["simulate_cpu_s"] > 0
    assert found["peak_bytes"] > 1 << 20


def test_the_eie_array_skips_inputs() -> None:
    found = benchmark("simulator").Figure("", Design.eie(4), (FC,), 0.5, 0.25).measure(3)
    (run,) = Schedule.plan(work(FC, 0.5, 3), Design.eie(4)).runs
    active = np.zeros((1, 40), np.bool_)
    chosen = np.random.default_rng(seed_for(3, "fc", "features")).permutation(40)[:10]
    active[0, chosen] = True
    assert isinstance(run.program, EieProgram)
    fed = replace(run, program=replace(run.program, active=active))
    alone = simulate_schedule(Schedule(run.layer, Design.eie(4), (fed,)))
    assert found["cycles"] == alone.cycles
    timed = TimedSimulation.of(work(FC, 0.5, 3), Design.eie(4), active)
    assert timed.cycles == alone.cycles
    assert timed.cpu_s == timed.plan_cpu_s + timed.simulate_cpu_s
    assert alone.cycles < TimedSimulation.of(work(FC, 0.5, 3), Design.eie(4)).cycles


def test_medians_of_fresh_processes(capsys: pytest.CaptureFixture[str]) -> None:
    script: Any = benchmark("simulator")
    arguments = ["--only", "dense", "--seed", "5", "--repeats", "2", "--json"]
    assert script.main(arguments) == 0
    answer = json.loads(capsys.readouterr().out)
    (figure,) = answer["figures"]
    first, second = figure["runs"]
    assert figure["cycles"] == first["cycles"] == second["cycles"]  # masks do not matter
    assert figure["plan_cpu_s"] == (first["plan_cpu_s"] + second["plan_cpu_s"]) / 2
    assert figure["peak_bytes"] == max(first["peak_bytes"], second["peak_bytes"])
    assert answer["seed"] == 5
    said = script.text(answer)
    assert f"{figure['cycles']:,.0f}" in said
    assert "seeds 5 to 6" in said


def test_repeats_below_one_are_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert benchmark("simulator").main(["--repeats", "0"]) == 1
    assert capsys.readouterr().err == "error: --repeats must be at least 1, not 0\n"


def bundle(folder: Path, said: str) -> VerilatedBundle:
    """Return a bundle whose program says so."""
    program = folder / "simulation"
    program.write_text(f"#!/bin/sh\nprintf '{said}'\n")
    program.chmod(0o755)
    return VerilatedBundle(folder, program, "Verilator", (), 0, 0.0)


def test_the_verdict_of_the_testbench_is_read(tmp_path: Path) -> None:
    run = bundle(tmp_path, "loading\\nPASS cycles=123\\n- done\\n").run()
    assert run.cycles == 123
    assert run.cpu_s >= 0
    with pytest.raises(ToolError, match=r"^the RTL differs from its prediction: FAIL beat 3$"):
        bundle(tmp_path, "FAIL beat 3\\nFAIL beat 4\\n").run()


@pytest.mark.slow
def test_the_rtl_takes_the_cycles_that_are_simulated(tmp_path: Path) -> None:
    if "verilator" not in available_simulators():
        pytest.skip("needs Verilator, g++ and make (Debian packages of these names)")
    built = VerilatedBundle.build(CONV, 2.0, SPARSE, 4, tmp_path)
    figure = benchmark("simulator").Figure("", SPARSE, (CONV,), 0.5)
    assert built.run().cycles == figure.measure(4)["cycles"]
    assert built.load_beats > 0
    assert built.build_cpu_s > 1
