"""The exact simulator beside SCALE-Sim 3.0.0: one layer, cycles explained and CPU seconds.

    python benchmarks/scale_sim.py [--layer conv5] [--array 32x32] [--repeats N] [--json]

Both sides get the same work: a convolution of AlexNet, nothing pruned, on as many multipliers,
output-stationary, filters along one side of the array and output positions along the other.
SCALE-Sim has no convolution groups and no padding: each group is a row of its topology, the input
counts as padded, and its cycles are those of all rows. Both hold the whole layer on chip. Ours
runs on ``dense-RxV``, all groups in one run.

The two arrays are different machines, so their cycles differ; the difference is added up from
formulas, term by term, and what they leave is printed as residue. SCALE-Sim is installed into
build/scale_sim; its traces are off. Seconds are CPU seconds (user and system) of fresh processes
that take turns, and medians.
"""

import argparse
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from fresh_process import answer_of, call, own_answer
from scale_sim_cycles import (
    Geometry,
    explanation,
    our_cycles,
    peer_input,
    prefetch_explanation,
)
from timed_simulation import TimedSimulation

from bosquet.errors import BosquetError, InputError
from bosquet.hw.design import Design
from bosquet.models.layer import LayerShape
from bosquet.models.synthetic import synthetic_mask
from bosquet.models.zoo.alexnet import LAYERS, RATIOS
from bosquet.sim.workload import Workload

FOLDER = Path(__file__).parent.parent / "build" / "scale_sim"
PINS = ("scalesim==3.0.0", "numpy<2.2", "pandas<3")
"""What installs and runs: with later NumPy it ends in a TypeError (SCALE-Sim, issue 160)."""

# ---- the two sides -------------------------------------------------------------------------------


def install(folder: Path) -> Path:
    """Install SCALE-Sim into an environment of its own, unless it is there; return its Python.

    Raises
    ------
    ToolError
        If that fails: there is no package index, say.
    """
    venv = folder / "venv"
    python, stamp = venv / "bin" / "python", venv / "pins.txt"
    wanted = "\n".join([sys.version, *PINS])
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"installing {', '.join(PINS)} into {venv}", file=sys.stderr)
    for command in (
        [sys.executable, "-m", "venv", "--clear", str(venv)],
        [str(python), "-I", "-m", "pip", "install", "--quiet", *PINS],
    ):
        call(command, f"SCALE-Sim cannot be installed into {venv}")
    stamp.write_text(wanted)
    return python


def run_peer(python: Path, geometry: Geometry) -> Any:
    """Run SCALE-Sim in a fresh process; return what ``scale_sim_peer.py`` prints."""
    script = Path(__file__).with_name("scale_sim_peer.py")
    places = [str(script), str(FOLDER / "run"), json.dumps(peer_input(geometry))]
    return answer_of([str(python), "-I", *places], "SCALE-Sim fails")


def simulate_here(shape: LayerShape, array: str) -> dict[str, Any]:
    """Simulate the layer dense, then pruned as in ADMM-NN; CPU seconds of this process."""
    nothing_pruned = Workload(shape, np.ones(shape.weight_shape, np.bool_))
    dense = TimedSimulation.of(nothing_pruned, Design.named(f"dense-{array}"))
    process_cpu_s = time.process_time()
    uneven = Workload(shape, synthetic_mask(shape, RATIOS[shape.name], seed=0))
    pruned = TimedSimulation.of(uneven, Design.named(f"sparse-{array}"))
    return {
        "cycles": dense.cycles,
        "plan_cpu_s": dense.plan_cpu_s,
        "simulation_cpu_s": dense.cpu_s,
        "process_cpu_s": process_cpu_s,
        "pruned_cycles": pruned.cycles,
        "pruned_cpu_s": pruned.cpu_s,
    }


# ---- the comparison ------------------------------------------------------------------------------


