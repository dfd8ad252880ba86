"""The argument ``NET`` or ``NET:LAYER``: a bundled network or an ONNX file, and one layer of it.

An ``.npz`` file holds a single layer, which is called as the file.
"""

from dataclasses import dataclass
from pathlib import Path

from ..errors import InputError
from ..models.zoo import BUNDLED

__all__ = ["NetworkArgument", "parse_shape"]

LAYER_FILE = ".npz"
"""Ending of a file that holds the arrays of a single layer."""

ENDINGS = (".onnx", LAYER_FILE)


@dataclass(frozen=True)
class NetworkArgument:
    """A network, and the layer that is meant.

    Attributes
    ----------
    network : str
        Name of a bundled network, or a path.
    layer : str or None
        Name of a layer; None means all.
    """

    network: str
    layer: str | None = None

    @classmethod
    def parse(cls, text: str) -> "NetworkArgument":
        """Split ``text`` at the first colon after the file name.

        Layer names of other tools hold colons and slashes, and so do paths: what ends in
        ``.onnx`` or ``.npz``, is a file or the name of a bundled network is the network.

        Raises
        ------
        InputError
            If either part is empty.
        """
        if not Path(text).is_file():
            colons = [place for place, letter in enumerate(text) if letter == ":"]
            for colon in colons:
                network = text[:colon]
                if network in BUNDLED or network.endswith(ENDINGS) or Path(network).is_file():
                    return cls._checked(text, network, text[colon + 1 :])
            if colons and not text.endswith(ENDINGS):
                return cls._checked(text, text[: colons[0]], text[colons[0] + 1 :])
        return cls._checked(text, text, None)

    @classmethod
    def _checked(cls, text: str, network: str, layer: str | None) -> "NetworkArgument":
        if not network or layer == "":
            raise InputError(
                f"{text!r} names no {'layer' if network else 'network'}; give NET or NET:LAYER,"
                " such as lenet5 or lenet5:conv2"
            )
        if layer is None and network.endswith(LAYER_FILE):
            layer = Path(network).stem
        return cls(network, layer)

    @property
    def is_layer_file(self) -> bool:
        """Whether it is a file of one layer, not of a network."""
        return self.network.endswith(LAYER_FILE)

    def required_layer(self) -> str:
        """Return the layer of a command that works on one.

        Raises
        ------
        InputError
            If none is named.
        """
        if self.layer is None:
            raise InputError(
                f"{self.network}: name one layer, {self.network}:LAYER;"
                f" `bosquet models {self.network}` lists them"
            )
        return self.layer


def parse_shape(text: str | None) -> tuple[int, ...] | None:
    """Return the shape that ``--input-shape 1,3,224,224`` gives (x separates too).

    Raises
    ------
    InputError
        If it is not a list of positive numbers.
    """
    if text is None:
        return None
    sizes = text.replace("x", ",").split(",")
    if not all(size.strip().isdecimal() and int(size) > 0 for size in sizes):
        raise InputError(f"--input-shape must be positive sizes such as 1,3,224,224, not {text!r}")
    return tuple(int(size) for size in sizes)
