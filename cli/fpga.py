"""``bosquet synth --fpga``: what a whole accelerator takes of an FPGA, placed and routed."""

from typing import Any

from ..errors import InputError
from ..hw.design import Design
from ..hw.synth.nextpnr import PlacedDesign, place_and_route
from ..hw.synth.placed_point import PlacedPoint

__all__ = ["on_fpga"]


def on_fpga(design: Design, device: str, seed: int) -> tuple[dict[str, Any], str]:
    """Place and route a design with its own buffers; return the answer and its text.

    Raises
    ------
    InputError
        If the design has no buffer depths, or the device is not known.
    ToolError
        If a tool is missing or fails.
    """
    if design.buffers is None:
        raise InputError(
            f"{design.name} has no memory depths to place; give it as a .toml file with a table"
            " [buffers]"
        )
    found = place_and_route(design, design.buffers, device, seed)
    return PlacedPoint.of(design, found).to_json(), _text(design, found)


def _text(design: Design, found: PlacedDesign) -> str:
    have = found.available
    tools = " ".join(f"{name}={number}" for name, number in sorted(found.tools.items()))
    return "\n".join(
        [
            f"{design.name} on {found.device}, narrow port included, seed {found.seed}:"
            f" {found.freq_hz / 1e6:.1f} MHz (measured after routing)",
            f"logic cells {found.lut:,} of {have['lut']:,}, flip-flops {found.ff:,},"
            f" multipliers {found.dsp} of {have['dsp']}, block RAM {found.bram} of {have['bram']}",
            f"slowest path: {' -> '.join(found.critical_path)}",
            tools,
        ]
    )
