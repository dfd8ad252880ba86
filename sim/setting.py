"""The setting of a break-even question: baseline, technology, memory, formats, search space."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ..hw.design import Design
from .bench import Bench
from .dense_baseline import FrozenBaseline
from .optimizer import Progress
from .search_space import SearchSpace
from .sensitivity import Assumption
from .workload import Workload

__all__ = ["Setting"]


@dataclass(frozen=True, eq=False)
class Setting:
    """What a break-even question is asked under.

    Attributes
    ----------
    network : str
        Name of the network.
    baseline : Design
        Dense design whose area is the budget; its bit widths hold for all designs.
    bench : Bench
    weights_on_chip : float
        Portion of the weights that the memories hold, in (0, 1].
    seed : int
        Of made-up masks.
    space : SearchSpace
    dense_space : SearchSpace or None
        What the dense side is chosen from, None: the same.
    progress : callable
    assumptions : tuple of Assumption
        Under which the break-even of a layer is told as well.
    formats : tuple of str
        Names of the index formats that sparse designs may use; none: all.
    """

    network: str
    baseline: Design
    bench: Bench
    weights_on_chip: float = 1.0
    seed: int = 0
    space: SearchSpace = field(default_factory=SearchSpace)
    dense_space: SearchSpace | None = None
    progress: Progress = lambda what, done, total: None
    assumptions: tuple[Assumption, ...] = ()
    formats: tuple[str, ...] = ()

    def frozen(self, workloads: Sequence[Workload]) -> FrozenBaseline:
        """Run the baseline on layers; raises as ``FrozenBaseline.of``."""
        return FrozenBaseline.of(
            self.baseline, workloads, self.bench, self.weights_on_chip, self.formats
        )

    def to_json(self) -> dict[str, Any]:
        """Return what every answer says about how it was found."""
        return {
            "weights_on_chip": self.weights_on_chip,
            "formats": list(self.formats),
            "technology": dict(self.bench.cost.technology),
            "tools": dict(self.bench.cost.tools),
            "seed": self.seed,
        }
