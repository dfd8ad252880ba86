"""One layer against one area budget: the designs of both sides, and points of speedup.

The area of the dense baseline on the layer is the budget of every other design. Within it the
optimizer chooses the best dense design, the sparse one of the curve where the question is decided,
at the lowest reference ratio at which sparse is not slower, and a sparse one for any single mask.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import zip_longest

from ..errors import FitError
from ..hw.design import Design
from .curve import Point
from .dense_baseline import FrozenBaseline
from .equal_area import EqualArea, Timed
from .optimizer import LayerGoal, optimize
from .pruned_layer import PrunedLayer
from .search_space import SearchSpace
from .sensitivity import Assumption
from .setting import Setting
from .workload import Workload

__all__ = ["REFERENCE_RATIOS", "LayerQuestion"]

REFERENCE_RATIOS = (
    1.05, 1.1, 1.15, 1.2, 1.25, 1.3, 1.35, 1.4, 1.45, 1.5, 1.6, 1.7, 1.8, 2.0, 2.2, 2.5, 3.0, 4.0,
    6.0, 8.0, 12.0, 16.0,
)  # fmt: skip
"""Ratios at the lowest of which that wins the sparse design of the curve is chosen."""

_CANDIDATES = 16
"""Templates of which that of the curve is chosen."""

_BEYOND, _COARSE, _MOST = 15, 3, 98
"""How far above the deciding ratio a template must win too, in steps of how much, and the pruned
portion at which that ends, all in %."""

_FINALISTS, _ERROR = 4, 3
"""Templates that are simulated in the end, from how much above what is predicted, in %."""

_FOR_GOOD = 4
"""Reference ratios, from one upwards, at which a template must win to win there for good."""

_NEAR_BEST = 4
"""Templates of different widths that the next reference ratio is searched from."""


@dataclass(frozen=True, eq=False)
class LayerQuestion:
    """One layer against one budget.

    Attributes
    ----------
    layer : PrunedLayer
    setting : Setting
    baseline : FrozenBaseline
        On this layer.
    dense_template : Design or None
        The best dense design if it is known, None: it is searched.
    known : list of Design or None
        Sparse templates that the search starts from, None: the whole space.
    """

    layer: PrunedLayer
    setting: Setting
    baseline: FrozenBaseline
    dense_template: Design | None = None
    known: list[Design] | None = None

    @classmethod
    def of(cls, layer: PrunedLayer, setting: Setting) -> "LayerQuestion":
        """Ask about a layer; raises as ``FrozenBaseline.of``."""
        return cls(layer, setting, setting.frozen([layer.own]))

    @property
    def area(self) -> EqualArea:
        """Designs within the budget."""
        return self.baseline.equal_area

    @cached_property
    def space(self) -> SearchSpace:
        """What the sparse side is chosen from, with the vectors that suit the layer."""
        return self.setting.space.for_layers([self.layer.shape])

    @cached_property
    def dense(self) -> Timed:
        """The best dense design within the budget, the frozen one if nothing beats it."""
        frozen = self.baseline.layers[0]
        try:
            best = self.area.fastest(self.dense_template or self._best_dense(), self.layer.own)
        except FitError:
            return frozen
        return min(best, frozen, key=lambda timed: timed.latency_s)

    @cached_property
    def sparse(self) -> Design:
        """The sparse template of the curve: the one that wins for good from the lowest ratio on.

        Of those that are best at the lowest reference ratio at which any wins, and at the ratio
        below. Prediction says of each from which pruned portion on it wins; the few of the lowest
        are simulated, from above downwards, as long as any wins. Where sparse is slower at all
        ratios, or fits at none, that of the highest.
        """
        below, wins = self._decided
        left = self._templates[:_CANDIDATES]
        if not (0 <= below and wins < len(REFERENCE_RATIOS)):
            return left[0]
        lowest = {template: self._wins_above(template) for template in left}
        left = sorted(left, key=lowest.__getitem__)[:_FINALISTS]
        top = min(max(lowest[template] for template in left) + _ERROR, _MOST)
        for percent in range(top, -1, -1):
            speedups = {one: self.curve_point(percent, one).speedup or 0.0 for one in left}
            winners = [template for template in left if speedups[template] >= 1]
            if not winners:
                break
            left = sorted(winners, key=speedups.__getitem__, reverse=True)
        return left[0]

    def _wins_above(self, template: Design) -> int:
        """Predict the lowest pruned portion in % from which on a template wins."""
        low, high = (_percent(REFERENCE_RATIOS[at]) for at in self._decided)
        above = range(min(high + _BEYOND, _MOST), high, -_COARSE)
        lowest = above[0]
        for percent in (*above, *range(high, low - 1, -1)):
            masks = self.layer.pruned_to(1 - percent / 100, self.setting.seed)
            latencies = sorted(self._predicted_s(template, mask) for mask in masks)
            if latencies[-1 - (len(masks) - 1) // 2] > self.dense.latency_s:
                break
            lowest = percent
        return lowest

    @property
    def _templates(self) -> list[Design]:
        """Templates that are good where the question is decided."""
        return self._search[0]

    @property
    def _decided(self) -> tuple[int, int]:
        """Numbers of the reference ratios between which it is; -1 or their count: beyond."""
        return self._search[1]

    @cached_property
    def _search(self) -> tuple[list[Design], tuple[int, int]]:
        """Bisect: the first ratio is searched from all starts, the others from the best there.

        In the end the whole space is asked again, from the ratio found downwards.
        """
        found = starts = self._starts if self.known is None else self.known
        loses, wins = -1, len(REFERENCE_RATIOS)
        while wins - loses > 1:
            at = (loses + wins) // 2
            best = self._templates_at(at, starts)
            if self._any_wins_from(at, best):
                wins, found = at, best
            else:
                loses = at
                found = best if best and wins == len(REFERENCE_RATIOS) else found
            starts = found[:_NEAR_BEST] if best else starts
        below: list[Design] = []
        while self.known is None and wins > 0:
            below = self._templates_at(wins - 1, [*found[:_NEAR_BEST], *self._starts])
            if not self._any_wins_from(wins - 1, below):
                break
            wins, found = wins - 1, below
        both = [one for pair in zip_longest(found, below) for one in pair if one is not None]
        return list(dict.fromkeys(both)), (wins - 1, wins)

    def _templates_at(self, at: int, starts: Sequence[Design]) -> list[Design]:
        """Return the best templates at a reference ratio, none if nothing fits there."""
        mask = self.layer.pruned_once(1 / REFERENCE_RATIOS[at], self.setting.seed)
        what = f" at {REFERENCE_RATIOS[at]:g}x"
        try:
            return self._best_sparse([mask], starts, what)
        except FitError:
            return []

    def _any_wins_from(self, at: int, templates: Sequence[Design]) -> bool:
        """Whether one of the best is not slower than dense at a reference ratio and above it."""
        masks = [
            self.layer.pruned_once(1 / ratio, self.setting.seed)
            for ratio in REFERENCE_RATIOS[at : at + _FOR_GOOD]
        ]
        return any(
            self._simulated_s(template, masks[0]) <= self.dense.latency_s
            and all(self._predicted_s(template, m) <= self.dense.latency_s for m in masks[1:])
            for template in templates[:_NEAR_BEST]
        )

    def _simulated_s(self, template: Design, mask: Workload) -> float:
        try:
            return self.area.shortlist(template, mask)[0].latency_s
        except FitError:
            return float("inf")

    def _predicted_s(self, template: Design, mask: Workload) -> float:
        try:
            return self.area.predicted(template, mask)[0].latency_s
        except FitError:
            return float("inf")

    def template_for(self, mask: Workload, what: str) -> Design:
        """Return the best sparse template for a mask, that of the curve if no other fits.

        ``what`` tells progress whose mask it is.
        """
        try:
            return self._best_sparse([mask], [self.sparse, *self._starts], f" for {what}")[0]
        except FitError:
            return self.sparse

    def point(self, ratio: float, kind: str, masks: Sequence[Workload], sparse: Design) -> Point:
        """Run masks on a sparse template, each with the lanes and the format that suit it."""
        quick: list[Timed | FitError] = []
        for workload in masks:
            try:
                quick.append(self.area.shortlist(sparse, workload)[0])
            except FitError as error:
                quick.append(error)
        return Point.of(
            ratio, kind, self.dense, quick, lambda number: self.area.fastest(sparse, masks[number])
        )

    def curve_point(self, percent: int, sparse: Design) -> Point:
        """Return the point of the curve at a pruned portion in %."""
        masks = self.layer.pruned_to(1 - percent / 100, self.setting.seed)
        kind = self.layer.masks(self.setting.seed)["kind"]
        return self.point(100 / (100 - percent), kind, masks, sparse)

    def own_point(self, mask: Workload, what: str = "the network's own mask") -> Point:
        """Return a mask beside the curve, on the sparse design that is best for it."""
        return self.point(mask.ratio, "own", [mask], self.template_for(mask, what))

    def assuming(self, other: Assumption) -> "LayerQuestion":
        """Ask the same on other silicon, about the same dense design and those near the sparse."""
        bench = self.setting.bench.with_cost(other.cost)
        setting = replace(self.setting, bench=bench)
        frozen = setting.frozen([self.layer.own])
        return LayerQuestion(
            self.layer, setting, frozen, self.dense.fit.design, self._templates[:_CANDIDATES]
        )

    def progress(self, what: str, done: int, total: int) -> None:
        """Report, with the name of the layer."""
        self.setting.progress(f"{self.layer.name}: {what}", done, total)

    @property
    def _starts(self) -> list[Design]:
        return self.space.starts("sparse", self.setting.baseline)

    def _best_dense(self) -> Design:
        space = (self.setting.dense_space or self.setting.space).for_layers([self.layer.shape])
        starts = space.starts("dense", self.setting.baseline)
        goal = LayerGoal(self.area, (self.layer.own,))
        return optimize(space, starts, goal, self.progress)[0]

    def _best_sparse(
        self, masks: Sequence[Workload], starts: Sequence[Design], what: str
    ) -> list[Design]:
        return optimize(
            self.space,
            list(dict.fromkeys(starts)),
            LayerGoal(self.area, tuple(masks)),
            lambda step, done, total: self.progress(step + what, done, total),
        )


def _percent(ratio: float) -> int:
    """Return the pruned portion of a ratio in %, rounded down."""
    return int(100 - 100 / ratio)
