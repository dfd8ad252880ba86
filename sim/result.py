"""What was found in one case of a verification: plain values, without the case."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .case import Case
from .cosim import Comparison
from .coverage import Coverage

__all__ = ["Failure", "Result"]


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

    @classmethod
    def from_document(cls, content: Mapping[str, Any]) -> "Failure":
        """Return the failure that ``document`` gave."""
        counters = {
            name: (both["rtl"], both["simulated"]) for name, both in content["counters"].items()
        }
        return cls(**{**content, "counters": counters})

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
class Result:
    """What was found in a case.

    Attributes
    ----------
    title : str
        Layer and design.
    simulator : str
        What ran the RTL.
    coverage : Coverage
        Of this case alone.
    other_cycles, other_counters, other_bits : bool
        The cycles differ; any counter does; an output bit does, or a beat is missing or too many.
    failure : Failure or None
    """

    title: str
    simulator: str
    coverage: Coverage
    other_cycles: bool
    other_counters: bool
    other_bits: bool
    failure: Failure | None

    @classmethod
    def of(cls, case: Case, found: Comparison) -> "Result":
        """Return the result of a comparison."""
        return cls(
            title=f"{case.layer.name} on {case.design.name}",
            simulator=found.simulator,
            coverage=Coverage.of([case], [found.rtl]),
            other_cycles="cycles" in found.counter_mismatches,
            other_counters=bool(found.counter_mismatches),
            other_bits=bool(found.bit_mismatches or found.missing_beats),
            failure=None if found.equal else Failure.of(case, found),
        )

    @classmethod
    def from_document(cls, content: Mapping[str, Any]) -> "Result":
        """Return the result that ``document`` gave."""
        coverage, failure = content["coverage"], content["failure"]
        if failure is not None:
            failure = Failure.from_document(failure)
        macs = tuple(coverage["macs"])
        coverage = Coverage(coverage["kinds"], coverage["stalls"], macs)
        return cls(**{**content, "coverage": coverage, "failure": failure})

    def document(self) -> dict[str, Any]:
        """Return the result as plain values."""
        coverage = {
            "kinds": {aspect: dict(counts) for aspect, counts in self.coverage.kinds.items()},
            "stalls": dict(self.coverage.stalls),
            "macs": list(self.coverage.macs),
        }
        failure = self.failure.document() if self.failure else None
        return {**vars(self), "coverage": coverage, "failure": failure}


def _first_cycle(found: Comparison) -> int | None:
    if found.first_bad_cycle is not None:
        return found.first_bad_cycle
    rtl, simulated = found.rtl["cycles"], found.simulated["cycles"]
    return None if rtl == simulated else min(rtl, simulated)
