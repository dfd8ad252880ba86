"""``bosquet breakeven``: from which pruning ratio on sparse hardware of equal area pays."""

from typing import Annotated, Any

import typer

from ..hw.design import Design
from ..sim.bench import Bench
from ..sim.breakeven import LayerBreakEven, Setting, layer_breakeven
from ..sim.cost import Cost, Technology
from ..sim.dense_baseline import baseline_design
from ..sim.pruned_layer import PrunedLayer
from ..sim.verdict import NetworkBreakEven, network_breakeven
from .masked_network import MaskedNetwork, load_masked
from .network_argument import NetworkArgument, parse_shape
from .options import (
    ActBits,
    InputShape,
    Json,
    LaneTableFile,
    Liberty,
    Masks,
    Net,
    OutFile,
    Ratio,
    Seed,
    TechnologyCard,
    WeightBits,
    chosen_technology,
)
from .output import Document, check_places, document, emit_answer, table
from .progress import Progress
from .report.layer_answer import VERDICTS

__all__ = ["BASELINE", "breakeven", "pruned_layers", "setting_of", "verdict_table"]

BASELINE = "16x16"
"""Dense baseline where none is given."""


def breakeven(
    net: Net,
    baseline: Annotated[
        str,
        typer.Option("--baseline", metavar="RxV", help="Dense array whose area every design gets."),
    ] = BASELINE,
    weights_on_chip: Annotated[
        float,
        typer.Option(
            "--weights-on-chip",
            metavar="F",
            help="Portion of the weights that the memories hold, above 0 and up to 1; the rest"
            " streams (modelled, not yet in RTL).",
        ),
    ] = 1.0,
    ratio: Ratio = None,
    masks: Masks = None,
    weight_bits: WeightBits = None,
    act_bits: ActBits = None,
    input_shape: InputShape = None,
    technology: TechnologyCard = None,
    lane_table: LaneTableFile = None,
    liberty: Liberty = None,
    seed: Seed = 0,
    as_json: Json = False,
    out: OutFile = None,
) -> None:
    """Find the pruning ratio from which on a sparse array of equal area beats the best dense one.

    With a layer: its curve. With a network: every layer, and the speedup of the whole.
    """
    argument = NetworkArgument.parse(net)
    check_places({"--out": out}, (argument.network, masks, technology, lane_table, liberty))
    design = _baseline(baseline, weight_bits, act_bits)
    masked = load_masked(argument, ratio, seed, parse_shape(input_shape), masks)
    silicon = chosen_technology(technology, lane_table, liberty)
    layers = pruned_layers(masked)
    with Progress("breakeven") as progress:
        setting = setting_of(masked, design, silicon, weights_on_chip, seed, progress)
        if argument.layer is not None:
            one = layer_breakeven(layers[0], setting)
            found, text = one.to_json(), _layer_text(one)
        else:
            whole = network_breakeven(layers, setting)
            found, text = whole.to_json(), network_text(whole)
    notes = [f"note: {note}" for note in masked.notes]
    answer = document(
        "breakeven",
        {**found, "unsupported": list(masked.unsupported), "notes": list(masked.notes)},
    )
    emit_answer(answer, "\n".join([text, *notes]), as_json, out)


def _baseline(text: str, weight_bits: int | None, act_bits: int | None) -> Design:
    widths = {"weight_bits": weight_bits, "act_bits": act_bits}
    given = {name: bits for name, bits in widths.items() if bits is not None}
    return baseline_design(text, **given)


def pruned_layers(masked: MaskedNetwork) -> list[PrunedLayer]:
    """Return the layers as break-even takes them.

    Raises
    ------
    InputError
        If a layer has no weight left.
    """
    return [PrunedLayer(layer.shape, layer.mask, layer.weight) for layer in masked.layers]


def setting_of(
    masked: MaskedNetwork,
    baseline: Design,
    technology: Technology,
    weights_on_chip: float,
    seed: int,
    progress: Progress,
) -> Setting:
    """Return what a break-even question is asked under."""
    return Setting(
        network=masked.name,
        baseline=baseline,
        bench=Bench(Cost(technology)),
        weights_on_chip=weights_on_chip,
        seed=seed,
        progress=lambda what, done, total: progress(done, total, what),
    )


