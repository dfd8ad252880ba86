"""The verdict for a network: which layers to prune, and what that gains, in two accountings.

``per_layer`` is the papers' one: silicon sized for each layer and ratio, layers that are better
off dense restored to 1x, and the MAC-weighted harmonic mean of the speedups of the convolutions.
``one_chip`` is what a user can build: see ``sim.one_chip``; which of its layers to leave dense says
``sim.restoration``.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from ..errors import InputError
from .breakeven import LayerBreakEven, layer_breakeven
from .one_chip import OneChip, one_chip
from .pruned_layer import PrunedLayer
from .restoration import Restoration, restoration
from .setting import Setting

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
    restored : Restoration or None
        None: no sparse chip fits.
    """

    setting: Setting
    layers: tuple[LayerBreakEven, ...]
    chip: OneChip
    restored: Restoration | None

    @property
    def per_layer_speedup(self) -> float | None:
        """MAC-weighted harmonic mean over the convolutions, None if there is none.

        Layers that are not to be pruned are restored to dense and count 1.
        """
        return self._mean(
            lambda answer: answer.speedup or 1.0 if answer.verdict == "prune" else 1.0
        )

    @property
    def unrestored_speedup(self) -> float | None:
        """The same with every layer pruned, those too that are slower so; None if one cannot be."""
        if any(answer.speedup is None for answer in self._convolutions):
            return None
        return self._mean(lambda answer: answer.speedup or 1.0)

    @property
    def _convolutions(self) -> list[LayerBreakEven]:
        return [answer for answer in self.layers if answer.layer.shape.kind == "conv"]

    def _mean(self, speedup: Callable[[LayerBreakEven], float]) -> float | None:
        macs = sum(answer.layer.shape.macs for answer in self._convolutions)
        if not macs:
            return None
        return macs / sum(
            answer.layer.shape.macs / speedup(answer) for answer in self._convolutions
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
            "speedup": {
                "per_layer": self.per_layer_speedup,
                "per_layer_unrestored": self.unrestored_speedup,
                "one_chip": self.chip.speedup,
            },
            "restoration": self.restored.to_json() if self.restored else None,
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
    baseline = setting.frozen(workloads)
    answers = tuple(layer_breakeven(layer, setting) for layer in layers)

    def progress(what: str, done: int, total: int) -> None:
        setting.progress(f"one chip: {what}", done, total)

    space = setting.space.for_layers(layer.shape for layer in layers)
    chips = one_chip(baseline, workloads, space, progress)
    return NetworkBreakEven(setting, answers, chips, restoration(chips, workloads, progress))
