"""The emitted Verilog in simulators that are not ours: it passes, and what is wrong is seen."""

import random
import re
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from small_bundles import JOBS, small_job

from bosquet.errors import ToolError
from bosquet.hw.bundle import Bundle, emit
from bosquet.hw.job import Job
from bosquet.hw.registers import COUNTER_BASE, COUNTERS
from bosquet.hw.script import Operation
from bosquet.sim.verilog_run import SIMULATORS, Simulator, available_simulators, run_bundle

needs_a_simulator = pytest.mark.skipif(
    not available_simulators(), reason="needs Icarus Verilog, or Verilator with g++ and make"
)
needs_icarus = pytest.mark.skipif(
    "icarus" not in available_simulators(), reason="needs Icarus Verilog (Debian package iverilog)"
)


@pytest.fixture(params=sorted(JOBS), scope="module")
def job(request: pytest.FixtureRequest) -> Job:
    return small_job(request.param)


@pytest.fixture(scope="module")
def emitted(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return emit(job, "small_layer", tmp_path_factory.mktemp("bundle"))


def care_of(job: Job) -> list[int]:
    """Return the bits of each output beat that count."""
    return [care for run in job.runs for care in run.image.care]


@pytest.fixture
def bundle(emitted: Bundle, tmp_path: Path) -> Bundle:
    """Return a copy that a test may spoil."""
    return Bundle.open(shutil.copytree(emitted.folder, tmp_path / emitted.name))


def flip(path: Path, beat: int, bit: int) -> None:
    """Flip one bit of a beat in a data file."""
    lines = path.read_text().splitlines()
    digits = len(lines[1 + beat])
    lines[1 + beat] = f"{int(lines[1 + beat], 16) ^ 1 << bit:0{digits}x}"
    path.write_text("\n".join(lines) + "\n")


# ---- equal ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_the_testbench_passes_in_the_predicted_cycles(
    job: Job, emitted: Bundle, simulator: Simulator
) -> None:
    if simulator not in available_simulators():
        pytest.skip(f"{simulator} is not installed (Debian packages iverilog; verilator g++ make)")
    before = sorted(emitted.folder.iterdir())
    run = run_bundle(emitted, simulator)
    assert run.failures == ()
    assert run.passed
    assert run.cycles == job.totals["cycles"]
    assert run.simulator == simulator
    assert run.version.lower().startswith(simulator)
    assert sorted(emitted.folder.iterdir()) == before


@needs_a_simulator
def test_the_first_simulator_that_is_there_is_taken(emitted: Bundle) -> None:
    assert run_bundle(emitted).simulator == available_simulators()[0]


@needs_a_simulator
def test_no_bit_depends_on_what_the_memories_start_with(bundle: Bundle) -> None:
    source = bundle.folder / f"{bundle.name}.v"
    digits = random.Random(1)

    def anything(found: re.Match[str]) -> str:
        bits = int(found[2])
        return f"{found[1]}{bits}'h{digits.getrandbits(bits):x};"

    text, words = re.subn(
        r"^(    [\w.]+\[\d+\] = )(\d+)'h0+;$", anything, source.read_text(), flags=re.MULTILINE
    )
    assert words > 100
    source.write_text(text)
    assert run_bundle(bundle).passed


# ---- what is wrong is seen (in the first simulator; both read the same text) ---------------------


@needs_a_simulator
@pytest.mark.parametrize("beat", [0, -1])
def test_a_flipped_expected_bit_fails(job: Job, bundle: Bundle, beat: int) -> None:
    cares = care_of(job)
    number = [i for i, care in enumerate(cares) if care][beat]
    flip(bundle.folder / "expected.hex", number, (cares[number] & -cares[number]).bit_length() - 1)
    run = run_bundle(bundle)
    assert not run.passed
    assert run.cycles is None
    assert run.failures[0].startswith(f"FAIL beat {number}: got ")
    assert run.failures[1:] == (f"FAIL 1 beats of {len(cares)}, 0 other checks",)


@needs_a_simulator
def test_a_bit_that_does_not_count_may_differ(job: Job, bundle: Bundle) -> None:
    beat_bits = max(care_of(job)).bit_length()
    beat, bit = next(
        (i, bit)
        for i, care in enumerate(care_of(job))
        for bit in range(beat_bits)
        if not care >> bit & 1
    )
    flip(bundle.folder / "expected.hex", beat, bit)
    assert run_bundle(bundle).passed


@needs_a_simulator
@pytest.mark.parametrize("counter", ["compute", "load_beats"])
def test_a_wrong_prediction_fails(job: Job, tmp_path: Path, counter: str) -> None:
    last = {**job.counters[-1], counter: job.counters[-1][counter] + 1}
    wrong = replace(job, counters=(*job.counters[:-1], last))
    failures = run_bundle(emit(wrong, "small_layer", tmp_path)).failures
    address = COUNTER_BASE + 2 * COUNTERS.index(counter)
    assert failures[0] == (
        f"FAIL counter at {address}: {last[counter] - 1}, predicted {last[counter]}"
    )
    assert failures[1].startswith("FAIL command ")


def command_of(folder: Path, operation: Operation) -> tuple[Path, list[str], int]:
    """Return the script, its lines, and the last one with a command."""
    path = folder / "script.hex"
    lines = path.read_text().splitlines()
    place = max(i for i, line in enumerate(lines) if line.startswith(f"{operation:02x}"))
    return path, lines, place


