"""Waves read back from VCD files of several writers, cycle by cycle."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from bosquet.hw.front import LaneState


@dataclass(frozen=True, eq=False)
class Waveform:
    """The waves of one file.

    Attributes
    ----------
    names : dict
        Path of each signal, scopes joined by points, to its identifier.
    changes : dict
        Identifier to the times and values of its changes.
    """

    names: dict[str, str]
    changes: dict[str, list[tuple[int, str]]]

    @classmethod
    def read(cls, path: Path) -> "Waveform":
        """Read a file of Amaranth, Icarus Verilog, Verilator or bosquet."""
        names: dict[str, str] = {}
        changes: dict[str, list[tuple[int, str]]] = {}
        scopes: list[str] = []
        time = 0
        with path.open(encoding="utf-8") as file:
            for line in file:
                words = line.split()
                if not words:
                    continue
                if words[0] == "$scope":
                    scopes.append(words[2])
                elif words[0] == "$upscope":
                    scopes.pop()
                elif words[0] == "$var":
                    names[".".join([*scopes, words[4].lstrip("\\")])] = words[3]
                elif words[0][0] == "#":
                    time = int(words[0][1:])
                elif words[0][0] in "01xzXZ":
                    changes.setdefault(words[0][1:], []).append((time, words[0][0]))
                elif words[0][0] in "bs":
                    changes.setdefault(words[-1], []).append((time, words[0][1:]))
        return cls(names, changes)

    def below(self, scope: str) -> dict[str, str]:
        """Return the identifiers of the signals below a scope, by the rest of their path."""
        return {
            path.removeprefix(f"{scope}."): code
            for path, code in self.names.items()
            if path.startswith(f"{scope}.")
        }

    def edges(self, code: str) -> np.ndarray:
        """Return the times at which a clock rises."""
        return np.array([time for time, value in self.changes[code] if value == "1"])

    def samples(self, code: str, edges: np.ndarray) -> list[str]:
        """Return the value of a signal at the end of each cycle, numbers without leading zeros."""
        changes = self.changes.get(code, [(0, "x")])
        times = np.array([time for time, _ in changes])
        # The last change before the next edge.
        until = np.append(edges[1:], np.iinfo(np.int64).max)
        which = np.searchsorted(times, until) - 1
        values = [_plain(value) for _, value in changes]
        return [values[place] if place >= 0 else "x" for place in which.tolist()]


@dataclass(frozen=True, eq=False)
class Cycles:
    """Values of an accelerator's signals in the cycles of its runs."""

    signals: dict[str, list[list[str]]]

    @classmethod
    def of_rtl(cls, waves: Waveform, scope: str, wanted: set[str]) -> "Cycles":
        """Return those of an accelerator that is simulated: its runs are apart from each other."""
        codes = waves.below(scope)
        edges = waves.edges(codes["clk"])
        running = waves.samples(codes["shell.control.running"], edges)
        runs = list(_spells(running))
        return cls(
            {
                name: [samples[run.start : run.stop] for run in runs]
                for name in sorted(wanted & codes.keys())
                for samples in [waves.samples(codes[name], edges)]
            }
        )

    @classmethod
    def of_timeline(cls, waves: Waveform, testbench: str) -> "Cycles":
        """Return those of a timeline: its runs follow each other at once."""
        codes = waves.below(f"{testbench}.dut")
        edges = waves.edges(codes["clk"])
        numbers = waves.samples(waves.names[f"{testbench}.cycles"], edges)
        running = waves.samples(codes["shell.control.running"], edges)
        runs = [
            range(begin + spell.start, begin + spell.stop)
            for begin, end in pairwise([*_begins(numbers, running), len(edges)])
            for spell in [next(_spells(running[begin:end]))]
        ]
        return cls(
            {
                name: [samples[run.start : run.stop] for run in runs]
                for name in sorted(codes.keys() - {"clk"})
                for samples in [waves.samples(codes[name], edges)]
            }
        )


def _begins(numbers: list[str], running: list[str]) -> list[int]:
    """Return where runs begin, given the number of each cycle in its run."""
    pairs = zip(numbers, running, strict=True)
    return [place for place, pair in enumerate(pairs) if pair == ("0", "1")]


def _plain(value: str) -> str:
    """Return a number without leading zeros, the name of a lane's state as its number."""
    if value in LaneState.__members__:
        return f"{LaneState[value]:b}"
    return value.lstrip("0") or "0"


def _spells(running: list[str]) -> Iterator[range]:
    """Yield the cycles of each run."""
    begin = None
    for place, value in enumerate([*running, "0"]):
        if value == "1" and begin is None:
            begin = place
        elif value != "1" and begin is not None:
            yield range(begin, place)
            begin = None
