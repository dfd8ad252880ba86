"""How fast the exact simulator is: CPU seconds, memory, and the ratio to the RTL it is equal to.

    python benchmarks/simulator.py [--only FIGURE ...] [--seed S] [--repeats N] [--json]

Every figure is measured cold: each run is a fresh process with an empty cache folder, on uneven
masks of a seed of its own (S, S + 1, ...; S comes from the operating system unless given, and is
printed), and the medians of the runs are told. Making masks is not counted. Encoding (index
streams, dealing filters to lanes, order of the feed steps) is told apart from counting cycles.

The RTL beside it is the bundle of the same layer, mask and design as ``bosquet emit`` writes it,
compiled by Verilator with all optimizations and run by its own testbench; that its cycles are
those of the simulator is checked. Speeds of other simulators are those that we measured, or read,
elsewhere, and say so.
"""

import argparse
import json
import secrets
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from compiled_simulation import compiled_times
from fresh_process import own_answer, peak_bytes
from timed_simulation import TimedSimulation
from verilated_bundle import VerilatedBundle

from bosquet.errors import BosquetError, InputError, ToolError
from bosquet.hw.design import Design
from bosquet.models.layer import LayerShape
from bosquet.models.masks import seed_for
from bosquet.models.synthetic import synthetic_mask
from bosquet.models.zoo.alexnet import LAYERS as ALEXNET
from bosquet.models.zoo.resnet import RESNET50
from bosquet.sim.workload import Workload

CONVOLUTIONS = tuple(shape for shape in ALEXNET if shape.kind == "conv")
CONV4 = tuple(shape for shape in ALEXNET if shape.name == "conv4")
RESNET50_CONVOLUTIONS = tuple(shape for shape in RESNET50 if shape.kind == "conv")
FC = (LayerShape("fc", "fc", 4096, 4096),)

PEERS = (
    ("SCALE-Sim 3.0.0, 32x32 dense, no traces", "10-14 k", "measured by us, another machine"),
    ("STONNE (22634b8b), SIGMA, 128 multipliers", "2-9 k", "measured by us, another machine"),
    ("STONNE, MAGMA, 128 multipliers", "18 k", "measured by us, another machine"),
    ("STONNE, TPU 8x8 dense", "71 k", "measured by us, another machine"),
    ("Verilator on a Gemmini design, 8 threads", "120 k", "per wall s; NVlabs/GEM, issue 11"),
)
"""Simulated cycles per CPU second of neighbouring simulators, and how that is known."""


@dataclass(frozen=True)
class Figure:
    """What is simulated: layers with made-up masks on a design.

    Attributes
    ----------
    about : str
    design : Design
    layers : tuple of LayerShape
    density : float
        Kept weights / all, of every layer.
    active : float
        Activations that are not zero / all; only the EIE array skips the others.
    """

    about: str
    design: Design
    layers: tuple[LayerShape, ...]
    density: float
    active: float = 1.0

    def measure(self, seed: int) -> dict[str, Any]:
        """Simulate once, in this process; masks are made before, and kept as are the encodings."""
        work = [
            Workload(shape, synthetic_mask(shape, 1 / self.density, seed)) for shape in self.layers
        ]
        done = [TimedSimulation.of(one, self.design, self._features(one, seed)) for one in work]
        return {
            "cycles": sum(one.cycles for one in done),
            "plan_cpu_s": sum(one.plan_cpu_s for one in done),
            "simulate_cpu_s": sum(one.simulate_cpu_s for one in done),
            "peak_bytes": peak_bytes(),
            **compiled_times(done),
        }

    def _features(self, work: Workload, seed: int) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
        if self.design.family != "eie":
            return None
        inputs = work.shape.in_channels
        rng = np.random.default_rng(seed_for(seed, work.shape.name, "features"))
        active = np.zeros((1, inputs), np.bool_)
        active[0, rng.permutation(inputs)[: round(self.active * inputs)]] = True
        return active


WIDE, SMALL = Design.named("sparse-64x16"), Design.named("sparse-16x16")

