"""The package metadata and the tree say the same: packages, data files, dependencies."""

import ast
import re
import sys
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatch
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]
CONFIG: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())
PROJECT, SETUPTOOLS = CONFIG["project"], CONFIG["tool"]["setuptools"]

ROOMS = sorted(init.parent for init in ROOT.glob("*/__init__.py"))
FILES = sorted(
    file
    for room in ROOMS
    for file in room.rglob("*")
    if file.is_file() and "__pycache__" not in file.parts
)
MODULES = sorted(ROOT.glob("*.py")) + [file for file in FILES if file.suffix == ".py"]

SCRIPTS = {"models/zoo/train_lenet5.py"}
"""Modules that are run by hand with an extra installed, and that no other module imports."""


def package_of(file: Path) -> tuple[str, Path]:
    """Dotted name and folder of the package that a file of the tree belongs to."""
    folder = next(parent for parent in file.parents if (parent / "__init__.py").exists())
    return ".".join(("bosquet", *folder.relative_to(ROOT).parts)), folder


def normalized(requirement: str) -> str:
    """Return the distribution that a requirement names, as package indexes compare names."""
    name = re.match(r"[\w.-]+", requirement)
    assert name, requirement
    return re.sub(r"[-_.]+", "-", name[0]).lower()


CORE = {normalized(requirement) for requirement in PROJECT["dependencies"]}
OPTIONAL = {
    normalized(requirement)
    for extra, requirements in PROJECT["optional-dependencies"].items()
    for requirement in requirements
    if extra != "dev"
}
OF_AN_EXTRA = {"sim/exact_compiled.py"}
"""Modules that are nothing without an extra; they are imported inside functions."""

DISTRIBUTIONS = packages_distributions()


def imports(node: ast.AST, level: str = "module") -> Iterator[tuple[str, str]]:
    """Yield the top name and the level (module or function) of each absolute import below a node.

    Imports for the type checker alone are left out: nothing runs them.
    """
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test):
            continue
        if isinstance(child, ast.Import):
            yield from ((alias.name.split(".")[0], level) for alias in child.names)
        elif isinstance(child, ast.ImportFrom) and not child.level and child.module:
            yield child.module.split(".")[0], level
        elif isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef):
            yield from imports(child, "function")
        else:
            yield from imports(child, level)


def undeclared(source: str, at_module_level: set[str]) -> set[str]:
    """Return the imported modules that the dependencies do not bring.

    Inside a function those of any extra may be imported, at module level only the given ones.
    """
    wrong = set()
    for module, level in imports(ast.parse(source)):
        if module in sys.stdlib_module_names or module == "bosquet":
            continue
        allowed = at_module_level if level == "module" else CORE | OPTIONAL
        if not allowed & {normalized(name) for name in DISTRIBUTIONS.get(module, [module])}:
            wrong.add(module)
    return wrong


def test_every_package_folder_is_packaged() -> None:
    found = {"bosquet"} | {package_of(file)[0] for file in FILES if file.name == "__init__.py"}
    assert sorted(SETUPTOOLS["packages"]) == sorted(found)


def test_every_python_file_is_in_a_package() -> None:
    """A folder with modules but without ``__init__.py`` would be missing from the wheel."""
    assert [file for file in MODULES if package_of(file)[1] != file.parent] == []


def test_every_data_file_is_packaged() -> None:
    missing = []
    for file in FILES:
        package, folder = package_of(file)
        patterns = SETUPTOOLS["package-data"].get(package, [])
        name = file.relative_to(folder).as_posix()
        # fnmatch lets * match a slash, setuptools does not.
        if file.suffix != ".py" and not any(
            fnmatch(name, pattern) and name.count("/") == pattern.count("/") for pattern in patterns
        ):
            missing.append(file.relative_to(ROOT).as_posix())
    assert missing == []


def test_every_dependency_has_a_tested_version() -> None:
    pinned = {
        normalized(line)
        for line in (ROOT / "constraints.txt").read_text().splitlines()
        if line and not line.startswith("#")
    }
    dev = {normalized(requirement) for requirement in PROJECT["optional-dependencies"]["dev"]}
    assert CORE | OPTIONAL | dev <= pinned


@pytest.mark.parametrize("module", [file.relative_to(ROOT).as_posix() for file in MODULES])
def test_a_module_imports_only_declared_dependencies(module: str) -> None:
    at_module_level = CORE | OPTIONAL if module in {*SCRIPTS, *OF_AN_EXTRA} else CORE
    assert undeclared((ROOT / module).read_text(), at_module_level) == set()


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import numpy as np, json\nfrom . import torch", set()),
        ("from onnxruntime.capi import x", {"onnxruntime"}),
        ("def f():\n    import onnxruntime", set()),
        ("def f():\n    import pytest", {"pytest"}),
        ("try:\n    import torch\nexcept ImportError:\n    pass", {"torch"}),
        ("if TYPE_CHECKING:\n    import torch", set()),
    ],
)
def test_an_undeclared_import_is_found(source: str, expected: set[str]) -> None:
    assert undeclared(source, CORE) == expected


@pytest.mark.parametrize("module", sorted(OF_AN_EXTRA))
def test_a_module_of_an_extra_is_imported_inside_functions(module: str) -> None:
    name = Path(module).stem
    for file in MODULES:
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.ImportFrom):
                assert name not in {node.module, *(alias.name for alias in node.names)}, file
