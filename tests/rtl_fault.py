"""A single fault in the gateware: an expression of its source text replaced by another."""

import inspect
import sys
import textwrap
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest


@dataclass(frozen=True)
class Fault:
    """One expression of a method or function of the gateware, and what stands there instead."""

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

    def plant(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Put the faulty method, or function wherever it is imported, in place of the right one."""
        faulty, name = self.faulty_method(), self.method.__name__
        if "." in self.method.__qualname__:
            owner = inspect.getmodule(self.method)
            monkeypatch.setattr(
                getattr(owner, self.method.__qualname__.split(".")[0]), name, faulty
            )
            return
        own = [module for path, module in sys.modules.items() if path.startswith("bosquet")]
        for module in own:
            if getattr(module, name, None) is self.method:
                monkeypatch.setattr(module, name, faulty)
