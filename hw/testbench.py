"""The testbench of a bundle: plain Verilog that does all runs of a job and checks everything.

What it does, loads and expects lies beside it in files of hexadecimal words, one per line. The
text runs in an event-driven simulator (Icarus) and in a compiled one (Verilator) alike.
"""

from collections.abc import Iterable

from .job import Job
from .registers import COUNTER_BITS, STATUS
from .script import SPARE_CYCLES, Operation, script
from .template import render

__all__ = ["memory_files", "testbench", "testbench_name"]

MISMATCHES_SHOWN = 10
"""Wrong beats that a testbench prints one by one; the others are only counted."""


def testbench_name(name: str) -> str:
    """Return the name of the testbench module of a bundle."""
    return f"tb_{name}"


def testbench(job: Job, name: str) -> str:
    """Return the Verilog of the testbench of a job.

    It prints ``PASS cycles=N``, or lines that begin with ``FAIL``, and ends the simulation.

    Parameters
    ----------
    job : Job
        Its words are in the files of ``memory_files``.
    name : str
        Module under test.
    """
    return render(
        "testbench.v",
        name=name,
        testbench=testbench_name(name),
        bus_bits=job.design.bus_bits,
        beat_bits=job.design.beat_bits,
        commands=len(list(script(job))),
        weight_beats=len(_weights(job)),
        feature_beats=len(_features(job)),
        output_beats=job.totals["output_beats"],
        spare=SPARE_CYCLES,
        shown=MISMATCHES_SHOWN,
        operations={operation.name.lower(): operation.value for operation in Operation},
        status=STATUS,
        counter_bits=COUNTER_BITS,
    )


def memory_files(job: Job) -> dict[str, str]:
    """Return the data files of the testbench, by name."""
    bus, beat = job.design.bus_bits, job.design.beat_bits
    commands = list(script(job))
    beats = [word for run in job.runs for word in run.image.beats]
    care = [word for run in job.runs for word in run.image.care]
    return {
        "script.hex": "".join(
            [
                f"// {len(commands)} commands of 64 bits: operation, address, value\n",
                *(f"{command.word:016x}  // {command.remark}\n" for command in commands),
            ]
        ),
        "weights.hex": _hex(_weights(job), bus, "beats of the weight stream"),
        "features.hex": _hex(_features(job), bus, "beats of the feature stream"),
        "expected.hex": _hex(beats, beat, "expected output beats"),
        "care.hex": _hex(care, beat, "bits of each output beat that count"),
    }


def _weights(job: Job) -> list[int]:
    return [beat for run in job.runs if run.swaps_weights for beat in run.image.weight_load]


def _features(job: Job) -> list[int]:
    return [beat for run in job.runs if run.swaps_features for beat in run.image.feature_load]


def _hex(words: Iterable[int], bits: int, what: str) -> str:
    digits = -(-bits // 4)
    lines = [f"{word:0{digits}x}\n" for word in words]
    return f"// {len(lines)} words of {bits} bits: {what}\n" + "".join(lines)
