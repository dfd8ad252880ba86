"""A property: a component, surroundings in which the solver chooses, and what must hold there.

The solver chooses the ``free`` signals anew in each cycle and the ``fixed`` ones once. What it may
choose is narrowed by ``assume``, what must follow is ``claim``ed, and ``cover`` names what must be
possible: a proof whose assumptions rule that out would say nothing.
"""

import sys
from typing import Any

from amaranth.hdl import Array, Cat, ClockDomain, Elaboratable, Module, Mux, Signal, Value

__all__ = ["Property", "pick"]


class Property(Elaboratable):
    """Base of the properties; what derives from it builds into ``m``.

    Attributes
    ----------
    m : Module
    clock : ClockDomain
        Without reset: a proof starts in the initial state and nothing takes it back there.
    inputs : list
        What the solver chooses.
    broken, violated, reached : list of (Signal, str)
        One bit for each claim, assumption and cover, and where it stands in the source.
    first : Signal
        The first cycle.
    cycle : Signal(8)
        Number of the cycle, up to 255.
    """

    def __init__(self) -> None:
        self.m = Module()
        self.clock = ClockDomain("sync", reset_less=True)
        self.m.domains.sync = self.clock
        self.inputs: list[Any] = []
        self.broken: list[tuple[Signal, str]] = []
        self.violated: list[tuple[Signal, str]] = []
        self.reached: list[tuple[Signal, str]] = []
        self.first = Signal(init=1)
        self.cycle = Signal(8)
        self.m.d.sync += [
            self.first.eq(0),
            self.cycle.eq(Mux(self.cycle.all(), self.cycle, self.cycle + 1)),
        ]

    def free(self, shape: Any, name: str) -> Any:
        """Return a signal that the solver chooses in each cycle."""
        signal = Signal(shape, name=name)
        self.inputs.append(signal)
        return signal

    def fixed(self, shape: Any, name: str) -> Any:
        """Return a signal that the solver chooses once, in the first cycle."""
        chosen = self.free(shape, f"{name}_chosen")
        signal, held = Signal(shape, name=name), Signal(shape, name=f"{name}_held")
        self.m.d.comb += signal.eq(Mux(self.first, chosen, held))
        self.m.d.sync += held.eq(signal)
        return signal

    def between(self, bits: int, name: str, least: int, most: int) -> Any:
        """Return a fixed number from ``least`` to ``most``."""
        signal = self.fixed(bits, name)
        self.assume((signal >= least) & (signal <= most))
        return signal

    def before(self, signal: Any, name: str) -> Any:
        """Return the signal's value of the cycle before."""
        later = Signal.like(signal, name=name)
        self.m.d.sync += later.eq(signal)
        return later

    def assume(self, condition: Any) -> None:
        """Narrow what the solver may choose."""
        self._state(self.violated, ~Value.cast(condition).bool())

    def claim(self, condition: Any, *, when: Any = 1) -> None:
        """Claim that something holds in every cycle with ``when``."""
        self._state(self.broken, ~Value.cast(condition).bool() & Value.cast(when).bool())

    def cover(self, condition: Any) -> None:
        """Demand that something can happen."""
        self._state(self.reached, Value.cast(condition).bool())

    def _state(self, statements: list[tuple[Signal, str]], bit: Any) -> None:
        caller = sys._getframe(2)
        place = f"{caller.f_code.co_filename.rsplit('/', 1)[-1]}:{caller.f_lineno}"
        signal = Signal(name=f"statement_{len(self.broken)}_{len(self.reached)}_"
                             f"{len(self.violated)}")  # fmt: skip
        self.m.d.comb += signal.eq(bit)
        statements.append((signal, place))

    def elaborate(self, platform: object) -> Module:
        return self.m

    def outputs(self) -> list[Signal]:
        """Return the vectors ``broken``, ``violated``, ``reached``, driven in ``m``."""
        vectors = []
        for name in ("broken", "violated", "reached"):
            bits = [bit for bit, _ in getattr(self, name)]
            vector = Signal(max(1, len(bits)), name=name)
            self.m.d.comb += vector.eq(Cat(*bits))
            vectors.append(vector)
        return vectors


def pick(values: list[Any], number: Any) -> Any:
    """Return the value of that number; of one too large, the last."""
    return Array(values)[number]