@needs_a_simulator
@pytest.mark.parametrize("more", [-1, 1])
def test_a_beat_too_many_or_too_few_fails(bundle: Bundle, more: int) -> None:
    path, lines, place = command_of(bundle.folder, Operation.BEATS)
    word = int(lines[place].split()[0], 16) + more
    lines[place] = f"{word:016x}"
    path.write_text("\n".join(lines))
    assert not run_bundle(bundle).passed


@needs_a_simulator
def test_a_run_that_does_not_start_fails(bundle: Bundle) -> None:
    path, lines, place = command_of(bundle.folder, Operation.RUN)
    lines[place] = f"{int(lines[place].split()[0], 16) & ~1:016x}"
    path.write_text("\n".join(lines))
    failures = run_bundle(bundle).failures
    assert failures[0].startswith("FAIL the last beat did not come within ")


@needs_a_simulator
def test_a_run_on_the_loads_of_another_fails(tmp_path: Path) -> None:
    job = small_job("parts")
    bundle = emit(job, "small_layer", tmp_path)
    path, lines, place = command_of(bundle.folder, Operation.RUN)
    lines[place] = f"{int(lines[place].split()[0], 16) & ~6:016x}"
    path.write_text("\n".join(lines))
    assert not run_bundle(bundle).passed


@needs_icarus
def test_an_output_that_is_x_fails(bundle: Bundle) -> None:
    bench = bundle.folder / f"{bundle.testbench}.v"
    text = bench.read_text().replace(".m_axis_tdata(m_axis_tdata)", ".m_axis_tdata(sent)")
    text, wires = re.subn(
        r"wire (\[\d+:0\]) m_axis_tdata;",
        r"wire \1 sent; wire \1 m_axis_tdata = sent ^ 1'bx;",
        text,
    )
    assert wires == 1
    bench.write_text(text)
    assert not run_bundle(bundle, "icarus").passed


@needs_icarus
@pytest.mark.parametrize(
    "name", ["script.hex", "weights.hex", "features.hex", "expected.hex", "care.hex"]
)
def test_a_missing_or_cut_data_file_fails(bundle: Bundle, name: str) -> None:
    path = bundle.folder / name
    lines = path.read_text().splitlines()
    path.write_text("\n".join(lines[:-1]) + "\n")
    failures = run_bundle(bundle, "icarus").failures
    assert "FAIL a .hex file is missing or cut short" in failures
    path.unlink()
    assert not run_bundle(bundle, "icarus").passed


# ---- tools that are missing or fail --------------------------------------------------------------


def script(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make a PATH with the shell and one folder of pretended tools."""
    folder = tmp_path / "tools"
    folder.mkdir()
    script(folder, "iverilog", 'test "$1" != -V || echo Icarus of this test')
    script(folder, "vvp", "exit 0")
    monkeypatch.setenv("PATH", str(folder))
    return folder


@pytest.fixture
def any_bundle(tmp_path: Path) -> Bundle:
    return Bundle(tmp_path, "a_b", (), 1)


def test_no_simulator(any_bundle: Bundle, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert available_simulators() == ()
    with pytest.raises(ToolError, match="no Verilog simulator is installed"):
        run_bundle(any_bundle)
    with pytest.raises(ToolError, match=r"verilator needs verilator, g\+\+, make, which is not"):
        run_bundle(any_bundle, "verilator")


def test_an_unknown_simulator(any_bundle: Bundle) -> None:
    with pytest.raises(ToolError, match="must be one of icarus, verilator, not 'spice'"):
        run_bundle(any_bundle, "spice")  # type: ignore[arg-type]


def test_an_old_verilator(any_bundle: Bundle, tools: Path) -> None:
    script(tools, "verilator", "echo Verilator 4.038 2020-07-11")
    script(tools, "g++", "")
    script(tools, "make", "")
    with pytest.raises(ToolError, match=r"needs Verilator 5\.006 or later, found: Verilator 4"):
        run_bundle(any_bundle, "verilator")


def test_verilog_that_is_rejected(any_bundle: Bundle, tools: Path) -> None:
    script(tools, "iverilog", 'test "$1" = -V || { echo a_b.v:3: syntax error >&2; exit 2; }')
    with pytest.raises(ToolError, match=r"icarus rejects bundle a_b: a_b\.v:3: syntax error"):
        run_bundle(any_bundle)


@pytest.mark.parametrize(
    "said", ["exit 0", "echo PASS cycles=9; exit 1", "echo PASS; echo error: killed", "exec ./gone"]
)
def test_an_end_without_a_verdict(any_bundle: Bundle, tools: Path, said: str) -> None:
    script(tools, "vvp", said)
    with pytest.raises(ToolError, match="no verdict on bundle a_b"):
        run_bundle(any_bundle)


def test_a_verdict(any_bundle: Bundle, tools: Path) -> None:
    script(tools, "vvp", "echo VCD info; echo PASS cycles=9")
    run = run_bundle(any_bundle)
    assert (run.passed, run.cycles, run.version) == (True, 9, "Icarus of this test")
    script(tools, "vvp", "echo FAIL one; echo PASS cycles=9")
    run = run_bundle(any_bundle)
    assert (run.passed, run.cycles, run.failures) == (False, None, ("FAIL one",))


def test_a_simulation_that_does_not_end(any_bundle: Bundle, tools: Path) -> None:
    script(tools, "vvp", "while :; do :; done")
    with pytest.raises(ToolError, match=r"vvp did not end within 0\.3 s"):
        run_bundle(any_bundle, timeout_s=0.3)


def test_a_folder_that_is_gone(any_bundle: Bundle, tools: Path) -> None:
    gone = Bundle(any_bundle.folder / "gone", "a_b", (), 1)
    with pytest.raises(ToolError, match=r"iverilog cannot be run in .*: No such file"):
        run_bundle(gone)
