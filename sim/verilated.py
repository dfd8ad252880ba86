"""The RTL of one design, compiled by Verilator behind a host in C++ (``verilated_host.cpp``).

Compiling takes a quarter of a minute; then a run takes milliseconds where Amaranth's simulator
takes seconds. So it serves whom many layers run on one design.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from ..errors import ToolError
from ..hw.design import Buffers, Design
from ..hw.dram import Dram, DramAccelerator
from ..hw.run_image import RunImage
from ..hw.top import Accelerator
from ..hw.verilog import initialized_verilog
from .host_script import in_turn, in_turn_in_dram, overlapping_in_dram, read_runs
from .rtl_host import Run
from .tool_call import call, reason
from .verilog_run import MAKE_FLAGS, simulator_version

__all__ = ["VerilatedRtl"]

_TOP = "accelerator"
_HOST = "verilated_host.cpp"
_SOURCE, _PROGRAM = "host.cpp", "simulation"
_OWN_PARTS = "verilated*.o"
"""Verilator's own parts, which are the same whatever it compiles."""


class VerilatedRtl:
    """An accelerator, compiled; in an outside memory, its channels with it.

    Use ``compiled``, which makes it and takes its files away.
    """

    def __init__(self, program: Path, dram: Dram | None, version: str, timeout_s: float) -> None:
        self.simulator = version
        self._program = program
        self._dram = dram
        self._timeout_s = timeout_s

    @classmethod
    @contextmanager
    def compiled(
        cls,
        design: Design,
        buffers: Buffers,
        dram: Dram | None,
        kept: Path,
        timeout_s: float = 600.0,
    ) -> Iterator["VerilatedRtl"]:
        """Compile an accelerator, and keep it as long as the context lasts.

        Parameters
        ----------
        design : Design
        buffers : Buffers
        dram : Dram or None
            What lies at the streams; None: the ``ideal`` environment.
        kept : Path
            Folder in which what is the same for every design is kept for the next one.
        timeout_s : float, default: 600
            Longest time for compiling and for each script, in s.

        Raises
        ------
        ToolError
            If Verilator cannot be run, is too old, rejects the Verilog, or does not end in time.
        """
        version = simulator_version("verilator", timeout_s)
        inside = (design, buffers)
        dut = DramAccelerator(*inside, dram) if dram else Accelerator(*inside)
        with tempfile.TemporaryDirectory(prefix="bosquet-verilated-") as name:
            build = Path(name)
            (build / f"{_TOP}.v").write_text(initialized_verilog(dut, _TOP))
            host = files(__package__).joinpath(_HOST).read_text(encoding="utf-8")
            (build / _SOURCE).write_text(host, encoding="utf-8")
            for part in kept.glob(_OWN_PARTS):
                shutil.copy2(part, build)
            done = call(_build_command(), build, timeout_s)
            if done.returncode:
                said = reason(done.stderr + done.stdout)
                raise ToolError(f"verilator rejects design {design.name}: {said}")
            for part in build.glob(_OWN_PARTS):
                _keep(part, kept)
            yield cls(build / _PROGRAM, dram, version, timeout_s)

    def in_turn(self, runs: Sequence[RunImage], limits: Sequence[int]) -> list[Run]:
        """Do runs one after the other, each for at most ``limits`` cycles.

        A run that does not end is the last one that is returned.
        """
        return self._done((in_turn_in_dram if self._dram else in_turn)(runs, limits))

    def overlapping(self, runs: Sequence[RunImage], limit: int) -> list[Run]:
        """Do runs of which each is loaded while the one before goes on."""
        return self._done(overlapping_in_dram(runs, limit))

    def _done(self, script: str) -> list[Run]:
        done = call([str(self._program)], self._program.parent, self._timeout_s, stdin=script)
        if done.returncode:
            raise ToolError(f"the RTL in {self.simulator} hangs: {reason(done.stderr)}")
        return read_runs(done.stdout)


def _build_command() -> list[str]:
    flags = [*MAKE_FLAGS, "VM_PARALLEL_BUILDS=0"]  # one unit: its headers are read once
    return [
        "verilator", "--cc", "--exe", "--build", "-Wno-fatal", "-j", "1", "--Mdir", ".",
        "--prefix", f"V{_TOP}", "--top-module", _TOP, "-o", _PROGRAM,
        *(word for flag in flags for word in ("-MAKEFLAGS", flag)), f"{_TOP}.v", _SOURCE,
    ]  # fmt: skip


def _keep(part: Path, kept: Path) -> None:
    """Keep a file; others may keep the same one at the same time."""
    if not (kept / part.name).exists():
        partial = kept / f"{part.name}.{os.getpid()}"
        shutil.copy2(part, partial)
        partial.replace(kept / part.name)
