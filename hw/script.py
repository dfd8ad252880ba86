"""The host's script of a job: what a testbench, or any host, does step by step.

One command per 64-bit word: the operation in the top byte, an address in the next, a value below.
The script is data, so that the testbench is the same text for one run as for a thousand.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

from .job import Job
from .registers import CONTROL, COUNTER_BASE, COUNTERS, LAYER_BASE, control_word

__all__ = ["SPARE_CYCLES", "Command", "Operation", "script"]

SPARE_CYCLES = 1000
"""Cycles beyond twice the predicted ones after which a testbench gives up."""

_VALUE_BITS = 48


class Operation(IntEnum):
    """What a command does."""

    END = 0
    WRITE = 1
    """Write a register."""
    WEIGHTS = 2
    """Send the next so many beats of the weight load."""
    FEATURES = 3
    """Send the next so many beats of the feature load."""
    BEATS = 4
    """The next run has so many output beats."""
    CYCLES = 5
    """The next run takes so many cycles."""
    RUN = 6
    """Write CONTROL, take the beats of the run, check them and the status."""
    COUNTER = 7
    """Read a counter, which must have this value."""


@dataclass(frozen=True)
class Command:
    """One step of a host.

    Attributes
    ----------
    operation : Operation
    value : int
    address : int
        Of a register.
    remark : str
        For a reader.
    """

    operation: Operation
    value: int
    address: int = 0
    remark: str = ""

    @property
    def word(self) -> int:
        """Its 64 bits."""
        value = self.value & (1 << _VALUE_BITS) - 1
        return self.operation << 56 | self.address << _VALUE_BITS | value


def script(job: Job) -> Iterator[Command]:
    """Yield the commands of a job."""
    for number, (run, counters) in enumerate(zip(job.runs, job.counters, strict=True)):
        image = run.image
        where = f"run {number}, {run.layer}"
        if run.swaps_weights:
            yield Command(Operation.WEIGHTS, len(image.weight_load), remark=f"{where}: weights")
        if run.swaps_features:
            beats = len(image.feature_load)
            yield Command(Operation.FEATURES, beats, remark=f"{where}: activations")
        for i, (name, value) in enumerate(image.registers.items()):
            yield Command(Operation.WRITE, value & 0xFFFFFFFF, LAYER_BASE + i, f"{name} = {value}")
        yield Command(Operation.BEATS, len(image.beats), remark=f"{where}: output beats")
        yield Command(Operation.CYCLES, counters["cycles"], remark=f"{where}: predicted cycles")
        bits = (*run.control, "clear_counters")
        yield Command(Operation.RUN, control_word(*bits), CONTROL, ", ".join(bits))
        for i, name in enumerate(COUNTERS):
            remark = f"{name}, predicted {counters[name]}"
            yield Command(Operation.COUNTER, counters[name], COUNTER_BASE + 2 * i, remark)
    yield Command(Operation.END, 0, remark="end")
