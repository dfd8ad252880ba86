"""How far predictions of the fast tier are off: measured against the exact simulator."""

from collections.abc import Mapping
from dataclasses import dataclass

from ...hw.design import Design

__all__ = ["KNOWN_ERROR", "KnownError", "known_error"]


@dataclass(frozen=True)
class KnownError:
    """Relative errors of predicted cycles of a layer, in magnitude.

    Attributes
    ----------
    median, p90, worst : float
    rank_correlation : float or None
        Of predicted and exact cycles, Spearman's; None if there is only one of either.
    pairs : int
        Random pairs of a layer and a design that were compared.
    """

    median: float
    p90: float
    worst: float
    rank_correlation: float | None
    pairs: int


KNOWN_ERROR: Mapping[str, KnownError] = {
    "windows": KnownError(1e-05, 0.0128, 0.113, 0.99998, 1198),
    "ports": KnownError(0.0, 0.0013, 0.042, 0.99999, 242),
    "eie": KnownError(0.00181, 0.015, 0.075, 0.99995, 287),
    "dense": KnownError(0.0, 0.0, 0.0, 1.0, 273),
}
"""Of each family, the sparse one by how lanes get activations; layers that are cut included.

Measured by ``benchmarks/fast_tier.py --pairs 2000 --seed 0``."""


def known_error(design: Design) -> KnownError:
    """Return how far predictions for a design are off."""
    sparse = "ports" if design.delivery == "port" else "windows"
    return KNOWN_ERROR[sparse if design.family == "sparse" else design.family]
