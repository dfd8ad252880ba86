"""The optimizer: one routine that chooses the dense and the sparse design alike.

For each vector width and number of accumulator sets it changes one field at a time (those that only
make sense together, together), goes on from the most promising, and stops when no change helps. The
dense space is small enough to visit whole, so the baseline is searched at least as hard. Both get
the widths that suit the positions of the layers: 193 positions keep 28 columns busy, and not 32.
The number of lanes is not a field of the search: every design takes the lanes that the budget pays
for. The loop order is filter tiles outer in both families, and the banks follow from the design. A
template whose bounds say that it cannot beat the best so far is not looked at, and a width whose
typical templates promise far less than those of others is not gone into. Cycles are predicted; the
few best templates are simulated in the end.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp, log
from typing import NamedTuple, Protocol

from ..errors import BosquetError, FitError
from ..hw.design import Design
from .bench import AreaLike
from .equal_area import EqualArea, Timed
from .search_space import SearchSpace
from .workload import Workload

__all__ = ["Goal", "LayerGoal", "Progress", "Score", "optimize"]

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of its steps are done, and how many there are."""


class Score(NamedTuple):
    """What a template is worth; the smaller, the better.

    Attributes
    ----------
    unfit : int
        Cases that do not fit.
    seconds : float
        Of those that do, the mean or the sum.
    promised_s : float
        The same if the area that is left over were lanes too (``EqualArea.promised_s``).
    """

    unfit: float
    seconds: float
    promised_s: float

    @property
    def promise(self) -> tuple[float, float]:
        """What the search goes by."""
        return self.unfit, self.promised_s


_FINALISTS = 4
"""Templates that are simulated, of those that are predicted."""

_NEAR = 1.06
"""Promise, over the best of all typical templates, of a start that is gone into."""

_ALSO = 1.05
"""Seconds, over those of the best template, of others that are nearly as good."""

_NOTHING = Score(float("inf"), float("inf"), float("inf"))


class Goal(Protocol):
    """What a template is judged by; all raise BosquetError where it cannot be."""

    def least(self, template: Design) -> Score:
        """Return a score that the template cannot beat."""
        ...

    def predicted(self, template: Design) -> Score:
        """Return the score of the template, nearly; the smaller, the better."""
        ...

    def simulated(self, template: Design) -> Score:
        """Return the score of the template."""
        ...


@dataclass(frozen=True, eq=False)
class LayerGoal:
    """Short latency at equal area, geometric mean over reference masks of one layer.

    Attributes
    ----------
    area : EqualArea
    references : tuple of Workload
        Each gets the lanes and the format that are best for it.
    """

    area: EqualArea
    references: tuple[Workload, ...]

    def least(self, template: Design) -> Score:
        """Return the score by the bounds alone."""

        def least(workload: Workload) -> tuple[float, AreaLike]:
            fit = self.area.candidates(template, workload)[0][0]
            return fit.least_s, fit.area

        return self._score(least)

    def predicted(self, template: Design) -> Score:
        """Return the score by the fast tier."""
        return self._score(lambda w: _of(self.area.predicted(template, w)[0]))

    def simulated(self, template: Design) -> Score:
        """Return the score by simulation."""
        return self._score(lambda w: _of(self.area.shortlist(template, w)[0]))

    def _score(self, found: Callable[[Workload], tuple[float, AreaLike]]) -> Score:
        """Return geometric means over the references that fit, of their seconds and areas."""
        logs: list[float] = []
        promised: list[float] = []
        reason: FitError | None = None
        for workload in self.references:
            try:
                seconds, area = found(workload)
            except FitError as error:
                reason = error
                continue
            logs.append(log(seconds))
            promised.append(log(self.area.promised_s(seconds, area)))
        if reason is not None and not logs:
            raise reason
        fitting = len(logs)
        unfit = len(self.references) - fitting
        return Score(unfit, exp(sum(logs) / fitting), exp(sum(promised) / fitting))


def _of(timed: Timed) -> tuple[float, AreaLike]:
    return timed.latency_s, timed.fit.area