FIGURES = {
    "alexnet": Figure("AlexNet conv1-5, 90 % pruned", WIDE, CONVOLUTIONS, 0.1),
    "resnet50": Figure("ResNet-50, 53 convs, 90 % pruned", WIDE, RESNET50_CONVOLUTIONS, 0.1),
    "eie": Figure("FC 4096x4096, 9 % weights, 35 % inputs", Design.eie(64), FC, 0.09, 0.35),
    "sparse": Figure("AlexNet conv1-5, 90 % pruned", SMALL, CONVOLUTIONS, 0.1),
    "port": Figure("the same, private ports", Design.port(16, 16), CONVOLUTIONS, 0.1),
    "dense": Figure("the same, closed formula", Design.dense(32, 32), CONVOLUTIONS, 0.1),
    "rtl": Figure("AlexNet conv4, 90 % pruned", SMALL, CONV4, 0.1),
}
"""What is measured; ``rtl`` beside the RTL too."""


def measured(name: str, seed: int, repeats: int) -> dict[str, Any]:
    """Run a figure in fresh processes; return the medians."""
    runs = []
    for number in range(repeats):
        print(f"{name}: run {number + 1} of {repeats}", file=sys.stderr)
        runs.append(own_answer(__file__, "--here", name, "--seed", str(seed + number)))
    figure = FIGURES[name]
    found: dict[str, Any] = {
        key: median(run[key] for run in runs) for key in ("plan_cpu_s", "simulate_cpu_s")
    }
    total = median(run["plan_cpu_s"] + run["simulate_cpu_s"] for run in runs)
    cycles = median(run["cycles"] for run in runs)
    return {
        "name": name,
        "about": figure.about,
        "design": figure.design.name,
        "delivery": figure.design.delivery,
        "layers": len(figure.layers),
        "cycles": cycles,
        **found,
        "compiled_cpu_s": _median_if_any(runs, "compiled_cpu_s"),
        "load_cpu_s": _median_if_any(runs, "load_cpu_s"),
        "cpu_s": total,
        "cycles_per_cpu_s": cycles / found["simulate_cpu_s"],
        "cycles_per_cpu_s_with_encoding": cycles / total,
        "peak_bytes": max(run["peak_bytes"] for run in runs),
        "runs": runs,
    }


def _median_if_any(runs: list[dict[str, Any]], key: str) -> float | None:
    return None if runs[0][key] is None else median(run[key] for run in runs)


def beside_rtl(seed: int, repeats: int) -> dict[str, Any]:
    """Run the layer of ``rtl`` in Verilator and in the simulator, in turn."""
    figure = FIGURES["rtl"]
    with tempfile.TemporaryDirectory(prefix="bosquet-rtl-") as folder:
        print("rtl: compiling, minutes", file=sys.stderr)
        (shape,) = figure.layers
        bundle = VerilatedBundle.build(shape, 1 / figure.density, figure.design, seed, Path(folder))
        ours, theirs = [], []
        for number in range(repeats):
            print(f"rtl: run {number + 1} of {repeats}", file=sys.stderr)
            ours.append(own_answer(__file__, "--here", "rtl", "--seed", str(seed)))
            theirs.append(bundle.run())
    cycles = ours[0]["cycles"]
    if wrong := {run.cycles for run in theirs} - {cycles}:
        raise ToolError(f"the RTL takes {wrong} cycles, simulated were {cycles}: report this")
    rtl_cpu_s = median(run.cpu_s for run in theirs)
    simulate = median(run["simulate_cpu_s"] for run in ours)
    total = median(run["plan_cpu_s"] + run["simulate_cpu_s"] for run in ours)
    return {
        "about": figure.about,
        "design": figure.design.name,
        "simulator": bundle.version,
        "flags": list(bundle.flags),
        "seed": seed,
        "cycles": cycles,
        "load_beats": bundle.load_beats,
        "build_cpu_s": bundle.build_cpu_s,
        "rtl_cpu_s": rtl_cpu_s,
        "simulate_cpu_s": simulate,
        "cpu_s": total,
        "cpu_ratio": rtl_cpu_s / simulate,
        "compiled_cpu_s": (compiled := _median_if_any(ours, "compiled_cpu_s")),
        "load_cpu_s": _median_if_any(ours, "load_cpu_s"),
        "cpu_ratio_compiled": None if compiled is None else rtl_cpu_s / compiled,
        "cpu_ratio_with_encoding": rtl_cpu_s / total,
    }


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"


