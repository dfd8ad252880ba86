"""A pruned layer, and what it would be at other pruning ratios.

With real weights those are pruned by magnitude to each point; with a shape only, masks are made
up with uneven filter densities, one for each of several seeds (large layers: one).
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property, partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import InputError
from ..models.layer import LayerShape
from ..models.masks import (
    SPREAD,
    grouped_mask,
    magnitude_mask,
    norms_of_groups,
    seed_for,
    uneven_mask,
)
from .recent import Recent
from .workload import Workload

__all__ = ["MASKS_PER_POINT", "PrunedLayer", "check_ratio"]

MASKS_PER_POINT = 5
"""Made-up masks at each point, with consecutive seeds; of a large layer one."""

_LARGE = 4_000_000, 1_000
"""Weights, and filters, from which on one mask is enough: the cycles of AlexNet's fc3, with 1,000
filters of 4,096 weights, differ by 0.2 % among five."""

_KEPT_WEIGHTS = 1 << 28
"""Of the masks that are kept for the next time, with what is counted of them."""


def check_ratio(ratio: float, where: str) -> float:
    """Return a pruning ratio, or raise InputError if it is below 1 or not finite."""
    if not 1 <= ratio < float("inf"):
        raise InputError(
            f"{where}: the pruning ratio (all weights / kept weights) must be finite and at least"
            f" 1, not {ratio}"
        )
    return ratio


@dataclass(frozen=True, eq=False)
class PrunedLayer:
    """A layer as its network has it.

    Attributes
    ----------
    shape : LayerShape
    mask : bool array (out, in / groups, kh, kw)
        The network's own mask.
    weight : array (out, in / groups, kh, kw) or None
        Real weights, or None if only the shape is known.
    simd_group : int
        Consecutive filters that are pruned at the same positions; with weights, those of the
        smallest L2 norm over the group.

    Raises
    ------
    InputError
        If a shape is wrong or no weight is kept.
    """

    shape: LayerShape
    mask: NDArray[np.bool_]
    weight: NDArray[Any] | None = None
    simd_group: int = 1
    _recent: Recent[tuple[float, int, int], Workload] = field(
        default_factory=lambda: Recent(_KEPT_WEIGHTS), init=False, repr=False
    )

    def __post_init__(self) -> None:
        for what, found in (("mask", self.mask), ("weight", self.weight)):
            if found is not None and found.shape != self.shape.weight_shape:
                raise InputError(
                    f"layer {self.shape.name}: {what} must have shape"
                    f" {self.shape.weight_shape}, not {found.shape}"
                )
        if not self.mask.any():
            raise InputError(
                f"layer {self.shape.name}: no weight is kept, so it has no pruning ratio"
            )

    @classmethod
    def of_shape(cls, shape: LayerShape, ratio: float, seed: int) -> "PrunedLayer":
        """Return a layer of which only the shape is known, pruned to a ratio by a made-up mask.

        Raises
        ------
        InputError
            If the ratio is below 1 or not finite, or so high that nothing is kept.
        """
        check_ratio(ratio, f"layer {shape.name}")
        rng = seed_for(seed, shape.name, "mask")
        return cls(shape, uneven_mask(shape.weight_shape, 1 / ratio, rng))

    @property
    def name(self) -> str:
        """Name of the layer in its network."""
        return self.shape.name

    @property
    def ratio(self) -> float:
        """The network's own pruning ratio."""
        return self.mask.size / int(np.count_nonzero(self.mask))

    @cached_property
    def own(self) -> Workload:
        """The layer with the network's own mask."""
        return Workload(self.shape, self.mask)

    def seeds(self, seed: int) -> list[int]:
        """Return the seeds of the masks of each point; none where they come from weights."""
        if self.weight is not None:
            return []
        weights, filters = _LARGE
        large = self.shape.weights >= weights and self.shape.out_channels >= filters
        return list(range(seed, seed + (1 if large else MASKS_PER_POINT)))

    def masks(self, seed: int) -> dict[str, Any]:
        """Return how the masks along the curve are made, for reports."""
        made_up = self.weight is None
        return {
            "kind": "uneven" if made_up else "magnitude",
            "spread": SPREAD if made_up else None,
            "seeds": self.seeds(seed),
            "simd_group": self.simd_group,
        }

    def pruned_to(self, density: float, seed: int) -> list[Workload]:
        """Return the layer pruned to a density, once for each mask of a point.

        Raises
        ------
        InputError
            If the density is not in (0, 1] or the seed is negative.
        """
        return [self.pruned_once(density, seed, at) for at in range(len(self.seeds(seed)) or 1)]

    def pruned_once(self, density: float, seed: int, number: int = 0) -> Workload:
        """Return one of the masks of ``pruned_to``, which raises the same."""

        def make() -> Workload:
            shape, group = self.shape, self.simd_group
            mask_of = self._mask_of(density, seed, number)
            return Workload(shape, grouped_mask(shape.weight_shape, group, mask_of, shape.groups))

        return self._recent.get((density, seed, number), self.mask.size, make)

    def _mask_of(
        self, density: float, seed: int, number: int
    ) -> Callable[[tuple[int, ...]], NDArray[np.bool_]]:
        """Return what makes a mask of a shape, in which a group of filters counts as one."""
        if self.weight is None:
            own = seed_for(self.seeds(seed)[number], self.name, "break-even")
            return partial(uneven_mask, density=density, seed=own)
        norms = norms_of_groups(self.weight, self.simd_group, self.shape.groups)
        weight = self.weight if self.simd_group == 1 else norms
        return lambda _: magnitude_mask(weight, density)
