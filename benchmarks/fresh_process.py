"""A measurement in a process of its own: nothing is warm, and its CPU seconds are its own.

What is to be measured runs as a command that prints JSON as its last line. Its cache folder is
empty, so that nothing stays from a run before. Times are CPU times, user and system: they say
the same on a machine that others use too.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bosquet.errors import ToolError

__all__ = ["answer_of", "call", "children_cpu_s", "own_answer", "peak_bytes"]


def call(command: Sequence[str], wrong: str, folder: Path | None = None) -> str:
    """Run a command and return what it printed.

    Parameters
    ----------
    command : sequence of str
    wrong : str
        What a failure means.
    folder : Path, optional
        Where it runs.

    Raises
    ------
    ToolError
        If it cannot be run or ends with another code than 0: ``wrong`` and the last line it said.
    """
    # The folder of this file, so that a script finds the parts it shares with others.
    paths = [str(Path(__file__).parent), *os.environ.get("PYTHONPATH", "").split(os.pathsep)]
    with tempfile.TemporaryDirectory(prefix="bosquet-cache-") as cache:
        own = {"XDG_CACHE_HOME": cache, "PYTHONPATH": os.pathsep.join(filter(None, paths))}
        try:
            done = subprocess.run(
                command,
                capture_output=True,
                text=True,
                cwd=folder,
                env={**os.environ, **own},
            )
        except OSError as error:
            raise ToolError(f"{wrong}: {command[0]}: {error.strerror}") from error
    if done.returncode:
        said = done.stderr.strip() or done.stdout.strip() or "it said nothing"
        last = said.splitlines()[-1]
        raise ToolError(f"{wrong}: {last.removeprefix('error: ')}")
    return done.stdout


def answer_of(command: Sequence[str], wrong: str) -> Any:
    """Run a command and return the JSON of its last line; errors are those of ``call``."""
    return json.loads(call(command, wrong).splitlines()[-1])


def own_answer(script: str, *arguments: str) -> Any:
    """Run a script by the Python that runs this one, and return the JSON of its last line."""
    return answer_of([sys.executable, script, *arguments], f"{Path(script).name} fails")


def children_cpu_s() -> float:
    """Return the CPU seconds of all commands that have ended so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def peak_bytes() -> int:
    """Return the most memory that this process has had resident so far.

    Linux counts in what the process that started it had, so that one should be the smaller.
    """
    unit = 1 if sys.platform == "darwin" else 1024  # of ru_maxrss
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
