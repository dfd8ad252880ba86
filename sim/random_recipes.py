"""What kind of case each random case is: cards dealt so that no kind is missing.

Cases come in blocks of 50. In each block every aspect of a case (format, stride, accumulator
sets, ...) has a deck with a fixed number of cards of each kind, dealt in random order to the
cases it concerns. So each block has its share of every kind, whatever the seed, and the aspects
meet in ever new combinations.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from ..models.masks import seed_for

__all__ = ["BLOCK", "Recipe", "recipes"]

BLOCK = 50

_LARGE = range(3, BLOCK, 8)
"""Large cases come at even distances: at least a tenth of any number of cases from 50 on."""


@dataclass(frozen=True)
class Recipe:
    """The kind of one case.

    Attributes
    ----------
    size : {"small", "medium", "large"}
        Few MACs; more than 20 thousand; more than 5 thousand cycles.
    layer : (str, str)
        Kind of the layer; what is tiled: "none", "filters", "positions", "both".
    array : (str, (int, int), (int, int))
        Family, or "port"; least and most lanes; least and most positions per lane.
    form : str
        Index format; of the dense family, "dense".
    strided, padded : bool
    density : {"uneven", "empty_filters", "all_zero", "full"}
    drain, drain_cycles, acc_sets, run_ahead : int
        Of the design; 2 stands for any number above 1 in ``drain`` and ``drain_cycles``.
    """

    size: Literal["small", "medium", "large"]
    layer: tuple[str, str]
    array: tuple[str, tuple[int, int], tuple[int, int]]
    form: str
    strided: bool
    padded: bool
    density: str
    drain: int
    drain_cycles: int
    acc_sets: int
    run_ahead: int


_Deck = Mapping[Any, int]
"""How many cards there are of each kind."""

_LARGE_LAYERS: _Deck = {("conv", "both"): 3, ("conv", "positions"): 1, ("1x1", "both"): 1,
                        ("grouped", "both"): 1}  # fmt: skip
_LARGE_ARRAYS: _Deck = {("sparse", (8, 8), (8, 8)): 2, ("sparse", (9, 10), (8, 10)): 1,
                        ("dense", (8, 12), (8, 12)): 3}  # fmt: skip
_LAYERS: _Deck = {
    ("conv", "none"): 3, ("conv", "filters"): 3, ("conv", "positions"): 3, ("conv", "both"): 5,
    ("1x1", "none"): 2, ("1x1", "filters"): 2, ("1x1", "positions"): 2, ("1x1", "both"): 2,
    ("fc", "none"): 2, ("fc", "filters"): 2, ("fc", "positions"): 2, ("fc", "both"): 2,
    ("grouped", "none"): 2, ("grouped", "filters"): 2, ("grouped", "positions"): 2,
    ("grouped", "both"): 2, ("depthwise", "none"): 2, ("depthwise", "positions"): 4,
}  # fmt: skip
_ARRAYS: _Deck = {
    ("sparse", (3, 8), (3, 10)): 23, ("dense", (3, 10), (3, 10)): 7,
    ("sparse", (17, 20), (2, 4)): 4, ("dense", (17, 24), (2, 4)): 3,
    ("sparse", (2, 4), (17, 20)): 4, ("dense", (2, 4), (17, 24)): 3,
}  # fmt: skip
_SIZES: _Deck = {"medium": 38, "small": 6}
_DENSITIES: _Deck = {"uneven": 28, "empty_filters": 6, "all_zero": 5, "full": 5}
_DRAINS: _Deck = {1: 29, 2: 15}
_DRAIN_CYCLES: _Deck = {1: 28, 2: 16}
_STRIDED: _Deck = {False: 30, True: 12}  # of all but FC layers
_PADDED: _Deck = {False: 18, True: 24}
_FORMS: _Deck = {"relative4": 8, "relative6": 6, "relative8": 6, "bitmap": 8, "dense": 6}
_RUN_AHEADS: _Deck = {1: 11, 2: 13, 4: 10}
_ACC_SETS: _Deck = {1: 20, 2: 30}


def recipes(seed: int, block: int) -> tuple[Recipe, ...]:
    """Deal one block.

    Parameters
    ----------
    seed : int
    block : int
        Number of the block; case i is in block ``i // BLOCK``.
    """
    rng = np.random.default_rng(seed_for(seed, "recipes", block))
    everyone = range(BLOCK)
    others = [place for place in everyone if place not in _LARGE]
    hands: list[dict[str, Any]] = [
        {"size": "large", "density": "uneven", "drain": 1, "drain_cycles": 1, "form": "dense",
         "run_ahead": 1, "strided": False, "padded": False}
        for _ in everyone
    ]  # fmt: skip

    def deal(aspect: str, deck: _Deck, places: Sequence[int]) -> None:
        cards = [card for card, copies in deck.items() for _ in range(copies)]
        for place, card in zip(places, rng.permutation(len(cards)), strict=True):
            hands[place][aspect] = cards[card]

    deal("layer", _LARGE_LAYERS, _LARGE)
    deal("array", _LARGE_ARRAYS, _LARGE)
    deal("layer", _LAYERS, others)
    deal("array", _ARRAYS, others)
    deal("size", _SIZES, others)
    deal("density", _DENSITIES, others)
    deal("drain", _DRAINS, others)
    deal("drain_cycles", _DRAIN_CYCLES, others)
    deal("acc_sets", _ACC_SETS, everyone)
    sparse = [place for place in everyone if hands[place]["array"][0] != "dense"]
    deal("form", _FORMS, sparse)
    deal("run_ahead", _RUN_AHEADS, sparse)
    maps = [place for place in everyone if hands[place]["layer"][0] != "fc"]
    deal("strided", _STRIDED, maps)
    deal("padded", _PADDED, maps)
    return tuple(Recipe(**hand) for hand in hands)
