"""Runs the testbench of a bundle in a Verilog simulator that is not ours.

Icarus Verilog interprets and knows X; Verilator compiles, which takes a while and then runs far
faster. What they build goes to a temporary folder: the bundle stays as it is.
"""

import os
import re
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from ..errors import ToolError
from ..hw.bundle import Bundle
from .tool_call import call, reason

__all__ = [
    "MAKE_FLAGS",
    "SIMULATORS",
    "Simulator",
    "VerilogRun",
    "available_simulators",
    "run_bundle",
    "simulator_version",
]

Simulator = Literal["icarus", "verilator"]

SIMULATORS: tuple[Simulator, ...] = ("icarus", "verilator")

_PROGRAMS: dict[Simulator, tuple[str, ...]] = {
    "icarus": ("iverilog", "vvp"),
    "verilator": ("verilator", "g++", "make"),
}

_VERSION_COMMANDS: dict[Simulator, tuple[str, ...]] = {
    "icarus": ("iverilog", "-V"),
    "verilator": ("verilator", "--version"),
}

VERILATOR_LEAST = (5, 6)
"""First version of Verilator whose ``--binary --timing`` the testbench was tested with."""

# Compiling is most of the time of a run, so Verilator's own parts are not optimized.
MAKE_FLAGS = ("OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O0")


@dataclass(frozen=True)
class VerilogRun:
    """What a testbench said.

    Attributes
    ----------
    simulator : {"icarus", "verilator"}
    version : str
        First line the simulator says of itself.
    passed : bool
    cycles : int or None
        Cycles that the testbench counted; None if it failed.
    failures : tuple of str
        Its lines that begin with FAIL.
    """

    simulator: Simulator
    version: str
    passed: bool
    cycles: int | None
    failures: tuple[str, ...]


def available_simulators() -> tuple[Simulator, ...]:
    """Return the simulators that this machine has, in the order of ``SIMULATORS``."""
    return tuple(name for name in SIMULATORS if not _missing(name))


def run_bundle(
    bundle: Bundle, simulator: Simulator | None = None, timeout_s: float = 600.0
) -> VerilogRun:
    """Compile and run the testbench of a bundle.

    Parameters
    ----------
    bundle : Bundle
        What ``hw.bundle.emit`` wrote or ``Bundle.open`` found.
    simulator : {"icarus", "verilator"}, optional
        None: the first that is there.
    timeout_s : float, default: 600
        Longest time for compiling and for running, each, in s.

    Raises
    ------
    ToolError
        If there is no simulator, it is too old, rejects the Verilog, does not end in time, or
        ends without a verdict.
    """
    chosen = _choose(simulator)
    version = simulator_version(chosen, timeout_s)
    with tempfile.TemporaryDirectory(prefix="bosquet-verilog-") as name:
        build = Path(name)
        if chosen == "icarus":
            commands = _icarus(bundle, build)
        else:
            commands = _verilator(bundle, build)
        *builds, run = commands
        for command in builds:
            done = call(command, bundle.folder, timeout_s)
            if done.returncode:
                raise ToolError(
                    f"{chosen} rejects bundle {bundle.name}: {reason(done.stderr + done.stdout)}"
                )
        return _verdict(chosen, version, bundle, call(run, bundle.folder, timeout_s))


def _choose(simulator: Simulator | None) -> Simulator:
    found = [simulator] if simulator else available_simulators()
    if not found:
        raise ToolError(
            "no Verilog simulator is installed: needs Icarus Verilog (iverilog and vvp) or"
            " Verilator 5.006 or later with g++ and make (Debian: apt install iverilog)"
        )
    if found[0] not in SIMULATORS:
        raise ToolError(f"simulator must be one of {', '.join(SIMULATORS)}, not {found[0]!r}")
    if missing := _missing(found[0]):
        raise ToolError(f"{found[0]} needs {', '.join(missing)}, which is not installed")
    return found[0]


def _missing(simulator: Simulator) -> list[str]:
    return [program for program in _PROGRAMS[simulator] if shutil.which(program) is None]


def simulator_version(simulator: Simulator, timeout_s: float) -> str:
    """Return the first line that a simulator says of itself.

    Raises
    ------
    ToolError
        If it cannot be run or is too old.
    """
    done = call(_VERSION_COMMANDS[simulator], Path.cwd(), timeout_s)
    line = (done.stdout.strip() or "unknown version").splitlines()[0]
    if simulator == "verilator":
        number = re.search(r"(\d+)\.(\d+)", line)
        if number is None or tuple(map(int, number.groups())) < VERILATOR_LEAST:
            raise ToolError(f"needs Verilator 5.006 or later, found: {line}")
    return line


def _icarus(bundle: Bundle, build: Path) -> list[list[str]]:
    program = str(build / "simulation.vvp")
    sources = [f"{bundle.testbench}.v", f"{bundle.name}.v"]
    return [
        ["iverilog", "-g2005", "-s", bundle.testbench, "-o", program, *sources],
        ["vvp", "-n", program],
    ]


def _verilator(bundle: Bundle, build: Path) -> list[list[str]]:
    sources = [f"{bundle.name}.vlt", f"{bundle.testbench}.v", f"{bundle.name}.v"]
    flags = [word for flag in MAKE_FLAGS for word in ("-MAKEFLAGS", flag)]
    return [
        ["verilator", "--binary", "--timing", "-Wno-fatal", "-j", str(os.cpu_count() or 1), *flags,
         "--top-module", bundle.testbench, "--Mdir", str(build), "-o", "simulation", *sources],
        [str(build / "simulation")],
    ]  # fmt: skip


def _verdict(
    simulator: Simulator, version: str, bundle: Bundle, done: subprocess.CompletedProcess[str]
) -> VerilogRun:
    lines = done.stdout.splitlines()
    failures = tuple(line for line in lines if line.startswith("FAIL"))
    passes = [found for line in lines if (found := re.fullmatch(r"PASS cycles=(\d+)", line))]
    if not failures and (done.returncode or len(passes) != 1):
        raise ToolError(
            f"{simulator} ended with code {done.returncode} and no verdict on bundle"
            f" {bundle.name}: {reason(done.stderr + done.stdout)}"
        )
    if failures:
        return VerilogRun(simulator, version, False, None, failures)
    return VerilogRun(simulator, version, True, int(passes[0][1]), ())
