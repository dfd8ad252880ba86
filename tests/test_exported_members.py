"""Each name in an ``__all__`` exists, once, in the order that readers (and ruff) expect.

A comma missing between two names joins them into one that does not exist; nothing else notices.
"""

import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MODULES = sorted(
    ".".join(("bosquet", *file.relative_to(ROOT).with_suffix("").parts))
    .removesuffix(".__init__")
    .replace("bosquet.__init__", "bosquet")
    for file in (
        *ROOT.glob("*.py"),
        *(file for init in ROOT.glob("*/__init__.py") for file in init.parent.rglob("*.py")),
    )
    if re.search(r"^__all__\b", file.read_text(), re.MULTILINE)
)

EXTRAS = {"torch"}
"""Modules of the train extra, which `make test` does not install."""


def order(name: str) -> tuple[int, list[tuple[int, str]]]:
    """Constants, then classes, then the rest, each with its numbers counted as numbers."""
    kind = 0 if name.isupper() else 1 if name[:1].isupper() else 2
    return kind, [
        (int(part) if part.isdigit() else -1, part) for part in re.split(r"(\d+)", name) if part
    ]


@pytest.mark.parametrize("module", MODULES)
def test_all_lists_existing_names_in_order(module: str) -> None:
    try:
        loaded = importlib.import_module(module)
    except ModuleNotFoundError as error:
        if error.name not in EXTRAS:
            raise
        pytest.skip(f"{module} needs {error.name}, of the train extra")
    names = list(loaded.__all__)
    assert [name for name in names if not hasattr(loaded, name)] == []
    assert names == sorted(set(names), key=order)


def test_modules_are_found() -> None:
    assert "bosquet.errors" in MODULES
