"""Random pairs of a layer and a design, and their cycles in both tiers of the simulator.

A pair follows from a seed and a number alone. Layers are those of the networks in ``models.zoo`` or
made up, convolutions of all kinds and FC layers, with masks of uneven filters, smallest weights,
equal filters or shared patterns; designs are of every family, any legal field drawn. One sparse or
dense pair in six has buffers that hold a part of its layer only, so that it is cut into runs.
"""

from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from bosquet.errors import DesignError, FitError
from bosquet.hw.design import Buffers, Design
from bosquet.models.formats import IndexFormat
from bosquet.models.layer import LayerShape
from bosquet.models.masks import magnitude_mask, seed_for, uneven_mask, uniform_mask
from bosquet.models.zoo.alexnet import LAYERS as ALEXNET
from bosquet.models.zoo.mobilenet_v1 import LAYERS as MOBILENET_V1
from bosquet.models.zoo.resnet import RESNET18, RESNET50
from bosquet.models.zoo.vgg16 import LAYERS as VGG16
from bosquet.sim.fast import LEAST_EFFORT, Prepared, predict
from bosquet.sim.tiling import best_schedule, simulated
from bosquet.sim.workload import Workload, formats_of

__all__ = ["Family", "Pair"]

Family = Literal["windows", "ports", "dense", "eie"]
Random = np.random.Generator

MOST_WEIGHTS, MOST_MACS = 2_500_000, 250_000_000
"""Of a layer, so that the exact tier takes a fraction of a second."""


@dataclass(frozen=True, eq=False)
class Pair:
    """A layer and a design.

    Attributes
    ----------
    family : Family
        Of the design; the sparse family by how its lanes get activations.
    layer : Workload
    design : Design
    form : IndexFormat or None
        Asked format, None: the smallest.
    active : bool array (batch, in) or None
        Activations that are not zero.
    """

    family: Family
    layer: Workload
    design: Design
    form: IndexFormat | None
    active: NDArray[np.bool_] | None

    @classmethod
    def of(cls, seed: int, number: int) -> "Pair":
        """Draw a pair; what does not fit is drawn again."""
        rng = np.random.default_rng(seed_for(seed, "pair", number))
        while True:
            try:
                pair = cls._drawn(rng, f"pair_{number}")
                pair.predicted()
            except (DesignError, FitError):
                continue
            return pair

    @classmethod
    def _drawn(cls, rng: Random, name: str) -> "Pair":
        families: tuple[Family, ...] = ("windows", "ports", "dense", "eie")
        family = families[int(rng.choice(4, p=[0.6, 0.13, 0.13, 0.14]))]
        design = _design(rng, family)
        shape = replace(_shape(rng, family), name=name)
        layer = Workload(shape, _mask(rng, shape, design.simd_group))
        form, active = None, None
        if family in ("windows", "ports") and rng.random() < 0.35:
            form = _of(rng, formats_of(design))
        if family == "eie" and rng.random() < 0.6:
            active = rng.random((shape.batch, shape.in_channels)) < rng.uniform(0.15, 1)
        if family != "eie" and rng.random() < 1 / 6:
            design = _with_small_buffers(rng, layer, design)
        return cls(family, layer, design, form, active)

    def exact(self) -> int:
        """Return the cycles of the exact tier."""
        schedule = best_schedule(self.layer, self.design, self.form)
        if self.active is not None:
            schedule = schedule.with_active(self.active[:, :, None, None])
        return simulated(schedule).cycles

    def predicted(self) -> int:
        """Return the cycles of the fast tier, which looks as little at it as at large networks."""
        prepared = replace(Prepared.of([self.layer], [self.active]), effort=LEAST_EFFORT)
        return predict(prepared, self.design, [self.form]).cycles


@cache
def _zoo() -> tuple[LayerShape, ...]:
    networks = (*ALEXNET, *RESNET18, *RESNET50, *MOBILENET_V1, *VGG16)
    return tuple(shape for shape in networks if _small(shape))


def _small(shape: LayerShape) -> bool:
    return shape.weights <= MOST_WEIGHTS and shape.macs <= MOST_MACS


def _of(rng: Random, values: Any) -> Any:
    return values[int(rng.integers(len(values)))]


def _log_uniform(rng: Random, low: int, high: int) -> int:
    return round(float(np.exp(rng.uniform(np.log(low), np.log(high)))))


# ---- layers ----------------------------------------------------------------------------------


def _shape(rng: Random, family: Family) -> LayerShape:
    if rng.random() < 0.4:
        wanted = [shape for shape in _zoo() if family != "eie" or shape.kind == "fc"]
        chosen: LayerShape = _of(rng, wanted)
        return chosen
    kinds = ("square", "pointwise", "other", "fc", "grouped", "depthwise")
    while True:
        kind = "fc" if family == "eie" else rng.choice(kinds, p=[0.4, 0.22, 0.1, 0.12, 0.08, 0.08])
        shape = _fc(rng) if kind == "fc" else _convolution(rng, str(kind))
        if _small(shape):
            return shape


def _fc(rng: Random) -> LayerShape:
    inputs, outputs = _log_uniform(rng, 16, 2048), _log_uniform(rng, 8, 1024)
    return LayerShape("fc", "fc", inputs, outputs, batch=_of(rng, (1, 1, 1, 2, 4, 8, 16)))


