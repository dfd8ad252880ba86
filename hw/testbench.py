"""The testbench of a bundle: plain Verilog that loads one layer, runs it and checks everything.

What it loads and expects lies beside it in four files of hexadecimal words, one word per line.
The text runs in an event-driven simulator (Icarus) and in a compiled one (Verilator) alike.
"""

from collections.abc import Mapping, Sequence

from ..errors import InputError
from .image import Image
from .registers import (
    CONTROL,
    COUNTER_BASE,
    COUNTER_BITS,
    COUNTERS,
    LAYER_BASE,
    STATUS,
    control_word,
)
from .template import render

__all__ = ["memory_files", "testbench", "testbench_name"]

MISMATCHES_SHOWN = 10
"""Wrong beats that a testbench prints one by one; the others are only counted."""

SPARE_CYCLES = 1000
"""Cycles beyond twice the predicted ones after which a testbench gives up."""


def testbench_name(name: str) -> str:
    """Return the name of the testbench module of a bundle."""
    return f"tb_{name}"


def testbench(image: Image, name: str, counters: Mapping[str, int]) -> str:
    """Return the Verilog of the testbench of an image.

    It prints ``PASS cycles=N``, or lines that begin with ``FAIL``, and ends the simulation.

    Parameters
    ----------
    image : Image
        The layer; its beats are in the files of ``memory_files``.
    name : str
        Module under test.
    counters : mapping of str to int
        Predicted value of every performance counter, by name (``hw.registers.COUNTERS``).

    Raises
    ------
    InputError
        If the predictions are not those of the counters there are.
    """
    if set(counters) != set(COUNTERS):
        raise InputError(
            f"bundle {name}: needs a prediction for each of the counters {', '.join(COUNTERS)};"
            f" given are {', '.join(counters) or 'none'}"
        )
    return render(
        "testbench.v",
        name=name,
        testbench=testbench_name(name),
        bus_bits=image.design.bus_bits,
        beat_bits=_beat_bits(image),
        weight_beats=len(image.weight_load),
        feature_beats=len(image.feature_load),
        output_beats=len(image.beats),
        limit=2 * counters["cycles"] + SPARE_CYCLES,
        shown=MISMATCHES_SHOWN,
        control=CONTROL,
        start=control_word("start", "swap_weights", "swap_features", "clear_counters"),
        status=STATUS,
        counter_bits=COUNTER_BITS,
        registers=[
            (LAYER_BASE + i, value & 0xFFFFFFFF, f"{field} = {value}")
            for i, (field, value) in enumerate(image.registers.items())
        ],
        counters=[
            (COUNTER_BASE + 2 * i, field, counters[field]) for i, field in enumerate(COUNTERS)
        ],
    )


def memory_files(image: Image) -> dict[str, str]:
    """Return the data files of the testbench, by name."""
    beat = _beat_bits(image)
    return {
        "weights.hex": _hex(image.weight_load, image.design.bus_bits, "beats of the weight stream"),
        "features.hex": _hex(
            image.feature_load, image.design.bus_bits, "beats of the feature stream"
        ),
        "expected.hex": _hex(image.beats, beat, "expected output beats"),
        "care.hex": _hex(image.care, beat, "bits of each output beat that count"),
    }


def _beat_bits(image: Image) -> int:
    return image.design.drain * image.design.beat_columns * image.design.act_bits


def _hex(words: Sequence[int], bits: int, what: str) -> str:
    digits = -(-bits // 4)
    lines = [f"{word:0{digits}x}\n" for word in words]
    return f"// {len(words)} words of {bits} bits: {what}\n" + "".join(lines)
