"""The paper, side by side: what ADMM-NN (Ren et al., ASPLOS 2019) printed, and the same here."""

from .published import BREAK_EVEN_RATIO, CONVOLUTIONS, FIGURE_4, ROWS, PublishedRow
from .table9 import Replica, ReplicaCell, ReplicaRow, replica_cells, table9

__all__ = [
    "BREAK_EVEN_RATIO",
    "CONVOLUTIONS",
    "FIGURE_4",
    "ROWS",
    "PublishedRow",
    "Replica",
    "ReplicaCell",
    "ReplicaRow",
    "replica_cells",
    "table9",
]
