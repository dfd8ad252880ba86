"""The designs of examples/ecp5 placed and routed: the points of break-even on an FPGA.

    python benchmarks/placements.py [--seeds 1 2 3] [--device ecp5-25k-8] [--only NAME] [--store]

Each design is placed with the same seeds, and its fastest placement counts; a seed that nextpnr
cannot route is told and left out. A placement takes minutes. With --store the documents go to
hw/synth/placements.json as they come: one that the same tools have made of the same gateware is not
made again, one of a design that is no example goes.
"""

import argparse
import json
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

from bosquet.cli.output import write_atomically
from bosquet.errors import BosquetError
from bosquet.hw.design import Design
from bosquet.hw.synth.nextpnr import DEVICES, gateware_id, place_and_route
from bosquet.hw.synth.placed_point import PlacedPoint
from bosquet.hw.synth.yosys import versions

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples" / "ecp5"
STORED = ROOT / "hw" / "synth" / "placements.json"


def stored(designs: Mapping[str, Design]) -> list[PlacedPoint]:
    """Return what is stored of some designs."""
    documents = json.loads(STORED.read_text(encoding="utf-8")) if STORED.exists() else []
    points = [PlacedPoint.from_json(one, STORED.name) for one in documents]
    return [point for point in points if whole(point) in designs.values()]


def whole(point: PlacedPoint) -> Design:
    """Return the design of a point, memories and all."""
    return replace(point.design, buffers=point.buffers)


def placement(design: Design, device: str, seed: int, known: Sequence[PlacedPoint]) -> PlacedPoint:
    """Return a placement, a known one if the same tools made it of the same gateware."""
    assert design.buffers is not None
    tool, gateware = DEVICES[device].tool, gateware_id(design, design.buffers)
    tools = {
        **versions(), tool.distribution: tool.version, "amaranth": version("amaranth")
    }  # fmt: skip
    for point in known:
        placed = point.placed
        same_place = (whole(point), placed.device, placed.seed) == (design, device, seed)
        if same_place and (placed.gateware, dict(placed.tools)) == (gateware, tools):
            return point
    return PlacedPoint.of(design, place_and_route(design, design.buffers, device, seed))


def line(point: PlacedPoint) -> str:
    """Return one line of the table."""
    placed = point.placed
    have = placed.available
    return (
        f"{point.name:38} {placed.seed:4} {placed.lut:6} of {have['lut']} {placed.ff:6}"
        f" {placed.dsp:3} of {have['dsp']} {placed.bram:4} of {have['bram']}"
        f" {placed.freq_hz / 1e6:6.1f}  {' -> '.join(placed.critical_path)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    designs = {path.stem: Design.from_toml(path) for path in sorted(EXAMPLES.glob("*.toml"))}
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2, 3], help="of placement")
    parser.add_argument("--device", choices=sorted(DEVICES), default="ecp5-25k-8")
    parser.add_argument("--only", choices=sorted(designs), help="one design only")
    parser.add_argument("--store", action="store_true", help=f"keep them in {STORED.name}")
    given = parser.parse_args(arguments)
    known, failed = stored(designs), 0
    print(
        "design                                 seed  logic cells       FFs  DSP        BRAM    MHz"
    )
    for seed in given.seeds:
        for name in [given.only] if given.only else designs:
            try:
                found = placement(designs[name], given.device, seed, known)
            except BosquetError as error:
                print(f"error: {name}, seed {seed}: {error}", file=sys.stderr)
                failed += 1
                continue
            print(line(found), flush=True)
            place = (designs[name], given.device, seed)
            others = [
                one for one in known if (whole(one), one.placed.device, one.placed.seed) != place
            ]
            known = [*others, found]
            if given.store:
                documents = [one.to_json() for one in known]
                text = json.dumps(documents, indent=1, allow_nan=False)
                write_atomically(STORED, text + "\n", "--store")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
