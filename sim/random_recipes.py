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
    layer : (str, str, str)
        Kind of the layer; what is tiled: "none", "filters", "positions", "both"; the dimension in
        which it is too large for the buffers, or "none".
    array : (str, (int, int), (int, int))
        Family; least and most lanes; least and most positions per lane.
    form : str
        Index format; of the dense family, "dense".
    strided, padded : bool
    density : {"uneven", "empty_filters", "all_zero", "full"}
    drain, drain_cycles, acc_sets, run_ahead, simd_group, buffer_sets : int
        Of the design; 2 stands for any number above 1 in ``drain`` and ``drain_cycles``.
    code : {"twos_complement", "zero_free"}
        Of the weights.
    environment : {"ideal", "dram"}
    """

    size: Literal["small", "medium", "large"]
    layer: tuple[str, str, str]
    array: tuple[str, tuple[int, int], tuple[int, int]]
    form: str
    strided: bool
    padded: bool
    density: str
    drain: int
    drain_cycles: int
    acc_sets: int
    run_ahead: int
    simd_group: int
    buffer_sets: int
    code: Literal["twos_complement", "zero_free"]
    environment: Literal["ideal", "dram"]


_Deck = Mapping[Any, int]
"""How many cards there are of each kind."""

_LARGE_LAYERS: _Deck = {
    ("conv", "both", "none"): 3, ("conv", "positions", "none"): 1, ("1x1", "both", "none"): 1,
    ("grouped", "both", "none"): 1,
}  # fmt: skip
_LARGE_ARRAYS: _Deck = {("sparse", (8, 8), (8, 8)): 2, ("sparse", (9, 10), (8, 10)): 1,
                        ("dense", (8, 12), (8, 12)): 3}  # fmt: skip
_LAYERS: _Deck = {
    ("conv", "none", "none"): 1, ("conv", "none", "channels"): 2, ("conv", "filters", "none"): 1,
    ("conv", "filters", "filters"): 2, ("conv", "positions", "none"): 1,
    ("conv", "positions", "rows"): 2, ("conv", "both", "none"): 2, ("conv", "both", "columns"): 2,
    ("conv", "both", "rows"): 1, ("1x1", "none", "channels"): 1, ("1x1", "none", "none"): 1,
    ("1x1", "filters", "filters"): 1, ("1x1", "filters", "none"): 1,
    ("1x1", "positions", "columns"): 1, ("1x1", "positions", "none"): 1,
    ("1x1", "both", "images"): 1, ("1x1", "both", "none"): 1, ("fc", "none", "channels"): 1,
    ("fc", "none", "none"): 1, ("fc", "filters", "filters"): 1, ("fc", "filters", "none"): 1,
    ("fc", "positions", "images"): 1, ("fc", "positions", "none"): 1, ("fc", "both", "images"): 1,
    ("fc", "both", "none"): 1, ("grouped", "none", "groups"): 1, ("grouped", "none", "none"): 1,
    ("grouped", "filters", "none"): 2, ("grouped", "positions", "groups"): 1,
    ("grouped", "positions", "none"): 1, ("grouped", "both", "none"): 1,
    ("grouped", "both", "images"): 1, ("depthwise", "none", "groups"): 1,
    ("depthwise", "none", "none"): 1, ("depthwise", "positions", "groups"): 1,
    ("depthwise", "positions", "none"): 3,
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
_RUN_AHEADS: _Deck = {1: 8, 2: 9, 3: 9, 4: 8}
_SIMD_GROUPS: _Deck = {1: 16, 2: 5, 4: 4, 8: 3, 16: 3}  # of all sparse cases but the large ones
_CODES: _Deck = {"twos_complement": 32, "zero_free": 12}
_ENVIRONMENTS: _Deck = {"ideal": 34, "dram": 10}
_BUFFER_SETS: _Deck = {1: 36, 2: 14}
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
         "run_ahead": 1, "strided": False, "padded": False, "simd_group": 1,
         "code": "twos_complement", "environment": "ideal"}
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
    deal("code", _CODES, others)
    deal("environment", _ENVIRONMENTS, others)
    deal("acc_sets", _ACC_SETS, everyone)
    deal("buffer_sets", _BUFFER_SETS, everyone)
    sparse = [place for place in everyone if hands[place]["array"][0] == "sparse"]
    deal("form", _FORMS, sparse)
    deal("run_ahead", _RUN_AHEADS, sparse)
    deal("simd_group", _SIMD_GROUPS, [place for place in sparse if place not in _LARGE])
    maps = [place for place in everyone if hands[place]["layer"][0] != "fc"]
    deal("strided", _STRIDED, maps)
    deal("padded", _PADDED, maps)
    return tuple(Recipe(**hand) for hand in hands)
