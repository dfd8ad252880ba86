"""Stages of a long job, announced on standard error with the time that is left."""

import sys
import time
from collections.abc import Mapping
from typing import TextIO

from .progress import clock

__all__ = ["Stages"]


class Stages:
    """The stages of a job that come one after the other.

    Parameters
    ----------
    expected_s : mapping of str to float
        Stages in order, with the seconds each takes on a small machine. The time left is scaled
        by how the stages so far kept to theirs.
    stream : text stream or None
        Where they are announced; None means standard error.
    """

    def __init__(self, expected_s: Mapping[str, float], stream: TextIO | None = None) -> None:
        self._expected_s = dict(expected_s)
        self._stream = stream or sys.stderr
        self._start = time.monotonic()

    def begin(self, stage: str) -> None:
        """Announce a stage."""
        names = list(self._expected_s)
        number = names.index(stage)
        before = sum(self._expected_s[name] for name in names[:number])
        left = sum(self._expected_s[name] for name in names[number:])
        if before:
            left *= self.seconds / before
        self._stream.write(
            f"[{number + 1}/{len(names)}] {stage} ({clock(left)} to go with what follows)\n"
        )
        self._stream.flush()

    @property
    def seconds(self) -> float:
        """Seconds since the job began."""
        return time.monotonic() - self._start
