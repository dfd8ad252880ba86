"""The tables of a sweep as files: CSV, and Parquet where pyarrow is installed.

Rows are written as they come, so that a sweep of any length needs little memory, and each file
takes its name when it is whole. Equal rows give equal bytes.
"""

import csv
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ...errors import InputError
from .columns import Column

__all__ = ["PARQUET_MISSING", "has_parquet", "table_writer", "whole_file"]

PARQUET_MISSING = "Parquet files need pyarrow: pip install 'bosquet[parquet]'; only CSV is written"

ROW_GROUP = 1 << 16
"""Rows that a Parquet file holds together."""

Write = Callable[[Mapping[str, Any]], None]


def has_parquet() -> bool:
    """Return whether Parquet files can be written here."""
    return find_spec("pyarrow") is not None


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """Give a path to write to; it becomes ``path`` at the end, if nothing went wrong.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    part = path.with_name(f".{path.name}.part")
    try:
        yield part
        part.replace(path)
    except OSError as error:
        raise InputError(f"{path}: cannot be written: {error.strerror or error}") from error
    finally:
        part.unlink(missing_ok=True)


@contextmanager
def table_writer(base: Path, columns: Sequence[Column]) -> Iterator[Write]:
    """Give what writes a row to ``base.csv``, and to ``base.parquet`` if it can be written.

    Raises
    ------
    InputError
        If a file cannot be written.
    """
    with ExitStack() as files:
        writers = [files.enter_context(_csv(base.with_suffix(".csv"), columns))]
        if has_parquet():
            writers.append(files.enter_context(_parquet(base.with_suffix(".parquet"), columns)))
        else:
            # One of an earlier run would not be of these rows.
            base.with_suffix(".parquet").unlink(missing_ok=True)

        def write(row: Mapping[str, Any]) -> None:
            for writer in writers:
                writer(row)

        yield write


@contextmanager
def _csv(path: Path, columns: Sequence[Column]) -> Iterator[Write]:
    names = [column.name for column in columns]
    with whole_file(path) as part, part.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(names)
        # A missing value is an empty cell; floats are the shortest that read back the same.
        yield lambda row: writer.writerow([row.get(name) for name in names])


@contextmanager
def _parquet(path: Path, columns: Sequence[Column]) -> Iterator[Write]:
    # Of the extra `parquet`.
    import pyarrow
    from pyarrow import parquet

    types = {"int": pyarrow.int64(), "float": pyarrow.float64(), "str": pyarrow.string()}
    schema = pyarrow.schema(
        [
            pyarrow.field(
                column.name,
                types[column.kind],
                metadata={"meaning": column.meaning, "known": column.known},
            )
            for column in columns
        ]
    )
    rows: list[Mapping[str, Any]] = []
    with whole_file(path) as part, parquet.ParquetWriter(part, schema) as writer:

        def write(row: Mapping[str, Any]) -> None:
            rows.append(row)
            if len(rows) == ROW_GROUP:
                flush()

        def flush() -> None:
            writer.write_table(pyarrow.Table.from_pylist(rows, schema))
            rows.clear()

        yield write
        flush()