def _layer_text(found: LayerBreakEven) -> str:
    name = f"{found.setting.network}:{found.layer.name}"
    if found.ratio is None:
        said = VERDICTS[found.verdict]
        return f"{name}: {said}, no break-even ratio: {found.answer.reason}"
    given = found.layer.ratio
    low, high = (_times(bound.ratio) for bound in found.interval)
    between = f", between {low} and {high}" if low != high else ""
    lines = [
        f"{name}: pruning pays from a ratio of {found.ratio:.2f} on"
        f" ({1 - 1 / found.ratio:.0%} of the weights pruned{between}), at equal area",
        f"the network's own ratio is {given:.2f}, speedup {_times(found.speedup)}:"
        f" {VERDICTS[found.verdict]}",
    ]
    if found.baseline and found.dense:
        lines += ["", _silicon_text(found.to_json()), "", _curve_table(found.to_json()["curve"])]
    return "\n".join(lines)


def _silicon_text(found: Document) -> str:
    baseline = found["baseline"]
    best = baseline["best"]
    return (
        f"area {baseline['area_um2'] / 1e6:.3f} mm2, that of dense-{baseline['rows']}x"
        f"{baseline['vector']} (break-even against it: {_times(baseline['ratio'])})\n"
        f"best dense: {best['rows']}x{best['vector']} at {best['freq_hz'] / 1e6:.0f} MHz\n"
        f"sparse, of the curve: {_template_text(found['sparse'])}\n"
        f"sparse, for the network's own mask: {_template_text(found['own_sparse'])}"
    )


def _template_text(sparse: Document | None) -> str:
    if sparse is None:
        return "none fits"
    return (
        f"vector {sparse['vector']}, window {sparse['window']} x {sparse['run_ahead']},"
        f" feed {sparse['feed']}"
    )


def _curve_table(curve: list[dict[str, Any]]) -> str:
    return table(
        ("pruned", "ratio", "speedup", "lanes", "format", "bound", "MHz", "masks"),
        (
            (
                f"{point['pruned_portion']:.1%}",
                f"{point['ratio']:.2f}",
                _times(point["speedup"]) if point["feasible"] else f"none: {point['reason']}",
                point["lanes"],
                point["format"],
                point["bound"],
                None if point["freq_hz_sparse"] is None else f"{point['freq_hz_sparse'] / 1e6:.0f}",
                point["mask"],
            )
            for point in curve
        ),
    )


def network_text(found: NetworkBreakEven) -> str:
    """Return the answer for a network, the speedups first."""
    answer = found.to_json()
    speedup, reason = answer["speedup"], answer["reason"]
    parts = [
        f"{kind} speedup {_times(speedup[kind])}"
        + (f" ({reason[kind]})" if speedup[kind] is None else "")
        for kind in ("one_chip", "per_layer")
    ]
    baseline = answer["baseline"]
    lines = [
        f"{answer['network']}: {', '.join(parts)}",
        "one_chip: one sparse design against the best dense one of the same area;"
        " per_layer: silicon sized for each layer, as the papers count",
        "",
        verdict_table(answer["layers"]),
        "",
        f"area {baseline['area_um2'] / 1e6:.3f} mm2, that of dense-{baseline['rows']}x"
        f"{baseline['vector']} with memories for the whole network",
    ]
    reasons = {row["reason"]: row["name"] for row in reversed(answer["layers"]) if row["reason"]}
    lines += [f"{name}: {why}" for why, name in reasons.items()]
    return "\n".join(lines)


def verdict_table(rows: list[dict[str, Any]]) -> str:
    """Return the layers of a network with their break-even ratios and verdicts."""
    return table(
        ("layer", "pays from", "own ratio", "speedup", "verdict"),
        (
            (
                row["name"],
                None if row["ratio"] is None else _times(row["ratio"]),
                _times(row["given_ratio"]),
                None if row["speedup"] is None else _times(row["speedup"]),
                VERDICTS[row["verdict"]],
            )
            for row in rows
        ),
    )


def _times(factor: float | None) -> str:
    return "none" if factor is None else f"{factor:.2f}x"
