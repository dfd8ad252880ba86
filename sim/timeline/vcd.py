"""A timeline as VCD, with the names of the RTL's own waves, to be laid beside them.

A cycle takes ``PERIOD`` units of time, as in the testbench of a bundle, and begins with the rising
edge of the clock. ``cycles`` counts them from the start of each run, as the testbench does. The
file ends with the edge that ends the last told cycle; if that ends the layer, it raises ``done``.
"""

from collections.abc import Mapping
from typing import NamedTuple, TextIO

import numpy as np
from vcd import VCDWriter

from .layer import LayerTimeline
from .rtl_signals import DONE, RUNNING, Signal, run_waves
from .waves import Wave

__all__ = ["PERIOD", "layer_waves", "write_vcd"]

PERIOD = 10
"""Units of time of a cycle."""

_ACCELERATOR = "dut"
"""Name of the accelerator in the testbench of a bundle."""


class _Variable(NamedTuple):
    """A variable of the file, as it is declared."""

    scope: str
    name: str
    kind: str
    bits: int | None


def write_vcd(timeline: LayerTimeline, testbench: str, comment: str, file: TextIO) -> None:
    """Write a timeline.

    Parameters
    ----------
    timeline : LayerTimeline
    testbench : str
        Outermost module.
    comment : str
        What it is of.
    file : text file
    """
    inside = f"{testbench}.{_ACCELERATOR}"
    waves = {
        _Variable(testbench, "cycles", "integer", 32): _cycle_numbers(timeline),
        _Variable(inside, "clk", "wire", 1): _clock(timeline),
    }
    for signal, wave in layer_waves(timeline).items():
        scope = f"{inside}.{signal.scope}" if signal.scope else inside
        kind = "wire" if signal.bits else "string"
        waves[_Variable(scope, signal.name, kind, signal.bits or None)] = _in_time(wave)
    _write(waves, comment, file)


def layer_waves(timeline: LayerTimeline) -> dict[Signal, Wave]:
    """Return the waves of the told cycles, one run after the other.

    Those of ``DONE`` and ``RUNNING`` tell the cycle after the layer's last one too.
    """
    each = []
    for placed in timeline.runs:
        span = placed.run.span
        waves = run_waves(placed)
        own = {signal: wave.within(span) for signal, wave in waves.items()}
        if timeline.ended and placed is timeline.runs[-1]:
            behind = range(span.start, span.stop + 1)
            own |= {signal: waves[signal].within(behind) for signal in (DONE, RUNNING)}
        each.append({signal: wave.later(placed.start) for signal, wave in own.items()})
    return {signal: Wave.joined([run[signal] for run in each]) for signal in each[0]}


def _in_time(wave: Wave) -> Wave:
    return Wave(PERIOD * wave.cycles, wave.values)


def _clock(timeline: LayerTimeline) -> Wave:
    """Return a clock that rises with each cycle, and with the one after the last."""
    half = PERIOD // 2
    edges = np.arange(PERIOD * timeline.span.start, PERIOD * timeline.span.stop + 1, half)
    return Wave(edges, (1 - np.arange(edges.size) % 2).tolist())


def _cycle_numbers(timeline: LayerTimeline) -> Wave:
    """Return the number of each cycle in its run, 0 while it waits for its loads."""
    numbers = np.concatenate([np.array(one.run.span, np.int64) for one in timeline.runs])
    cycles = PERIOD * np.array(timeline.span, np.int64)
    return Wave(cycles, np.maximum(numbers, 0).tolist())


def _write(waves: Mapping[_Variable, Wave], comment: str, file: TextIO) -> None:
    """Write waves, all of which begin at the same time."""
    start = min(int(wave.cycles[0]) for wave in waves.values())
    values = [wave.values for wave in waves.values()]
    times = np.concatenate([wave.cycles for wave in waves.values()])
    sizes = [wave.cycles.size for wave in waves.values()]
    which = np.repeat(np.arange(len(waves)), sizes)
    place = np.concatenate([np.arange(size) for size in sizes])
    order = np.argsort(times, kind="stable")
    with VCDWriter(file, "1 ns", "", comment, check_values=False, init_timestamp=start) as writer:
        variables = [
            writer.register_var(*variable, own[0])
            for variable, own in zip(waves, values, strict=True)
        ]
        for time, signal, number in zip(
            times[order].tolist(), which[order].tolist(), place[order].tolist(), strict=True
        ):
            writer.change(variables[signal], time, values[signal][number])
