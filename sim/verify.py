"""Verification: layers on designs, each through RTL, simulator and integer reference.

``verify`` runs cases and says what differed; ``Coverage`` says what kinds of case there were, so
that agreement can be judged. ``random_cases`` makes cases; a layer of a network is one, too.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing import get_context
from typing import Any

from .case import Case
from .cosim import Comparison, compare_schedule
from .coverage import Coverage, is_large
from .verilog_cosim import compare_in_verilog
from .verilog_run import available_simulators

__all__ = ["Failure", "Progress", "Verification", "verify"]


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


def verify(cases: Sequence[Case], progress: Progress, jobs: int = 1) -> Verification:
    """Run cases in the RTL and compare every output bit and every counter.

    Large cases run as Verilog in Verilator where it is installed, the others in Amaranth's
    simulator.

    Parameters
    ----------
    cases : sequence of Case
    progress : callable
        Called after each case.
    jobs : int, default: 1
        Processes.

    Raises
    ------
    FitError
        If a layer does not fit its design.
    """
    found: list[Comparison] = []
    with _mapped(jobs) as mapped:
        for case, one in zip(cases, mapped(_compared, cases), strict=True):
            found.append(one)
            result = "equal" if one.equal else "DIFFERENT"
            name = f"{case.layer.name} on {case.design.name}"
            progress(len(found), len(cases), f"{name}: {result}")
    simulators = Counter(one.simulator for one in found)
    return Verification(
        cases=len(cases),
        cycle_mismatches=sum("cycles" in one.counter_mismatches for one in found),
        counter_mismatches=sum(bool(one.counter_mismatches) for one in found),
        bit_mismatches=sum(bool(one.bit_mismatches or one.missing_beats) for one in found),
        simulator=", ".join(f"{name}: {count}" for name, count in sorted(simulators.items())),
        coverage=Coverage.of(cases, [one.rtl for one in found]),
        failures=tuple(
            Failure.of(case, one) for case, one in zip(cases, found, strict=True) if not one.equal
        ),
    )


@contextmanager
def _mapped(jobs: int) -> Iterator[Callable[..., Iterable[Comparison]]]:
    """Give a ``map`` that works in so many processes."""
    if jobs == 1:
        yield map
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        try:
            yield pool.map
        finally:
            pool.shutdown(cancel_futures=True)


def _compared(case: Case) -> Comparison:
    if is_large(case) and case.dram is None and "verilator" in available_simulators():
        return compare_in_verilog(case.schedule, case.features)
    return compare_schedule(case.schedule, case.features, case.dram)


def _first_cycle(found: Comparison) -> int | None:
    if found.first_bad_cycle is not None:
        return found.first_bad_cycle
    rtl, simulated = found.rtl["cycles"], found.simulated["cycles"]
    return None if rtl == simulated else min(rtl, simulated)
