"""A tool that comes as a WebAssembly wheel, run in a temporary folder of its own.

Such a tool sees only paths below its working folder, so its files go there by their bare names.
Its first run on a machine compiles the WebAssembly, which takes up to minutes.
"""

import importlib.util
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from ...errors import ToolError

__all__ = ["WasmTool"]

_LOG = "tool.log"


@dataclass(frozen=True)
class WasmTool:
    """A tool by the wheel that has it.

    Attributes
    ----------
    name : str
        What people call it.
    distribution : str
        Name of the wheel; the package has underscores instead of hyphens.
    entry : str
        Function of the package that runs the tool.
    purpose, extra : str
        What needs it, and the extra of bosquet that installs it, for messages.
    """

    name: str
    distribution: str
    entry: str
    purpose: str
    extra: str

    @property
    def version(self) -> str:
        """Version of the wheel.

        Raises
        ------
        ToolError
            If it is not installed.
        """
        self.require()
        return version(self.distribution)

    @property
    def package(self) -> str:
        """Name of the Python package."""
        return self.distribution.replace("-", "_")

    def require(self) -> None:
        """Refuse to go on without the tool.

        Raises
        ------
        ToolError
            If it is not installed.
        """
        if importlib.util.find_spec(self.package) is None:
            raise ToolError(
                f"{self.purpose} needs {self.name}, which is not installed; install the extra:"
                f" pip install 'bosquet[{self.extra}]'"
            )

    def run(self, arguments: Sequence[str], inputs: Mapping[str, str], output: str) -> str:
        """Run the tool and return the text of a file it writes.

        Parameters
        ----------
        arguments : sequence of str
            Its command line, files by their bare names. ``-l LOG`` is added: standard output is
            not relied on (that of Yosys falls silent after abc).
        inputs : mapping of str to str
            Texts of the files it reads, by name.
        output : str
            File it writes that is wanted.

        Raises
        ------
        ToolError
            If it is not installed, reports an error, or does not write the file.
        """
        self.require()
        # A process of its own, for its working folder and because the tool prints.
        launch = f"import sys, {self.package} as tool; sys.exit(tool.{self.entry}(sys.argv[1:]))"
        with tempfile.TemporaryDirectory(prefix="bosquet-tool-") as name:
            folder = Path(name)
            for file, text in inputs.items():
                (folder / file).write_text(text, encoding="utf-8")
            done = subprocess.run(
                [sys.executable, "-P", "-c", launch, *arguments, "-l", _LOG],
                cwd=folder,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                errors="replace",
                check=False,
            )
            log = folder / _LOG
            said = (log.read_text(errors="replace") if log.exists() else "") + done.stderr
            result = folder / output
            if done.returncode or not result.exists():
                raise ToolError(f"{self.name} failed: {_reason(said, done.returncode)}")
            return result.read_text(encoding="utf-8")


def _reason(said: str, code: int) -> str:
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    errors = [line for line in lines if "ERROR" in line]
    return (errors or lines[-1:] or [f"it ended with code {code} and said nothing"])[0]
