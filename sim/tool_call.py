"""Calls of tools that are not ours: nothing that one starts outlives the call."""

import os
import signal
import subprocess
from collections.abc import Sequence
from pathlib import Path

from ..errors import ToolError

__all__ = ["call", "reason"]


def call(
    command: Sequence[str], folder: Path, timeout_s: float, stdin: str = ""
) -> subprocess.CompletedProcess[str]:
    """Run a command in a folder and return what it said; what it started ends with it.

    Raises
    ------
    ToolError
        If it cannot be run, or does not end within ``timeout_s``.
    """
    try:
        with subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
            start_new_session=True,
        ) as process:
            try:
                stdout, stderr = process.communicate(stdin, timeout=timeout_s)
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)  # Verilator starts make, make compilers
                raise
    except subprocess.TimeoutExpired as error:
        raise ToolError(
            f"{Path(command[0]).name} did not end within {timeout_s:g} s on {folder}"
        ) from error
    except OSError as error:
        raise ToolError(f"{command[0]} cannot be run in {folder}: {error.strerror}") from error
    return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)


def reason(said: str) -> str:
    """Return the line of a tool's words that tells best what is wrong."""
    lines = [line.strip() for line in said.splitlines() if line.strip()]
    wrong = [line for line in lines if "error" in line.lower() and "Exiting due to" not in line]
    return (wrong or lines or ["it said nothing"])[0]
