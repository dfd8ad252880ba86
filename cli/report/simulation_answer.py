"""The answer of a simulation in plain words: how long, and what the time goes to."""

from .quantity import area, count, energy, frequency, joined, percent, seconds, times
from .results import Document
from .verdict import Headline, Tile

__all__ = ["simulation_answer"]

_HELD = {
    "busiest_lane": "the busiest lane",
    "feed": "the feed of activations",
    "drain": "the output stage",
    "memory": "the streams to memory",
}

_BLANK = "\N{NO-BREAK SPACE}"


def simulation_answer(found: Document) -> Headline:
    """Return what stands above everything else."""
    cycles = f"{count(found['cycles'])} cycles"
    latency_s = found["latency_s"]
    time = "" if latency_s is None else f", {seconds(latency_s)}"
    images = "" if found["images"] == 1 else f" for {count(found['images'])} images together"
    name = found["network"]
    if len(found["layers"]) == 1:
        name = f"{name}:{found['layers'][0]['name']}"
    sentence = f"{name} on {found['design']}{images}: {cycles}{time}."
    return Headline("", sentence, (_held(found),), tuple(_tiles(found)))


def _held(found: Document) -> str:
    """Say which bound holds which share of the cycles."""
    shares: dict[str, int] = {}
    for layer in found["layers"]:
        name = layer["bound"]["name"]
        shares[name] = shares.get(name, 0) + layer["cycles"]
    most = sorted(shares, key=lambda name: -shares[name])
    factor = times(found["cycles"] / sum(layer["bound"]["cycles"] for layer in found["layers"]))
    if len(most) == 1:
        return f"Bound by {_HELD[most[0]]}, and {factor} the cycles of that bound."
    first, *others = (
        (_HELD[name], percent(shares[name] / found["cycles"]).replace(" ", _BLANK)) for name in most
    )
    parts = [
        f"{first[0]} take {first[1]} of the cycles",
        *(f"by {by} {part}" for by, part in others),
    ]
    return f"Layers bound by {joined(parts)}. All layers take {factor} the cycles of their bounds."


def _tiles(found: Document) -> list[Tile]:
    macs = sum(layer["effectual_macs"] for layer in found["layers"])
    peak = found["roof"]["peak_macs_per_cycle"]
    tiles = [
        Tile(
            percent(macs / (found["cycles"] * peak)),
            "of the peak",
            f"Effectual MACs per cycle, of {count(peak)} multipliers.",
        )
    ]
    if found["area_um2"] is not None and found["freq_hz"] is not None:
        tiles.append(
            Tile(
                area(found["area_um2"]),
                f"area, at {frequency(found['freq_hz'])}",
                f"Clock limited by {found['freq_limit']}.",
            )
        )
    else:
        tiles.append(Tile("unknown", "area and clock", str(found["area_um2_reason"])))
    if found["energy_pj"] is not None:
        parts = {name: part for name, part in found["energy"].items() if isinstance(part, float)}
        largest = max(parts, key=lambda name: parts[name])
        share = percent(parts[largest] / found["energy_pj"])
        tiles.append(Tile(energy(found["energy_pj"]), "energy", f"{largest} is {share} of it."))
    else:
        tiles.append(Tile("unknown", "energy", str(found["energy_pj_reason"])))
    return tiles
