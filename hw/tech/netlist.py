"""A mapped, flat netlist, as ``write_json`` of Yosys gives it: instances of library cells."""

import json
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ...errors import InputError
from .cell import Library

__all__ = ["Instance", "Net", "Netlist", "Port"]

Net = int | str
"""A net: its number, or "0", "1", "x" or "z" for a constant."""

_BOOKKEEPING = frozenset({"$scopeinfo"})
"""Cells that Yosys keeps for names only; they are not hardware."""


@dataclass(frozen=True)
class Port:
    """A port of the netlist.

    Attributes
    ----------
    direction : {"input", "output"}
        Of the port.
    nets : tuple of Net
        One per bit, bit 0 first.
    """

    direction: str
    nets: tuple[Net, ...]


@dataclass(frozen=True)
class Instance:
    """An instance of a library cell.

    Attributes
    ----------
    name, cell : str
        Its name, and that of the cell.
    nets : mapping of str to Net
        By pin of the cell; unconnected pins are left out.
    """

    name: str
    cell: str
    nets: Mapping[str, Net]


@dataclass(frozen=True, eq=False)
class Netlist:
    """A flat module.

    Attributes
    ----------
    name : str
        Of the module.
    ports : mapping of str to Port
        By name.
    instances : tuple of Instance
        All cells.
    """

    name: str
    ports: Mapping[str, Port]
    instances: tuple[Instance, ...]

    @classmethod
    def from_yosys_json(cls, text: str, top: str) -> "Netlist":
        """Read a module from the text that ``write_json`` writes.

        Parameters
        ----------
        text : str
            JSON.
        top : str
            Module to read; it must be flat.

        Raises
        ------
        InputError
            If the text is not such a netlist, has no such module, or a pin is wider than 1 bit.
        """
        try:
            modules: dict[str, dict[str, Any]] = json.loads(text)["modules"]
            module = modules[top]
            ports = {
                name: Port(port["direction"], tuple(port["bits"]))
                for name, port in module["ports"].items()
            }
            cells: dict[str, dict[str, Any]] = module["cells"]
        except json.JSONDecodeError as error:
            raise InputError(f"netlist of {top}: not JSON: {error}") from error
        except (KeyError, TypeError) as error:
            raise InputError(f"netlist of {top}: not a Yosys netlist: no {error}") from error
        instances = []
        for name, cell in cells.items():
            if cell["type"] in _BOOKKEEPING:
                continue
            nets: dict[str, Net] = {}
            for pin, bits in cell["connections"].items():
                if len(bits) > 1:
                    raise InputError(
                        f"netlist of {top}: pin {pin} of {name} ({cell['type']}) has"
                        f" {len(bits)} bits; map the module to library cells first"
                    )
                if bits:
                    nets[pin] = bits[0]
            instances.append(Instance(name, cell["type"], nets))
        return cls(top, ports, tuple(instances))

    def counts(self) -> Counter[str]:
        """Count the instances by cell."""
        return Counter(instance.cell for instance in self.instances)

    def area(self, library: Library) -> float:
        """Sum the cell areas, in the area unit of the library.

        Raises
        ------
        InputError
            If the library lacks a cell.
        """
        return sum(library.cell(name).area * count for name, count in self.counts().items())
