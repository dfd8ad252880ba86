"""Standard cells as static timing sees them: areas, capacitances and delay tables.

A ``Library`` is what ``liberty.read_library`` returns. Delays are two-dimensional tables over
the input transition and the output load (non-linear delay model, NLDM), interpolated linearly
and continued linearly beyond their ends, as OpenSTA does.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Literal

from ...errors import InputError
from .function import truth_table

__all__ = [
    "Arc",
    "Cell",
    "Constraint",
    "Edge",
    "Library",
    "LogicMapping",
    "Pin",
    "Sense",
    "Table",
]

Edge = Literal["rise", "fall"]
LogicMapping = Literal["fast", "small"]
Sense = Literal["positive_unate", "negative_unate", "non_unate"]


@dataclass(frozen=True)
class Table:
    """A function of two variables, given on a grid.

    Attributes
    ----------
    x, y : tuple of float
        Grid, ascending. Delays and transitions: x is the input transition (s), y the output
        load (F). Constraints: x is the transition of the clock (s), y that of the data (s).
        One grid value means that the table does not depend on the variable.
    values : tuple of float (len(x) * len(y),)
        Times in s; y changes fastest.
    """

    x: tuple[float, ...]
    y: tuple[float, ...]
    values: tuple[float, ...]

    def __call__(self, x: float, y: float) -> float:
        """Interpolate at a point; linear also beyond the grid."""
        i, u = _position(self.x, x)
        j, v = _position(self.y, y)
        values, columns = self.values, len(self.y)
        low = i * columns + j
        result = values[low]
        if u:
            high = low + columns
            result += u * (values[high] - result)
            if v:
                right = values[low + 1]
                right += u * (values[high + 1] - right)
                result += v * (right - result)
        elif v:
            result += v * (values[low + 1] - result)
        return result


def _position(grid: Sequence[float], at: float) -> tuple[int, float]:
    """Return the grid interval that holds a value, and the fraction of it passed."""
    last = len(grid) - 2
    if last < 0:
        return 0, 0.0
    i = min(max(bisect_right(grid, at) - 1, 0), last)
    return i, (at - grid[i]) / (grid[i + 1] - grid[i])


@dataclass(frozen=True)
class Arc:
    """How a transition travels from one pin of a cell to an output.

    Attributes
    ----------
    source, target : str
        Input and output pin.
    sense : {"positive_unate", "negative_unate", "non_unate"}
        Which input edge causes which output edge.
    clock_edge : {None, "rise", "fall"}
        The edge that launches, if the source is the clock of a flip-flop.
    delay, transition : mapping of edge to Table
        By output edge: time from input to output (s), and transition time of the output (s).
    """

    source: str
    target: str
    sense: Sense
    clock_edge: Edge | None
    delay: Mapping[Edge, Table]
    transition: Mapping[Edge, Table]


@dataclass(frozen=True)
class Constraint:
    """Setup time of a data pin before an edge of the clock.

    Attributes
    ----------
    clock, data : str
        Pins.
    clock_edge : {"rise", "fall"}
        The edge that captures.
    setup : mapping of edge to Table
        By edge of the data: time (s) over the transitions of clock and data.
    """

    clock: str
    data: str
    clock_edge: Edge
    setup: Mapping[Edge, Table]


@dataclass(frozen=True)
class Pin:
    """A pin of a cell.

    Attributes
    ----------
    name : str
        Its name.
    direction : str
        "input", "output", "inout" or "internal".
    capacitance_f : mapping of edge to float
        Load on the net that drives it, in F, for each edge.
    function : str
        Of an output, in Liberty's notation; empty if it has none.
    """

    name: str
    direction: str
    capacitance_f: Mapping[Edge, float]
    function: str = ""


@dataclass(frozen=True)
class Cell:
    """A cell of a library.

    Attributes
    ----------
    name : str
        Its name.
    area : float
        In the area unit of the library.
    pins : mapping of str to Pin
        By name.
    arcs : tuple of Arc
        Combinational and clock-to-output arcs.
    constraints : tuple of Constraint
        Setup times; a cell that has any is a register, or a clock gate.
    dont_use : bool
        The library asks that no tool picks this cell by itself.
    clock_gate : bool
        It passes its clock on in the cycles in which it is enabled.
    """

    name: str
    area: float
    pins: Mapping[str, Pin]
    arcs: tuple[Arc, ...]
    constraints: tuple[Constraint, ...]
    dont_use: bool = False
    clock_gate: bool = False

    @cached_property
    def inputs(self) -> tuple[str, ...]:
        """Names of the input pins."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "input")

    @cached_property
    def outputs(self) -> tuple[str, ...]:
        """Names of the output pins."""
        return tuple(pin.name for pin in self.pins.values() if pin.direction == "output")

    @property
    def register(self) -> bool:
        """Whether the cell keeps data from one clock edge to the next."""
        return bool(self.constraints) and not self.clock_gate

    def computes(self, function: str, inputs: Sequence[str]) -> bool:
        """Tell whether the cell has one output, which is a symmetric function of its inputs.

        Parameters
        ----------
        function : str
            In Liberty's notation, over the names in ``inputs``.
        inputs : sequence of str
            As many as the cell must have; matched with its pins in order.
        """
        if self.constraints or len(self.outputs) != 1 or len(self.inputs) != len(inputs):
            return False
        own = self.pins[self.outputs[0]].function
        if not own:
            return False
        return truth_table(own, self.inputs) == truth_table(function, inputs)


