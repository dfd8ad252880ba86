"""A registered broadcast tree: at most 16 consumers per copy and stage."""

from collections.abc import Sequence
from typing import Any

from amaranth.hdl import Module, Signal

from .design import CLUSTER_LANES, broadcast_stages

__all__ = ["KEEP", "broadcast"]

KEEP = {"keep": 1}
"""Attribute of a copied register: without it synthesis merges the copies into one again.

``hw.verilog`` gives it to the register itself; at the signal alone it would not help.
"""


def broadcast(m: Module, source: Any, consumers: int, name: str) -> Sequence[Any]:
    """Return one value per 16 consumers, ``broadcast_stages(consumers)`` cycles after ``source``.

    Up to 16 consumers share the source itself.
    """
    level = [source]
    for stage in reversed(range(broadcast_stages(consumers))):
        copies = -(-consumers // CLUSTER_LANES ** (stage + 1))
        following = [
            Signal.like(source, name=f"{name}_{stage}_{i}", attrs=KEEP) for i in range(copies)
        ]
        m.d.sync += [copy.eq(level[i // CLUSTER_LANES]) for i, copy in enumerate(following)]
        level = following
    return level
