"""``bosquet breakeven --fpga``: which placed designs are compared, and what is said of them."""

from collections.abc import Sequence
from pathlib import Path

from ..errors import InputError
from ..hw.synth.nextpnr import DEVICES
from ..hw.synth.placed_point import PlacedPoint
from ..sim.fpga import FpgaBreakEven
from .breakeven_text import times
from .output import table

__all__ = ["fpga_text", "placed_points"]


def placed_points(given: Sequence[str]) -> tuple[PlacedPoint, ...]:
    """Return the points of devices, by name, and of files.

    Raises
    ------
    InputError
        If no design comes placed on a device, a file holds none, or it is neither of them.
    """
    found: list[PlacedPoint] = []
    for one in given:
        if one in DEVICES:
            found += PlacedPoint.shipped(one)
        elif Path(one).exists():
            found.append(PlacedPoint.read(Path(one)))
        else:
            raise InputError(
                f"--fpga {one}: neither a device ({', '.join(DEVICES)}) nor a file that is there"
            )
    return tuple(found)


def fpga_text(network: str, found: FpgaBreakEven) -> str:
    """Return the answer for a person, the ratio first."""
    name = f"{network}:{found.layer.name}"
    if found.answer.ratio is None:
        first = f"{name} on {found.device}: no break-even ratio: {found.answer.reason}"
    else:
        low, high = (times(bound.ratio) for bound in found.interval)
        between = f", between {low} and {high}" if low != high else ""
        first = (
            f"{name} on {found.device}: pruning pays from a ratio of {found.answer.ratio:.2f} on"
            f" ({1 - 1 / found.answer.ratio:.0%} of the weights pruned{between}), among placed"
            " designs"
        )
    own = found.own
    lines = [
        first,
        f"the network's own ratio is {own.ratio:.2f}, "
        + (
            f"speedup {times(own.speedup)} on {own.median.point.name}"
            if own.median
            else f"where no sparse design has room: {own.reason}"
        ),
        "at one clock for both: " + _at_one_clock(found),
        f"fastest dense: {found.dense.point.name}, {found.dense.cycles} cycles at"
        f" {found.dense.point.freq_hz / 1e6:.1f} MHz",
    ]
    if found.label:
        lines.append(f"{found.supply.bits_per_s / 1e9:.2f} Gbit/s for all ({found.label})")
    return "\n".join([*lines, "", _designs(found.designs), "", _curve(found)])


def _at_one_clock(found: FpgaBreakEven) -> str:
    """Return the answer of the cycles alone."""
    ratio = found.at_one_clock.ratio
    return "none" if ratio is None else f"from a ratio of {ratio:.2f} on"


def _designs(points: Sequence[PlacedPoint]) -> str:
    have = points[0].placed.available
    return table(
        ("design", "MHz", f"logic of {have['lut']}", "flip-flops", f"DSP of {have['dsp']}",
         f"block RAM of {have['bram']}", "seed", "slowest path"),
        (
            (
                point.name, f"{point.freq_hz / 1e6:.1f}", point.placed.lut, point.placed.ff,
                point.placed.dsp, point.placed.bram, point.placed.seed,
                " -> ".join(point.placed.critical_path),
            )
            for point in points
        ),
    )  # fmt: skip


def _curve(found: FpgaBreakEven) -> str:
    rows: list[tuple[object, ...]] = []
    for point in found.points:
        portion, run = f"{1 - 1 / point.ratio:.1%}", point.median
        if run is None:
            none = f"none: {point.reason}"
            rows.append((portion, f"{point.ratio:.2f}", none, None, None, None, None))
            continue
        rows.append(
            (
                portion, f"{point.ratio:.2f}", times(point.speedup), run.point.name, run.form.name,
                run.cycles, f"{run.point.freq_hz / 1e6:.1f}",
            )
        )  # fmt: skip
    return table(("pruned", "ratio", "speedup", "design", "format", "cycles", "MHz"), rows)
