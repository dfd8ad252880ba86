"""Streaming: weights that do not fit on chip, brought in tile by tile while the array computes.

Modelled, not yet in RTL, and labelled so wherever its numbers appear. The weight and index
memories hold two halves of one filter tile each; the first two tiles are loaded before start, as
in the ``ideal`` environment all weights are. A half is free again when its tile is finished::

    load_done(t) = max(load_done(t - 1), finished(t - 2)) + bits(t) / bandwidth
    finished(t)  = max(finished(t - 1), load_done(t)) + seconds(t)

The simulated cycles of a layer are shared out to its tiles by their bounds. All sides read over
the same bandwidth, just enough that the dense baseline never waits.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor

from ..errors import FitError, InputError
from ..hw.design import Buffers, Design
from .workload import Bounds, Load

__all__ = ["LABEL", "WeightSupply"]

LABEL = "streaming: modelled, not yet in RTL"

_HALVES = 2


@dataclass(frozen=True)
class WeightSupply:
    """Where the weights of a layer are when it starts, and how fast the rest arrives.

    Attributes
    ----------
    on_chip : float
        Portion of the stored weights (and of their indices) that the memories may hold; 1: all.
    bits_per_s : float
        Bandwidth of the rest.

    Raises
    ------
    InputError
        If ``on_chip`` is not in (0, 1].
    """

    on_chip: float = 1.0
    bits_per_s: float = float("inf")

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

    def allowed_words(self, loads: Sequence[Load]) -> tuple[int, int]:
        """Return the words that the weight and the index memory of a lane may have."""
        return (
            _portion(self.on_chip, max(load.weight_words for load in loads)),
            _portion(self.on_chip, max(load.index_words for load in loads)),
        )

    def words(self, design: Design, loads: Sequence[Load]) -> tuple[int, int]:
        """Return the words that they need: the layers whole, or two tiles of each.

        Raises
        ------
        FitError
            If two tiles are more than what may be on chip.
        """
        if self.on_chip == 1:
            return self.allowed_words(loads)
        weights = max(min(load.weight_words, _HALVES * load.tile_weight_words) for load in loads)
        index = max(min(load.index_words, _HALVES * load.tile_index_words) for load in loads)
        for what, need, allowed in zip(
            ("weights", "index words"), (weights, index), self.allowed_words(loads), strict=True
        ):
            if need > allowed:
                raise FitError(
                    f"--weights-on-chip {self.on_chip:g} leaves each lane of {design.name} room for"
                    f" {allowed} {what}, and streaming needs two filter tiles, {need}; more on"
                    " chip or fewer lanes help"
                )
        return weights, index

    def latency_s(
        self, cycles: float, freq_hz: float, load: Load, bounds: Bounds, buffers: Buffers
    ) -> float:
        """Return the seconds of a layer that takes ``cycles`` if it never waits for weights."""
        if load.weight_words <= buffers.weight_words and load.index_words <= buffers.index_words:
            return cycles / freq_hz
        seconds_per_bound = cycles / freq_hz / bounds.together
        finished = [0.0, 0.0]  # of the last two tiles
        loaded = 0.0
        for tile, (bits, bound) in enumerate(
            zip(load.tile_bits.tolist(), bounds.of_tile.tolist(), strict=True)
        ):
            if tile >= _HALVES:
                loaded = max(loaded, finished[0]) + bits / self.bits_per_s
            finished = [finished[1], max(finished[1], loaded) + bound * seconds_per_bound]
        return finished[1]

    @staticmethod
    def bits_per_s_needed(cycles: float, freq_hz: float, load: Load, bounds: Bounds) -> float:
        """Return the bandwidth at which a layer never waits for its weights.

        Tile t loads while tile t - 1 computes.
        """
        seconds = bounds.of_tile * (cycles / freq_hz / bounds.together)
        if load.tiles <= _HALVES:
            return 0.0
        return float((load.tile_bits[_HALVES:] / seconds[1:-1]).max())


def _portion(fraction: float, words: int) -> int:
    """Return the whole words of a portion, forgiving the rounding of the fraction itself."""
    if fraction == 1:
        return words
    return max(1 if words else 0, floor(fraction * words + 1e-6 * words))
