"""Hardware-aware restoration: which layers of a chip's network to leave dense after all.

Pruning costs accuracy, and a layer that gains nothing by it should keep all of its weights, which
leaves more margin to prune the others (ADMM-NN, section 5.1 and Figure 5). In the papers'
accounting those are the layers below their break-even ratio. On one chip layers share the silicon:
the weights that a restored layer keeps need memory, which may cost lanes that the others work on.
So every layer is asked what the *network* loses if it stays dense, and as many are restored, the
cheapest first, as the network can afford.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..errors import FitError
from .one_chip import Chip, ChipGoal, OneChip
from .optimizer import Progress
from .workload import Workload

__all__ = ["WITHIN", "Restoration", "RestoredLayer", "restoration"]

WITHIN = 0.01
"""Slowdown of the network that restoring layers may cost, all of them together."""

_NEVER = float("inf")


@dataclass(frozen=True)
class RestoredLayer:
    """What becomes of one layer.

    Attributes
    ----------
    name : str
    slowdown : float or None
        By how much the network takes longer if only this layer is left dense, as a portion
        (negative: it takes less); None if it does not fit then.
    restored : bool
        It is to be left dense.
    """

    name: str
    slowdown: float | None
    restored: bool


@dataclass(frozen=True, eq=False)
class Restoration:
    """The network with some layers left dense, on the sparse chip.

    Attributes
    ----------
    within : float
        Slowdown that was allowed.
    layers : tuple of RestoredLayer
        The pruned ones, in the order of the network.
    chip : Chip
        The chip's template with lanes and memories for the restored network, simulated.
    speedup : float
        Of it over the best dense chip.
    """

    within: float
    layers: tuple[RestoredLayer, ...]
    chip: Chip
    speedup: float

    @property
    def names(self) -> list[str]:
        """Layers to be left dense."""
        return [layer.name for layer in self.layers if layer.restored]

    def to_json(self) -> dict[str, Any]:
        """Return it with the keys of ``restoration``."""
        return {
            "within": self.within,
            "restored": self.names,
            "layers": [vars(layer) for layer in self.layers],
            "speedup": self.speedup,
        }


def restoration(
    chips: OneChip,
    workloads: Sequence[Workload],
    progress: Progress = lambda what, done, total: None,
    within: float = WITHIN,
) -> Restoration | None:
    """Find the layers that are better left dense; None where no sparse chip fits.

    Parameters
    ----------
    chips : OneChip
        What was chosen for these layers.
    workloads : sequence of Workload
    progress : callable
    within : float, default: 0.01
        Slowdown of the network that is allowed, as a portion.
    """
    if chips.sparse is None:
        return None
    area, template = chips.baseline.equal_area, chips.sparse.fit.design
    now = list(workloads)
    dense = [replace(one, mask=np.ones_like(one.mask)) for one in workloads]
    pruned = [number for number, one in enumerate(workloads) if not one.mask.all()]

    def seconds(layers: Sequence[Workload]) -> float:
        try:
            return ChipGoal(area, tuple(layers)).predicted(template).seconds
        except FitError:
            return _NEVER

    def with_dense(number: int) -> list[Workload]:
        return [*now[:number], dense[number], *now[number + 1 :]]

    own_s = seconds(now)
    alone: dict[int, float] = {}
    for done, number in enumerate(pruned):
        progress("restore layers", done, len(pruned))
        alone[number] = seconds(with_dense(number)) / own_s - 1
    restored = set()
    for number in sorted(pruned, key=alone.__getitem__):
        if seconds(with_dense(number)) <= own_s * (1 + within):
            now = with_dense(number)
            restored.add(number)
    progress("restore layers", len(pruned), len(pruned))
    fit = ChipGoal(area, tuple(now)).best_fit(template)
    chip = Chip(fit, tuple(area.timed(fit, number, one) for number, one in enumerate(now)))
    return Restoration(
        within=within,
        layers=tuple(
            RestoredLayer(
                workloads[number].shape.name,
                None if alone[number] == _NEVER else alone[number],
                number in restored,
            )
            for number in pruned
        ),
        chip=chip,
        speedup=chips.dense.latency_s / chip.latency_s,
    )
