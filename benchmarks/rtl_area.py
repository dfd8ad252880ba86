"""What sparsity costs in silicon: area per multiplier, sparse over dense, and what it is used for.

    python benchmarks/rtl_area.py [--quick] [--json] [--design FILE.toml]

For each point (V, weight bits, delivery) three figures and what follows from them:

- **area per MAC**, sparse / dense, synthesized from the gateware at hand: lanes with decoder,
  unpacker, queue and operand select; windows, feeder, broadcast trees, control with counters; with
  the output stage, which both families share, and without. Memories are outside (their bits are
  told, since a private port multiplies those of the features).
- **lane efficiency**: kept weights x passes / (lanes x cycles), simulated exactly on AlexNet conv4
  with uneven masks, in the index format that takes the fewest cycles. 1 means that every lane
  multiplies a kept weight in every cycle.
- **the cost of sparsity**: area ratio / lane efficiency. An array that skips all zeros for free
  would have 1; pruning pays in time x area where the pruning ratio exceeds it.

Rows are kept in build/rtl_area/parts.csv by the fingerprint of their gateware, so that only what
has changed is synthesized again.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from bosquet.errors import BosquetError, InputError
from bosquet.hw.design import Design
from bosquet.hw.loader import MemoryKind
from bosquet.hw.memories import memories
from bosquet.hw.synth.lane_table import LaneTable
from bosquet.hw.synth.measure import measure, recipe_id
from bosquet.hw.synth.parts import Part, parts_of
from bosquet.hw.synth.row import Row
from bosquet.hw.tech.card import TechnologyCard, load_card
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.models.layer import LayerShape
from bosquet.models.masks import seed_for, uneven_mask
from bosquet.models.zoo.alexnet import LAYERS
from bosquet.sim.exact import simulate
from bosquet.sim.workload import Workload, formats_of

LANES = 16
SPARSE = Design("sparse", LANES, 16, window=4, run_ahead=4, feed=4)
"""What ``bosquet breakeven alexnet:conv4`` chooses, apart from the lanes of each of its points."""
VECTORS = (4, 8, 16, 32)
WEIGHT_BITS = (8, 4, 2)
DENSITIES = (0.5, 0.25)
LAYER = "conv4"
TABLE = Path(__file__).parent.parent / "build" / "rtl_area" / "parts.csv"


@dataclass(frozen=True)
class Use:
    """How well the lanes of a design are used at a density.

    Attributes
    ----------
    density : float
    format : str
        Index format with the fewest cycles.
    cycles : int
    efficiency : float
        Kept weights x passes / (lanes x cycles).
    memory_bits, feature_bits : int
        Bits of all memories in that format, and of those of the features.
    """

    density: float
    format: str
    cycles: int
    efficiency: float
    memory_bits: int
    feature_bits: int


def use(shape: LayerShape, design: Design, density: float, seed: int) -> Use:
    """Simulate a layer with an uneven mask in every index format; return the fastest."""
    mask = uneven_mask(shape.weight_shape, density, seed_for(seed, shape.name, "mask"))
    workload = Workload(shape, mask)
    found: list[Use] = []
    for form in formats_of(design):
        program = workload.program(design, form)
        cycles = simulate(program).cycles
        work = int(mask.sum()) * program.layout.position_tiles
        held = memories(design, program.buffers)
        found.append(
            Use(
                density, form.name, cycles, work / (design.lanes * cycles),
                sum(memory.bits for memory in held),
                sum(m.bits for m in held if m.kind is MemoryKind.FEATURES),
            )
        )  # fmt: skip
    return min(found, key=lambda one: one.cycles)


@dataclass(frozen=True)
class Silicon:
    """Logic of a design, memories left out.

    Attributes
    ----------
    area_per_mac_ge, bare_per_mac_ge : float
        Gate equivalents per MAC, with the output stage and without.
    parts_ge : mapping of str to float
        Gate equivalents by part.
    freq_hz : float
        Clock of the slowest part, memories and wires left out.
    limit : str
        That part.
    """

    area_per_mac_ge: float
    bare_per_mac_ge: float
    parts_ge: Mapping[str, float]
    freq_hz: float
    limit: str

    @classmethod
    def of(cls, design: Design, rows: Mapping[Part, Row]) -> "Silicon":
        """Add up the measured parts of a design."""
        parts = parts_of(design)
        areas: dict[str, float] = {}
        for part, count in parts:
            areas[part.name] = areas.get(part.name, 0.0) + count * rows[part].area_ge
        total = sum(areas.values())
        slowest = max((rows[part] for part, _ in parts), key=_period_s)
        return cls(
            total / design.macs,
            (total - areas["output_stage"]) / design.macs,
            areas,
            1 / _period_s(slowest),
            slowest.part.name,
        )


def _period_s(row: Row) -> float:
    return max(row.period_s, row.to_memory_s)


def pairs(quick: bool, base: Design) -> Iterator[tuple[str, Design, Design]]:
    """Yield (delivery, sparse, dense) of every point that exists; say which does not."""
    deliveries = ("window",) if quick else ("window", "port")
    for delivery in deliveries:
        for vector in (16,) if quick else VECTORS:
            for bits in (8,) if quick else WEIGHT_BITS:
                # The same output stage on both sides: as slow as the drain of a pass may be.
                same: dict[str, Any] = {"weight_bits": bits, "drain_cycles": min(vector, 16)}
                if delivery == "window":
                    sparse = replace(base, lanes=LANES, vector=vector, **same)
                else:
                    sparse = replace(Design.port(LANES, vector), **same)
                yield delivery, sparse, replace(Design.dense(LANES, vector), **same)


def point(
    delivery: str, sparse: Design, dense: Design, rows: Mapping[Part, Row], seed: int
) -> dict[str, Any]:
    """Return all figures of one point as plain values."""
    ours, theirs = Silicon.of(sparse, rows), Silicon.of(dense, rows)
    ratio = ours.area_per_mac_ge / theirs.area_per_mac_ge
    bare = ours.bare_per_mac_ge / theirs.bare_per_mac_ge
    (shape,) = (layer for layer in LAYERS if layer.name == LAYER)
    uses = [use(shape, sparse, density, seed) for density in DENSITIES]
    return {
        "delivery": delivery,
        "vector": sparse.vector,
        "weight_bits": sparse.weight_bits,
        "area_per_mac_ge": {"sparse": ours.area_per_mac_ge, "dense": theirs.area_per_mac_ge},
        "area_ratio": ratio,
        "area_ratio_without_output_stage": bare,
        "parts_ge": {"sparse": dict(ours.parts_ge), "dense": dict(theirs.parts_ge)},
        "freq_hz": {"sparse": ours.freq_hz, "dense": theirs.freq_hz},
        "freq_limit": {"sparse": ours.limit, "dense": theirs.limit},
        "freq_ratio": ours.freq_hz / theirs.freq_hz,
        "uses": [
            {
                **vars(one),
                "cost": ratio / one.efficiency,
                "cost_without_output_stage": bare / one.efficiency,
            }
            for one in uses
        ],
    }


def text(points: list[dict[str, Any]], skipped: list[str], how: Mapping[str, Any]) -> str:
    """Return the table."""
    lines = [
        "delivery   V  w   GE/MAC sparse  dense   area ratio (bare)   Fmax ratio |"
        + " |".join(f"  d={d:<4} eff. cost (bare) format   " for d in DENSITIES)
    ]
    for p in points:
        area = p["area_per_mac_ge"]
        lines.append(
            f"{p['delivery']:8} {p['vector']:3} {p['weight_bits']:2} {area['sparse']:15.1f}"
            f" {area['dense']:6.1f} {p['area_ratio']:10.3f}"
            f" ({p['area_ratio_without_output_stage']:.3f}) {p['freq_ratio']:12.3f} |"
            + " |".join(
                f"  {u['efficiency']:11.3f} {u['cost']:4.2f} ({u['cost_without_output_stage']:.2f})"
                f" {u['format']:9}"
                for u in p["uses"]
            )
        )
    lines += [f"left out: {reason}" for reason in skipped]
    return "\n".join(
        [
            *lines,
            "",
            "bare: without the output stage. cost = area ratio / lane efficiency.",
            f"areas and Fmax: measured, {how['tools']}; library {how['library']} (logical effort),"
            f" card {how['card']}; no wires, no memories",
            f"sparse lanes (window): {how['design']}",
            f"lane efficiency: simulated exactly, {how['layer']}, uneven masks, seed {how['seed']}",
        ]
    )


def run(quick: bool, base: Design, seed: int, table: Path) -> tuple[dict[str, Any], str]:
    """Measure and simulate all points; return the JSON document and the text."""
    card: TechnologyCard = load_card()
    library = builtin_library(card.fo4_s)
    known = _known(table)
    points: list[dict[str, Any]] = []
    skipped: list[str] = []
    tools: set[str] = set()
    for delivery, sparse, dense in pairs(quick, base):
        where = f"{delivery}, V = {sparse.vector}, {sparse.weight_bits} bits"
        try:
            wanted = [part for design in (sparse, dense) for part, _ in parts_of(design)]
            known = measure(wanted, known, library, _progress(where))
            rows = {
                part: known.rows[part, library.name, recipe_id(library), 0.0] for part in wanted
            }
            points.append(point(delivery, sparse, dense, rows, seed))
        except (BosquetError, NotImplementedError) as error:
            skipped.append(f"{where}: {error}")
            continue
        tools |= {row.tools for row in rows.values()}
    how = {
        "tools": "; ".join(sorted(tools)),
        "library": library.name,
        "recipe": recipe_id(library),
        "card": card.name,
        "layer": f"AlexNet {LAYER}",
        "lanes": LANES,
        "design": f"window {base.window}, run-ahead {base.run_ahead}, feed {base.feed},"
        f" FIFO {base.fifo_depth}",
        "seed": seed,
        "known": {"area": "measured", "freq": "measured", "efficiency": "simulated"},
    }
    answer = {"schema": "bosquet.rtl_area/1", **how, "points": points, "skipped": skipped}
    return answer, text(points, skipped, how)


def _known(table: Path) -> LaneTable:
    """Return the rows measured so far, the shipped ones below them."""
    own = LaneTable.read(table)
    try:
        return own.over(LaneTable.shipped())
    except InputError:  # of gateware with other parameters: everything is measured again
        return own


def _progress(where: str) -> Any:
    def say(done: int, total: int, part: Part) -> None:
        print(f"{where}: part {done + 1} of {total}, {part.name}", file=sys.stderr)

    return say


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--quick", action="store_true", help="only V = 16, 8 bits, window")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    parser.add_argument("--design", help="sparse design instead of the one that breaks even first")
    parser.add_argument("--seed", type=int, default=0, help="of the masks")
    parser.add_argument("--table", type=Path, default=TABLE, help="where rows are kept (CSV)")
    given = parser.parse_args(arguments)
    try:
        base = Design.named(given.design) if given.design else SPARSE
        answer, said = run(given.quick, base, given.seed, given.table)
    except BosquetError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    print(json.dumps(answer, indent=1, allow_nan=False) if given.json else said)
    return 0


if __name__ == "__main__":
    sys.exit(main())
