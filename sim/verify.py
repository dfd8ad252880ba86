"""Verification: layers on designs, each through RTL, simulator and integer reference.

``verify`` runs batches of cases, those of one design together, and says what differed;
``Coverage`` says what kinds of case there were, so that agreement can be judged. ``random_cases``
makes batches; a layer of a network is one, too (``Batch``).
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Protocol

from .amaranth_rtl import amaranth_us
from .case import Case
from .cosim import Rtl, compare_schedule
from .coverage import Coverage
from .journal import Journal
from .result import Failure, Result
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

    @property
    def key(self) -> str:
        """What tells it from every other batch of the same run."""
        ...

    def __len__(self) -> int: ...

    def cases(self) -> Sequence[Case]:
        """Make the cases."""


@dataclass(frozen=True)
class GivenBatch:
    """A case that is there already."""

    case: Case

    @property
    def key(self) -> str:
        """Name of the layer."""
        return self.case.layer.name

    def __len__(self) -> int:
        return 1

    def cases(self) -> Sequence[Case]:
        """Return the case."""
        return [self.case]


Progress = Callable[[int, int, str], None]
"""Told after each case how many of how many are done, and what the last one was."""


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


def verify(
    batches: Sequence[Batch],
    progress: Progress,
    jobs: int = 1,
    journal: Journal | None = None,
) -> Verification:
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
    journal : Journal, optional
        Batches that it has are not run again, others are written down as they end.

    Raises
    ------
    FitError
        If a layer does not fit its design.
    ToolError
        If Verilator is installed and cannot be run.
    """
    total, found = sum(map(len, batches)), list[Result]()
    known = journal.known if journal else {}
    waiting = [batch for batch in batches if batch.key not in known]
    with tempfile.TemporaryDirectory(prefix="bosquet-verify-") as kept, _mapped(jobs) as mapped:
        fresh = iter(mapped(partial(_verified, Path(kept)), waiting))
        for batch in batches:
            if batch.key in known:
                results = [Result.from_document(one) for one in known[batch.key]]
            else:
                results = next(fresh)
                if journal:
                    journal.add(batch.key, [one.document() for one in results])
            for one in results:
                found.append(one)
                result = "DIFFERENT" if one.failure else "equal"
                progress(len(found), total, f"{one.title}: {result}")
    simulators = Counter(one.simulator for one in found)
    return Verification(
        cases=total,
        cycle_mismatches=sum(one.other_cycles for one in found),
        counter_mismatches=sum(one.other_counters for one in found),
        bit_mismatches=sum(one.other_bits for one in found),
        simulator=", ".join(f"{name}: {count}" for name, count in sorted(simulators.items())),
        coverage=Coverage.joined(one.coverage for one in found),
        failures=tuple(one.failure for one in found if one.failure),
    )


@contextmanager
def _mapped(jobs: int) -> Iterator[Callable[..., Iterable[list[Result]]]]:
    """Give a ``map`` that works in so many processes."""
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)


def _verified(kept: Path, batch: Batch) -> list[Result]:
    """Run a batch; what Verilator can use again for the next one is kept in a folder."""
    cases = batch.cases()
    if sum(map(_case_us, cases)) < _VERILATION_US or "verilator" not in available_simulators():
        return [_result(case, None) for case in cases]
    first = cases[0]
    with VerilatedRtl.compiled(first.design, first.buffers, first.dram, kept) as rtl:
        return [_result(case, rtl) for case in cases]


def _result(case: Case, rtl: Rtl | None) -> Result:
    return Result.of(case, compare_schedule(case.schedule, case.features, case.dram, rtl))


def _case_us(case: Case) -> int:
    """Return about how long Amaranth's simulator takes, in microseconds."""
    cycles = simulated(case.schedule, case.dram).cycles
    return _ELABORATION_US + amaranth_us(case.design, cycles)
