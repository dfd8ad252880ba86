"""How each figure of a simulation's page is known, and what the figures leave out."""

from .evidence import BOUNDS_AND_TRAFFIC, ENERGY, Evidence, Kind
from .quantity import joined
from .results import Document

__all__ = ["simulation_evidence", "simulation_limits"]

_MASKS: dict[str, tuple[Kind, str]] = {
    "network": ("measured", "the zeros of the network's weights"),
    "magnitude": ("measured", "the network's weights pruned by magnitude, not retrained"),
    "uneven": ("proxy", "no real weights: uneven random masks, filters of unequal density"),
    "dense": ("proxy", "no real weights: nothing pruned"),
    "file": ("measured", "masks of a file"),
}


def simulation_evidence(found: Document) -> tuple[Evidence, ...]:
    """Return an entry for each kind of figure that the page shows."""
    shown = [
        Evidence("Cycles", "simulated", "exact, from the timing contract that the RTL is held to"),
        BOUNDS_AND_TRAFFIC,
    ]
    if found["freq_hz"] is not None:
        shown.append(
            Evidence(
                "Area and clock",
                "predicted",
                "the RTL synthesized part by part with Yosys, memories by a model fitted to memory"
                " macros; timing analysis of both",
            )
        )
    if found["energy_pj"] is not None:
        shown.append(ENERGY)
    for source in dict.fromkeys(layer["masks"] for layer in found["layers"]):
        shown.append(Evidence("Masks", *_MASKS[source]))
    return tuple(shown)


def simulation_limits(found: Document) -> tuple[str, ...]:
    """Return what a reader must not read into the figures."""
    told = ["No place and route: wires and clock tree are not in area, clock and energy."]
    environment = found["environment"]
    if environment["kind"] == "ideal":
        told.append(
            "Ideal environment: buffers are loaded before a run and outputs never wait, so no layer"
            " is bound by memory; its MACs per byte are shown all the same."
        )
    elif not environment["overlapping_loads"]:
        told.append(
            "One buffer set: loads and work take turns, so that a layer bound by memory takes the"
            " cycles of its work on top of its bound. Two sets let them overlap."
        )
    if found["energy_pj"] is not None:
        told.append(f"Not in the energy: {joined(found['energy_not_counted'])}.")
        if found["energy"].get("leakage") is None:
            told.append(f"No leakage in the energy: {found['energy']['leakage_reason']}.")
    told += found["notes"]
    told += [f"Not counted: {node}." for node in found["unsupported"]]
    return tuple(dict.fromkeys(told))
