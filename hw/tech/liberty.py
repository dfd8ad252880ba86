"""Reading Liberty (.lib, .lib.gz): the part of it that area and static timing need.

The syntax has three statements: ``name : value ;`` (also without the semicolon at the end of a
line), ``name ( arguments ) ;`` and ``name ( arguments ) { statements }``. They are read into
plain groups first, then into the frozen cells of ``cell``. Power, current and noise groups are
jumped over unread.
"""

import gzip
import re
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from itertools import pairwise
from pathlib import Path
from typing import get_args

from ...errors import InputError
from .card import mapping_for
from .cell import Arc, Cell, Constraint, Edge, Library, Pin, Sense, Table

__all__ = ["parse_library", "read_library"]

NAME = re.compile(r'[\s;]*(?:(\})|"?([A-Za-z_][\w.]*)"?\s*([:(]))')
VALUE = re.compile(r'[^\S\n]*(?:"((?:[^"\\]|\\.)*)"|([^;\n{}]*))[^\S\n]*;?', re.DOTALL)
ARGUMENTS = re.compile(r'((?:"[^"]*"|[^")])*)\)\s*(\{)?')
ARGUMENT = re.compile(r'"([^"]*)"|([^\s,"\\]+)')
BRACE_OR_STRING = re.compile(r'"[^"]*"|([{}])')

UNUSED = frozenset(
    """ccsn_first_stage ccsn_last_stage dynamic_current input_voltage internal_power
    intrinsic_parasitic leakage_current leakage_power normalized_driver_waveform
    operating_conditions output_current_fall output_current_rise output_voltage
    receiver_capacitance receiver_capacitance1_fall receiver_capacitance1_rise
    receiver_capacitance2_fall receiver_capacitance2_rise wire_load wire_load_selection
    wire_load_table""".split()
)

SCALES = {"": 1.0, "m": 1e-3, "u": 1e-6, "n": 1e-9, "p": 1e-12, "f": 1e-15, "a": 1e-18}
EDGES: tuple[Edge, ...] = get_args(Edge)
SENSES: tuple[Sense, ...] = get_args(Sense)


def read_library(path: Path) -> Library:
    """Read a library from a Liberty file; a card that comes with bosquet may tell its mapping.

    Parameters
    ----------
    path : Path
        ``.lib``, or ``.lib.gz``.

    Raises
    ------
    InputError
        If the file cannot be read or is not a Liberty library of cells.
    """
    try:
        data = path.read_bytes()
        if data[:2] == b"\x1f\x8b":
            data = gzip.decompress(data)
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot read the Liberty file: {error}") from error
    library = parse_library(data.decode(errors="replace"), str(path))
    return replace(library, mapping=mapping_for(library.name))


def parse_library(text: str, origin: str) -> Library:
    """Read a library from Liberty text.

    Parameters
    ----------
    text : str
        Liberty.
    origin : str
        Where the text is from, for error messages.

    Raises
    ------
    InputError
        If the text is not a Liberty library of cells.
    """
    root = _groups(text, origin)
    library = next(iter(root.inside("library")), None)
    if library is None:
        raise InputError(f"{origin}: not a Liberty file: it has no library(...) group")
    reader = _Reader(library, origin)
    cells = {cell.name: cell for cell in map(reader.cell, library.inside("cell"))}
    if not cells:
        raise InputError(f"{origin}: the library has no cell with a name")
    return Library(name=library.name, cells=cells, text=text)


@dataclass
class _Group:
    """A Liberty group: its arguments, attributes and groups, as text."""

    kind: str
    arguments: list[str]
    line: int
    attributes: dict[str, str] = field(default_factory=dict)
    complex_attributes: dict[str, list[str]] = field(default_factory=dict)
    groups: list["_Group"] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.arguments[0] if self.arguments else ""

    def inside(self, kind: str) -> Iterator["_Group"]:
        return (group for group in self.groups if group.kind == kind)