@dataclass(frozen=True, eq=False)
class Library:
    """A standard-cell library.

    Attributes
    ----------
    name : str
        As the library calls itself.
    cells : mapping of str to Cell
        By name.
    text : str
        The Liberty text it was read from, for the tools that want it.
    mapping : str
        How logic is mapped to it: ``fast`` or ``small`` (``hw.synth.yosys``).
    """

    name: str
    cells: Mapping[str, Cell]
    text: str = field(repr=False)
    mapping: LogicMapping = "fast"

    def cell(self, name: str) -> Cell:
        """Return a cell.

        Raises
        ------
        InputError
            If the library does not have it.
        """
        try:
            return self.cells[name]
        except KeyError:
            raise InputError(f"library {self.name} has no cell {name}") from None

    def computing(self, function: str, inputs: Sequence[str]) -> list[Cell]:
        """Return the usable cells that compute a symmetric function, the smallest first.

        Raises
        ------
        InputError
            If there is none.
        """
        found = [
            cell
            for cell in self.cells.values()
            if not cell.dont_use and cell.computes(function, inputs)
        ]
        if not found:
            raise InputError(
                f"library {self.name} has no cell with the function {function} and"
                f" {len(inputs)} inputs, which bosquet needs as a yardstick"
            )
        return sorted(found, key=lambda cell: (cell.area, cell.name))

    @cached_property
    def gate_area(self) -> float:
        """Area of one gate equivalent (GE): the smallest two-input NAND, in the area unit."""
        area = self.computing("!(A & B)", ("A", "B"))[0].area
        if area <= 0:
            raise InputError(f"library {self.name}: the two-input NAND must have an area")
        return area

    @cached_property
    def inverter_input_f(self) -> float:
        """Input capacitance of the smallest inverter, mean of both edges, in F."""
        inverter = self.computing("!A", ("A",))[0]
        capacitance = inverter.pins[inverter.inputs[0]].capacitance_f
        return (capacitance["rise"] + capacitance["fall"]) / 2

    @cached_property
    def fo4_s(self) -> float:
        """FO4: delay of an inverter that drives four of its kind, for the fastest one, in s."""
        return min(_fo4_s(inverter) for inverter in self.computing("!A", ("A",)))


def _fo4_s(inverter: Cell) -> float:
    """Return the mean of both edges; the input transition is the one such an inverter makes."""
    arc = inverter.arcs[0]
    load = {edge: 4 * c for edge, c in inverter.pins[arc.source].capacitance_f.items()}
    slew: dict[Edge, float] = {"rise": 0.0, "fall": 0.0}
    for _ in range(20):  # a chain of such inverters settles within a few
        slew = {
            "rise": arc.transition["rise"](slew["fall"], load["rise"]),
            "fall": arc.transition["fall"](slew["rise"], load["fall"]),
        }
    rise_s = arc.delay["rise"](slew["fall"], load["rise"])
    return (rise_s + arc.delay["fall"](slew["rise"], load["fall"])) / 2
