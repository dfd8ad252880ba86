"""Break-even of one layer: the pruning ratio from which sparse hardware of equal area pays.

One sparse design draws the curve, and only its lanes and the index format vary along it. The
network's own mask is a point beside the curve, on the design that is best for it. Silicon is sized
for this layer and each ratio: the ``per_layer`` accounting.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

from ..hw.design import Design
from .curve import COARSE, Crossing, Point, crossing, refined
from .dense_baseline import FrozenBaseline, design_json
from .equal_area import Timed
from .fixed_macs import FixedMacs
from .pruned_layer import PrunedLayer
from .question import LayerQuestion
from .sensitivity import Assumption
from .setting import Setting

__all__ = [
    "ACCOUNTING",
    "LayerBreakEven",
    "Verdict",
    "layer_breakeven",
]

ACCOUNTING = "per_layer"

_BELOW, _ABOVE = 15, 30
"""Pruned portions around the usual answer within which it is looked for under others, in %."""

Verdict = Literal["prune", "keep_dense"]


@dataclass(frozen=True, eq=False)
class LayerBreakEven:
    """The answer for one layer.

    Attributes
    ----------
    setting : Setting
    layer : PrunedLayer
    answer : Crossing
        Against the best dense design.
    interval : (Crossing, Crossing)
        Crossings of the upper and of the lower quartile of the masks.
    frozen_answer : Crossing
        Against the frozen baseline.
    baseline : FrozenBaseline
    dense : Timed
        The best dense design.
    sparse : Design
        The sparse template of the curve; its lanes vary along it.
    points : tuple of Point
        The curve by ratio.
    own : Point
        The network's own mask, on the sparse design that is best for it.
    sensitivity : tuple of (str, Crossing)
        Names of other assumptions, and the answer under each.
    """

    setting: Setting
    layer: PrunedLayer
    answer: Crossing
    interval: tuple[Crossing, Crossing]
    frozen_answer: Crossing
    baseline: FrozenBaseline
    dense: Timed
    sparse: Design
    points: tuple[Point, ...]
    own: Point
    sensitivity: tuple[tuple[str, Crossing], ...] = ()

    @property
    def ratio(self) -> float | None:
        """The break-even pruning ratio, None where there is none."""
        return self.answer.ratio

    @property
    def speedup(self) -> float | None:
        """Speedup at the network's own ratio and mask, None where it does not fit."""
        return self.own.speedup

    @cached_property
    def fixed_macs(self) -> FixedMacs | None:
        """The own mask on as many multipliers as the baseline has, None where no design fits."""
        if self._own_design is None:
            return None
        dense, area = self.baseline.layers[0], self.baseline.equal_area
        return FixedMacs.of(dense, self._own_design, self.layer.own, area)

    @property
    def verdict(self) -> Verdict:
        """What to do with the layer: prune it only if both curve and own mask say so."""
        pays = self.ratio is not None and self.layer.ratio > self.ratio
        return "prune" if pays and (self.speedup or 0.0) > 1 else "keep_dense"

    def to_json(self) -> dict[str, Any]:
        """Return the answer with the keys of ``breakeven NET:LAYER``."""
        ratio = self.ratio
        curve = [*self.points, self.own]
        return {
            "network": self.setting.network,
            "layer": self.layer.name,
            "ratio": ratio,
            "pruned_portion": None if ratio is None else round(1 - 1 / ratio, 12),
            "interval": [bound.ratio for bound in self.interval],
            "reason": self.answer.reason,
            "verdict": self.verdict,
            "given_ratio": self.layer.ratio,
            "speedup": self.speedup,
            "accounting": ACCOUNTING,
            "masks": self.layer.masks(self.setting.seed),
            "curve": [point.to_json() for point in sorted(curve, key=lambda point: point.ratio)],
            "baseline": self._baseline_json(),
            "sparse": _template_json(self.sparse),
            "own_sparse": _template_json(self._own_design),
            "fixed_macs": None if self.fixed_macs is None else self.fixed_macs.to_json(),
            "sensitivity": [
                {"assumption": name, "ratio": found.ratio, "reason": found.reason}
                for name, found in self.sensitivity
            ],
            "streaming": self.baseline.equal_area.supply.label,
            **self.setting.to_json(),
        }

    def row_json(self) -> dict[str, Any]:
        """Return the row of ``layers[]`` of ``breakeven NET``."""
        return {
            "name": self.layer.name,
            "ratio": self.ratio,
            "interval": [bound.ratio for bound in self.interval],
            "given_ratio": self.layer.ratio,
            "speedup": self.speedup,
            "verdict": self.verdict,
            "reason": self.answer.reason,
        }

    def _baseline_json(self) -> dict[str, Any]:
        best = {
            **design_json(self.dense.fit),
            "cycles": self.dense.cycles,
            "latency_s": self.dense.latency_s,
            "bound": self.dense.bound,
        }
        frozen = {"ratio": self.frozen_answer.ratio, "reason": self.frozen_answer.reason}
        return {**self.baseline.to_json(), **frozen, "best": best}

    @property
    def _own_design(self) -> Design | None:
        return self.own.sparse.fit.design if self.own.sparse else None