def _groups(text: str, origin: str) -> _Group:
    """Read the statements; the result holds the groups of the outermost level."""
    lines = _LineCounter(text)
    # Comments and continued lines become blanks of the same length, so that positions stay.
    plain = re.sub(r"/\*.*?\*/", _blank, text, flags=re.DOTALL)
    plain = re.sub(r"\\[^\S\n]*\n", _blank_continuation, plain)
    root = _Group("", [], 1)
    stack, at, end = [root], 0, len(plain.rstrip().rstrip(";"))
    while at < end:
        match = NAME.match(plain, at)
        if match is None:
            word = plain[at:].split(maxsplit=1)
            raise InputError(
                f"{origin}: line {lines.of(at)}: expected a Liberty statement, found"
                f" {word[0][:40] if word else 'the end'!r}"
            )
        at = match.end()
        name = match[2]
        if match[1]:
            if len(stack) == 1:
                raise InputError(f"{origin}: line {lines.of(at)}: a '}}' too many")
            stack.pop()
        elif match[3] == ":":
            value = VALUE.match(plain, at)
            assert value is not None  # it matches the empty text
            quoted, bare = value.groups()
            stack[-1].attributes[name] = bare.strip() if quoted is None else quoted
            at = value.end()
        else:
            arguments = ARGUMENTS.match(plain, at)
            if arguments is None:
                raise InputError(f"{origin}: line {lines.of(at)}: no ')' after {name}(")
            at = arguments.end()
            if arguments[2] and name in UNUSED:
                at = _end_of_group(plain, at)
            else:
                words = [quoted or bare for quoted, bare in ARGUMENT.findall(arguments[1])]
                if arguments[2]:
                    group = _Group(name, words, lines.of(match.start(2)))
                    stack[-1].groups.append(group)
                    stack.append(group)
                else:
                    stack[-1].complex_attributes[name] = words
    if len(stack) > 1:
        group = stack[-1]
        raise InputError(
            f"{origin}: line {group.line}: no '}}' ends {group.kind}({group.name}); is the file"
            " complete?"
        )
    return root


