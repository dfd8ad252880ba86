"""What a command answers: one JSON document, or text for a person, on standard output.

Everything else (progress, log, errors) goes to standard error, so that the answer can be piped.
"""

import json
import os
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TextIO

import typer

from ..errors import InputError

__all__ = [
    "Document",
    "check_places",
    "document",
    "dumps",
    "emit_answer",
    "table",
    "whole_file",
    "write_atomically",
]

Document = Mapping[str, Any]
"""A JSON document: null with a reason stands where there is no number."""


def document(command: str, body: Document) -> dict[str, Any]:
    """Return the document of a command, its schema first."""
    return {"schema": f"bosquet.{command}/1", **body}


def dumps(content: Document) -> str:
    """Return a document as text.

    Raises
    ------
    ValueError
        If it holds NaN or infinity, which JSON does not have: a bug in bosquet.
    """
    return json.dumps(content, indent=2, allow_nan=False, default=_plain) + "\n"


def check_places(places: Mapping[str, Path | None], read: Iterable[str | Path | None] = ()) -> None:
    """Refuse, before anything is computed, places that cannot all be written.

    Parameters
    ----------
    places : mapping of str to Path or None
        By the option that names the place.
    read : iterable of str, Path or None
        What the command reads: files, or names of other things.

    Raises
    ------
    InputError
        If a place is a folder, lies below a file, is named by two options, or is read.
    """
    sources = {Path(source).resolve() for source in read if source is not None}
    taken: dict[Path, str] = {}
    for option, path in places.items():
        if path is None:
            continue
        if path.is_dir():
            raise _not_written(path, "Is a directory", option)
        if any(parent.is_file() for parent in path.parents):
            raise _not_written(path, "its folder is a file", option)
        if path.exists() and path.resolve() in sources:
            raise InputError(f"{path}: {option} would replace what is read; give another name")
        first = taken.setdefault(path.resolve(), option)
        if first != option:
            raise InputError(f"{path}: {first} and {option} write the same file; give two names")


def _not_written(path: Path, reason: str, option: str) -> InputError:
    return InputError(f"{path}: cannot be written: {reason}; give another place with {option}")


def emit_answer(content: Document, text: str, as_json: bool, out: Path | None = None) -> None:
    """Print a document, or the text that says the same; store the document in ``out`` too.

    Raises
    ------
    InputError
        If ``out`` cannot be written.
    """
    if out is not None:
        write_atomically(out, dumps(content))
        typer.echo(f"written: {out}", err=True)
    typer.echo(dumps(content) if as_json else text.rstrip() + "\n", nl=False)


def write_atomically(path: Path, text: str, option: str = "--out") -> None:
    """Write a file so that it is either whole or not there.

    Parameters
    ----------
    path : Path
        Folders are made.
    text : str
    option : str
        Option that named the place, for the error.

    Raises
    ------
    InputError
        If the folder or the file cannot be written.
    """
    with whole_file(path, option) as file:
        file.write(text)


@contextmanager
def whole_file(path: Path, option: str) -> Iterator[TextIO]:
    """Open a file to be written that is there once it is whole, or not at all.

    Parameters
    ----------
    path : Path
        Its folder is made.
    option : str
        What gives it another place.

    Raises
    ------
    InputError
        If the folder or the file cannot be written.
    """
    part: Path | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        part = Path(name)
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            yield file
        # mkstemp makes files for the owner alone; a result is read by whoever may read its folder.
        part.chmod(0o644)
        part.replace(path)
    except OSError as error:
        raise _not_written(path, error.strerror or str(error), option) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def table(headers: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return aligned columns: text to the left, numbers to the right, ``-`` for None."""
    cells = [[_cell(value) for value in row] for row in rows]
    numeric = [
        bool(cells) and all(row[column] == "-" or _is_number(row[column]) for row in cells)
        for column in range(len(headers))
    ]
    widths = [
        max(len(line[column]) for line in [list(headers), *cells]) for column in range(len(headers))
    ]
    lines = []
    for line in [list(headers), *cells]:
        parts = [
            cell.rjust(width) if right else cell.ljust(width)
            for cell, width, right in zip(line, widths, numeric, strict=True)
        ]
        lines.append("  ".join(parts).rstrip())
    return "\n".join(lines)


def _cell(value: object) -> str:
    return "-" if value is None else str(value)


def _is_number(text: str) -> bool:
    """Whether a cell reads as a number, with a unit or not: 12,345 or 0.5 or 40 % or 2x."""
    return text[:1].isdigit() or text[:2].lstrip("-")[:1].isdigit()


def _plain(value: Any) -> Any:
    """Turn what numpy and pathlib hold into what JSON knows."""
    if isinstance(value, Path):
        return str(value)
    for convert in ("tolist", "item"):
        if hasattr(value, convert):
            return getattr(value, convert)()
    raise TypeError(f"{type(value).__name__} has no JSON form")
