"""What a host does at the ports of an accelerator, as lines of text for a host that is compiled.

The same as ``cosim`` does in Amaranth's simulator, cycle for cycle. A script has the loads of both
streams, then what each of one or two actors does, one step after the other:

==================  ================================================================
``write A V``       write V to register A: a cycle
``read A``          read register A: a cycle
``idle N``          wait for N cycles
``offer``           begin to offer the loads of the next run; takes no cycle
``loaded``          wait until all loads offered are taken; no cycle if they are
``settled A MASK``  read register A until no bit of MASK is set
``take LIMIT``      take beats until the last one or an error, for at most so many cycles
``finish``          go on here if a run did not end
``next``            end the script if a run did not end
==================  ================================================================
"""

from collections.abc import Iterator, Sequence

from ..hw.counters import LAG
from ..hw.image import Image
from ..hw.registers import (
    CONTROL,
    COUNTER_BASE,
    COUNTERS,
    ERROR,
    LAYER_BASE,
    STATUS,
    STATUS_BITS,
    ErrorCode,
    control_word,
)
from ..hw.run_image import RunImage
from .rtl_host import Run

__all__ = ["in_turn", "in_turn_in_dram", "overlapping_in_dram", "read_runs"]


def in_turn(runs: Sequence[RunImage], limits: Sequence[int]) -> str:
    """Return the script of runs one after the other, each on what has been loaded before."""
    steps = []
    for run, limit in zip(runs, limits, strict=True):
        steps += [*_configure(run.image), "offer", "loaded", _start(run, "clear_counters")]
        steps += ["idle 1", f"take {limit}", *_finish(), "next"]  # idle: before cycle 0
    return _script(runs, steps)


def in_turn_in_dram(runs: Sequence[RunImage], limits: Sequence[int]) -> str:
    """Return the script of runs one after the other; the loads of each are part of it."""
    steps = []
    for run, limit in zip(runs, limits, strict=True):
        steps += [*_configure(run.image), "offer", _start(run, "clear_counters")]
        steps += [f"take {limit}", *_finish(), "next"]
    return _script(runs, steps)


def overlapping_in_dram(runs: Sequence[RunImage], limit: int) -> str:
    """Return the script of runs, each of which is loaded and started while one before goes on."""
    control = []
    for number, run in enumerate(runs):
        if number:
            control.append(f"settled {STATUS} {1 << STATUS_BITS.index('pending')}")
        control += [*_configure(run.image), "offer"]
        control.append(_start(run, *(() if number else ("clear_counters",))))
    return _script(runs, [f"take {limit}" for _ in runs] + _finish(), control)


def read_runs(said: str) -> list[Run]:
    """Return the runs that a compiled host tells of.

    A line for each: whether it ended, how many beats, each with its cycle, then what it has read.
    """
    runs = []
    for line in said.splitlines():
        ended, count, *rest = line.split()
        beats, values = rest[: 2 * int(count)], [int(word) for word in rest[2 * int(count) :]]
        run = Run(
            beats=[int(beat, 16) for beat in beats[1::2]],
            beat_cycles=[int(cycle) for cycle in beats[::2]],
            ended=ended == "1",
        )
        if values:
            *words, error = values
            low_high = zip(words[::2], words[1::2], strict=True)
            run.counters = {
                name: high << 32 | low for name, (low, high) in zip(COUNTERS, low_high, strict=True)
            }
            run.error = ErrorCode(error)
        runs.append(run)
    return runs


def _configure(image: Image) -> Iterator[str]:
    for i, value in enumerate(image.registers.values()):
        yield f"write {LAYER_BASE + i} {value & 0xFFFFFFFF}"


def _start(run: RunImage, *bits: str) -> str:
    return f"write {CONTROL} {control_word(*run.control, *bits)}"


def _finish() -> list[str]:
    counters = [f"read {COUNTER_BASE + word}" for word in range(2 * len(COUNTERS))]
    return ["finish", f"idle {LAG}", *counters, f"read {ERROR}"]


def _script(runs: Sequence[RunImage], *actors: Sequence[str]) -> str:
    weights = [run.image.weight_load if run.swaps_weights else [] for run in runs]
    features = [run.image.feature_load if run.swaps_features else [] for run in runs]
    lines = [str(len(runs))]
    for loads in (weights, features):
        lines += [" ".join([str(len(load)), *(f"{beat:x}" for beat in load)]) for load in loads]
    lines.append(str(len(actors)))
    for steps in actors:
        lines += [str(len(steps)), *steps]
    return "\n".join(lines) + "\n"
