"""What the outlook of a word's first entry is, by counting its marks."""

from typing import Any

from amaranth.hdl import Cat, Const

__all__ = ["bitmap_outlook", "relative_outlook"]


def bitmap_outlook(bits: Any) -> Any:
    """Return ``alone`` and ``filler`` of the first entry of a bitmap word."""
    count: Any = Const(0)
    for i in range(len(bits)):
        count = count + bits[i]
    return Cat(count <= 1, Const(0, 1))


def relative_outlook(bits: Any, width: int) -> Any:
    """Return ``alone`` and ``filler`` of the first sub-index of a word."""
    codes = [bits[i * width : (i + 1) * width] for i in range(len(bits) // width)]
    real = [code != (1 << width) - 1 for code in codes]
    return Cat(~Cat(*real[1:]).any(), ~real[0])
