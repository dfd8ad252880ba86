"""Place and route of a whole accelerator on an FPGA: Yosys, then nextpnr, both from pip wheels.

The accelerator stands behind few pins (``hw.synth.narrow``) and is routed with one seed, so that
the same tools give the same figures. The clock is that of the slowest path between two registers;
the paths to the pins are not timed.

Memories are told that a word is never read while it is written (``-no-rw-check``): a buffer is
loaded while no run reads it. Without it Yosys puts registers around every block RAM to keep the old
word for such a read (iCE40, 1 x 4: 376 of 5,365 logic cells).
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any

from ...errors import InputError, ToolError
from ..design import Buffers, Design
from ..top import Accelerator
from ..verilog import component_verilog
from .narrow import Narrow
from .wasm_tool import WasmTool
from .yosys import run_yosys, versions

__all__ = [
    "DEVICES",
    "FpgaDevice",
    "PlacedDesign",
    "gateware_id",
    "place_and_route",
    "placed",
]

_TOP = "fpga"
_CLOCK = re.compile(r"(?:^|\$)clk(?:\$|$)")
_GENERATED = re.compile(r"_(?:SB_|TRELLIS_|LUT4|PFUMX|L6MUX|CCU2C|MULT18|DP16|\$|DFF|LC\b).*")


def _tool(family: str) -> WasmTool:
    return WasmTool(
        f"nextpnr-{family}", f"yowasp-nextpnr-{family}", f"run_nextpnr_{family}",
        "place and route", "fpga",
    )  # fmt: skip


@dataclass(frozen=True)
class FpgaDevice:
    """An FPGA and how the tools are told about it.

    Attributes
    ----------
    name : str
    tool : WasmTool
    arguments : tuple of str
        Device and package, for nextpnr.
    synthesis : str
        Yosys command that maps to it.
    goal_mhz : int
        Clock that the placer works towards, in MHz.
    logic, ff, dsp, bram : str
        How nextpnr calls its logic cells, multipliers and block memories, and Yosys its
        flip-flops (the beginning of the name).
    """

    name: str
    tool: WasmTool
    arguments: tuple[str, ...]
    synthesis: str
    goal_mhz: int
    logic: str
    ff: str
    dsp: str
    bram: str


def _ecp5(size: int) -> FpgaDevice:
    return FpgaDevice(
        f"ecp5-{size}k-8", _tool("ecp5"),
        # Speed grade 8, as in LFE5U-45F-8; the default router crawls where many nets compete.
        (f"--{size}k", "--speed", "8", "--package", "CABGA381", "--lpf-allow-unconstrained",
         "--router", "router2"),
        "synth_ecp5", 110, "TRELLIS_COMB", "TRELLIS_FF", "MULT18X18D", "DP16KD",
    )  # fmt: skip


DEVICES: Mapping[str, FpgaDevice] = {
    device.name: device
    for device in (
        *map(_ecp5, (25, 45, 85)),
        FpgaDevice(
            "ice40-up5k", _tool("ice40"),
            ("--up5k", "--package", "sg48", "--pcf-allow-unconstrained"),
            "synth_ice40 -dsp", 20, "ICESTORM_LC", "SB_DFF", "ICESTORM_DSP", "ICESTORM_RAM",
        ),
    )
}  # fmt: skip
"""The FPGAs by name; the 8 of an ECP5 is its speed grade."""


@dataclass(frozen=True)
class PlacedDesign:
    """What an accelerator takes of an FPGA, measured after routing; the narrow port is included.

    Attributes
    ----------
    lut : int
        Logic cells: look-up tables, those used as carry chains or small memories too.
    ff, dsp, bram : int
        Flip-flops, multiplier blocks, block memories.
    available : mapping of str to int
        What the device has of ``lut``, ``dsp`` and ``bram``.
    freq_hz : float
        Clock, in Hz.
    critical_path : tuple of str
        First and last register of the path that sets it.
    device : str
        A key of ``DEVICES``.
    seed : int
        Of placement.
    gateware : str
        Fingerprint of the Verilog (``gateware_id``).
    tools : mapping of str to str
        Versions by distribution name.
    """

    lut: int
    ff: int
    dsp: int
    bram: int
    available: Mapping[str, int]
    freq_hz: float
    critical_path: tuple[str, ...]
    device: str
    seed: int
    gateware: str
    tools: Mapping[str, str]

    def to_json(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            **vars(self),
            "available": dict(self.available),
            "critical_path": list(self.critical_path),
            "tools": dict(self.tools),
        }


def place_and_route(design: Design, buffers: Buffers, device: str, seed: int = 1) -> PlacedDesign:
    """Map, place and route an accelerator. It takes minutes.

    Parameters
    ----------
    design : Design
    buffers : Buffers
        Depths of its memories.
    device : str
        A key of ``DEVICES``.
    seed : int
        Of placement.

    Raises
    ------
    InputError
        If the device is not known.
    ToolError
        If a tool is missing or fails; that the design does not fit is said by nextpnr.
    """
    if device not in DEVICES:
        raise InputError(f"there is no device {device!r}; there are {', '.join(DEVICES)}")
    chosen = DEVICES[device]
    chosen.tool.require()
    verilog = _verilog(design, buffers)
    script = (
        f"read_verilog design.v\n{chosen.synthesis} -no-rw-check -top {_TOP} -json netlist.json\n"
    )
    netlist = run_yosys(script, {"design.v": verilog}, "netlist.json")
    arguments = (
        *chosen.arguments, "--json", "netlist.json", "--freq", str(chosen.goal_mhz),
        "--timing-allow-fail", "--seed", str(seed), "--report", "report.json", "-q",
    )  # fmt: skip
    report = chosen.tool.run(arguments, {"netlist.json": netlist}, "report.json")
    return placed(netlist, report, chosen, seed, _fingerprint(verilog))


def gateware_id(design: Design, buffers: Buffers) -> str:
    """Return 16 hexadecimal digits of the Verilog that is placed."""
    return _fingerprint(_verilog(design, buffers))


def _verilog(design: Design, buffers: Buffers) -> str:
    return component_verilog(Narrow(Accelerator(design, buffers)), _TOP)


def _fingerprint(verilog: str) -> str:
    return hashlib.sha256(verilog.encode()).hexdigest()[:16]


def placed(netlist: str, report: str, device: FpgaDevice, seed: int, gateware: str) -> PlacedDesign:
    """Read the mapped netlist (Yosys JSON) and the report (nextpnr JSON).

    Raises
    ------
    ToolError
        If the report has no clock of that name.
    """
    cells = Counter(cell["type"] for cell in json.loads(netlist)["modules"][_TOP]["cells"].values())
    told = json.loads(report)
    used = told["utilization"]
    clocks = {name: row["achieved"] for name, row in told["fmax"].items() if _CLOCK.search(name)}
    if not clocks:
        raise ToolError(f"{device.tool.name} told no clock of clk; it told {list(told['fmax'])}")
    clock = min(clocks, key=lambda name: clocks[name])
    kinds = {"lut": device.logic, "dsp": device.dsp, "bram": device.bram}
    return PlacedDesign(
        **{kind: used[name]["used"] for kind, name in kinds.items()},
        ff=sum(count for name, count in cells.items() if name.startswith(device.ff)),
        available={kind: used[name]["available"] for kind, name in kinds.items()},
        freq_hz=clocks[clock] * 1e6,
        critical_path=_ends(told["critical_paths"], f"posedge {clock}"),
        device=device.name,
        seed=seed,
        gateware=gateware,
        tools={
            **versions(),
            device.tool.distribution: device.tool.version,
            "amaranth": version("amaranth"),
        },
    )


def _ends(paths: list[dict[str, Any]], edge: str) -> tuple[str, ...]:
    """Return the first and last cell of the path from a clock edge to itself."""
    for path in paths:
        if path["from"] == path["to"] == edge and path["path"]:
            steps = path["path"]
            cells = steps[0]["from"]["cell"], steps[-1]["to"]["cell"]
            return tuple(_GENERATED.sub("", cell) for cell in cells)
    return ()
