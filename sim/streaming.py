"""Streaming: weights that do not fit on chip, brought in piece by piece while the array computes.

Modelled, not yet in RTL, and labelled so wherever its numbers appear. The weight and index memories
of a lane are rings. Weights come in the order in which they are used, into room that was given
back, and the rings are full at the start, as in the ``ideal`` environment all weights are on chip.

- A filter tile that fits the rings is loaded once. Its weights are used in every pass over the
  positions, and their room is given back in the last one.
- A tile that does not is loaded again in every pass, and room is given back at once.

Weights that are used only once (FC layers) are a matter of bandwidth wherever they are: with all of
them on chip, too, every side reads at most as many bits per second as the dense baseline, a weight
per row and cycle.

Where every tile has an order of its feed steps, that comes with the weights of the tile: the memory
of the orders is a ring, too, of the same portion, but of two tiles at least.

A tile is worked off in equal pieces, none larger than an eighth of the rings: a piece waits until
it is there, and loading it until there is room. The cycles of a layer are shared out to its tiles
by their bounds. All sides read over the same bandwidth, just enough that the dense baseline never
waits.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from math import ceil, floor, isinf
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..errors import FitError, InputError
from ..hw.design import Buffers, Design
from .workload import Bounds, Load

__all__ = ["LABEL", "RING_WORDS", "WeightSupply"]

Floats = NDArray[np.float64]

LABEL = "streaming: modelled, not yet in RTL"

ORDERS = 2
"""Tiles whose orders are on chip at least: one that is worked off, and one that comes."""

RING_WORDS = 8
"""Pieces that the rings hold at least, each a word or more."""

_CLOSE = 1e-9
"""Relative difference of two times that are the same."""


class _Tile(NamedTuple):
    """A filter tile on its way through the rings.

    ``portion`` of the rings a piece fills, its ``bits``, and the ``seconds`` it takes in a pass;
    ``pieces`` of them, ``passes`` times; ``held`` from pass to pass, or loaded in each.
    """

    pieces: int
    passes: int
    portion: float
    bits: float
    seconds: float
    held: bool


@dataclass(frozen=True)
class WeightSupply:
    """Where the weights of a layer are when it starts, and how fast the rest arrives.

    Attributes
    ----------
    on_chip : float
        Portion of the stored weights (and of their indices) that the memories hold; 1: all.
    bits_per_s : float
        Bandwidth of the rest.
    once_bits_per_s : float
        Bandwidth of weights that are used once, on chip or not.

    Raises
    ------
    InputError
        If ``on_chip`` is not in (0, 1].
    """

    on_chip: float = 1.0
    bits_per_s: float = float("inf")
    once_bits_per_s: float = float("inf")

    def __post_init__(self) -> None:
        if not 0 < self.on_chip <= 1:
            raise InputError(
                "--weights-on-chip must be above 0 and at most 1 (1: all weights on chip), not"
                f" {self.on_chip}"
            )

    @property
    def label(self) -> str | None:
        """What a report must say about the numbers."""
        return None if self.on_chip == 1 else LABEL

    def buffers(self, design: Design, loads: Sequence[Load], whole: Sequence[Buffers]) -> Buffers:
        """Return the depths of the memories of a design, rings among them, that serve all loads.

        ``whole`` are those that hold each load as a whole.

        Raises
        ------
        FitError
            If a ring would not hold its pieces.
        """
        cover = reduce(
            Buffers.covering,
            (self._rings(load, held) for load, held in zip(loads, whole, strict=True)),
        )
        for load in loads:
            for what, all_words, words in (
                ("weights", load.weight_words, cover.weight_words),
                ("index words", load.index_words, cover.index_words),
            ):
                if words < min(all_words, RING_WORDS):
                    raise FitError(
                        f"--weights-on-chip {self.on_chip:g} leaves each lane of {design.name} room"
                        f" for {words} {what}, and streaming needs {RING_WORDS} at least; more on"
                        " chip or fewer lanes help"
                    )
        return cover

    def _rings(self, load: Load, whole: Buffers) -> Buffers:
        """Return the memories of one load with the portion that is on chip."""
        orders = whole.offset_words
        if load.reordered:
            ring = max(_portion(self.on_chip, orders), ORDERS * load.order_words)
            orders = min(orders, ring)
        return replace(
            whole,
            weight_words=_portion(self.on_chip, load.weight_words),
            index_words=_portion(self.on_chip, load.index_words),
            offset_words=orders,
        )

    def latency_s(
        self, cycles: float, freq_hz: float, load: Load, bounds: Bounds, buffers: Buffers
    ) -> float:
        """Return the seconds of a layer that takes ``cycles`` if it never waits for weights."""
        seconds = cycles / freq_hz
        if bounds.positions == 1:
            seconds = max(seconds, float(load.tile_bits.sum()) / self.once_bits_per_s)
        if _fits(load, buffers) or isinf(self.bits_per_s):
            return seconds
        return _streamed_s(_tiles(seconds, load, bounds, buffers), self.bits_per_s)

    def least_s(
        self, cycles: float, freq_hz: float, load: Load, bounds: Bounds, buffers: Buffers
    ) -> float:
        """Return seconds that ``latency_s`` is never below, at once.

        All that is loaded, but for what fills the rings at the start, has to arrive.
        """
        seconds = cycles / freq_hz
        if _fits(load, buffers) or isinf(self.bits_per_s):
            return self.latency_s(cycles, freq_hz, load, bounds, buffers)
        portions, bits = _portions(load, bounds, buffers)
        times = np.where(portions <= 1, 1, bounds.passes)
        room = np.clip(1 - (np.cumsum(portions) - portions), 0, portions)
        there = room / np.maximum(portions, np.finfo(float).tiny)
        arriving = float((bits * (times - there)).sum())
        return max(seconds, arriving / self.bits_per_s)

    @staticmethod
    def bits_per_s_needed(
        cycles: float, freq_hz: float, load: Load, bounds: Bounds, buffers: Buffers
    ) -> float:
        """Return the bandwidth at which a layer just never waits for its weights, by bisection."""
        if _fits(load, buffers):
            return 0.0
        seconds = cycles / freq_hz
        tiles = list(_tiles(seconds, load, bounds, buffers))

        def waits(bits_per_s: float) -> bool:
            return _streamed_s(tiles, bits_per_s) > seconds * (1 + _CLOSE)

        enough = float(load.tile_bits.sum()) / seconds
        while waits(enough):
            enough *= 2
        too_little = 0.0
        while enough - too_little > _CLOSE * enough:
            middle = (too_little + enough) / 2
            if waits(middle):
                too_little = middle
            else:
                enough = middle
        return enough


def _fits(load: Load, buffers: Buffers) -> bool:
    return (
        load.weight_words <= buffers.weight_words
        and load.index_words <= buffers.index_words
        and _orders_fit(load, buffers)
    )


def _orders_fit(load: Load, buffers: Buffers) -> bool:
    return load.tiles * load.order_words <= buffers.offset_words


def _portions(load: Load, bounds: Bounds, buffers: Buffers) -> tuple[Floats, Floats]:
    """Return the portion of the rings that each filter tile fills, and its bits."""
    portions = np.maximum(
        load.tile_weight_words / buffers.weight_words,
        load.tile_index_words / max(1, buffers.index_words),
    )
    bits = load.tile_bits.astype(np.float64)
    if not _orders_fit(load, buffers):
        portions = np.maximum(portions, load.order_words / buffers.offset_words)
        bits = bits + bounds.order_bits
    return portions, bits


def _tiles(seconds: float, load: Load, bounds: Bounds, buffers: Buffers) -> Iterator[_Tile]:
    """Cut the filter tiles of a layer into pieces."""
    portions, bits_of = _portions(load, bounds, buffers)
    pass_s = seconds / (bounds.together * bounds.passes)
    for portion, bits, bound in zip(
        portions.tolist(), bits_of.tolist(), bounds.of_tile.tolist(), strict=True
    ):
        pieces = max(1, ceil(portion * RING_WORDS))
        yield _Tile(
            pieces=pieces,
            passes=bounds.passes,
            portion=portion / pieces,
            bits=bits / pieces,
            seconds=bound * pass_s / pieces,
            held=portion <= 1,
        )


def _streamed_s(tiles: Sequence[_Tile] | Iterator[_Tile], bits_per_s: float) -> float:
    """Return when the last piece is worked off."""
    room, full = 1.0, False
    loaded = now = 0.0
    leaving: deque[tuple[float, float]] = deque()  # portion, and when it is given back

    def load(tile: _Tile) -> None:
        nonlocal room, full, loaded
        while room < tile.portion - _CLOSE:
            portion, at = leaving.popleft()
            room, full, loaded = room + portion, True, max(loaded, at)
        room -= tile.portion
        if full:
            loaded += tile.bits / bits_per_s

    for tile in tiles:
        passes = range(tile.passes)
        if tile.held and tile.passes > 2:
            passes = range(0, tile.passes, tile.passes - 1)  # nothing comes or goes in the others
        for number in passes:
            first, last = number == 0, number == tile.passes - 1
            if tile.held and last and not first:
                now += (tile.passes - 2) * tile.pieces * tile.seconds
            for _ in range(tile.pieces):
                if first or not tile.held:
                    load(tile)
                now = max(now, loaded) + tile.seconds
                if last or not tile.held:
                    leaving.append((tile.portion, now))
    return now


def _portion(fraction: float, words: int) -> int:
    """Return the whole words of a portion, forgiving the rounding of the fraction itself."""
    if fraction == 1:
        return words
    return max(1 if words else 0, floor(fraction * words + 1e-6 * words))
