"""The command line in the tests' own process: what a run prints where, and how it ends."""

import contextlib
import io
import json
from dataclasses import dataclass
from typing import Any

from bosquet.cli.main import run

__all__ = ["Finished", "bosquet"]


@dataclass(frozen=True)
class Finished:
    """A run that is over: exit code, standard output, standard error."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        """The JSON document on standard output; NaN and infinity are refused."""
        loaded = json.loads(self.out, parse_constant=_refuse)
        assert isinstance(loaded, dict)
        return loaded


def bosquet(*arguments: object) -> Finished:
    """Run a command line."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(argument) for argument in arguments])
    return Finished(code, out.getvalue(), err.getvalue())


def _refuse(constant: str) -> None:
    raise AssertionError(f"{constant} in a JSON document")
