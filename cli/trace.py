"""``bosquet simulate --trace --vcd``: the timeline of a layer, as a trace and as waves."""

from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..errors import InputError
from ..hw.bundle import bundle_name
from ..hw.testbench import testbench_name
from ..sim.timeline.chrome_trace import write_chrome_trace
from ..sim.timeline.layer import LayerTimeline
from ..sim.timeline.vcd import write_vcd
from .activity import ALL_ACTIVE
from .network_argument import NetworkArgument
from .output import whole_file
from .simulation import NetworkSimulation

__all__ = ["FIRST_CYCLES", "TraceCycles", "TraceFile", "TraceRequest", "VcdFile"]

FIRST_CYCLES = range(20_000)
"""Cycles that are told where none are asked for."""

TraceFile = Annotated[
    Path | None,
    typer.Option(
        "--trace",
        metavar="FILE.json",
        help="Write what every lane did in which cycle, for ui.perfetto.dev (one layer).",
    ),
]
VcdFile = Annotated[
    Path | None,
    typer.Option(
        "--vcd",
        metavar="FILE.vcd",
        help="Write the same as waves, with the names of the RTL's own (one layer).",
    ),
]
TraceCycles = Annotated[
    str | None,
    typer.Option(
        "--trace-cycles",
        metavar="A:B",
        help=f"Tell the cycles from A up to B of --trace and --vcd; the first"
        f" {len(FIRST_CYCLES):,} without it.",
    ),
]


@dataclass(frozen=True)
class TraceRequest:
    """What is to be told of a simulation, if anything.

    Attributes
    ----------
    trace, vcd : Path or None
        Where the trace and the waves go.
    cycles : range
    """

    trace: Path | None
    vcd: Path | None
    cycles: range

    @classmethod
    def of(
        cls, trace: Path | None, vcd: Path | None, cycles: str | None, argument: NetworkArgument
    ) -> "TraceRequest":
        """Return what the options ask for.

        Raises
        ------
        InputError
            If they ask for more than one layer, for no cycles, or for cycles of nothing.
        """
        if trace is None and vcd is None:
            if cycles is not None:
                raise InputError(
                    "--trace-cycles without --trace or --vcd: nothing would be written; add"
                    " --trace FILE.json"
                )
        elif argument.layer is None:
            raise InputError(
                f"{argument.network}: {'--vcd' if trace is None else '--trace'} tells one layer;"
                f" give {argument.network}:LAYER (`bosquet models {argument.network}` lists them)"
            )
        return cls(trace, vcd, _parsed(cycles))

    def write(self, found: NetworkSimulation) -> None:
        """Write what is asked for, each file whole or not at all.

        Raises
        ------
        InputError
            If the layer ends before the cycles, or a file cannot be written.
        """
        if self.trace is None and self.vcd is None:
            return
        (masked,), (layer,) = found.masked.layers, found.simulation.layers
        design, dram = found.simulation.design, found.simulation.dram
        timeline = (
            LayerTimeline.in_dram(layer.schedule, dram, self.cycles)
            if dram
            else LayerTimeline.of(layer.schedule, self.cycles)
        )
        span = timeline.span
        facts = {
            "layer": f"{found.masked.name}:{layer.name}",
            "design": design.name,
            "cycles": f"{span.start} to {span.stop} of {layer.counters.cycles}",
            "known": "simulated, exact; "
            + (
                f"streams of {dram.bandwidth_bits} bits per cycle, loads after"
                f" {dram.latency_cycles} cycles"
                if dram
                else "streams that never wait"
            ),
            "format": layer.format_name,
            "masks": masked.source,
            "bosquet": __version__,
            "numpy": version("numpy"),
        }
        if design.family == "eie":
            facts["activations"] = masked.activity.source if masked.activity else ALL_ACTIVE
        if self.trace is not None:
            with whole_file(self.trace, "--trace") as file:
                write_chrome_trace(timeline, facts, file)
            _say(self.trace, facts["cycles"])
        if self.vcd is not None:
            names = found.masked.name, layer.name, design.name
            with whole_file(self.vcd, "--vcd") as file:
                comment = "; ".join(f"{name}: {fact}" for name, fact in facts.items())
                write_vcd(timeline, testbench_name(bundle_name(*names)), comment, file)
            _say(self.vcd, facts["cycles"])


def _parsed(cycles: str | None) -> range:
    """Return the cycles that ``A:B`` means."""
    if cycles is None:
        return FIRST_CYCLES
    first, colon, stop = cycles.partition(":")
    if not (colon and first.isdecimal() and stop.isdecimal() and int(first) < int(stop)):
        raise InputError(
            f"--trace-cycles must be A:B with whole numbers and A below B, such as 0:20000, not"
            f" {cycles!r}"
        )
    return range(int(first), int(stop))


def _say(path: Path, cycles: str) -> None:
    size = path.stat().st_size
    typer.echo(f"written: {path}: cycles {cycles}, {size / 1e6:.1f} MB", err=True)
