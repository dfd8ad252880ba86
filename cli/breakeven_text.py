"""What ``bosquet breakeven`` says to a person."""

from typing import Any

from ..sim.breakeven import LayerBreakEven
from ..sim.setting import Setting
from ..sim.streaming import WeightSupply
from ..sim.verdict import NetworkBreakEven
from .output import Document, table
from .report.layer_answer import VERDICTS

__all__ = ["layer_text", "network_text", "times", "under_text", "verdict_table"]


def under_text(setting: Setting) -> str:
    """Return what an answer holds for: technology, weights on chip, everything that is charged."""
    technology, label = setting.bench.cost.technology, WeightSupply(setting.weights_on_chip).label
    portion = f"{setting.weights_on_chip:.0%} of the weights on chip"
    streaming = f" ({label})" if label else ""
    return f"technology {technology['card']}, everything charged, {portion}{streaming}"


def layer_text(found: LayerBreakEven) -> str:
    """Return the answer for a layer, the ratio first."""
    name = f"{found.setting.network}:{found.layer.name}"
    if found.ratio is None:
        said = VERDICTS[found.verdict]
        under = f"per_layer, {under_text(found.setting)}"
        return f"{name}: {said}, no break-even ratio: {found.answer.reason}\n{under}"
    given = found.layer.ratio
    low, high = (times(bound.ratio) for bound in found.interval)
    between = f", between {low} and {high}" if low != high else ""
    lines = [
        f"{name}: pruning pays from a ratio of {found.ratio:.2f} on"
        f" ({1 - 1 / found.ratio:.0%} of the weights pruned{between}), at equal area",
        f"the network's own ratio is {given:.2f}, speedup {times(found.speedup)}:"
        f" {VERDICTS[found.verdict]}",
        f"per_layer, {under_text(found.setting)}",
    ]
    lines += ["", _silicon_text(found.to_json()), *_fixed_macs_lines(found)]
    lines += _sensitivity_lines(found)
    lines += ["", _curve_table(found.to_json()["curve"])]
    return "\n".join(lines)


def _silicon_text(found: Document) -> str:
    baseline = found["baseline"]
    best = baseline["best"]
    return (
        f"area {baseline['area_um2'] / 1e6:.3f} mm2, that of dense-{baseline['rows']}x"
        f"{baseline['vector']} (break-even against it: {times(baseline['ratio'])})\n"
        f"best dense: {best['rows']}x{best['vector']} at {best['freq_hz'] / 1e6:.0f} MHz\n"
        f"sparse, of the curve: {_template_text(found['sparse'])}\n"
        f"sparse, for the network's own mask: {_template_text(found['own_sparse'])}"
    )


def _fixed_macs_lines(found: LayerBreakEven) -> list[str]:
    """Return what as many multipliers, and not as much area, would give the network's own mask."""
    if found.fixed_macs is None:
        return []
    one = found.fixed_macs.to_json()
    return [
        f"with at most as many multipliers ({one['macs_sparse']} for {one['macs_dense']}):"
        f" {times(one['speedup'])}, {times(one['speedup_cycles'])} in cycles, at"
        f" {times(one['area_ratio'])} the area of the baseline as it is given; feed {one['feed']},"
        f" bound by {one['bound']}"
    ]


def _sensitivity_lines(found: LayerBreakEven) -> list[str]:
    """Return the break-even under each other assumption, a line each."""
    return [
        f"with {name}: "
        + (f"{other.ratio:.2f}" if other.ratio is not None else f"none, {other.reason}")
        for name, other in found.sensitivity
    ]


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
                times(point["speedup"]) if point["feasible"] else f"none: {point['reason']}",
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
        f"{kind} speedup {times(speedup[kind])}"
        + (f" ({reason[kind]})" if speedup[kind] is None else "")
        for kind in ("one_chip", "per_layer")
    ]
    baseline = answer["baseline"]
    lines = [
        f"{answer['network']}: {', '.join(parts)}",
        "one_chip: one sparse design against the best dense one of the same area;"
        " per_layer: silicon sized for each layer, as the papers count",
        under_text(found.setting),
        "",
        verdict_table(answer["layers"]),
        "",
        f"area {baseline['area_um2'] / 1e6:.3f} mm2, that of dense-{baseline['rows']}x"
        f"{baseline['vector']} with memories for the whole network",
    ]
    lines += _restoration_lines(answer)
    reasons = {row["reason"]: row["name"] for row in reversed(answer["layers"]) if row["reason"]}
    lines += [f"{name}: {why}" for why, name in reasons.items()]
    return "\n".join(lines)


def _restoration_lines(answer: Document) -> list[str]:
    """Return which layers to leave dense, in both accountings."""
    speedup, found = answer["speedup"], answer["restoration"]
    lines = []
    if speedup["per_layer_unrestored"] is not None:
        lines.append(
            f"per_layer with every layer pruned, those too that do not pay:"
            f" {times(speedup['per_layer_unrestored'])}"
        )
    if found is None:
        return lines
    names = ", ".join(found["restored"]) or "none"
    lines.append(
        f"one_chip with these layers left dense: {times(found['speedup'])} (restored: {names}; all"
        f" that cost the network at most {found['within']:.0%} of its speed together)"
    )
    costs = (
        f"{layer['name']} {layer['slowdown']:+.1%}"
        for layer in found["layers"]
        if layer["slowdown"] is not None
    )
    if found["layers"]:
        lines.append(f"time of the network if one layer alone is left dense: {', '.join(costs)}")
    return lines


def verdict_table(rows: list[dict[str, Any]]) -> str:
    """Return the layers of a network with their break-even ratios and verdicts."""
    return table(
        ("layer", "pays from", "own ratio", "speedup", "verdict"),
        (
            (
                row["name"],
                None if row["ratio"] is None else times(row["ratio"]),
                times(row["given_ratio"]),
                None if row["speedup"] is None else times(row["speedup"]),
                VERDICTS[row["verdict"]],
            )
            for row in rows
        ),
    )


def times(factor: float | None) -> str:
    """Return a factor as a reader sees it."""
    return "none" if factor is None else f"{factor:.2f}x"
