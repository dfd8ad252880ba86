"""A journal: what a long run has found, on disk the moment it is there, so that it can go on.

The first line says what the results depend on, each other one holds a result under a key. Lines
are only ever added; a process that is killed leaves at most a torn last line, whose result is
found again. A sweep, with many small results, has a journal of its own (``sim.sweep.journal``).
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import InputError
from .journal_lines import content_of, line_of
from .locked_file import locked_file

__all__ = ["Journal"]


class Journal:
    """Results by key; use ``opened``.

    Parameters
    ----------
    file : binary file
        Open for appending.
    known : mapping of str to JSON value
        What is there.
    """

    def __init__(self, file: BinaryIO, known: Mapping[str, Any]) -> None:
        self._file = file
        self.known = dict(known)

    @classmethod
    @contextmanager
    def opened(
        cls, path: Path, command: str, option: str, identity: Mapping[str, Any]
    ) -> Iterator["Journal"]:
        """Open a journal, or begin one.

        Parameters
        ----------
        path : Path
        command : str
            Command of bosquet whose results it holds.
        option : str
            Option that gives another file, for errors.
        identity : mapping of str to JSON value
            What the results depend on, besides their keys.

        Raises
        ------
        InputError
            If the file cannot be written, is no journal, is one of another identity, or another
            process works on it.
        """
        schema = f"bosquet.{command}-journal/1"
        with locked_file(path, command, option) as file:
            file.seek(0)
            head = file.readline()
            first = content_of(head)
            if head and (first is None or first.get("schema") != schema):
                raise InputError(
                    f"{path}: is no journal of bosquet {command}; give another {option}"
                )
            if first is not None and first["identity"] != dict(identity):
                differ = [
                    name for name in identity if first["identity"].get(name) != identity[name]
                ]
                raise InputError(
                    f"{path}: is the journal of another bosquet {command} (other"
                    f" {', '.join(differ)}); remove it, or give another {option}"
                )
            known, end = {}, len(head)
            while (line := file.readline()) and (content := content_of(line)) is not None:
                known[content["key"]] = content["result"]
                end += len(line)
            file.truncate(end)
            journal = cls(file, known)
            if not head:
                journal._write({"schema": schema, "identity": dict(identity)})
            yield journal

    def add(self, key: str, result: Any) -> None:
        """Write a result down."""
        self.known[key] = result
        self._write({"key": key, "result": result})

    def _write(self, content: Mapping[str, Any]) -> None:
        self._file.write(line_of(content))
        self._file.flush()
        os.fsync(self._file.fileno())