def text(answer: dict[str, Any]) -> str:
    """Return the tables."""
    lines = [
        f"{'':40} {'design':13} {'cycles':>11} {'encode s':>9} {'count s':>9} {'both s':>9}"
        f" {'compiled s':>10}"
        f" {'cycles/s counted':>17} {'with encoding':>14} {'peak MiB':>9}"
    ]
    for row in answer["figures"]:
        lines.append(
            f"{row['about']:40} {row['design']:13} {row['cycles']:11,.0f} {row['plan_cpu_s']:9.4f}"
            f" {row['simulate_cpu_s']:9.4f} {row['cpu_s']:9.4f}"
            f" {_seconds(row['compiled_cpu_s']):>10} {row['cycles_per_cpu_s']:17,.0f}"
            f" {row['cycles_per_cpu_s_with_encoding']:14,.0f} {row['peak_bytes'] / 2**20:9.0f}"
        )
    if rtl := answer["rtl"]:
        lines += [
            "",
            f"beside the RTL: {rtl['about']}, {rtl['design']}, seed {rtl['seed']}:"
            f" {rtl['cycles']:,} cycles in both (checked);"
            f" the RTL also loads {rtl['load_beats']:,} beats",
            f"  RTL, {rtl['simulator']}: {rtl['rtl_cpu_s']:.2f} CPU s a run, built in"
            f" {rtl['build_cpu_s']:.0f} CPU s ({' '.join(rtl['flags'])})",
            f"  simulator, NumPy: {rtl['simulate_cpu_s']:.4f} s, with encoding"
            f" {rtl['cpu_s']:.4f} s; ratio {rtl['cpu_ratio']:.0f}, with encoding"
            f" {rtl['cpu_ratio_with_encoding']:.1f}",
        ]
        if rtl["compiled_cpu_s"] is not None:
            lines.append(
                f"  simulator, compiled: {rtl['compiled_cpu_s']:.4f} s, ratio"
                f" {rtl['cpu_ratio_compiled']:.0f}; loaded in {rtl['load_cpu_s']:.2f} s, once"
            )
    lines += ["", "cycles per CPU second of other simulators:"]
    lines += [f"  {tool:44} {speed:>8}  {how}" for tool, speed, how in PEERS]
    return "\n".join(
        [
            *lines,
            "",
            f"measured: CPU s (user and system, all threads), medians of {answer['repeats']} fresh"
            " processes with an empty cache folder; uneven masks of seeds"
            f" {answer['seed']} to {answer['seed'] + answer['repeats'] - 1},",
            "never used before unless --seed is given, made beforehand. peak MiB: most resident"
            " memory of a whole process, Python and masks included. compiled s: counting by Numba,"
            " which is loaded (at the first use on a machine compiled) before.",
        ]
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=sorted(FIGURES), nargs="+", help="these figures only")
    parser.add_argument("--seed", type=int, help="of the masks; default: a new one")
    parser.add_argument("--repeats", type=int, default=5, help="runs of each figure")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--here", choices=sorted(FIGURES), help=argparse.SUPPRESS)
    given = parser.parse_args(arguments)
    seed = secrets.randbits(32) if given.seed is None else given.seed
    try:
        if given.repeats < 1:
            raise InputError(f"--repeats must be at least 1, not {given.repeats}")
        if given.here:
            print(json.dumps(FIGURES[given.here].measure(seed)))
            return 0
        chosen = given.only or list(FIGURES)
        answer = {
            "schema": "bosquet.simulator/1",
            "seed": seed,
            "repeats": given.repeats,
            "figures": [measured(name, seed, given.repeats) for name in chosen if name != "rtl"],
            "rtl": beside_rtl(seed, given.repeats) if "rtl" in chosen else None,
            "peers": [
                {"tool": tool, "cycles_per_cpu_s": speed, "known": how}
                for tool, speed, how in PEERS
            ],
            "known": {"cpu_s": "measured", "peak_bytes": "measured", "cycles": "simulated"},
        }
    except BosquetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=1, allow_nan=False) if given.json else text(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
