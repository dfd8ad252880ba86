"""One break-even question of a study: the layer that is studied, and what is asked otherwise."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from ...errors import BosquetError
from ...hw.design import Design
from ..bench import Bench
from ..breakeven import layer_breakeven
from ..cost import Cost
from ..fast_cycles import FastCycles
from ..pruned_layer import PrunedLayer
from ..search_space import SearchSpace
from ..sensitivity import assumptions
from ..setting import Setting
from ..technology import Technology

__all__ = ["StudyCase", "Subject"]


@dataclass(frozen=True, eq=False)
class Subject:
    """What is studied: a layer against a baseline, as ``bosquet breakeven`` would be asked.

    Attributes
    ----------
    network : str
    layer : PrunedLayer
    baseline : Design
    weights_on_chip : float
    technology : Technology
    seed : int
    technologies : tuple of Technology
        Others that the same is asked on.
    """

    network: str
    layer: PrunedLayer
    baseline: Design
    weights_on_chip: float
    technology: Technology
    seed: int = 0
    technologies: tuple[Technology, ...] = ()

    @property
    def setting(self) -> Setting:
        """What it is asked under."""
        return Setting(
            network=self.network,
            baseline=self.baseline,
            bench=Bench(Cost(self.technology), predict=FastCycles()),
            weights_on_chip=self.weights_on_chip,
            seed=self.seed,
        )


@dataclass(frozen=True)
class StudyCase:
    """A question that differs from that of the subject in a few things.

    Attributes
    ----------
    section : str
        What is varied.
    name : str
        Value that it has here.
    baseline : Design or None
    weights_on_chip : float or None
        None, as before: the subject's.
    space : SearchSpace
    dense_space : SearchSpace or None
        What the dense side is chosen from, None: the same.
    technology : int or None
        Number of another technology of the subject; None: the subject's own.
    formats : tuple of str
        Index formats that the sparse design may use; none: all.
    impossible : str
        Why it cannot be asked; empty if it can.
    assumed : bool
        It is asked under other assumptions about silicon, too.
    facts : mapping of str to JSON value
        More that tables say of the case.
    """

    section: str
    name: str
    baseline: Design | None = None
    weights_on_chip: float | None = None
    space: SearchSpace = field(default_factory=SearchSpace)
    dense_space: SearchSpace | None = None
    technology: int | None = None
    formats: tuple[str, ...] = ()
    impossible: str = ""
    assumed: bool = False
    facts: Mapping[str, Any] = field(default_factory=dict, hash=False)

    @property
    def key(self) -> str:
        """What tells it from every other case of a study."""
        return f"{self.section}: {self.name}"

    @property
    def effort(self) -> float:
        """How long it takes beside a plain question."""
        if self.impossible:
            return 0.0
        return 2.0 if self.assumed else 1.0

    def asks(self, subject: Subject) -> tuple[object, ...]:
        """Return what is equal for cases that ask the same, in whatever section."""
        on_chip, dense_space = self.weights_on_chip, self.dense_space
        return (
            self.baseline or subject.baseline,
            subject.weights_on_chip if on_chip is None else on_chip,
            self.space,
            self.space if dense_space is None else dense_space,
            self.technology,
            self.formats,
            self.impossible,
        )

    def technology_of(self, subject: Subject) -> Technology:
        """Return the technology that it is asked on."""
        if self.technology is None:
            return subject.technology
        return subject.technologies[self.technology]

    def answer(self, subject: Subject) -> dict[str, Any]:
        """Ask, and return the document of ``breakeven NET:LAYER``.

        Where the question cannot be asked, ratio is null and ``reason`` says why.
        """
        if self.impossible:
            return _no_answer(self.impossible)
        technology = self.technology_of(subject)
        layer = _grouped(subject.layer, self.space.simd_group, subject.seed)
        on_chip = self.weights_on_chip
        setting = replace(
            subject.setting,
            baseline=self.baseline or subject.baseline,
            bench=Bench(Cost(technology), predict=FastCycles()),
            weights_on_chip=subject.weights_on_chip if on_chip is None else on_chip,
            space=self.space,
            dense_space=self.dense_space,
            formats=self.formats,
        )
        try:
            if self.assumed:
                setting = replace(setting, assumptions=assumptions(technology))
            return layer_breakeven(layer, setting).to_json()
        except BosquetError as error:
            return _no_answer(" ".join(str(error).split()))


def _no_answer(reason: str) -> dict[str, Any]:
    return {"ratio": None, "interval": [None, None], "reason": reason, "curve": []}


def _grouped(layer: PrunedLayer, simd_group: int, seed: int) -> PrunedLayer:
    """Return a layer pruned in groups of filters, to the same ratio."""
    if layer.simd_group == simd_group:
        return layer
    # The mask is another one; its density stays.
    grouped = replace(layer, simd_group=simd_group, mask=np.ones_like(layer.mask))
    return replace(grouped, mask=grouped.pruned_once(1 / layer.ratio, seed).mask)
