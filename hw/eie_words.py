"""The words of the EIE family: what its memories hold and what is broadcast to its PEs.

An *entry* is a weight with its relative row code and the end flag of its column. A *pointer* says
where a column of a PE begins, and whether it has an entry at all. The end flag makes one pointer
per column enough (with the begin of the next one, as in EIE, two would be read), and at the
densities of pruned layers a flag per entry is smaller than a length per column. Weight, code and
flag share a memory word, since a pointer can only point at one place; a filler leaves the weight's
bits unused.
"""

from typing import Any

from amaranth.hdl import signed, unsigned
from amaranth.lib import data

from .design import Design, broadcast_stages

__all__ = ["entry_layout", "item_layout", "pointer_layout", "queue_places", "row_bits"]


def entry_layout(design: Design) -> data.StructLayout:
    """Return the layout of an entry."""
    return data.StructLayout(
        {"weight": unsigned(design.weight_bits), "code": unsigned(design.index_bits[0]), "end": 1}
    )


def pointer_layout(weight_words: int) -> data.StructLayout:
    """Return the layout of a column pointer into so many entries."""
    return data.StructLayout({"start": address_bits(weight_words), "occupied": 1})


def item_layout(design: Design, index_words: int) -> data.StructLayout:
    """Return the layout of what is broadcast: a non-zero activation, or only its flags.

    ``first`` and ``last`` mark the first and the last slot of a scan, ``final`` the last row tile
    of an image; ``pointer`` is where the pointer of the activation's column lies.
    """
    return data.StructLayout(
        {
            "valid": 1,
            "first": 1,
            "last": 1,
            "final": 1,
            "pointer": address_bits(index_words),
            "value": signed(design.act_bits + 1),
        }
    )


def address_bits(words: int) -> Any:
    """Return the shape of the address of one of so many words."""
    return unsigned(max(1, (words - 1).bit_length()))


def row_bits(design: Design) -> int:
    """Return the bits of the number of an accumulator, 0 if there is only one."""
    return (design.acc_rows - 1).bit_length()


def queue_places(design: Design) -> int:
    """Return the places of a PE's FIFO.

    Besides the ``fifo_depth`` entries that let the scanner go on, there is room for what it has
    sent before it hears that so many are there.
    """
    return design.fifo_depth + 2 + 2 * broadcast_stages(design.lanes)