def optimize(
    space: SearchSpace,
    starts: Sequence[Design],
    goal: Goal,
    progress: Progress = lambda what, done, total: None,
) -> list[Design]:
    """Return the best templates that the search finds.

    The first is the best, told by simulation. Then come the best of each start, and then others
    that are nearly as good, all ranked by prediction.

    Parameters
    ----------
    space : SearchSpace
    starts : sequence of Design
        Templates to start from, the most promising first.
    goal : Goal
    progress : callable

    Raises
    ------
    BosquetError
        If no template fits at all; the error of the first one.
    """
    search = _Search(goal)
    family = starts[0].family
    what = f"choose the {family} design"
    worth = starts if family == "dense" else search.promising(space, starts)
    for done, start in enumerate(worth):
        progress(what, len(starts) - len(worth) + done, len(starts))
        if family == "dense":
            search.exhaust(space, start)
        else:
            search.descend(space, start)
    progress(what, len(starts), len(starts))
    return search.ranked()


class _Search:
    """What is known of the templates so far."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._least: dict[Design, Score] = {}
        self._scores: dict[Design, Score] = {}
        self._error: BosquetError | None = None

    def promising(self, space: SearchSpace, starts: Sequence[Design]) -> list[Design]:
        """Return where to go on from: those starts, or typical templates, that are near the best.

        Each kind is compared with its own: a start may be the end of another search, and nothing
        typical comes near that.
        """
        typical = [design for start in starts for design in space.typical(start)]
        best: dict[tuple[int, int], Design] = {}
        for kind in (starts, typical):
            for design in kind:
                self._visit(design)
            found = sorted((one for one in kind if one in self._scores), key=self._promise)
            for design in found:
                unfit, seconds = self._scores[found[0]].promise
                if self._scores[design].promise <= (unfit, _NEAR * seconds):
                    best.setdefault((design.vector, design.acc_sets), design)
        return list(best.values()) or list(starts)

    def descend(self, space: SearchSpace, start: Design) -> None:
        """Improve a template until no change of one axis helps."""
        here = start
        self._visit(here)
        while True:
            before = here
            for designs in space.axes(here):
                for design in sorted(designs, key=self._promise):
                    self._visit(design)
                here = min([here, *designs], key=self._promise)
            if here == before:
                return

    def exhaust(self, space: SearchSpace, start: Design) -> None:
        """Visit every template that the axes lead to."""
        found, new = {start}, {start}
        while new:
            reached = {other for design in new for axis in space.axes(design) for other in axis}
            new = reached - found
            found |= new
        for design in sorted(found, key=self._promise):
            self._visit(design)

    def ranked(self) -> list[Design]:
        """Return the best templates; raise the first error if none fits."""
        if not self._scores:
            raise self._error or FitError("no design fits the area of the dense baseline")
        ranked = sorted(self._scores, key=self._scores.__getitem__)
        best = min(ranked[:_FINALISTS], key=self._goal.simulated)
        of_start = {(best.vector, best.acc_sets): best}
        for design in ranked:
            of_start.setdefault((design.vector, design.acc_sets), design)
        unfit, seconds, _ = self._scores[ranked[0]]
        also = [one for one in ranked if self._scores[one][:2] <= (unfit, _ALSO * seconds)]
        return list(dict.fromkeys([*of_start.values(), *also]))

    def _visit(self, design: Design) -> None:
        """Predict a template, unless by its bounds nothing near it can be the best."""
        best = min(self._scores.values(), default=_NOTHING)
        if design not in self._scores and self._least_of(design).promise < best[:2]:
            self._scores[design] = self._goal.predicted(design)

    def _least_of(self, design: Design) -> Score:
        if design not in self._least:
            try:
                self._least[design] = self._goal.least(design)
            except BosquetError as error:  # such as a design that the lane table cannot give
                self._error = self._error or error
                self._least[design] = _NOTHING
        return self._least[design]

    def _promise(self, design: Design) -> tuple[int, tuple[float, float]]:
        """Order by promise; what was not predicted comes after, by its bound."""
        if design in self._scores:
            return 0, self._scores[design].promise
        return 1, self._least_of(design).promise
