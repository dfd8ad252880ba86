"""What ADMM-NN printed of AlexNet's convolutions: MACs that are left, and speedups in hardware.

All from *ADMM-NN: An Algorithm-Hardware Co-Design Framework of DNNs Using Alternating Direction
Methods of Multipliers* (Ren et al., ASPLOS 2019). The curve of its Figure 4 is a picture; only the
facts that its text states are here.
"""

from collections.abc import Sequence
from dataclasses import dataclass

__all__ = [
    "BREAK_EVEN_RATIO",
    "CONVOLUTIONS",
    "FIGURE_4",
    "ROWS",
    "PublishedRow",
    "overall",
]

CONVOLUTIONS = ("conv1", "conv2", "conv3", "conv4", "conv5")

DENSE_MACS_M = (211.0, 448.0, 299.0, 224.0, 150.0)
"""Table 8, row AlexNet, millions. It counts two operations for a MAC, which ratios do not see."""

BREAK_EVEN_RATIO = 2.22
"""Section 5.1: the pruned portion has to be higher than about 55 %."""

FIGURE_4 = (
    "the hardware area is fixed, and the goal is to complete all computations of one layer",
    "pruned portions from 10 % to 90 % in 9 cases, against a baseline without pruning",
    "area is that of PEs and of SRAM for features, weights, biases and, if pruned, indices",
    "SMIC 40 nm, Synopsys Design Compiler",
    "the pruned portion has to be higher than about 55 %: a break-even ratio of 2.22",
)
"""What the text says of Figure 4 (section 5.1)."""


@dataclass(frozen=True)
class PublishedRow:
    """One row of Table 9.

    Attributes
    ----------
    name : str
    ratios : tuple of float
        Pruning ratio of each convolution.
    speedups : tuple of float
        Printed speedup of each.
    overall : float
        Printed speedup of all five.
    note : str
        Where the ratios are from.
    """

    name: str
    ratios: tuple[float, ...]
    speedups: tuple[float, ...]
    overall: float
    note: str


def overall(speedups: Sequence[float]) -> float:
    """Return the speedup of all convolutions: the MAC-weighted harmonic mean.

    The text of section 6.2 calls it a weighted sum; this mean gives all five printed values.
    """
    times = (macs / speedup for macs, speedup in zip(DENSE_MACS_M, speedups, strict=True))
    return sum(DENSE_MACS_M) / sum(times)


def _ratios(*left_m: float) -> tuple[float, ...]:
    return tuple(dense / left for dense, left in zip(DENSE_MACS_M, left_m, strict=True))


_TABLE_8 = "MACs left by Table 8"

ROWS = (
    PublishedRow(
        "Ours1",
        _ratios(211, 31, 18, 16, 11),
        (1.0, 7.0, 7.5, 7.2, 7.1),
        3.6,
        f"{_TABLE_8}, row Ours; CONV1 stays dense (section 6.2)",
    ),
    PublishedRow(
        "Ours2",
        (1.0, 40.5, 40.5, 40.5, 40.5),
        (1.0, 8.6, 9.0, 8.8, 8.6),
        3.9,
        "section 6.2: 40.5x over CONV2-5 as a whole, taken for each of them; CONV1 stays dense",
    ),
    PublishedRow(
        "Han",
        _ratios(177, 170, 105, 83, 56),
        (0.16, 1.4, 1.6, 1.5, 1.5),
        0.64,
        f"{_TABLE_8}, row Han",
    ),
    PublishedRow(
        "Mao",
        _ratios(175, 116, 67, 52, 35),
        (0.17, 2.6, 3.0, 3.0, 3.0),
        0.81,
        f"{_TABLE_8}, row Mao",
    ),
    PublishedRow(
        "Wen",
        _ratios(180, 107, 44, 42, 36),
        (0.15, 2.9, 4.6, 3.8, 2.9),
        0.77,
        f"{_TABLE_8}, row Wen",
    ),
)
"""Table 9 without its first row, the network as it is."""