def _convolution(rng: Random, kind: str) -> LayerShape:
    kernel = _of(rng, {
        "square": ((3, 3),),
        "pointwise": ((1, 1),),
        "other": ((5, 5), (7, 7), (1, 3), (3, 1), (2, 2)),
        "grouped": ((3, 3), (5, 5), (1, 1)),
        "depthwise": ((3, 3), (5, 5)),
    }[kind])  # fmt: skip
    height = _log_uniform(rng, 3, 56)
    width = height if rng.random() < 0.8 else _log_uniform(rng, 3, 56)
    groups, inputs, outputs = 1, _log_uniform(rng, 3, 512), _log_uniform(rng, 8, 512)
    if kind == "depthwise":
        groups = inputs = _log_uniform(rng, 8, 256)
        outputs = inputs * _of(rng, (1, 1, 2))
    if kind == "grouped":
        groups = _of(rng, (2, 2, 4, 8))
        inputs, outputs = max(1, inputs // groups) * groups, max(1, outputs // groups) * groups
    padding = (kernel[0] // 2, kernel[1] // 2) * 2 if rng.random() < 0.85 else (0, 0, 0, 0)
    return LayerShape(
        kind, "conv", inputs, outputs, kernel, _of(rng, ((1, 1), (1, 1), (1, 1), (2, 2))), padding,
        groups=groups, height=max(height, kernel[0]), width=max(width, kernel[1]),
    )  # fmt: skip


def _mask(rng: Random, shape: LayerShape, simd_group: int) -> NDArray[np.bool_]:
    density = max(float(np.exp(rng.uniform(np.log(0.05), 0))), 1.5 / shape.weights)
    kind = rng.choice(["uneven", "uniform", "magnitude", "shared"], p=[0.55, 0.1, 0.25, 0.1])
    seed = int(rng.integers(1 << 30))
    if kind == "uniform":
        return uniform_mask(shape.weight_shape, density, seed)
    if kind == "magnitude":
        filters, channels, *kernel = shape.weight_shape
        spread = (
            0.3 * rng.standard_normal((filters, 1, 1, 1))
            + 0.4 * rng.standard_normal((1, channels, 1, 1))
            + 0.2 * rng.standard_normal((1, 1, *kernel))
        )
        return magnitude_mask(rng.standard_normal(shape.weight_shape) * np.exp(spread), density)
    mask = uneven_mask(shape.weight_shape, density, seed)
    if kind == "uneven":
        return mask
    # Filters of a SIMD group (or four of them) keep the same weights.
    number, each = np.arange(shape.out_channels), shape.out_channels // shape.groups
    shared: NDArray[np.bool_] = mask[number - number % each % (simd_group if simd_group > 1 else 4)]
    return shared


# ---- designs ---------------------------------------------------------------------------------


def _design(rng: Random, family: Family) -> Design:
    lanes = _log_uniform(rng, 1, 256)
    vector = _of(rng, (1, 4, 8, 8, 16, 16, 32, 32, 64, _log_uniform(rng, 1, 64)))
    drain = min(_of(rng, (1, 1, 2, 4, _log_uniform(rng, 1, 16))), max(lanes, 1))
    if family == "eie":
        return replace(
            Design.eie(max(2, lanes)),
            feed=_of(rng, (1, 2, 4, 8, 16)),
            fifo_depth=_log_uniform(rng, 1, 64),
            index_bits=(_of(rng, (2, 3, 4, 4, 4, 5, 6, 8)),),
            acc_rows=_of(rng, (1, 2, 4, 8, 16, 16, 32, 64)),
            drain=drain,
        )
    slower = [cycles for cycles in range(1, vector + 1) if vector % cycles == 0]
    common: dict[str, Any] = {
        "drain": drain,
        "drain_cycles": _of(rng, (1, 1, _of(rng, slower))),
        "acc_sets": _of(rng, (1, 2, 2)),
    }
    if family == "dense":
        per_row = _of(rng, (1, vector))
        return replace(Design.dense(lanes, vector), weights_per_row=per_row, **common)
    group = _of(rng, (1, 1, 1, 2, 4, 8, 16))
    lanes = max(group, lanes // group * group)
    common |= {
        "simd_group": group,
        "scan_bits": _of(rng, (16, 16, 32, 64)),
        "fifo_depth": _of(rng, (1, 2, 3, 3, 3, 4, _log_uniform(rng, 3, 16), 64)),
        "index_bits": _of(rng, ((4, 6, 8), (4, 6, 8), (4,), (3, 5), (2,), (5,), (8, 12))),
        "weight_bits": _of(rng, (8, 8, 4, 2)),
    }
    if family == "ports":
        return replace(Design.port(lanes, vector), **common)
    feed = _of(rng, (1, 2, 4, 8, 8, 16))
    return Design(
        "sparse", lanes, vector,
        feed=feed,
        window=_of(rng, [size for size in (1, 2, 4, 8, 16, 32, 64) if size >= feed]),
        run_ahead=int(rng.integers(1, 5)),
        feed_order=_of(rng, ("natural", "balanced", "balanced")),
        **common,
    )  # fmt: skip


def _with_small_buffers(rng: Random, layer: Workload, design: Design) -> Design:
    """Return the design with buffers for a part of what a layer needs."""
    form = formats_of(design)[-1]
    need = layer.buffers(design, layer.load(design, form))
    of_weights, of_features = rng.uniform(0.2, 1.2, 2)
    return replace(
        design,
        buffers=Buffers(
            weight_words=max(8, int(need.weight_words * of_weights)),
            index_words=max(8, int(need.index_words * of_weights)),
            feature_words=max(8, int(need.feature_words * of_features)),
            filter_words=need.filter_words,
            offset_words=need.offset_words,
        ),
    )
