"""Index formats by name: ``dense``, ``bitmap``, ``relative4`` for relative indices of 4 bits."""

from difflib import get_close_matches

from ...errors import InputError
from .bitmap import Bitmap
from .dense import Dense
from .index_format import IndexFormat
from .relative import Relative

__all__ = ["FORMATS", "format_named"]

FORMATS: dict[str, IndexFormat] = {
    form.name: form for form in (Dense(), Bitmap(), *(Relative(bits) for bits in range(2, 13)))
}
"""Every format that a lane reads, by name."""


def format_named(name: str) -> IndexFormat:
    """Return the format of a name.

    Raises
    ------
    InputError
        If there is none; the message names the nearest one.
    """
    if name in FORMATS:
        return FORMATS[name]
    near = get_close_matches(name, FORMATS, 1)
    raise InputError(
        f"there is no index format {name!r}"
        + (f", did you mean {near[0]}" if near else "")
        + "; there are dense, bitmap and relative2 to relative12"
    )
