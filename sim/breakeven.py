"""Break-even of one layer: the pruning ratio from which sparse hardware of equal area pays.

The area of the dense baseline on this layer is the budget of every other design. Within it the
optimizer chooses the best dense design, and two sparse ones. The first is chosen at the ratios
where the question is decided, the lowest pair of reference ratios at whose upper one sparse is not
slower; it draws the curve, and only its lanes and the index format vary along it. The second is
chosen for the network's own mask, a point beside the curve. Silicon is sized for this layer and
each ratio: the ``per_layer`` accounting.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any, Literal

from ..errors import FitError
from ..hw.design import Design
from .bench import Bench
from .curve import Crossing, Point, crossing, refined
from .dense_baseline import FrozenBaseline, design_json
from .equal_area import EqualArea, Timed
from .optimizer import LayerGoal, Progress, SearchSpace, optimize
from .pruned_layer import PrunedLayer
from .workload import Workload

__all__ = [
    "ACCOUNTING",
    "BANDWIDTH_BOUND",
    "REFERENCE_RATIOS",
    "LayerBreakEven",
    "Setting",
    "Verdict",
    "layer_breakeven",
]

ACCOUNTING = "per_layer"

REFERENCE_RATIOS = (1.5, 2.0, 3.0, 4.0, 6.0, 8.0, 12.0, 16.0)
"""Ratios, two neighbours at a time, at which the sparse design of the curve is chosen."""

BANDWIDTH_BOUND = (
    "an FC layer at batch 1 uses each weight once, so the bandwidth of its weights decides; it gets"
    " no ratio until the EIE array, the best sparse mapping of FC layers, is compared here"
)

Verdict = Literal["prune", "keep_dense", "bandwidth_bound"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What a break-even question is asked under.

    Attributes
    ----------
    network : str
        Name of the network.
    baseline : Design
        Dense design whose area is the budget; its bit widths hold for all designs.
    bench : Bench
    weights_on_chip : float
        Portion of the weights that the memories hold, in (0, 1].
    seed : int
        Of made-up masks.
    space : SearchSpace
    progress : callable
    """

    network: str
    baseline: Design
    bench: Bench
    weights_on_chip: float = 1.0
    seed: int = 0
    space: SearchSpace = field(default_factory=SearchSpace)
    progress: Progress = lambda what, done, total: None

    def to_json(self) -> dict[str, Any]:
        """Return what every answer says about how it was found."""
        return {
            "weights_on_chip": self.weights_on_chip,
            "technology": dict(self.bench.cost.technology),
            "tools": dict(self.bench.cost.tools),
            "seed": self.seed,
        }


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
    baseline : FrozenBaseline or None
        None, as the following, for FC layers.
    dense : Timed or None
        The best dense design.
    sparse : Design or None
        The sparse template of the curve; its lanes vary along it.
    points : tuple of Point
        The curve by ratio.
    own : Point or None
        The network's own mask, on the sparse design that is best for it.
    """

    setting: Setting
    layer: PrunedLayer
    answer: Crossing
    interval: tuple[Crossing, Crossing]
    frozen_answer: Crossing
    baseline: FrozenBaseline | None = None
    dense: Timed | None = None
    sparse: Design | None = None
    points: tuple[Point, ...] = ()
    own: Point | None = None

    @classmethod
    def without(cls, setting: Setting, layer: PrunedLayer, reason: str) -> "LayerBreakEven":
        """Return the answer for a layer that gets no ratio."""
        none = Crossing(None, reason)
        return cls(setting, layer, none, (none, none), none)

    @property
    def ratio(self) -> float | None:
        """The break-even pruning ratio, None where there is none."""
        return self.answer.ratio

    @property
    def speedup(self) -> float | None:
        """Speedup at the network's own ratio and mask, None where it does not fit."""
        return self.own.speedup if self.own else None

    @property
    def verdict(self) -> Verdict:
        """What to do with the layer: prune it only if both curve and own mask say so."""
        if self.layer.shape.kind == "fc":
            return "bandwidth_bound"
        pays = self.ratio is not None and self.layer.ratio > self.ratio
        return "prune" if pays and (self.speedup or 0.0) > 1 else "keep_dense"

    def to_json(self) -> dict[str, Any]:
        """Return the answer with the keys of ``breakeven NET:LAYER``."""
        ratio = self.ratio
        curve = [*self.points, *([self.own] if self.own else [])]
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
            "streaming": self.baseline.equal_area.supply.label if self.baseline else None,
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

    def _baseline_json(self) -> dict[str, Any] | None:
        if self.baseline is None or self.dense is None:
            return None
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
        timed = self.own.sparse if self.own else None
        return timed.fit.design if timed else None