def _blank(match: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", match[0])


def _blank_continuation(match: re.Match[str]) -> str:
    # "\f" is white space that does not end a line
    return " " * (len(match[0]) - 1) + "\f"


def _end_of_group(text: str, at: int) -> int:
    depth = 1
    for match in BRACE_OR_STRING.finditer(text, at):
        if match[1]:
            depth += 1 if match[1] == "{" else -1
            if not depth:
                return match.end()
    return len(text)


class _LineCounter:
    """Line numbers of ascending positions, each newline counted once."""

    def __init__(self, text: str) -> None:
        self.text, self.at, self.line = text, 0, 1

    def of(self, position: int) -> int:
        self.line += self.text.count("\n", self.at, position)
        self.at = position
        return self.line


class _Reader:
    """From groups to cells: knows the units and table templates of one library."""

    def __init__(self, library: _Group, origin: str) -> None:
        self.origin = origin
        self.templates = {group.name: group for group in library.inside("lu_table_template")}
        # Defaults of the Liberty reference manual: 1 ns, 1 pF.
        self.time_s = self.unit([library.attributes.get("time_unit", "1ns")], "s", library)
        load = library.complex_attributes.get("capacitive_load_unit", ["1", "pf"])
        self.load_f = self.unit(load, "f", library)
        self.grids: dict[tuple[float, ...], tuple[float, ...]] = {}

    def unit(self, words: list[str], symbol: str, library: _Group) -> float:
        match = re.fullmatch(rf"([\d.]+)\s*([munpfa]?){symbol}", "".join(words).lower())
        if match is None or not float(match[1]):
            raise self.error(library, f"unknown unit {' '.join(words)!r}")
        return float(match[1]) * SCALES[match[2]]

    def error(self, group: _Group, problem: str) -> InputError:
        return InputError(
            f"{self.origin}: line {group.line}: {group.kind}({group.name}): {problem}"
        )

    def number(self, group: _Group, attribute: str, default: float) -> float:
        text = group.attributes.get(attribute)
        if text is None:
            return default
        try:
            return float(text)
        except ValueError:
            raise self.error(group, f"{attribute} must be a number, not {text!r}") from None

    def numbers(self, group: _Group, words: list[str]) -> tuple[float, ...]:
        try:
            return tuple(float(word) for text in words for word in text.replace(",", " ").split())
        except ValueError as error:
            raise self.error(group, f"a table must hold numbers: {error}") from None

    def cell(self, group: _Group) -> Cell:
        pins: dict[str, Pin] = {}
        arcs: list[Arc] = []
        constraints: list[Constraint] = []
        for pin_group in group.inside("pin"):
            for name in pin_group.arguments:
                pins[name] = self.pin(name, pin_group)
                for timing in pin_group.inside("timing"):
                    arcs += self.arcs(name, timing)
                    constraints += self.constraints(name, timing)
        area = self.number(group, "area", 0.0)
        dont_use = group.attributes.get("dont_use", "false") == "true"
        gate = "clock_gating_integrated_cell" in group.attributes
        return Cell(group.name, area, pins, tuple(arcs), tuple(constraints), dont_use, gate)

    def pin(self, name: str, group: _Group) -> Pin:
        load = self.number(group, "capacitance", 0.0)
        loads = {e: self.number(group, f"{e}_capacitance", load) * self.load_f for e in EDGES}
        direction = group.attributes.get("direction", "internal")
        return Pin(name, direction, loads, group.attributes.get("function", ""))

    def arcs(self, target: str, timing: _Group) -> Iterator[Arc]:
        kind = timing.attributes.get("timing_type", "combinational")
        clock_edge: Edge | None
        if kind.startswith("combinational"):
            clock_edge = None
        elif kind in ("rising_edge", "falling_edge"):
            clock_edge = "rise" if kind == "rising_edge" else "fall"
        else:
            return  # checks, and asynchronous and three-state behaviour
        sense = timing.attributes.get("timing_sense", "non_unate")
        if sense not in SENSES:
            raise self.error(timing, f"timing_sense must be one of {SENSES}, not {sense!r}")
        delay = self.by_edge(timing, "cell_{}")
        transition = self.by_edge(timing, "{}_transition")
        if delay.keys() != transition.keys():
            raise self.error(timing, "each cell delay needs a transition table, and the reverse")
        for source in timing.attributes.get("related_pin", "").split():
            yield Arc(source, target, sense, clock_edge, delay, transition)

    def constraints(self, data: str, timing: _Group) -> Iterator[Constraint]:
        kind = timing.attributes.get("timing_type", "")
        if kind in ("setup_rising", "setup_falling"):
            clock_edge: Edge = "rise" if kind == "setup_rising" else "fall"
            setup = self.by_edge(timing, "{}_constraint")
            for clock in timing.attributes.get("related_pin", "").split():
                yield Constraint(clock, data, clock_edge, setup)

    def by_edge(self, timing: _Group, kind: str) -> dict[Edge, Table]:
        return {
            edge: self.table(group) for edge in EDGES for group in timing.inside(kind.format(edge))
        }

    def table(self, group: _Group) -> Table:
        template = self.templates.get(group.name)
        values = self.numbers(group, group.complex_attributes.get("values", []))
        grids: list[tuple[float, ...]] = []
        variables: list[str] = []
        for axis in ("1", "2"):
            words = group.complex_attributes.get(f"index_{axis}")
            if words is None and template is not None:
                words = template.complex_attributes.get(f"index_{axis}")
            variable = template.attributes.get(f"variable_{axis}", "") if template else ""
            load = variable == "total_output_net_capacitance"
            unit = self.load_f if load else self.time_s
            grid = tuple(value * unit for value in self.numbers(group, words or []))
            grids.append(grid if len(grid) > 1 else (0.0,))
            variables.append(variable)
        if len(values) == 1:
            grids = [(0.0,), (0.0,)]
        if len(values) != len(grids[0]) * len(grids[1]):
            raise self.error(
                group, f"{len(values)} values for a {len(grids[0])} x {len(grids[1])} table"
            )
        if any(low >= high for grid in grids for low, high in pairwise(grid)):
            raise self.error(group, "the indices of a table must ascend")
        if variables[0] in ("total_output_net_capacitance", "constrained_pin_transition"):
            columns = len(grids[1])
            values = tuple(value for column in range(columns) for value in values[column::columns])
            grids.reverse()
        x, y = (self.grids.setdefault(grid, grid) for grid in grids)
        return Table(x, y, tuple(value * self.time_s for value in values))
