"""How far the fast tier is off the exact one, and how long it takes.

    python benchmarks/fast_tier.py [--pairs N] [--seed S] [--only error time] [--json]

Error: random pairs of a layer and a design (``fast_pairs``), half of them and more large enough to
be sampled, are predicted and counted exactly; what is told is the relative error of the cycles of
each family. Nothing in the fast tier is fitted to such pairs, so any seed may be taken; figures in
``sim/fast/error.py`` are those of the seed that is named there.

Time: ResNet-50 with uneven masks is prepared once, then predicted on several designs. CPU seconds
of this process, medians; designs are interleaved.
"""

import argparse
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from statistics import median
from time import process_time
from typing import Any

import numpy as np
from fast_pairs import Pair
from scipy.stats import spearmanr

from bosquet.errors import BosquetError, InputError
from bosquet.hw.design import Design
from bosquet.models.masks import seed_for, uneven_mask
from bosquet.models.zoo.resnet import RESNET50
from bosquet.sim.fast import KnownError, Prepared, predict
from bosquet.sim.workload import Workload

__all__ = ["Compared", "known_error"]

RATIOS = (1.1, 2.0, 3.0, 4.0, 5.0, 7.0, 10.0)
"""Pruning ratios of the layers of ResNet-50, in turn."""

SPARSE = Design("sparse", 16, 16)
DESIGNS: dict[str, Design] = {
    "sparse-16x16": SPARSE,
    "sparse-16x16, natural order": replace(SPARSE, feed_order="natural"),
    "sparse-16x16, one window": replace(SPARSE, run_ahead=1),
    "sparse-16x16, one set, FIFO of 2": replace(SPARSE, acc_sets=1, fifo_depth=2),
    "sparse-64x8": Design("sparse", 64, 8),
    "sparse-256x4": Design("sparse", 256, 4),
    "sparse-4x32": Design("sparse", 4, 32),
    "grouped-8-64x8": Design("sparse", 64, 8, simd_group=8),
    "port-16x16": Design.port(16, 16),
    "dense-16x16": Design.dense(16, 16),
}


@dataclass(frozen=True)
class Compared:
    """A pair in both tiers.

    Attributes
    ----------
    number : int
        Of the pair.
    kinds : tuple of str
        Family, and ``small buffers`` if they may be too small for the layer.
    exact, predicted : int
        Cycles.
    """

    number: int
    kinds: tuple[str, ...]
    exact: int
    predicted: int

    @classmethod
    def of(cls, seed: int, number: int) -> "Compared":
        """Draw a pair and run it."""
        pair = Pair.of(seed, number)
        kinds = (pair.family, *(["small buffers"] if pair.design.buffers else []))
        return cls(number, kinds, pair.exact(), pair.predicted())

    @property
    def error(self) -> float:
        """Relative error of the predicted cycles, with its sign."""
        return self.predicted / self.exact - 1


def known_error(compared: Sequence[Compared]) -> KnownError:
    """Return how far the predictions of some pairs are off."""
    errors = np.abs([one.error for one in compared])
    exact, predicted = ([getattr(one, name) for one in compared] for name in ("exact", "predicted"))
    ranked = min(len(set(exact)), len(set(predicted))) > 1
    return KnownError(
        median=float(np.median(errors)),
        p90=float(np.percentile(errors, 90)),
        worst=float(errors.max()),
        rank_correlation=float(spearmanr(exact, predicted).statistic) if ranked else None,
        pairs=len(compared),
    )


def errors(pairs: int, seed: int, tell: Callable[[str], None]) -> dict[str, Any]:
    """Compare so many pairs."""
    compared = []
    for number in range(pairs):
        compared.append(Compared.of(seed, number))
        if (number + 1) % 50 == 0:
            tell(f"{number + 1} of {pairs} pairs")
    kinds = {"all": compared}
    for one in compared:
        for kind in one.kinds:
            kinds.setdefault(kind, []).append(one)
    inexact = [one for one in compared if one.error]
    worst = sorted(compared, key=lambda one: -abs(one.error))[:5]
    return {
        "seed": seed,
        "equal": len(compared) - len(inexact),
        "kinds": {name: asdict(known_error(own)) for name, own in kinds.items()},
        "not_equal": asdict(known_error(inexact)) if inexact else None,
        "worst": [{**asdict(one), "error": one.error} for one in worst],
    }


def times(seed: int, repeats: int) -> dict[str, Any]:
    """Time the predictions of ResNet-50."""
    layers = []
    for number, shape in enumerate(RESNET50):
        mask = uneven_mask(
            shape.weight_shape, 1 / RATIOS[number % len(RATIOS)], seed_for(seed, number)
        )
        layers.append(Workload(shape, mask))
    prepared = Prepared.of(layers)
    preparation: dict[str, float] = {}
    each: dict[str, list[float]] = {name: [] for name in DESIGNS}
    for name, design in DESIGNS.items():
        preparation[name] = _cpu_seconds(prepared, design)
    for _ in range(repeats):
        for name, design in DESIGNS.items():
            each[name].append(_cpu_seconds(prepared, design))
    return {
        "network": "resnet50",
        "layers": len(layers),
        "repeats": repeats,
        "designs": {
            name: {"first_cpu_s": preparation[name], "cpu_s": median(each[name])}
            for name in DESIGNS
        },
    }


def _cpu_seconds(prepared: Prepared, design: Design) -> float:
    begin = process_time()
    predict(prepared, design)
    return process_time() - begin


def text(answer: dict[str, Any]) -> str:
    """Return it for a reader."""
    lines = []
    if found := answer["errors"]:
        lines += [
            f"errors of predicted cycles, seed {found['seed']}: {found['equal']} equal",
            f"{'':14}{'pairs':>7}{'median':>9}{'p90':>9}{'worst':>9}{'rank':>10}",
        ]
        rows = {**found["kinds"], "not equal": found["not_equal"]}
        for name, own in rows.items():
            if own:
                rank = own["rank_correlation"]
                lines.append(
                    f"{name:14}{own['pairs']:7}{own['median']:9.3%}{own['p90']:9.2%}"
                    f"{own['worst']:9.2%}" + ("         -" if rank is None else f"{rank:10.5f}")
                )
        told = ", ".join(f"{one['number']} ({one['error']:+.1%})" for one in found["worst"])
        lines += [f"worst pairs: {told}", ""]
    if found := answer["times"]:
        lines.append(f"{found['network']}, {found['layers']} layers, CPU time per design:")
        lines += [
            f"{name:36}first {own['first_cpu_s']:6.2f} s, then {own['cpu_s'] * 1e3:6.2f} ms"
            for name, own in found["designs"].items()
        ]
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Measure what is asked, and print it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--pairs", type=int, default=500)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--repeats", type=int, default=15, help="predictions of each design")
    parser.add_argument("--only", choices=("error", "time"), nargs="+", default=["error", "time"])
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    try:
        for name in ("pairs", "repeats"):
            if getattr(given, name) < 1:
                raise InputError(f"--{name} must be at least 1, not {getattr(given, name)}")
        answer = {
            "schema": "bosquet.fast-tier/1",
            "errors": errors(given.pairs, given.seed, lambda line: print(line, file=sys.stderr))
            if "error" in given.only
            else None,
            "times": times(given.seed, given.repeats) if "time" in given.only else None,
            "known": {"cpu_s": "measured", "error": "predicted against simulated cycles"},
        }
    except BosquetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=1, allow_nan=False) if given.json else text(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
