"""Whole accelerators on FPGAs: what they take and how fast they are, placed and routed.

    python benchmarks/fpga.py [--only NAME] [--seed S] [--json]

Two points: a sparse array of 4 lanes x 8 MACs with memories for LeNet-5's conv2 on an ECP5, and
the smallest useful one, 1 lane x 4 MACs, on an iCE40 UP5K. The accelerator stands behind a narrow
port (``hw.synth.narrow``), which is included. Each takes minutes.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from typing import Any

from bosquet.errors import BosquetError
from bosquet.hw.design import Buffers, Design
from bosquet.hw.synth.nextpnr import PlacedDesign, place_and_route


@dataclass(frozen=True)
class FpgaPoint:
    """A design with its memories, on a device.

    Attributes
    ----------
    design : Design
    buffers : Buffers
    device : str
        A key of ``hw.synth.nextpnr.DEVICES``.
    seed : int
        Of placement: the fastest of 1 to 4 where that was looked for (96.7, 92.1, 88.7 and 101.1
        MHz on the ECP5).
    """

    design: Design
    buffers: Buffers
    device: str
    seed: int


POINTS = {
    "ecp5": FpgaPoint(
        Design("sparse", 4, 8, window=4, run_ahead=2, feed=2, drain_cycles=8, index_bits=(4,)),
        Buffers(weight_words=768, index_words=512, feature_words=256, filter_words=64,
                offset_words=1024),
        "ecp5-45k-8",
        seed=4,
    ),
    "ice40": FpgaPoint(
        Design("sparse", 1, 4, window=2, run_ahead=1, feed=1, feed_order="natural", drain_cycles=4,
               acc_sets=1, fifo_depth=2, index_bits=(4,), acc_bits=20),
        Buffers(weight_words=1024, index_words=512, feature_words=512, filter_words=64,
                offset_words=128),
        "ice40-up5k",
        seed=1,
    ),
}  # fmt: skip
"""What is measured. Multipliers of the lanes become DSPs; the output stage multiplies in logic."""


def line(name: str, found: PlacedDesign) -> str:
    """Return one line of the table."""
    have = found.available
    return (
        f"{name:6} {POINTS[name].design.name:12} {found.device:11} {found.lut:6} of {have['lut']:6}"
        f" {found.ff:6} {found.dsp:3} of {have['dsp']:3} {found.bram:3} of {have['bram']:3}"
        f" {found.freq_hz / 1e6:7.1f}  {' -> '.join(found.critical_path)}"
    )


def main(arguments: list[str] | None = None) -> int:
    """Run the benchmark from the command line."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--only", choices=sorted(POINTS), help="one point only")
    parser.add_argument("--seed", type=int, help="of placement, for all points")
    parser.add_argument("--json", action="store_true", help="one JSON document on stdout")
    given = parser.parse_args(arguments)
    rows: list[dict[str, Any]] = []
    lines = ["point  design       device       logic cells       FFs   DSP        BRAM    MHz"
             "  slowest path"]  # fmt: skip
    for name, point in POINTS.items():
        if given.only not in (None, name):
            continue
        print(f"{name}: {point.design.name} on {point.device}, minutes", file=sys.stderr)
        try:
            seed = point.seed if given.seed is None else given.seed
            found = place_and_route(point.design, point.buffers, point.device, seed)
        except BosquetError as error:
            print(f"error: {error}", file=sys.stderr)
            return 1
        rows.append({"name": name, "design": point.design.name, **found.to_json()})
        lines.append(line(name, found))
    tools = sorted({f"{tool}={number}" for row in rows for tool, number in row["tools"].items()})
    answer = {"schema": "bosquet.fpga/1", "known": "measured after routing", "rows": rows}
    text = "\n".join([*lines, "", f"measured after routing; {' '.join(tools)}"])
    print(json.dumps(answer, indent=1, allow_nan=False) if given.json else text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