def _template_json(design: Design | None) -> dict[str, Any] | None:
    """Return what is chosen of a sparse design, beside its lanes."""
    if design is None:
        return None
    names = ("vector", "window", "run_ahead", "feed", "drain", "drain_cycles", "acc_sets")
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
    if layer.shape.kind == "fc":
        return LayerBreakEven.without(setting, layer, BANDWIDTH_BOUND)
    own = layer.own
    baseline = FrozenBaseline.of(setting.baseline, [own], setting.bench, setting.weights_on_chip)
    return _Question(layer, setting, own, baseline).answer()


@dataclass(frozen=True, eq=False)
class _Question:
    """One layer against one budget."""

    layer: PrunedLayer
    setting: Setting
    own: Workload
    baseline: FrozenBaseline

    @property
    def area(self) -> EqualArea:
        return self.baseline.equal_area

    def answer(self) -> LayerBreakEven:
        """Choose both designs, draw the curve, read it."""
        dense = self.best_dense()
        sparse = self.curve_template(dense)
        frozen_gain = self.baseline.layers[0].latency_s / dense.latency_s
        kind = self.layer.masks(self.setting.seed)["kind"]

        def against_frozen(point: Point) -> float:
            return _median(point) * frozen_gain

        def evaluate(percent: int) -> Point:
            masks = self.layer.pruned_to(1 - percent / 100, self.setting.seed)
            return self.point(100 / (100 - percent), kind, dense, sparse, masks)

        points = refined(
            evaluate,
            (_median, against_frozen),
            lambda done, total: self.progress("curve", done, total),
        )

        def read(speedup: Callable[[Point], float]) -> Crossing:
            return crossing({percent: speedup(point) for percent, point in points.items()})

        return LayerBreakEven(
            setting=self.setting,
            layer=self.layer,
            answer=read(_median),
            interval=(read(lambda p: p.quantile(0.75)), read(lambda p: p.quantile(0.25))),
            frozen_answer=read(against_frozen),
            baseline=self.baseline,
            dense=dense,
            sparse=sparse,
            points=tuple(points[percent] for percent in sorted(points)),
            own=self.point(self.layer.ratio, "own", dense, self.own_template(sparse), [self.own]),
        )

    def best_dense(self) -> Timed:
        """Return the best dense design within the budget, the frozen one if nothing beats it."""
        frozen = self.baseline.layers[0]
        starts = self.setting.space.starts("dense", self.setting.baseline)
        goal = LayerGoal(self.area, (self.own,))
        try:
            template = optimize(self.setting.space, starts, goal, self.progress)
            best = self.area.fastest(template, self.own)
        except FitError:
            return frozen
        return min(best, frozen, key=lambda timed: timed.latency_s)

    def curve_template(self, dense: Timed) -> Design:
        """Choose the sparse design at the ratios between which it breaks even, one mask at each.

        Where it is slower at all of them, or fits at none, the curve shows that of the last choice.
        """
        starts = self.setting.space.starts("sparse", self.setting.baseline)
        chosen = starts[0]
        for ratios in pairwise(REFERENCE_RATIOS):
            masks = [self.layer.pruned_to(1 / ratio, self.setting.seed)[0] for ratio in ratios]
            what = f" at {ratios[0]:g}x to {ratios[1]:g}x"
            try:
                chosen = self.best_sparse(masks, starts, what)
                upper = self.area.shortlist(chosen, masks[-1])[0]
            except FitError:
                continue
            if upper.latency_s <= dense.latency_s:
                break
            starts = [chosen, *(start for start in starts if start != chosen)]
        return chosen

    def own_template(self, curve: Design) -> Design:
        """Choose the sparse design for the network's own mask; the curve's if nothing fits."""
        starts = [curve, *self.setting.space.starts("sparse", self.setting.baseline)]
        try:
            return self.best_sparse([self.own], starts, " for the network's own mask")
        except FitError:
            return curve

    def best_sparse(self, masks: Sequence[Workload], starts: Sequence[Design], what: str) -> Design:
        """Return the sparse template with the shortest latency on masks."""
        return optimize(
            self.setting.space,
            starts,
            LayerGoal(self.area, tuple(masks)),
            lambda step, done, total: self.progress(step + what, done, total),
        )

    def point(
        self, ratio: float, kind: str, dense: Timed, sparse: Design, masks: list[Workload]
    ) -> Point:
        """Run masks on the sparse design, each with the lanes and the format that suit it."""
        quick: list[Timed | FitError] = []
        for workload in masks:
            try:
                quick.append(self.area.shortlist(sparse, workload)[0])
            except FitError as error:
                quick.append(error)
        return Point.of(
            ratio, kind, dense, quick, lambda number: self.area.fastest(sparse, masks[number])
        )

    def progress(self, what: str, done: int, total: int) -> None:
        """Report, with the name of the layer."""
        self.setting.progress(f"{self.layer.name}: {what}", done, total)


def _median(point: Point) -> float:
    return point.speedup or 0.0
