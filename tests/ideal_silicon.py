"""Silicon that can be worked out by hand, in place of the lane table and the SRAM model."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from bosquet.hw.design import Buffers, Design
from bosquet.hw.program import Program


@dataclass(frozen=True)
class IdealArea:
    """Lanes, weight memories and the rest, in um2."""

    lanes_um2: float
    weights_um2: float
    rest_um2: float

    @property
    def total_um2(self) -> float:
        return self.lanes_um2 + self.weights_um2 + self.rest_um2

    @property
    def pe_share(self) -> float:
        return self.lanes_um2 / self.total_um2

    @property
    def weight_sram_share(self) -> float:
        return self.weights_um2 / self.total_um2


@dataclass(frozen=True)
class IdealFrequency:
    freq_hz: float
    limit: str = "logic"


@dataclass(frozen=True)
class IdealCost:
    """Lanes of one size per family, and memory that costs the same for every word.

    A sparse lane word carries its index with it: ``index_share`` of a weight.
    """

    dense_lane_um2: float = 1.0
    sparse_lane_um2: float = 1.25
    word_um2: float = 0.01
    index_share: float = 0.5
    feature_word_um2: float = 0.0
    dense_hz: float = 1.0
    sparse_hz: float = 1.0
    technology: Mapping[str, Any] = field(default_factory=lambda: {"card": "ideal"})
    tools: Mapping[str, str] = field(default_factory=lambda: {"ruler": "1"})

    def area(self, design: Design, buffers: Buffers) -> IdealArea:
        sparse = design.family == "sparse"
        lane_um2 = self.sparse_lane_um2 if sparse else self.dense_lane_um2
        words_um2 = self.word_um2 * (1 + self.index_share if sparse else 1)
        features = 2 * buffers.feature_words * design.vector * design.feed
        return IdealArea(
            design.lanes * design.vector * lane_um2,
            design.lanes * buffers.weight_words * words_um2,
            features * self.feature_word_um2,
        )

    def frequency(self, design: Design, buffers: Buffers) -> IdealFrequency:
        return IdealFrequency(self.sparse_hz if design.family == "sparse" else self.dense_hz)


@dataclass(frozen=True)
class IdealCycles:
    cycles: Any


@dataclass(frozen=True)
class IdealSimulator:
    """Every lane is busy with stored weights, ``utilization`` of the time if sparse."""

    utilization: float = 1.0

    def __call__(self, program: Program) -> IdealCycles:
        design = program.design
        share = self.utilization if design.family == "sparse" else 1.0
        work = program.kept_weights * program.layout.position_tiles
        return IdealCycles(work / design.lanes / share)
