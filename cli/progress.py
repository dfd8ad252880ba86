"""Progress of a long command on standard error: what is done, and how long the rest will take."""

import sys
import time
from typing import TextIO

__all__ = ["Progress", "clock"]

QUIET_S = 5.0
"""Seconds between two lines where standard error is a file or a pipe."""


class Progress:
    """Tells how far one job is.

    On a terminal one line is rewritten; in a log a line appears every few seconds. Calling it
    with ``(done, total)``, and what was done, is what the slow functions of the package expect
    of their ``progress``; where parts differ much, with the portion of the work, too.

    Parameters
    ----------
    label : str
        What is going on.
    stream : text stream or None
        Where it is told; None means standard error.
    """

    def __init__(self, label: str, stream: TextIO | None = None) -> None:
        self._label = label
        self._stream = stream or sys.stderr
        self._start = time.monotonic()
        self._told = self._told_at = self._start
        self._width = 0
        self._done = 0

    def __call__(self, done: int, total: int, what: str = "", portion: float | None = None) -> None:
        """Tell that ``done`` of ``total`` parts are done, the last one being ``what``.

        ``portion`` of the work is done, that of the parts if it is not given. A smaller ``done``
        than before begins another phase, with a time of its own.
        """
        now = time.monotonic()
        if done < self._done:
            self._start = self._told_at
        self._done, self._told_at = done, now
        line = f"{self._label}: {done} of {total}"
        if portion is None:
            portion = done / total if total else 1.0
        if 0 < portion < 1:
            line += f", {clock((now - self._start) / portion * (1 - portion))} to go"
        if what:
            line += f" ({what})"
        if self._stream.isatty():
            self._stream.write(f"\r{line.ljust(self._width)}")
            self._width = len(line)
            self._stream.flush()
        elif now - self._told >= QUIET_S:
            self._told = now
            self._stream.write(f"{line}\n")
            self._stream.flush()

    def close(self) -> None:
        """Remove the line from a terminal, so that what follows starts afresh."""
        if self._stream.isatty() and self._width:
            self._stream.write("\r" + " " * self._width + "\r")
            self._stream.flush()
            self._width = 0

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def clock(seconds: float) -> str:
    """Return a duration as minutes and seconds, such as 1:05."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}:{rest:02d}"