def _template_json(design: Design | None) -> dict[str, Any] | None:
    """Return what is chosen of a sparse design, beside its lanes."""
    if design is None:
        return None
    names = (
        "vector", "window", "run_ahead", "feed", "feed_order", "drain", "drain_cycles", "acc_sets",
        "simd_group",
    )  # fmt: skip
    return {
        **{name: getattr(design, name) for name in names},
        "delivery": design.delivery,
        "index_bits": list(design.index_bits),
    }


def layer_breakeven(layer: PrunedLayer, setting: Setting) -> LayerBreakEven:
    """Find the break-even of one layer.

    Raises
    ------
    BosquetError
        If the baseline cannot run the layer, or its area or that of every other design is not
        known; one line that says why.
    """
    question = LayerQuestion.of(layer, setting)
    frozen_gain = question.baseline.latency_s / question.dense.latency_s

    def against_frozen(point: Point) -> float:
        return _median(point) * frozen_gain

    points = refined(
        lambda percent: question.curve_point(percent, question.sparse),
        (_median, against_frozen, _upper_quartile, _lower_quartile),
        lambda done, total: question.progress("curve", done, total),
    )

    def read(speedup: Callable[[Point], float]) -> Crossing:
        found = crossing({percent: speedup(point) for percent, point in points.items()})
        if any(point.sparse for point in points.values()):
            return found
        return Crossing(None, f"{found.reason}: {points[max(points)].reason}")

    answer = read(_median)
    return LayerBreakEven(
        setting=setting,
        layer=layer,
        answer=answer,
        interval=(read(_upper_quartile), read(_lower_quartile)),
        frozen_answer=read(against_frozen),
        baseline=question.baseline,
        dense=question.dense,
        sparse=question.sparse,
        points=tuple(points[percent] for percent in sorted(points)),
        own=question.own_point(layer.own),
        sensitivity=tuple(
            (one.name, _assuming(one, question, answer)) for one in setting.assumptions
        ),
    )


def _assuming(other: Assumption, question: LayerQuestion, usual: Crossing) -> Crossing:
    """Read the break-even of the same designs under an assumption, near the usual one."""
    again = question.assuming(other)
    near = COARSE
    if usual.percent is not None:
        low, high = usual.percent - _BELOW, usual.percent + _ABOVE
        near = tuple(percent for percent in COARSE if low <= percent <= high)
    points = refined(
        lambda percent: again.curve_point(percent, question.sparse),
        (_median,),
        lambda done, total: question.progress(f"curve with {other.name}", done, total),
        near,
    )
    return crossing({percent: _median(point) for percent, point in points.items()})


def _median(point: Point) -> float:
    return point.speedup or 0.0


def _upper_quartile(point: Point) -> float:
    return point.quantile(0.75)


def _lower_quartile(point: Point) -> float:
    return point.quantile(0.25)
