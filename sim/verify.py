"""Verification: layers on designs, each through RTL, simulator and integer reference.

``verify`` runs batches of cases, those of one design together, and says what differed;
``Coverage`` says what kinds of case there were, so that agreement can be judged. ``random_cases``
makes batches; a layer of a network is one, too (``Batch``).
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from .amaranth_rtl import lane_cycle_us
from .case import Case
from .cosim import Comparison, Rtl, compare_schedule
from .coverage import Coverage
from .tiling import simulated
from .verilated import VerilatedRtl
from .verilog_run import available_simulators

__all__ = ["Batch", "Failure", "GivenBatch", "Progress", "Verification", "verify"]

_ELABORATION_US = 4_000_000
"""Microseconds in which Amaranth's simulator compiles a design, again for every case."""

_VERILATION_US = 15_000_000
"""Microseconds in which Verilator and a C++ compiler do that, once for a design."""


class Batch(Protocol):
    """Cases of one design in one environment, made where they are run."""

    def __len__(self) -> int: ...

    def cases(self) -> Sequence[Case]:
        """Make the cases."""


@dataclass(frozen=True)
class GivenBatch:
    """A case that is there already."""

    case: Case

    def __len__(self) -> int:
        return 1

    def cases(self) -> Sequence[Case]:
        """Return the case."""
        return [self.case]


Progress = Callable[[int, int, str], None]
"""Told after each case how many of how many are done, and what the last one was."""


@dataclass(frozen=True)
class Failure:
    """A case in which something differed.

    Attributes
    ----------
    seed : int
    layer, design : str
        Names; ``random_cases`` numbers its layers.
    first_cycle : int or None
        Cycle in which the first wrong beat left the RTL. If all beats are right, the first cycle
        that only one of RTL and simulator counts; None if both take the same cycles.
    counters : mapping of str to (int, int)
        Counters that differ: of the RTL, of the simulator.
    wrong_bits, missing_beats : int
        Output bits that differ; beats that did not come (negative: that came unexpected).
    """

    seed: int
    layer: str
    design: str
    first_cycle: int | None
    counters: Mapping[str, tuple[int, int]]
    wrong_bits: int
    missing_beats: int

    @classmethod
    def of(cls, case: Case, found: Comparison) -> "Failure":
        """Describe how the RTL differed."""
        return cls(
            seed=case.seed,
            layer=case.layer.name,
            design=case.design.name,
            first_cycle=_first_cycle(found),
            counters={
                name: (found.rtl[name], found.simulated[name]) for name in found.counter_mismatches
            },
            wrong_bits=found.bit_mismatches,
            missing_beats=found.missing_beats,
        )

    def document(self) -> dict[str, Any]:
        """Return the failure as plain values."""
        return {
            "seed": self.seed,
            "layer": self.layer,
            "design": self.design,
            "first_cycle": self.first_cycle,
            "counters": {
                name: {"rtl": rtl, "simulated": simulated}
                for name, (rtl, simulated) in self.counters.items()
            },
            "wrong_bits": self.wrong_bits,
            "missing_beats": self.missing_beats,
        }


@dataclass(frozen=True)
class Verification:
    """What ``verify`` found.

    Attributes
    ----------
    cases : int
    cycle_mismatches, counter_mismatches, bit_mismatches : int
        Cases in which the cycles differ; in which any counter does, the cycles included; in which
        an output bit differs, or a beat is missing or too many.
    simulator : str
        What ran the RTL, and how many cases each.
    coverage : Coverage
    failures : tuple of Failure
    """

    cases: int
    cycle_mismatches: int
    counter_mismatches: int
    bit_mismatches: int
    simulator: str
    coverage: Coverage
    failures: tuple[Failure, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing differed."""
        return not self.failures

    def document(self) -> dict[str, Any]:
        """Return the JSON document of ``bosquet verify``."""
        return {
            "cases": self.cases,
            "cycle_mismatches": self.cycle_mismatches,
            "counter_mismatches": self.counter_mismatches,
            "bit_mismatches": self.bit_mismatches,
            "simulator": self.simulator,
            "coverage": self.coverage.document(),
            "failures": [failure.document() for failure in self.failures],
        }


@dataclass(frozen=True)
class _Result:
    """What was found in a case, without the case."""

    title: str
    coverage: Coverage
    comparison: Comparison
    failure: Failure | None


def verify(batches: Sequence[Batch], progress: Progress, jobs: int = 1) -> Verification:
    """Run cases in the RTL and compare every output bit and every counter.

    Where Verilator is installed it compiles the RTL of a batch that would keep Amaranth's simulator
    busy for longer than that takes.

    Parameters
    ----------
    batches : sequence of Batch
    progress : callable
        Called for each case when its batch has ended.
    jobs : int, default: 1
        Processes.

    Raises
    ------
    FitError
        If a layer does not fit its design.
    ToolError
        If Verilator is installed and cannot be run.
    """
    total, found = sum(map(len, batches)), list[_Result]()
    with tempfile.TemporaryDirectory(prefix="bosquet-verify-") as kept, _mapped(jobs) as mapped:
        for results in mapped(partial(_verified, Path(kept)), batches):
            for one in results:
                found.append(one)
                result = "DIFFERENT" if one.failure else "equal"
                progress(len(found), total, f"{one.title}: {result}")
    compared = [one.comparison for one in found]
    simulators = Counter(one.simulator for one in compared)
    return Verification(
        cases=total,
        cycle_mismatches=sum("cycles" in one.counter_mismatches for one in compared),
        counter_mismatches=sum(bool(one.counter_mismatches) for one in compared),
        bit_mismatches=sum(bool(one.bit_mismatches or one.missing_beats) for one in compared),
        simulator=", ".join(f"{name}: {count}" for name, count in sorted(simulators.items())),
        coverage=Coverage.joined(one.coverage for one in found),
        failures=tuple(one.failure for one in found if one.failure),
    )


@contextmanager
def _mapped(jobs: int) -> Iterator[Callable[..., Iterable[list[_Result]]]]:
    """Give a ``map`` that works in so many processes."""
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)


def _verified(kept: Path, batch: Batch) -> list[_Result]:
    """Run a batch; what Verilator can use again for the next one is kept in a folder."""
    cases = batch.cases()
    if sum(map(_amaranth_us, cases)) < _VERILATION_US or "verilator" not in available_simulators():
        return [_result(case, None) for case in cases]
    first = cases[0]
    with VerilatedRtl.compiled(first.design, first.buffers, first.dram, kept) as rtl:
        return [_result(case, rtl) for case in cases]


def _result(case: Case, rtl: Rtl | None) -> _Result:
    found = compare_schedule(case.schedule, case.features, case.dram, rtl)
    return _Result(
        f"{case.layer.name} on {case.design.name}",
        Coverage.of([case], [found.rtl]),
        found,
        None if found.equal else Failure.of(case, found),
    )


def _amaranth_us(case: Case) -> int:
    """Return about how long Amaranth's simulator takes, in microseconds."""
    cycles = simulated(case.schedule, case.dram).cycles
    return _ELABORATION_US + cycles * case.design.lanes * lane_cycle_us(case.design)


def _first_cycle(found: Comparison) -> int | None:
    if found.first_bad_cycle is not None:
        return found.first_bad_cycle
    rtl, simulated = found.rtl["cycles"], found.simulated["cycles"]
    return None if rtl == simulated else min(rtl, simulated)
