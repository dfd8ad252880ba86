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

_EIE = range(7, BLOCK, 16)
"""Places of the EIE family, whose cases are drawn apart (``random_eie``)."""

_WIDE_ROWS = range(10, BLOCK, 16)
"""Places of FC layers on dense rows that read V weights per cycle."""


@dataclass(frozen=True)
class Recipe:
    """The kind of one case.

    Attributes
    ----------
    size : {"small", "medium", "large"}
        Few MACs; more than 20 thousand; more than 5 thousand cycles.
    layer : (str, str, str)
        Kind of the layer; what is tiled: "none", "filters", "positions", "both", or "wide" for
        many filters and few positions; the dimension in
        which it is too large for the buffers, or "none".
    array : (str, (int, int), (int, int))
        Family, "port", or "rows" for dense ones that read V weights; least and most lanes; least
        and most positions per lane.
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
    ("conv", "positions", "rows"): 2, ("conv", "both", "none"): 1, ("conv", "both", "columns"): 2,
    ("conv", "both", "rows"): 1, ("1x1", "none", "channels"): 1, ("1x1", "none", "none"): 1,
    ("1x1", "filters", "filters"): 1, ("1x1", "filters", "none"): 1,
    ("1x1", "positions", "columns"): 1, ("1x1", "positions", "none"): 1,
    ("1x1", "both", "images"): 1, ("fc", "none", "channels"): 1, ("fc", "filters", "filters"): 1,
    ("fc", "positions", "images"): 1, ("fc", "both", "images"): 1,
    ("grouped", "none", "groups"): 1, ("grouped", "none", "none"): 1,
    ("grouped", "filters", "none"): 2, ("grouped", "positions", "groups"): 1,
    ("grouped", "positions", "none"): 1, ("grouped", "both", "none"): 1,
    ("grouped", "both", "images"): 1, ("depthwise", "none", "groups"): 1,
    ("depthwise", "none", "none"): 1, ("depthwise", "positions", "groups"): 1,
    ("depthwise", "positions", "none"): 3,
}  # fmt: skip
_ARRAYS: _Deck = {
    ("sparse", (3, 8), (3, 10)): 16, ("dense", (3, 10), (3, 10)): 7,
    ("port", (3, 8), (3, 10)): 3, ("port", (17, 18), (2, 3)): 1,
    ("sparse", (17, 20), (2, 4)): 3, ("dense", (17, 24), (2, 4)): 2,
    ("sparse", (2, 4), (17, 20)): 3, ("dense", (2, 4), (17, 24)): 3,
}  # fmt: skip
_ROWS: _Deck = {("rows", (3, 6), (3, 6)): 3}
_ROW_LAYERS: _Deck = {("fc", "wide", "none"): 2, ("fc", "wide", "channels"): 1}
_SIZES: _Deck = {"medium": 34, "small": 7}
_DENSITIES: _Deck = {"uneven": 26, "empty_filters": 6, "all_zero": 4, "full": 5}
_DRAINS: _Deck = {1: 27, 2: 14}
_DRAIN_CYCLES: _Deck = {1: 26, 2: 15}
_CODES: _Deck = {"twos_complement": 29, "zero_free": 12}
_ENVIRONMENTS: _Deck = {"ideal": 31, "dram": 10}
_STRIDED: _Deck = {False: 29, True: 11}  # of all but FC layers
_PADDED: _Deck = {False: 17, True: 23}
_ACC_SETS: _Deck = {1: 18, 2: 29}
_BUFFER_SETS: _Deck = {1: 34, 2: 13}
_FORMS: _Deck = {"relative4": 7, "relative6": 5, "relative8": 5, "bitmap": 7, "dense": 5}
_RUN_AHEADS: _Deck = {1: 6, 2: 7, 3: 6, 4: 6}  # of all with windows
_SIMD_GROUPS: _Deck = {1: 9, 2: 4, 4: 3, 8: 3, 16: 3}  # of those but the large ones


def recipes(seed: int, block: int) -> tuple[Recipe, ...]:
    """Deal one block.

    Parameters
    ----------
    seed : int
    block : int
        Number of the block; case i is in block ``i // BLOCK``.
    """
    rng = np.random.default_rng(seed_for(seed, "recipes", block))
    everyone = [place for place in range(BLOCK) if place not in _EIE]
    others = [place for place in everyone if place not in (*_LARGE, *_WIDE_ROWS)]
    small = [place for place in everyone if place not in _LARGE]
    hands: list[dict[str, Any]] = [
        {"size": "large" if place in _LARGE else "small",
         "layer": ("fc", "filters", "none"), "array": ("eie", (2, 20), (1, 1)),
         "density": "uneven", "drain": 1, "drain_cycles": 1, "form": "dense", "run_ahead": 1,
         "strided": False, "padded": False, "simd_group": 1, "code": "twos_complement",
         "environment": "ideal", "acc_sets": 1, "buffer_sets": 1}
        for place in range(BLOCK)
    ]  # fmt: skip

    def deal(aspect: str, deck: _Deck, places: Sequence[int]) -> None:
        cards = [card for card, copies in deck.items() for _ in range(copies)]
        for place, card in zip(places, rng.permutation(len(cards)), strict=True):
            hands[place][aspect] = cards[card]

    deal("layer", _LARGE_LAYERS, _LARGE)
    deal("array", _LARGE_ARRAYS, _LARGE)
    deal("layer", _ROW_LAYERS, _WIDE_ROWS)
    deal("array", _ROWS, _WIDE_ROWS)
    deal("layer", _LAYERS, others)
    deal("array", _ARRAYS, others)
    deal("size", _SIZES, small)
    deal("density", _DENSITIES, small)
    deal("drain", _DRAINS, small)
    deal("drain_cycles", _DRAIN_CYCLES, small)
    deal("code", _CODES, small)
    deal("environment", _ENVIRONMENTS, small)
    deal("acc_sets", _ACC_SETS, everyone)
    deal("buffer_sets", _BUFFER_SETS, everyone)
    families = {place: hands[place]["array"][0] for place in everyone}
    windows = [place for place in everyone if families[place] == "sparse"]
    deal("form", _FORMS, [place for place in everyone if families[place] in ("sparse", "port")])
    deal("run_ahead", _RUN_AHEADS, windows)
    deal("simd_group", _SIMD_GROUPS, [place for place in windows if place not in _LARGE])
    maps = [place for place in everyone if hands[place]["layer"][0] != "fc"]
    deal("strided", _STRIDED, maps)
    deal("padded", _PADDED, maps)
    return tuple(Recipe(**hand) for hand in hands)
