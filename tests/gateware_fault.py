"""A single fault in the gateware: one expression of one method replaced by another.

As in mutation testing; if that expression is no longer there, the test says so.
"""

import inspect
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Fault:
    """One expression of one method of the gateware, and what stands there instead."""

    name: str
    method: Callable[..., Any]
    old: str
    new: str
    case: str = "relative"

    def __str__(self) -> str:
        return f"{self.name}-{self.case}"

    def faulty_method(self) -> Callable[..., Any]:
        """Compile the method with the fault in it."""
        source = textwrap.dedent(inspect.getsource(self.method))
        assert source.count(self.old) == 1, (
            f"{self.method.__qualname__} no longer has {self.old!r} just once: write the fault"
            f" {self.name!r} anew"
        )
        namespace = dict(self.method.__globals__)
        exec(compile(source.replace(self.old, self.new), f"<{self.name}>", "exec"), namespace)
        faulty: Callable[..., Any] = namespace[self.method.__name__]
        return faulty

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the faulty method in the place of the right one."""
        owner = inspect.getmodule(self.method)
        cls = getattr(owner, self.method.__qualname__.split(".")[0])
        monkeypatch.setattr(cls, self.method.__name__, self.faulty_method())
