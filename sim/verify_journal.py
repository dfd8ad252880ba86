"""The journal of a verification: each batch on disk the moment it has run, so that it can go on.

The first line says what the results depend on, each other one holds a batch. Lines are only ever
added; a process that is killed leaves at most a torn last line, whose batch runs again.
"""

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from .journal_lines import content_of, line_of
from .locked_file import locked_file
from .result import Result

__all__ = ["VerifyJournal"]

_SCHEMA = "bosquet.verify-journal/1"


class VerifyJournal:
    """Results by batch; use ``opened``.

    Parameters
    ----------
    file : binary file
        Open for appending.
    known : mapping of str to sequence of Result
        Batches that have run, by their keys.
    """

    def __init__(self, file: BinaryIO, known: Mapping[str, Sequence[Result]]) -> None:
        self._file = file
        self.known = dict(known)

    @classmethod
    @contextmanager
    def opened(cls, path: Path, identity: Mapping[str, Any]) -> Iterator["VerifyJournal"]:
        """Open a journal, or begin one.

        Raises
        ------
        InputError
            If the file cannot be written, is no journal, is one of another identity, or another
            process works on it.
        """
        with locked_file(path, "verify", "--journal") as file:
            file.seek(0)
            head = file.readline()
            first = content_of(head)
            if head and (first is None or first.get("schema") != _SCHEMA):
                raise InputError(f"{path}: is no journal of bosquet verify; give another file")
            if first is not None and first["identity"] != dict(identity):
                differ = [
                    name for name in identity if first["identity"].get(name) != identity[name]
                ]
                raise InputError(
                    f"{path}: is the journal of another verification (other {', '.join(differ)});"
                    " give another file"
                )
            known, end = {}, len(head)
            while (line := file.readline()) and (content := content_of(line)) is not None:
                known[content["batch"]] = [Result.from_document(one) for one in content["results"]]
                end += len(line)
            file.truncate(end)
            journal = cls(file, known)
            if not head:
                journal._write({"schema": _SCHEMA, "identity": dict(identity)})
            yield journal

    def add(self, batch: str, results: Sequence[Result]) -> None:
        """Write a batch down."""
        self.known[batch] = results
        self._write({"batch": batch, "results": [one.document() for one in results]})

    def _write(self, content: Mapping[str, Any]) -> None:
        self._file.write(line_of(content))
        self._file.flush()
        os.fsync(self._file.fileno())
