"""The optimizer: one routine that chooses the dense and the sparse design alike.

From a start for each vector width it changes one field at a time (those that only make sense
together, together), keeps the best, and stops when no change helps. The dense space is small
enough to visit whole, so the baseline is searched at least as hard. The number of lanes is not
a field of the search: every design takes the lanes that the budget pays for. The loop order is
filter tiles outer in both families, and the banks follow from the design. A template whose bounds
say that it cannot beat the best so far is not simulated.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from math import exp, gcd, log
from typing import Literal, Protocol

from ..errors import BosquetError, FitError
from ..hw.design import Design
from .equal_area import EqualArea
from .workload import Workload

__all__ = ["Goal", "LayerGoal", "Progress", "Score", "SearchSpace", "optimize"]

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many of its steps are done, and how many there are."""

Score = tuple[float, float]
"""Cases that do not fit, then seconds; the smaller, the better."""

_NOTHING: Score = (float("inf"), float("inf"))


@dataclass(frozen=True)
class SearchSpace:
    """Values that the optimizer may choose from; the defaults are those of the lane table.

    Attributes
    ----------
    vectors, windows, run_aheads, feeds, drains, drain_cycles, acc_sets : tuple of int
        Values of the fields of ``Design``, ascending; windows, run_aheads and feeds are of the
        sparse family.
    """

    vectors: tuple[int, ...] = (1, 4, 8, 16, 32)
    windows: tuple[int, ...] = (4, 8, 16)
    run_aheads: tuple[int, ...] = (1, 2, 4)
    feeds: tuple[int, ...] = (1, 2, 4, 8)
    drains: tuple[int, ...] = (1, 2, 4)
    drain_cycles: tuple[int, ...] = (1, 2, 4)
    acc_sets: tuple[int, ...] = (1, 2)

    def starts(self, family: Literal["dense", "sparse"], like: Design) -> list[Design]:
        """Return a template for each vector width, with the bit widths of a design."""
        lanes = max(self.drains)
        vectors = _from_middle(self.vectors)
        if family == "dense":
            templates = [Design.dense(lanes, vector) for vector in vectors]
        else:
            templates = [
                Design(
                    "sparse",
                    lanes,
                    vector,
                    window=self.windows[-1],
                    run_ahead=_from_middle(self.run_aheads)[0],
                    feed=self.feeds[-1],
                    acc_sets=self.acc_sets[-1],
                    drain=self.drains[0],
                    drain_cycles=self.drain_cycles[0],
                )
                for vector in vectors
            ]
        return [
            replace(
                template,
                weight_bits=like.weight_bits,
                act_bits=like.act_bits,
                acc_bits=like.acc_bits,
            )
            for template in templates
        ]

    def axes(self, design: Design) -> Iterator[list[Design]]:
        """Yield, for each axis, the designs that differ from a template along it."""
        yield [
            replace(design, drain=drain, drain_cycles=cycles)
            for drain in self.drains
            for cycles in self.drain_cycles
            if design.vector % cycles == 0
        ]
        yield [replace(design, acc_sets=sets) for sets in self.acc_sets]
        if design.family == "sparse":
            # A small window pays only with run-ahead, a large one only without: one at a time,
            # the search would stay in the valley it starts in.
            yield [
                replace(design, window=window, run_ahead=ahead, feed=feed)
                for window in self.windows
                for ahead in self.run_aheads
                for feed in self.feeds
                if window >= feed
            ]
        yield [
            replace(design, vector=vector, drain_cycles=gcd(vector, design.drain_cycles))
            for vector in self.vectors
        ]


class Goal(Protocol):
    """What a template is judged by; both raise BosquetError where it cannot be."""

    def least(self, template: Design) -> Score:
        """Return a score that the template cannot beat."""
        ...

    def score(self, template: Design) -> Score:
        """Return the score of the template; the smaller, the better."""
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
        return self._score(lambda w: self.area.candidates(template, w)[0][0].least_s)

    def score(self, template: Design) -> Score:
        """Return the score by simulation."""
        return self._score(lambda w: self.area.shortlist(template, w)[0].latency_s)

    def _score(self, seconds: Callable[[Workload], float]) -> Score:
        logs: list[float] = []
        reason: FitError | None = None
        for workload in self.references:
            try:
                logs.append(log(seconds(workload)))
            except FitError as error:
                reason = error
        if reason is not None and not logs:
            raise reason
        return len(self.references) - len(logs), exp(sum(logs) / len(logs))


def optimize(
    space: SearchSpace,
    starts: Sequence[Design],
    goal: Goal,
    progress: Progress = lambda what, done, total: None,
) -> Design:
    """Return the best template that the search finds.

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
    for done, start in enumerate(starts):
        progress(f"choose the {family} design", done, len(starts))
        if family == "dense":
            search.exhaust(space, start)
        else:
            search.descend(space, start)
    progress(f"choose the {family} design", len(starts), len(starts))
    return search.best()


class _Search:
    """What is known of the templates so far."""

    def __init__(self, goal: Goal) -> None:
        self._goal = goal
        self._least: dict[Design, Score] = {}
        self._scores: dict[Design, Score] = {}
        self._error: BosquetError | None = None

    def descend(self, space: SearchSpace, start: Design) -> None:
        """Improve a template until no change of one axis helps."""
        here = start
        self._visit(here)
        while True:
            before = here
            for designs in space.axes(here):
                for design in sorted(designs, key=self._least_of):
                    self._visit(design)
                here = min([here, *designs], key=self._known)
            if here == before:
                return

    def exhaust(self, space: SearchSpace, start: Design) -> None:
        """Visit every template that the axes lead to."""
        found, new = {start}, {start}
        while new:
            reached = {other for design in new for axis in space.axes(design) for other in axis}
            new = reached - found
            found |= new
        for design in sorted(found, key=self._least_of):
            self._visit(design)

    def best(self) -> Design:
        """Return the best template; raise the first error if none fits."""
        if not self._scores:
            raise self._error or FitError("no design fits the area of the dense baseline")
        return min(self._scores, key=self._known)

    def _visit(self, design: Design) -> None:
        """Simulate a template, unless its bounds say that it cannot be the best."""
        best = min(self._scores.values(), default=_NOTHING)
        if design not in self._scores and self._least_of(design) < best:
            self._scores[design] = self._goal.score(design)

    def _least_of(self, design: Design) -> Score:
        if design not in self._least:
            try:
                self._least[design] = self._goal.least(design)
            except BosquetError as error:  # such as a design that the lane table cannot give
                self._error = self._error or error
                self._least[design] = _NOTHING
        return self._least[design]

    def _known(self, design: Design) -> tuple[int, Score]:
        """Order by score; what was not simulated comes after, by its bound."""
        if design in self._scores:
            return 0, self._scores[design]
        return 1, self._least_of(design)


def _from_middle(values: Sequence[int]) -> list[int]:
    """Order values so that the middle ones come first."""
    middle = len(values) // 2 + 0.5
    return sorted(values, key=lambda value: abs(values.index(value) - middle))
