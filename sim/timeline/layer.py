"""The timeline of a layer: those of its runs, one after the other, as their cycles are counted."""

from dataclasses import dataclass
from sys import maxsize

from ...errors import InputError
from ...hw.design import Design
from ...hw.dram import Dram
from ...hw.loads import loads_of_runs
from ...hw.schedule import Schedule
from ..exact_dram import Loading
from .intervals import Intervals
from .lanes import CAUSES
from .run import RunTimeline

__all__ = ["WHOLE", "LayerTimeline", "PlacedRun"]

WHOLE = range(maxsize)
"""All cycles of a layer."""


@dataclass(frozen=True, eq=False)
class PlacedRun:
    """A run in the timeline of its layer.

    Attributes
    ----------
    number : int
        From 0.
    start : int
        Where its cycle 0 lies.
    run : RunTimeline
    """

    number: int
    start: int
    run: RunTimeline

    @property
    def span(self) -> range:
        """Cycles of the layer that it tells."""
        return range(self.start + self.run.span.start, self.start + self.run.span.stop)

    @property
    def end(self) -> int:
        """The cycle after its last one."""
        return self.start + self.run.cycles


@dataclass(frozen=True, eq=False)
class LayerTimeline:
    """What happened in some cycles of a layer.

    Attributes
    ----------
    name : str
        Of the layer.
    runs : tuple of PlacedRun
        Those that reach into the told cycles.
    count : int
        Runs of the layer.
    """

    name: str
    runs: tuple[PlacedRun, ...]
    count: int

    @classmethod
    def of(cls, schedule: Schedule, span: range = WHOLE) -> "LayerTimeline":
        """Simulate a layer in the ``ideal`` environment.

        Parameters
        ----------
        schedule : Schedule
        span : range
            Cycles that are to be told, as far as there are so many.

        Raises
        ------
        InputError
            If the layer ends before them.
        """
        placed: list[PlacedRun] = []
        end = 0
        for number, run in enumerate(schedule.runs):
            if end >= span.stop:
                break
            told = RunTimeline.of(run.program, _earlier(span, end))
            placed.append(PlacedRun(number, end, told))
            end = placed[-1].end
        return cls._told(schedule.layer.shape.name, placed, len(schedule.runs), span)

    @classmethod
    def in_dram(cls, schedule: Schedule, dram: Dram, span: range = WHOLE) -> "LayerTimeline":
        """Simulate a layer in the ``dram`` environment, as ``of`` does.

        Raises
        ------
        InputError
            If the layer ends before the wanted cycles.
        """
        placed: list[PlacedRun] = []
        end = 0
        loading = Loading(schedule.design, dram)
        for number, (run, loads) in enumerate(
            zip(schedule.runs, loads_of_runs(schedule), strict=True)
        ):
            if end >= span.stop:
                break
            wait = loading.wait(list(loads.values()))
            start = end + wait.cycles
            told = RunTimeline.in_dram(run.program, _earlier(span, start), loads, dram, wait)
            placed.append(PlacedRun(number, start, told))
            loading.ran(told.cycles)
            end = placed[-1].end
        return cls._told(schedule.layer.shape.name, placed, len(schedule.runs), span)

    @property
    def design(self) -> Design:
        """What the layer ran on."""
        return self.runs[0].run.program.design

    @property
    def span(self) -> range:
        """Cycles that are told."""
        return range(self.runs[0].span.start, self.runs[-1].span.stop)

    @property
    def lanes(self) -> Intervals:
        """What each lane, PE or SIMD group did; the kinds are causes."""
        return Intervals.joined(one.run.lanes.later(one.start) for one in self.runs).merged()

    def lane_cycles(self) -> dict[str, int]:
        """Return the lane-cycles of each cause in the told cycles."""
        each = [one.run.lane_cycles() for one in self.runs]
        return {cause: sum(one[cause] for one in each) for cause in CAUSES}

    @property
    def ended(self) -> bool:
        """Whether the last cycle of the layer is told."""
        last = self.runs[-1]
        return last.number == self.count - 1 and last.span.stop == last.end

    @classmethod
    def _told(cls, name: str, placed: list[PlacedRun], count: int, span: range) -> "LayerTimeline":
        """Return the runs that reach into a span, of the first ones of so many."""
        if span.start >= placed[-1].end:
            raise InputError(
                f"layer {name}: takes {placed[-1].end:,} cycles; there is no cycle {span.start:,}"
            )
        return cls(name, tuple(one for one in placed if one.span), count)


def _earlier(span: range, cycles: int) -> range:
    return range(span.start - cycles, span.stop - cycles)