def compare(shape: LayerShape, array: str, repeats: int) -> dict[str, Any]:
    """Run both sides ``repeats`` times in turn; return all figures as plain values."""
    design = Design.named(f"dense-{array}")
    geometry = Geometry(shape, design.lanes, design.vector)
    python = install(FOLDER)
    ours: list[dict[str, Any]] = []
    theirs: list[dict[str, Any]] = []
    for number in range(repeats):
        print(f"{shape.name}: run {number + 1} of {repeats}", file=sys.stderr)
        ours.append(own_answer(__file__, "--ours-only", "--layer", shape.name, "--array", array))
        theirs.append(run_peer(python, geometry))

    def added(name: str) -> int:
        return sum(row[name] for row in theirs[0]["rows"])

    terms = explanation(geometry, design, added("stall_cycles"))
    around = prefetch_explanation(geometry)
    cycles = {"ours": ours[0]["cycles"], "scale_sim": added("cycles")}
    cpu_s = {
        name: {
            "simulation": median(one["simulation_cpu_s"] for one in runs),
            "with_imports": median(one["process_cpu_s"] for one in runs),
        }
        for name, runs in (("ours", ours), ("scale_sim", theirs))
    }
    return {
        "schema": "bosquet.scale_sim/1",
        "layer": f"AlexNet {shape.name}",
        "groups": shape.groups,
        "macs": shape.macs,
        "array": {"filters": design.lanes, "positions": design.vector},
        "versions": theirs[0]["versions"],
        "cycles": cycles,
        "our_cycles": [vars(term) for term in our_cycles(geometry, design)],
        "difference": [vars(term) for term in terms],
        "residue": cycles["scale_sim"] - cycles["ours"] - sum(term.cycles for term in terms),
        "cycles_with_prefetch": added("cycles_with_prefetch"),
        "prefetch": [vars(term) for term in around],
        "prefetch_residue": added("cycles_with_prefetch")
        - cycles["scale_sim"]
        - sum(term.cycles for term in around),
        "cpu_s": cpu_s,
        "cpu_s_of_encoding": median(one["plan_cpu_s"] for one in ours),
        "cpu_ratio": {
            name: cpu_s["scale_sim"][name] / cpu_s["ours"][name] for name in cpu_s["ours"]
        },
        "pruned": {
            "design": f"sparse-{array}",
            "ratio": RATIOS[shape.name],
            "cycles": ours[0]["pruned_cycles"],
            "cpu_s": median(one["pruned_cpu_s"] for one in ours),
        },
        "repeats": repeats,
        "known": {"cycles": "simulated", "terms": "formulas", "cpu_s": "measured, medians"},
    }


def text(found: dict[str, Any]) -> str:
    """Return the comparison for a reader."""
    cycles, seconds, ratio = found["cycles"], found["cpu_s"], found["cpu_ratio"]
    array, pruned = found["array"], found["pruned"]
    versions = ", ".join(f"{name} {number}" for name, number in found["versions"].items())

    def lines(terms: Sequence[dict[str, Any]]) -> list[str]:
        return [f"  {t['cycles']:+10,}  {t['name']:66} {t['formula']}" for t in terms]

    return "\n".join(
        [
            f"{found['layer']}, nothing pruned, {found['groups']} convolution groups,"
            f" {found['macs']:,} MACs, on {array['filters']} filters x {array['positions']}"
            f" positions, output-stationary; {versions}",
            "",
            "cycles (simulated; terms from formulas)",
            f"  {cycles['ours']:10,}  bosquet, dense-{array['filters']}x{array['positions']}",
            *lines(found["difference"]),
            f"  {found['residue']:+10,}  residue",
            f"  {cycles['scale_sim']:10,}  SCALE-Sim, Total Cycles, sum of the groups",
            *lines(found["prefetch"]),
            f"  {found['prefetch_residue']:+10,}  residue",
            f"  {found['cycles_with_prefetch']:10,}  SCALE-Sim, Total Cycles (incl. prefetch)",
            "",
            f"CPU seconds (measured, medians of {found['repeats']} fresh processes each, in turn)",
            "                        bosquet   SCALE-Sim     ratio",
            f"  simulation         {seconds['ours']['simulation']:10.4f}"
            f" {seconds['scale_sim']['simulation']:11.3f} {ratio['simulation']:9.0f}",
            f"  with all imports   {seconds['ours']['with_imports']:10.4f}"
            f" {seconds['scale_sim']['with_imports']:11.3f} {ratio['with_imports']:9.1f}",
            "",
            f"ours includes encoding ({found['cpu_s_of_encoding']:.4f} s). On a dense array its"
            " cycles are a closed formula; SCALE-Sim follows the addresses of every cycle, and",
            "counts accesses to SRAM and DRAM besides. For scale, not the same work: pruned"
            f" {pruned['ratio']:.1f}x (ADMM-NN, uneven mask) on {pruned['design']},",
            f"{pruned['cycles']:,} cycles simulated in {pruned['cpu_s']:.3f} CPU s, encoding"
            " included: a recurrence over windows and entries.",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    shapes = {shape.name: shape for shape in LAYERS if shape.kind == "conv"}
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--layer", choices=sorted(shapes), default="conv5", help="of AlexNet")
    parser.add_argument("--array", default="32x32", metavar="RxV", help="filters x positions")
    parser.add_argument("--repeats", type=int, default=3, help="runs of each side")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--ours-only", action="store_true", help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    try:
        if given.repeats < 1:
            raise InputError(f"--repeats must be at least 1, not {given.repeats}")
        if given.ours_only:
            print(json.dumps(simulate_here(shapes[given.layer], given.array)))
            return 0
        found = compare(shapes[given.layer], given.array, given.repeats)
    except BosquetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=1, allow_nan=False) if given.json else text(found))
    return 0


if __name__ == "__main__":
    sys.exit(main())
