"""How long a pass of a tile takes where nothing fluctuates: a formula, from the timing contract.

With equal windows the busiest lane, the feeder, or the way round (a window is read, released and
filled again, ``run_ahead`` of them at once) sets the *pace*, the cycles of a window::

    pace = max(m, s, (m + turn) / run_ahead)    m: work of the busiest lane in a window
                                                s: its feed steps
                                                turn: from past to fed, run_ahead windows on

and a pass takes its windows at that pace, or what the output stage takes for it. With one set of
accumulators lanes wait for it. With two sets they do not, except where a lane has a single filler:
that is its last entry, in the first window, and holds the windows until its sums are taken.

Real windows fluctuate, and lanes that share them lose time; ``sim.fast.windows`` says how much.
"""

from dataclasses import dataclass

import numpy as np

from ...hw.design import Design, broadcast_stages
from ..exact_sparse import issue_to_ready
from ..feeder import STEP_TO_WINDOW, release_to_step
from .streams import Flags, Floats

__all__ = ["Pace"]


@dataclass(frozen=True)
class Pace:
    """The fixed cycles of a design of the sparse family, from the contract in ARCHITECTURE.md.

    Attributes
    ----------
    windows : bool
        Lanes share windows; otherwise they read through ports.
    window_steps : int
        s: feed steps of a window.
    run_ahead : int
    to_fed : int
        Cycles from the last step of a window to the one in which it can be read.
    release_to_step : int
        Cycles from the release of a window to the first step of the one in its place, at least.
    to_ready : int
        From the issue of a lane's last entry to its sums.
    group_cycles, groups : int
        Of the output stage.
    stream_cycles : int
        Cycles that it takes at least for all lanes of an index stream.
    acc_sets : int
    entry_cycles : float
        Cycles between entries where a lane never waits: a FIFO of less than three holds it up,
        since issue(e) >= x(e) + 2 >= issue(e - fifo_depth) + 3.
    """

    windows: bool
    window_steps: int
    run_ahead: int
    to_fed: int
    release_to_step: int
    to_ready: int
    group_cycles: int
    groups: int
    stream_cycles: int
    acc_sets: int
    entry_cycles: float

    @classmethod
    def of(cls, design: Design) -> "Pace":
        """Return the fixed cycles of a design."""
        return cls(
            windows=design.delivery != "port",
            window_steps=design.window // design.feed,
            run_ahead=design.run_ahead,
            to_fed=STEP_TO_WINDOW + broadcast_stages(design.streams),
            release_to_step=release_to_step(design),
            to_ready=issue_to_ready(design),
            group_cycles=design.drain_cycles,
            groups=design.drain_groups,
            stream_cycles=-(-design.simd_group // design.drain) * design.drain_cycles,
            acc_sets=design.acc_sets,
            entry_cycles=max(1.0, 3 / design.fifo_depth),
        )

    @property
    def turn(self) -> int:
        """Cycles from the head of a lane leaving window w until window w + run_ahead is fed."""
        return self.release_to_step + self.window_steps + self.to_fed - 2

    @property
    def drain(self) -> int:
        """Cycles that the output stage takes for all lanes."""
        return self.groups * self.group_cycles

    def of_window(self, busiest: Floats, windows: Floats) -> Floats:
        """Return the cycles of a window.

        Parameters
        ----------
        busiest : float64 array (tiles,)
            Cycles that the busiest lane works in a pass.
        windows : float64 array (tiles,)
            Windows of a pass, the last one by its share.
        """
        if not self.windows:
            return busiest / windows
        work = busiest / windows
        pace: Floats = np.maximum(work, (work + self.turn) / self.run_ahead)
        return np.maximum(pace, self.window_steps)

    def of_pass(
        self,
        pace: Floats,
        busiest: Floats,
        taken_first: Floats,
        windows: Floats,
        idle: Flags,
    ) -> Floats:
        """Return the cycles of a pass among passes of its kind.

        Parameters
        ----------
        pace : float64 array (tiles,)
            Cycles of a window.
        busiest, taken_first : float64 array (tiles,)
            Work of the busiest lane, and of the one whose sums are taken first.
        windows : float64 array (tiles,)
            Windows, the last one by its share.
        idle : bool array (tiles,)
            Some lane has no filter.
        """
        least = max(self.drain, self.to_ready + self.stream_cycles)
        work: Floats = np.maximum(pace * windows, least)
        if self.acc_sets == 1:
            work = np.maximum(work, pace * windows + self.to_ready + self.stream_cycles - 1)
        if not self.windows:
            return work
        # From when the last lane may begin until the first one has gone through all windows:
        # run_ahead of them are there, the others follow as that lane leaves windows.
        rest = np.maximum(windows - self.run_ahead, 0)
        behind = self.turn + rest * pace + self.to_ready + self.drain
        if self.acc_sets == 1:
            late = behind + taken_first / windows - 1
            return np.where(rest > 0, np.maximum(work, late), work)
        return np.where(idle & (rest > 0), np.maximum(work, behind + 1), work)
