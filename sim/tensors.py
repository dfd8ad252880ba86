"""The tensors that traffic and energy are told of."""

from ..hw.loader import MemoryKind

__all__ = ["TENSORS", "tensor_of"]

_OF_KIND = {
    MemoryKind.WEIGHTS: "weights",
    MemoryKind.INDEX: "indices",
    MemoryKind.FEATURES: "inputs",
    MemoryKind.FILTERS: "filters",
    MemoryKind.OFFSETS: "offsets",
    MemoryKind.BASES: "bases",
}

TENSORS = (*_OF_KIND.values(), "outputs", "windows", "accumulators")
"""Weights (eie: with their relative rows), indices (eie: column pointers), input activations,
biases and requantization of the filters, offsets of taps or feed steps, bases (port: where the
channels of a tile's filters begin), output activations, windows, and sums on their way."""


def tensor_of(kind: MemoryKind) -> str:
    """Return the tensor that a kind of memory holds."""
    return _OF_KIND[kind]
