"""Events of the dense family: steps issued, and what the lanes make of each operand.

All lanes get the operand of a step at once; those without a filter in the tile let it pass.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from ...hw.program import Program
from ..exact_dense import issue_to_operand
from ..recorder import DensePass
from .intervals import Intervals
from .lanes import Cause

__all__ = ["DenseEvents"]


@dataclass(frozen=True, eq=False)
class DenseEvents:
    """What the feeder and the lanes of a run did, from the passes that were recorded.

    Parameters
    ----------
    program : Program
    passes : sequence of DensePass
        All that reach into the wanted cycles.
    span : range
        Cycles that are wanted.
    cycles : int
        Of the run.
    """

    program: Program
    passes: Sequence[DensePass]
    span: range
    cycles: int

    @cached_property
    def steps(self) -> Intervals:
        """Cycles in which steps are issued; the kind is the tile.

        The last step of a pass may wait for the accumulators, the others follow each other.
        """
        number, begin, last = np.array(
            [(one.number, one.begin, one.last) for one in self.passes], np.int64
        ).reshape(-1, 3).T  # fmt: skip
        tile = number // self.program.layout.position_tiles
        first = Intervals.of(0, begin, begin + self.program.layout.steps - 1, tile)
        return Intervals.joined([first, Intervals.of(0, last, last + 1, tile)]).merged()

    @cached_property
    def lanes(self) -> Intervals:
        """What each lane did; the kinds are causes."""
        design, to_operand = self.program.design, issue_to_operand(self.program.design)
        operands = self.steps.later(to_operand)
        has_filter = self.program.first_filters >= 0
        working = np.where(has_filter, Cause.COMPUTE, Cause.IMBALANCE)[operands.kind]
        lane = np.arange(design.lanes)
        waits = operands.gaps(range(to_operand, self.cycles), Cause.DRAIN)
        return Intervals.joined(
            [
                Intervals.of(lane, 0, to_operand, Cause.FILL),
                Intervals.of(lane, operands.begin[:, None], operands.end[:, None], working),
                Intervals.of(lane, waits.begin[:, None], waits.end[:, None], Cause.DRAIN),
            ]
        )
