"""The bundle of a layer in Verilator, compiled for speed, and the CPU seconds of its runs."""

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from fresh_process import call, children_cpu_s

from bosquet.errors import ToolError
from bosquet.hw.bundle import bundle_name, emit
from bosquet.hw.design import Design
from bosquet.hw.schedule import Schedule, covering_buffers
from bosquet.models.layer import LayerShape
from bosquet.models.masks import seed_for
from bosquet.models.synthetic import synthetic_layer
from bosquet.sim.cosim import predicted_job
from bosquet.sim.verilog_run import available_simulators

__all__ = ["VerilatedBundle", "VerilatedRun"]

FLAGS = ("-O3", "--x-assign", "fast", "--x-initial", "fast", "--noassert", "-CFLAGS",
         "-march=native", "-MAKEFLAGS", "OPT_FAST=-O3", "-MAKEFLAGS", "OPT_SLOW=-O0",
         "-MAKEFLAGS", "OPT_GLOBAL=-O3")  # fmt: skip
"""Everything for the speed of the run; no waves are recorded."""

BITS = 8


@dataclass(frozen=True)
class VerilatedRun:
    """One run of the testbench.

    Attributes
    ----------
    cycles : int
        Counted by the RTL, equal to the prediction: the testbench fails otherwise.
    cpu_s : float
        User and system, of the whole run: reading the data, loading, computing, comparing.
    """

    cycles: int
    cpu_s: float


@dataclass(frozen=True)
class VerilatedBundle:
    """A compiled bundle.

    Attributes
    ----------
    folder : Path
        Of the bundle, where its data lie.
    program : Path
        What Verilator made.
    version : str
        What Verilator says of itself.
    flags : tuple of str
        That it was compiled with.
    load_beats : int
        Beats that are loaded before the layer starts, a cycle each.
    build_cpu_s : float
        Of Verilator and the C++ compiler.
    """

    folder: Path
    program: Path
    version: str
    flags: tuple[str, ...]
    load_beats: int
    build_cpu_s: float

    @classmethod
    def build(
        cls, shape: LayerShape, ratio: float, design: Design, seed: int, folder: Path
    ) -> "VerilatedBundle":
        """Emit a synthetic integer layer on a design, and compile it.

        Parameters
        ----------
        shape : LayerShape
        ratio : float
            Pruning ratio of its uneven mask, which is that of ``synthetic_mask``.
        design : Design
            Its buffers are made as deep as the layer needs.
        seed : int
        folder : Path
            Where the bundle and what is compiled go.

        Raises
        ------
        ToolError
            If Verilator, g++ or make are missing, or reject the Verilog.
        """
        if "verilator" not in available_simulators():
            raise ToolError(
                "the RTL needs Verilator 5.006 or later with g++ and make (Debian: apt install"
                " verilator g++ make); --only leaves it out"
            )
        layer = synthetic_layer(shape, ratio, BITS, BITS, seed)
        rng = np.random.default_rng(seed_for(seed, shape.name, "features"))
        low = layer.zero_point_in
        size = (shape.batch, shape.in_channels, shape.height, shape.width)
        # A third at the zero point, for a ReLU; the cycles of this family do not depend on it.
        features = np.maximum(low, rng.integers(-(1 << BITS), 1 << (BITS - 1), size))
        sized = replace(design, buffers=covering_buffers([layer], design))
        job = predicted_job([(Schedule.plan(layer, sized), features)])
        bundle = emit(job, bundle_name(shape.name, design.name), folder)
        build = folder / "verilated"
        before_s = children_cpu_s()
        call(
            ["verilator", "--binary", "--timing", "-Wno-fatal", "-j", str(os.cpu_count() or 1),
             *FLAGS, "--top-module", bundle.testbench, "--Mdir", str(build), "-o", "simulation",
             f"{bundle.name}.vlt", f"{bundle.testbench}.v", f"{bundle.name}.v"],
            f"Verilator rejects bundle {bundle.name}",
            bundle.folder,
        )  # fmt: skip
        return cls(
            bundle.folder, build / "simulation",
            call(["verilator", "--version"], "Verilator fails").strip(), FLAGS,
            job.totals["load_beats"], children_cpu_s() - before_s,
        )  # fmt: skip

    def run(self) -> VerilatedRun:
        """Run the testbench once.

        Raises
        ------
        ToolError
            If a cycle, counter or output bit is not as predicted.
        """
        before_s = children_cpu_s()
        said = call([str(self.program)], "the RTL fails", self.folder)
        passed = re.search(r"^PASS cycles=(\d+)$", said, re.MULTILINE)
        if passed is None:
            raise ToolError(f"the RTL differs from its prediction: {said.strip().splitlines()[0]}")
        return VerilatedRun(int(passed[1]), children_cpu_s() - before_s)
