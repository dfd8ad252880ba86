"""The journal of a sweep: each result on disk the moment it is there, so that a run can be resumed.

A file of lines, each a checksum and a JSON document: the identity of the sweep first, then results
in any order. Lines are only ever added. A process that is killed leaves at most a torn last line,
which is cut off by the next one; its points are computed again. One process at a time holds the
file's lock, which the kernel takes back when a process ends, however it does.
"""

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, BinaryIO

import numpy as np

from ...errors import InputError
from ..journal_lines import content_of, line_of
from ..locked_file import locked_file
from .identity import differences
from .point import Result

__all__ = ["JOURNAL", "Journal"]

JOURNAL = "sweep.journal"
"""Name of the file in the folder of a sweep."""

SYNC_S = 1.0
"""Seconds between two times that the disk is awaited: what a power failure may cost."""

_TOLD = 3
"""Differences of identity that a message names."""


class Journal:
    """An open journal.

    Parameters
    ----------
    file : binary file
        Open for reading and appending, locked.
    points : int
        Points of the sweep.
    """

    def __init__(self, file: BinaryIO, points: int) -> None:
        self._file = file
        self._offsets = np.full(points, -1, np.int64)
        self._end = 0
        self._synced = monotonic()

    @classmethod
    @contextmanager
    def resumed(cls, folder: Path, identity: Mapping[str, Any], points: int) -> Iterator["Journal"]:
        """Open the journal of a folder, or begin one.

        Raises
        ------
        InputError
            If another process works in the folder, the journal is that of another sweep (it is
            told what differs), or the file cannot be written or is no journal.
        """
        with _locked(folder) as file:
            journal = cls(file, points)
            journal._read(folder, identity)
            yield journal
            journal._sync()

    @classmethod
    @contextmanager
    def begun(cls, folder: Path, identity: Mapping[str, Any], points: int) -> Iterator["Journal"]:
        """Begin a journal in a folder and drop the one that may be there.

        Raises
        ------
        InputError
            If another process works in the folder or the file cannot be written.
        """
        with _locked(folder) as file:
            file.truncate(0)
            journal = cls(file, points)
            journal._read(folder, identity)
            yield journal
            journal._sync()

    def __len__(self) -> int:
        return int(np.count_nonzero(self._offsets >= 0))

    def __contains__(self, point: int) -> bool:
        return bool(self._offsets[point] >= 0)

    def add(self, results: Iterable[Result]) -> None:
        """Write results down; a point that is there already stays as it is."""
        for result in results:
            if result.point not in self:
                self._offsets[result.point] = self._end
                self._write(vars(result))
        self._file.flush()
        if monotonic() - self._synced >= SYNC_S:
            self._sync()

    def result(self, point: int) -> Result:
        """Read the result of a point that is there."""
        self._file.seek(self._offsets[point])
        content = content_of(self._file.readline())
        assert content is not None, "a line that was whole when it was written or read"
        return _result(content)

    def _write(self, content: Mapping[str, Any]) -> None:
        line = line_of(content)
        self._file.write(line)
        self._end += len(line)

    def _sync(self) -> None:
        self._file.flush()
        os.fsync(self._file.fileno())
        self._synced = monotonic()

    def _read(self, folder: Path, identity: Mapping[str, Any]) -> None:
        """Read what is there, cut off what is torn, begin if there is nothing."""
        self._file.seek(0)
        head = self._file.readline()
        if not head:
            self._write({"schema": "bosquet.sweep-journal/1", "identity": identity})
            self._sync()
            return
        first = content_of(head)
        if first is None or "identity" not in first:
            raise InputError(
                f"{folder / JOURNAL} is no journal of a sweep, or a broken one; --restart begins it"
                " afresh"
            )
        found = list(differences(first["identity"], identity))
        if found:
            more = f", and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
            raise InputError(
                f"{folder} holds another sweep: {'; '.join(found[:_TOLD])}{more}; --restart"
                " drops its results, --out gives another folder"
            )
        self._end = len(head)
        while (line := self._file.readline()) and (content := content_of(line)) is not None:
            self._offsets[content["point"]] = self._end
            self._end += len(line)
        self._file.truncate(self._end)


def _result(content: Mapping[str, Any]) -> Result:
    return Result(**{**content, "layers": tuple(content["layers"])})


@contextmanager
def _locked(folder: Path) -> Iterator[BinaryIO]:
    """Open the journal's file for this process alone."""
    path = folder / JOURNAL
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(
            f"{path}: cannot be written: {error.strerror or error}; give another place with --out"
        ) from error
    with locked_file(path, "sweep", "--out") as file:
        yield file
