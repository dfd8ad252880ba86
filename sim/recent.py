"""The last things that were made, kept up to a total size: masks of large layers fill memory."""

from collections import OrderedDict
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["Recent"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Recent(Generic[Key, Value]):
    """Values by key; the one that was not asked for the longest goes first.

    Parameters
    ----------
    limit : int
        Total size; the newest value stays even if it alone is larger.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._kept: OrderedDict[Key, tuple[Value, int]] = OrderedDict()
        self._size = 0

    def get(self, key: Key, size: int, make: Callable[[], Value]) -> Value:
        """Return the value of a key, made if it is not kept; ``size`` counts against the limit."""
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key][0]
        value = make()
        self._kept[key] = value, size
        self._size += size
        while self._size > self._limit and len(self._kept) > 1:
            _, (_, gone) = self._kept.popitem(last=False)
            self._size -= gone
        return value
