"""Layers prepared for prediction: what is counted once, for which designs.

Counts are made when a design asks for them first, and kept: of each index space (feed width,
delivery, SIMD group), of each format in it, and of each choice of formats. Lanes, vector, window,
run-ahead, feed order, FIFO, accumulators, drain and widths cost nothing anew.
"""

from collections import OrderedDict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, TypeVar

import numpy as np

from ...hw.cuts import Cuts
from ...hw.design import Design
from ...hw.layout import Layout
from ...hw.part import Part
from ...hw.program import Masked, zeros_allowed
from ...models.formats import Dense, IndexFormat
from ...models.layer import LayerShape
from ..workload import Workload, formats_of
from .deal import Streams
from .effort import Effort
from .eie import EieWeights
from .streams import Flags, IndexSpace, Ints, space_key

__all__ = ["Prepared"]

_MOST_STREAMS = 8
"""Choices of formats whose streams are kept: those of ResNet-50 take up to 100 MB each."""

_MOST_PARTS = 64
"""Layers cut in some way whose parts are kept."""

Key = TypeVar("Key")
Kept = TypeVar("Kept")


@dataclass(frozen=True, eq=False)
class Prepared:
    """Layers, counted as far as designs have asked.

    Attributes
    ----------
    shapes : tuple of LayerShape
        Geometry of each layer.
    weights : tuple of Masked
        The different sets of weights among them.
    own : int64 array (layers,)
        Weights of each layer.
    active : tuple of bool array (batch, in) or None
        Activations of each layer that are not zero, where that is known.
    effort : Effort
        How much of each layer is looked at.
    """

    shapes: tuple[LayerShape, ...]
    weights: tuple[Masked, ...]
    own: Ints
    active: tuple[Flags | None, ...]
    effort: Effort
    _spaces: dict[tuple[str, int, int], IndexSpace] = field(default_factory=dict, init=False)
    _forms: dict[tuple[Any, ...], tuple[IndexFormat, ...]] = field(default_factory=dict, init=False)
    _streams: "OrderedDict[tuple[Any, ...], Streams]" = field(
        default_factory=OrderedDict, init=False
    )
    _eie: dict[tuple[int, int | None], EieWeights] = field(default_factory=dict, init=False)
    _parts: "OrderedDict[tuple[int, Cuts], Prepared]" = field(
        default_factory=OrderedDict, init=False
    )

    @classmethod
    def of(
        cls, layers: Iterable[Masked], active: Sequence[Flags | None] | None = None
    ) -> "Prepared":
        """Prepare layers of a network, or of several.

        Parameters
        ----------
        layers : iterable of Masked
        active : sequence of bool array (batch, in) or None, optional
            Activations of each layer that are not zero, where that is known; designs of the EIE
            family skip the others.
        """
        found = tuple(layers)
        known = (None,) * len(found) if active is None else tuple(active)
        return cls(
            tuple(layer.shape for layer in found), found, np.arange(len(found)), known,
            Effort.of(len(found)),
        )  # fmt: skip

    @classmethod
    def of_parts(
        cls, layer: Masked, parts: Iterable[Part], active: Flags | None = None
    ) -> "Prepared":
        """Prepare parts of a layer; parts with the same filters and channels are counted once."""
        numbers: dict[tuple[range, ...], int] = {}
        shapes: list[LayerShape] = []
        weights: list[Masked] = []
        own: list[int] = []
        inputs: list[Flags | None] = []
        for part in parts:
            if part.weights not in numbers:
                numbers[part.weights] = len(weights)
                weights.append(part.of(layer))
            shapes.append(part.shape_of(layer.shape))
            own.append(numbers[part.weights])
            inputs.append(_inputs(part, layer.shape, active))
        effort = Effort.of(len(shapes))
        return cls(tuple(shapes), tuple(weights), np.array(own, np.int64), tuple(inputs), effort)

    def parts(self, number: int, cuts: Cuts) -> "Prepared":
        """Return the parts that a layer is cut into, prepared."""
        layer, active = self.weights[self.own[number]], self.active[number]
        return _kept_few(
            self._parts, (number, cuts), _MOST_PARTS,
            lambda: Prepared.of_parts(layer, cuts.parts(self.shapes[number]), active),
        )  # fmt: skip

    @cached_property
    def workloads(self) -> tuple[Workload, ...]:
        """The weights, counted for the depths of memories."""
        return tuple(Workload(layer.shape, layer.mask) for layer in self.weights)

    @cached_property
    def positions(self) -> Ints:
        """Flat output positions of each layer, on any design."""
        return np.array([Layout(shape, 1, 1, 1).flat_positions for shape in self.shapes])

    def space(self, design: Design) -> IndexSpace:
        """Return the weights in the index space of a design."""
        return _kept(self._spaces, space_key(design), lambda: IndexSpace(design, self.weights))

    def forms(self, design: Design) -> tuple[IndexFormat, ...]:
        """Return the format of each set of weights that ``Program.choose_format`` takes."""
        key = (
            *space_key(design), design.index_bits, design.scan_bits, design.weight_bits,
            design.weight_codes,
        )  # fmt: skip
        return _kept(self._forms, key, lambda: self._chosen(design))

    def streams(self, design: Design, forms: Sequence[IndexFormat]) -> Streams:
        """Return the streams of the weights in given formats."""
        key = (*space_key(design), design.scan_bits, *(form.name for form in forms))
        return _kept_few(
            self._streams, key, _MOST_STREAMS,
            lambda: Streams.of(self.space(design), forms, design.scan_bits),
        )  # fmt: skip

    def eie(self, number: int) -> EieWeights:
        """Return the weights of a layer as the EIE array sees them."""
        own, active = int(self.own[number]), self.active[number]
        key = own, None if active is None else number
        return _kept(self._eie, key, lambda: EieWeights.of(self.weights[own], active, self.effort))

    def _chosen(self, design: Design) -> tuple[IndexFormat, ...]:
        """Choose formats as ``models.formats.smallest`` does: fewest bits, then fewest entries."""
        space, candidates = self.space(design), formats_of(design)
        counts = [space.counts(form, design.scan_bits) for form in candidates]
        chosen = []
        for number, weights in enumerate(self.weights):
            own = [(found[number], form) for found, form in zip(counts, candidates, strict=True)]
            full = int(space.kept[number].sum()) == own[0][0].stored.sum()
            if not (full or zeros_allowed(weights, design)):
                own = [one for one in own if not isinstance(one[1], Dense)]
            _, form = min(own, key=lambda one: (one[0].stored_bits(design), one[0].entries.sum()))
            chosen.append(form)
        return tuple(chosen)


def _inputs(part: Part, shape: LayerShape, active: Flags | None) -> Flags | None:
    """Return the activations (batch, in) that a part reads of those of an FC layer."""
    return None if active is None else part.inputs(shape, active[:, :, None, None])[:, :, 0, 0]


def _kept(memory: dict[Key, Kept], key: Key, made: Callable[[], Kept]) -> Kept:
    """Return what is remembered under a key, made if it is not."""
    if key not in memory:
        memory[key] = made()
    return memory[key]


def _kept_few(
    memory: "OrderedDict[Key, Kept]", key: Key, most: int, made: Callable[[], Kept]
) -> Kept:
    """Return what is remembered under a key, and forget what was not asked for long."""
    found = _kept(memory, key, made)
    memory.move_to_end(key)
    while len(memory) > most:
        memory.popitem(last=False)
    return found
