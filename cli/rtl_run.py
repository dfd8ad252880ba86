"""A layer in the RTL: its cycles beside the simulated ones, its bits beside the reference."""

from typing import Any

from ..hw.design import Design
from ..sim.cosim import Comparison, compare_schedule
from ..sim.tiling import best_schedule
from .integer_layer import IntegerLayer

__all__ = ["rtl_text", "run_in_rtl"]

SIMULATOR = "Amaranth's simulator"


def run_in_rtl(layer: IntegerLayer, design: Design) -> dict[str, Any]:
    """Run a layer in the RTL and return what was compared, as plain values.

    Raises
    ------
    FitError
        If the layer does not fit the design.
    """
    found = compare_schedule(best_schedule(layer.layer, design), layer.features)
    return {
        "network": layer.network,
        "layer": layer.layer.name,
        "design": design.name,
        "simulator": SIMULATOR,
        "cycles_rtl": found.rtl["cycles"],
        "cycles_simulated": found.simulated["cycles"],
        "counters_compared": len(found.rtl),
        "counter_mismatches": list(found.counter_mismatches),
        "bits_compared": layer.layer.shape.features_out * design.act_bits,
        "bit_mismatches": _wrong_bits(found, layer),
        "features": layer.features_from,
        "equal": found.equal,
    }


def rtl_text(found: dict[str, Any]) -> str:
    """Return the comparison in words, both cycle counts printed."""
    bits, wrong = found["bits_compared"], found["bit_mismatches"]
    same = found["cycles_rtl"] == found["cycles_simulated"]
    right = (
        f"{wrong:,} of {bits:,} output bits WRONG" if wrong else f"all {bits:,} output bits equal"
    )
    return (
        f"{found['layer']} in the RTL ({found['design']}, {found['simulator']}):"
        f" {found['cycles_rtl']:,} cycles, simulated {found['cycles_simulated']:,}"
        f" ({'equal' if same else 'DIFFERENT'});"
        f" {right} to the integer reference"
    )


def _wrong_bits(found: Comparison, layer: IntegerLayer) -> int:
    """Return the wrong bits; where beats are missing nothing of them is right."""
    if found.missing_beats:
        return layer.layer.shape.features_out * layer.layer.act_bits
    return found.bit_mismatches
