"""The verdict for a network: which layers to prune, and what that gains, in two accountings.

``per_layer`` is the papers' one: silicon sized for each layer and ratio, layers that are better
off dense restored to 1x, and the MAC-weighted harmonic mean of the speedups of the convolutions.
``one_chip`` is what a user can build: see ``sim.one_chip``.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from .breakeven import LayerBreakEven, Setting, layer_breakeven
from .dense_baseline import FrozenBaseline
from .one_chip import OneChip, one_chip
from .pruned_layer import PrunedLayer

__all__ = ["NetworkBreakEven", "network_breakeven"]


@dataclass(frozen=True, eq=False)
class NetworkBreakEven:
    """The answer for a network.

    Attributes
    ----------
    setting : Setting
    layers : tuple of LayerBreakEven
        In the order of the network.
    chip : OneChip
    """

    setting: Setting
    layers: tuple[LayerBreakEven, ...]
    chip: OneChip

    @property
    def per_layer_speedup(self) -> float | None:
        """MAC-weighted harmonic mean over the convolutions, None if there is none.

        Layers that are not to be pruned are restored to dense and count 1.
        """
        convolutions = [answer for answer in self.layers if answer.layer.shape.kind == "conv"]
        macs = sum(answer.layer.shape.macs for answer in convolutions)
        if not macs:
            return None
        return macs / sum(
            answer.layer.shape.macs / (answer.speedup or 1.0 if answer.verdict == "prune" else 1.0)
            for answer in convolutions
        )

    def to_json(self) -> dict[str, Any]:
        """Return the answer with the keys of ``breakeven NET``."""
        no_convolution = "no convolution" if self.per_layer_speedup is None else None
        baseline = {
            **self.chip.baseline.to_json(),
            "best": self.chip.dense.to_json(),
        }
        return {
            "network": self.setting.network,
            "layers": [answer.row_json() for answer in self.layers],
            "speedup": {"per_layer": self.per_layer_speedup, "one_chip": self.chip.speedup},
            "reason": {"per_layer": no_convolution, "one_chip": self.chip.reason},
            "one_chip": self.chip.to_json(),
            "baseline": baseline,
            "streaming": self.chip.baseline.equal_area.supply.label,
            **self.setting.to_json(),
        }


def network_breakeven(layers: Sequence[PrunedLayer], setting: Setting) -> NetworkBreakEven:
    """Find the break-even of every layer, and the speedup of the whole.

    Raises
    ------
    BosquetError
        If there is no layer, or as ``layer_breakeven``.
    """
    if not layers:
        raise InputError(f"{setting.network} has no layer with weights")
    workloads = [layer.own for layer in layers]
    # First what may refuse the question as a whole.
    baseline = FrozenBaseline.of(
        setting.baseline, workloads, setting.bench, setting.weights_on_chip
    )
    answers = tuple(layer_breakeven(layer, setting) for layer in layers)

    def progress(what: str, done: int, total: int) -> None:
        setting.progress(f"one chip: {what}", done, total)

    return NetworkBreakEven(
        setting, answers, one_chip(baseline, workloads, setting.space, progress)
    )
