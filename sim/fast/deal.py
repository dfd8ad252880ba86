"""The streams of all layers in chosen formats, in the order in which they are dealt to lanes.

Layer after layer, group after group; within a group the fewest entries first, but a stream with
fewer filters than the others before them all. So a tile is so many consecutive streams, whatever
the number of lanes, and what is known of its lanes lies side by side.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from ...models.formats import Dense, IndexFormat, Relative
from .streams import Counts, Flags, Floats, FormatCounts, IndexSpace, Ints

__all__ = ["Streams", "side_by_side"]

_MOST_LANES = 256
Scalar = TypeVar("Scalar", bound=np.generic)


@dataclass(frozen=True, eq=False)
class Streams:
    """The streams of all layers; after the last one come as many zeros as there may be lanes.

    Attributes
    ----------
    space : IndexSpace
    forms : tuple of IndexFormat
        Format of each layer.
    orders : tuple of int64 array
        Of each layer, its streams in this order.
    entries, skipped, kept : float64 array (streams,)
        Entries, skipped zero words (``FormatCounts``) and kept weights.
    empty : bool array (streams,)
        It has no weight, so that it is a single filler.
    """

    space: IndexSpace
    forms: tuple[IndexFormat, ...]
    orders: tuple[Ints, ...]
    entries: Floats
    skipped: Floats
    kept: Floats
    empty: Flags

    @classmethod
    def of(cls, space: IndexSpace, forms: Sequence[IndexFormat], scan_bits: int) -> "Streams":
        """Order the streams of each layer in its format."""
        counts = [space.counts(form, scan_bits)[number] for number, form in enumerate(forms)]
        orders = tuple(
            _dealt(_ranks(space, number, form, own.entries), groups, missing > 0)
            for number, (own, form, groups, missing) in enumerate(
                zip(counts, forms, space.groups.tolist(), space.missing.tolist(), strict=True)
            )
        )
        dealt = FormatCounts.joined(
            [FormatCounts(*(values[order] for values in own))
             for own, order in zip(counts, orders, strict=True)]
        )  # fmt: skip
        kept = np.concatenate(
            [in_steps.sum(axis=0, dtype=np.int64)[order]
             for in_steps, order in zip(space.kept, orders, strict=True)]
        )  # fmt: skip
        dense = np.repeat([isinstance(form, Dense) for form in forms], space.streams)
        return cls(
            space=space,
            forms=tuple(forms),
            orders=orders,
            entries=_with_end(dealt.entries.astype(np.float64)),
            skipped=_with_end(dealt.skipped.astype(np.float64)),
            kept=_with_end(kept.astype(np.float64)),
            empty=_with_end(~dense & (kept == 0)),
        )

    @cached_property
    def dense(self) -> Flags:
        """Layers in the dense format."""
        return np.array([isinstance(form, Dense) for form in self.forms])

    @cached_property
    def relative_bits(self) -> Ints:
        """Bits of a relative index of each layer, 0 in other formats."""
        return np.array([form.index_bits if isinstance(form, Relative) else 0
                         for form in self.forms])  # fmt: skip

    @cached_property
    def before(self) -> Counts:
        """Entries before each step in natural order, flat: (steps + 1, streams) of each layer.

        Of layers in the dense format, which has one at each position, the kept weights.
        """
        parts = []
        for number, form in enumerate(self.forms):
            own = (self.space.entries(number, form) if isinstance(form, Relative)
                   else self.space.kept[number])  # fmt: skip
            parts.append(np.zeros((len(own) + 1, own.shape[1]), np.uint16))
            np.cumsum(self._in_order(number, own), axis=0, out=parts[-1][1:])
        return _flat(parts)

    @cached_property
    def packed(self) -> Counts:
        """What each step holds (``PackedSteps``), flat as ``before``, a row unused.

        Of layers without a relative index, the kept weights.
        """
        parts = []
        for number, form in enumerate(self.forms):
            own = (self.space.packed(number, form) if isinstance(form, Relative)
                   else self.space.kept[number])  # fmt: skip
            parts.append(np.vstack([self._in_order(number, own), np.zeros(own.shape[1])]))
        return _flat(parts)

    @cached_property
    def first(self) -> Ints:
        """Where each layer begins in ``before`` and ``packed``."""
        sizes = (self.space.steps + 1) * self.space.streams
        first: Ints = np.cumsum(sizes) - sizes
        return first

    def _in_order(self, layer: int, in_steps: Counts) -> Counts:
        return in_steps[:, self.orders[layer]]


def side_by_side(values: NDArray[Scalar], first: Ints, many: int) -> NDArray[Scalar]:
    """Return so many consecutive values from each of some places on, (places, many)."""
    (step,) = values.strides
    windows = np.lib.stride_tricks.as_strided(
        values, (values.size - many + 1, many), (step, step), writeable=False
    )
    found: NDArray[Scalar] = windows[first]
    return found


def _ranks(space: IndexSpace, layer: int, form: IndexFormat, entries: Ints) -> Ints:
    """Rank the streams of a layer as ``hw.deal.ranks_by_entries`` does."""
    if isinstance(form, Dense):
        return entries
    ranks = np.empty_like(entries)
    ranks[np.lexsort((space.ranks[layer], entries))] = np.arange(entries.size)
    return ranks


def _dealt(ranks: Ints, groups: int, ragged: bool) -> Ints:
    """Order the streams of a layer; ``hw.deal`` takes them from the end, a ragged one last."""
    of_group = ranks.reshape(groups, -1)
    each = of_group.shape[1]
    whole = each - ragged
    order = np.full(of_group.shape, each - 1)
    order[:, ragged:] = np.argsort(-of_group[:, :whole], axis=1, kind="stable")[:, ::-1]
    return (order + each * np.arange(groups)[:, None]).ravel()


def _flat(parts: Sequence[NDArray[Any]]) -> Counts:
    joined = np.concatenate([part.ravel() for part in parts])
    return _with_end(joined.astype(np.uint16, copy=False))


def _with_end(values: NDArray[Scalar]) -> NDArray[Scalar]:
    """Add zeros, so that there are as many as lanes from any place on."""
    return np.concatenate([values, np.zeros(_MOST_LANES, values.dtype)])
