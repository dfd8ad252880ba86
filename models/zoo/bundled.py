"""A bundled network: an ONNX file, or a table of shapes and published pruning ratios."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from ...errors import InputError
from ..layer import LayerShape

__all__ = ["BundledNetwork"]


@dataclass(frozen=True, eq=False)
class BundledNetwork:
    """A network that comes with bosquet.

    Attributes
    ----------
    name : str
        What the command line calls it.
    summary : str
        What it is, in one line.
    path : Path or None
        Its ONNX file; None if only its shapes are bundled.
    layers : tuple of LayerShape
        The shapes, in order of execution and at batch 1, where there is no file.
    ratios : mapping of str to float
        Published pruning ratios, by layer; a layer without one runs dense.
    ratios_from : str
        Where they were published.
    """

    name: str
    summary: str
    path: Path | None = None
    layers: tuple[LayerShape, ...] = ()
    ratios: Mapping[str, float] = field(default_factory=dict)
    ratios_from: str = ""

    def chosen(self, layer: str | None) -> tuple[LayerShape, ...]:
        """Return the shape of the layer that is named, in a tuple, or those of all.

        Raises
        ------
        InputError
            If there is no such layer; the message lists those that exist.
        """
        if layer is None:
            return self.layers
        found = tuple(shape for shape in self.layers if shape.name == layer)
        if not found:
            raise InputError(
                f"{self.name} has no layer {layer!r}; its layers are"
                f" {', '.join(shape.name for shape in self.layers)}"
            )
        return found
