"""What is wrong with a specification, in one line: the dotted name, the value, the nearest name."""

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from ...errors import InputError

__all__ = ["nearest", "spec_error"]

_LONGEST = 80
"""Letters of a value that are told."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``; did you mean ...?`` with the nearest known name, or all names if none is near."""
    names = list(known)
    near = get_close_matches(name, names, 1)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(names)}"


def spec_error(
    error: ValidationError,
    values: Mapping[str, Any],
    where: str,
    known: Mapping[str, tuple[str, ...]],
) -> InputError:
    """Return the first of what pydantic found, in one line.

    Parameters
    ----------
    error : ValidationError
    values : mapping
        What was read.
    where : str
        Its file.
    known : mapping of str to tuple of str
        Names of the fields of each table, "" for the file's own.
    """
    # An unknown name first: a field that seems to be missing may be the one that is misspelt.
    first, *others = sorted(error.errors(), key=lambda one: one["type"] != "extra_forbidden")
    place = _place(first["loc"], values)
    more = f" (and {len(others)} more)" if others else ""
    if first["type"] == "extra_forbidden":
        table = ".".join(part for part in first["loc"][:-1] if isinstance(part, str))
        found = _unknown(str(first["loc"][-1]), table.removeprefix("exclude."), known)
        return InputError(f"{where}: unknown field {place}{found}{more}")
    if first["type"] == "missing":
        return InputError(f"{where}: {place} is missing{more}")
    no_table = first["type"] == "model_type"
    told = "must be a table" if no_table else first["msg"].removeprefix("Value error, ")
    return InputError(f"{where}: {place}: {told}, found {_short(first['input'])}{more}")


def _short(value: Any) -> str:
    """Return a value as text; a long list is told by its beginning."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}..."


def _place(path: tuple[int | str, ...], values: Any) -> str:
    """Return the dotted name of a place; a single value has no number, a list's values have."""
    place, here = "", values
    for part in path:
        if isinstance(part, str):
            place += f".{part}" if place else part
            here = here.get(part) if isinstance(here, Mapping) else None
        elif isinstance(here, list):
            place += f"[{part}]"
            here = here[part] if part < len(here) else None
    return place


def _unknown(name: str, table: str, known: Mapping[str, tuple[str, ...]]) -> str:
    """Say where the name belongs: to another table, or which one of this table is nearest."""
    here = known.get(table, ())
    elsewhere = [other for other, names in known.items() if name in names]
    if elsewhere:
        if not elsewhere[0]:
            return f"; {name} stands at the top of the file, above the first [table]"
        return f"; did you mean {elsewhere[0]}.{name}?"
    near = get_close_matches(name, here, 1)
    full = f"{table}.{near[0]}" if table and near else "".join(near)
    return f"; did you mean {full}?" if near else f"; known are {', '.join(here)}"
