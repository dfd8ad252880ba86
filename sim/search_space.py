"""What the optimizer chooses from: values of the fields of dense and sparse templates."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Literal

from ..hw.design import Design
from ..hw.layout import Layout
from ..models.layer import LayerShape

__all__ = ["SearchSpace"]

_CLEARLY = 0.02
"""By how much of the column-cycles less a fitted width must leave idle."""


@dataclass(frozen=True)
class SearchSpace:
    """Values that the optimizer may choose from; the defaults are those of the lane table.

    Attributes
    ----------
    vectors, windows, run_aheads, feeds, drains, drain_cycles, acc_sets : tuple of int
    feed_orders : tuple of str
        Values of the fields of ``Design``, ascending; windows, run_aheads, feeds and feed_orders
        are of the sparse family. Of ``drain_cycles``, which divide the vector, the next lower
        divisor counts.
    fitted : tuple of int
        More vectors, which suit the layers at hand (``for_layers``).
    simd_group : int
        Lanes of the sparse family that share an index stream.
    """

    vectors: tuple[int, ...] = (1, 4, 8, 16, 32, 64, 128)
    windows: tuple[int, ...] = (4, 8, 16)
    run_aheads: tuple[int, ...] = (1, 2, 3, 4)
    feeds: tuple[int, ...] = (1, 2, 4, 8)
    drains: tuple[int, ...] = (1, 2, 4)
    drain_cycles: tuple[int, ...] = (1, 2, 4, 8, 16)
    acc_sets: tuple[int, ...] = (1, 2)
    feed_orders: tuple[Literal["natural", "balanced"], ...] = ("natural", "balanced")
    fitted: tuple[int, ...] = ()
    simd_group: int = 1

    def for_layers(self, shapes: Iterable[LayerShape]) -> "SearchSpace":
        """Return the space with the widths that leave clearly less idle than those it has.

        They lie between those it has, in the range whose parts are measured. Where all layers have
        a single position (FC layers), the narrowest alone is left.
        """
        layers = tuple(shapes)
        if all(shape.positions == 1 for shape in layers):
            return replace(self, vectors=self.vectors[:1])

        def idle(vector: int) -> float:
            """Portion of column-cycles without a position, weighted by MACs."""
            used = sum(shape.macs for shape in layers)
            spent = sum(shape.macs * _idle_factor(shape, vector) for shape in layers)
            return spent / used - 1

        listed = {vector: idle(vector) for vector in self.vectors}
        fitted = []
        for below, above in pairwise(self.vectors):
            limit = min(listed[below], listed[above]) - _CLEARLY
            between = {vector: idle(vector) for vector in range(below + 1, above)}
            # The narrowest of those that take equally many passes.
            fitted += [v for v in between if between[v] < min(limit, between.get(v - 1, 1.0))]
        return replace(self, fitted=tuple(fitted))

    def starts(self, family: Literal["dense", "sparse"], like: Design) -> list[Design]:
        """Return a template for each vector width and number of accumulator sets.

        ``like`` gives the bit widths.
        """
        lanes = -(-max(self.drains) // self.simd_group) * self.simd_group
        vectors = _from_middle(sorted({*self.vectors, *self.fitted}))
        if family == "dense":
            templates = [
                replace(Design.dense(lanes, vector), acc_sets=sets)
                for vector in vectors
                for sets in self.acc_sets
            ]
        else:
            templates = [
                Design(
                    "sparse",
                    lanes,
                    vector,
                    simd_group=self.simd_group,
                    window=self.windows[-1],
                    run_ahead=_from_middle(self.run_aheads)[0],
                    feed=self.feeds[-1],
                    feed_order=self.feed_orders[-1],
                    acc_sets=sets,
                    drain=self.drains[0],
                    drain_cycles=_divisor(vector, self.drain_cycles[0]),
                )
                for vector in vectors
                for sets in reversed(self.acc_sets)
            ]
        return [
            replace(
                template,
                weight_bits=like.weight_bits,
                act_bits=like.act_bits,
                acc_bits=like.acc_bits,
            )
            for template in templates
        ]

    def typical(self, start: Design) -> list[Design]:
        """Return templates that show what a start of the sparse family may come to.

        A small window far ahead, and a large one; fed in either order; drained fast and slowly.
        """
        small = max(self.windows[0], self.feeds[0])
        feeds = [feed for feed in self.feeds if feed <= small]
        feed = next((feed for feed in feeds if 2 * feed >= small), feeds[-1])
        middle, most = self.drain_cycles[len(self.drain_cycles) // 2], self.drain_cycles[-1]
        divisors = {_divisor(start.vector, middle), _divisor(start.vector, most)}
        windows = (
            replace(start, window=small, run_ahead=self.run_aheads[-1], feed=feed),
            replace(start, window=self.windows[-1], feed=self.feeds[-1]),
        )
        return [
            replace(one, feed_order=order, drain_cycles=cycles)
            for one in windows
            for order in self.feed_orders
            for cycles in sorted(divisors)
        ]

    def axes(self, design: Design) -> Iterator[list[Design]]:
        """Yield, for each axis, the designs of the same start that differ along it."""
        divisors = {_divisor(design.vector, cycles) for cycles in self.drain_cycles}
        yield [
            replace(design, drain=drain, drain_cycles=cycles)
            for drain in self.drains
            for cycles in sorted(divisors)
        ]
        if design.family == "sparse":
            # A small window pays only with run-ahead, a large one only without: one at a time,
            # the search would stay in the valley it starts in.
            yield [
                replace(design, window=window, run_ahead=ahead, feed=feed)
                for window in self.windows
                for ahead in self.run_aheads
                for feed in self.feeds
                if window >= feed
            ]
            yield [replace(design, feed_order=order) for order in self.feed_orders]


def _idle_factor(shape: LayerShape, vector: int) -> float:
    """Return the columns times passes of a layer over its positions."""
    layout = Layout.of(shape, Design.dense(1, vector))
    return vector * layout.position_tiles / layout.flat_positions


def _divisor(number: int, most: int) -> int:
    """Return the largest divisor of a number that is at most ``most``."""
    return max(divisor for divisor in range(1, most + 1) if number % divisor == 0)


def _from_middle(values: Sequence[int]) -> list[int]:
    """Order values so that the middle ones come first."""
    middle = len(values) // 2 + 0.5
    return sorted(values, key=lambda value: abs(values.index(value) - middle))
