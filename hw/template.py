"""The text templates of a bundle, ``*.j2`` beside this file."""

from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

__all__ = ["render"]

_ENVIRONMENT = Environment(
    undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
)


def render(template: str, **values: Any) -> str:
    """Return the template ``<template>.j2`` filled with values.

    Raises
    ------
    jinja2.UndefinedError
        If the template names a value that is not given.
    """
    text = files(__package__).joinpath(f"{template}.j2").read_text(encoding="utf-8")
    return _ENVIRONMENT.from_string(text).render(values)
