"""Lines of a journal: a checksum and a JSON document each, so that a torn one is noticed."""

from collections.abc import Mapping
from json import JSONDecodeError, dumps, loads
from typing import Any
from zlib import crc32

__all__ = ["content_of", "line_of"]


def line_of(content: Mapping[str, Any]) -> bytes:
    """Return the line of a document."""
    text = dumps(content, allow_nan=False).encode()
    return b"%08x %s\n" % (crc32(text), text)


def content_of(line: bytes) -> dict[str, Any] | None:
    """Return the document of a line, None if the line is torn."""
    text = line[9:-1]
    if not line.endswith(b"\n") or line[:9] != b"%08x " % crc32(text):
        return None
    try:
        content = loads(text)
    except (JSONDecodeError, UnicodeDecodeError):
        return None
    return content if isinstance(content, dict) else None
