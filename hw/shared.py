"""Equal components become one module of the Verilog, with as many instances as there are.

An array of 64 lanes is 64 times the same module. Amaranth would write each of them out: minutes of
work and megabytes of text. So a component that is one of many equal ones is added by ``add_equal``:
in a conversion to Verilog (``hw.verilog``), which hands a ``SharedModules`` down as the platform,
it is an instance of a module that is converted once; everywhere else it is the component itself.
"""

from collections.abc import Callable
from typing import Any

from amaranth.hdl import ClockSignal, Instance, Module, ResetSignal
from amaranth.lib import wiring

from ..errors import DesignError
from .design import Design

__all__ = ["SharedModules", "add_equal", "check_writable"]

MOST_BITS = (1 << 16) - (1 << 11)
"""Bits of sums that Amaranth 0.5 writes: it numbers the bits of a signal, and of all inputs of a
module, from 0 to 65,535, and the output stage has up to 2,000 more."""


class SharedModules:
    """The modules that a conversion shares.

    Parameters
    ----------
    top : str
        Name of the whole; that of a shared module follows behind a point.
    """

    def __init__(self, top: str) -> None:
        self._top = top
        self._components: dict[str, wiring.Component] = {}

    def modules(self) -> list[tuple[str, wiring.Component]]:
        """Return name and component of every module that has an instance so far."""
        return list(self._components.items())

    def instance(self, kind: str, make: Callable[[], wiring.Component]) -> tuple[Any, Instance]:
        """Return the ports of one more instance of a kind, as an interface, and the instance."""
        name = f"{self._top}.{kind}"
        if name not in self._components:
            self._components[name] = make()
        signature = self._components[name].signature
        interface = signature.create()
        ports: dict[str, Any] = {"i_clk": ClockSignal(), "i_rst": ResetSignal()}
        for path, member, value in signature.flatten(interface):
            direction = "i" if member.flow is wiring.In else "o"
            ports[f"{direction}_{'__'.join(map(str, path))}"] = value
        return interface, Instance(name, **ports)


def add_equal(
    m: Module, name: str, kind: str, make: Callable[[], wiring.Component], platform: object
) -> Any:
    """Add one of many equal components to a module; return it, or an interface with its members.

    Parameters
    ----------
    m : Module
    name : str
        Of the submodule.
    kind : str
        A name for all the equal ones that no other kind in the whole design has.
    make : callable
        Makes the component, which must be clocked; always an equal one.
    platform : object
        What ``elaborate`` was given.
    """
    if isinstance(platform, SharedModules):
        component, m.submodules[name] = platform.instance(kind, make)
    else:
        component = m.submodules[name] = make()
    return component


def check_writable(design: Design) -> None:
    """Refuse a design whose output stage Amaranth cannot write as RTLIL.

    Raises
    ------
    DesignError
        If the sums of all its lanes have too many bits.
    """
    bits = design.lanes * design.vector * design.acc_bits
    if bits > MOST_BITS:
        raise DesignError(
            f"lanes x vector x acc_bits = {design.lanes} x {design.vector} x {design.acc_bits} ="
            f" {bits:,} bits of sums cannot be written as Verilog: at most {MOST_BITS:,}"
        )
