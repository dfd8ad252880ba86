"""Static timing analysis: the shortest clock period of a mapped netlist, with its worst path.

Graph based, worst case: every net keeps, for each of its two edges, the latest arrival and the
slowest transition. A wire is a capacitance for each pin that a net drives, 0 if not given. One
ideal clock whose rising edge drives all registers starts at 0, and so do the inputs; paths end at
the setup time of a register or at an output. Memories stand outside the netlist, so paths from
their read ports and to their ports are told apart too.

A gated clock is the clock: its edge is at 0 as well, and the enable of its gate has a setup time.

Nets are visited in topological order; constants never switch and start no path. The numbers
agree with those of OpenSTA (tests/hw/test_yosys.py).
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from math import inf

from ...errors import InputError
from .cell import Arc, Cell, Edge, Library
from .netlist import Net, Netlist

__all__ = ["PathStep", "Timing", "analyse"]

_OPPOSITE: dict[Edge, Edge] = {"rise": "fall", "fall": "rise"}
_EDGES: tuple[Edge, Edge] = ("rise", "fall")


@dataclass(frozen=True)
class PathStep:
    """One point of a path.

    Attributes
    ----------
    place : str
        Instance, or port (with its bit in brackets).
    cell : str
        Cell of the instance; "input" or "output" for a port.
    pin : str
        Output pin of the cell that the path leaves by, the data pin of a register it ends in;
        empty for a port.
    edge : {"rise", "fall"}
        Edge at the pin.
    arrival_s : float
        Time since the clock edge, in s; at a register it ends in, setup included.
    """

    place: str
    cell: str
    pin: str
    edge: Edge
    arrival_s: float


@dataclass(frozen=True)
class Timing:
    """What static timing analysis found. Times in s; 0.0 if there is no such path.

    Attributes
    ----------
    period_s : float
        Shortest clock period: the latest of all paths, ports taken as registers without delay.
    from_memory_s : float
        Latest path from a memory output (an input port named so) to any end, counted from the
        moment the memory gives its data.
    to_memory_s : float
        Latest path from a register or a port to a memory input (an output port named so).
    critical_path : tuple of PathStep
        The path that sets ``period_s``, from its start to its end.
    """

    period_s: float
    from_memory_s: float
    to_memory_s: float
    critical_path: tuple[PathStep, ...]


class _Arrival:
    """What is known of a net: by edge, arrivals (-inf: never switches) and transition."""

    __slots__ = ("from_memory_s", "latest_s", "previous", "transition_s")

    def __init__(self) -> None:
        self.latest_s: dict[Edge, float] = {"rise": -inf, "fall": -inf}
        self.from_memory_s: dict[Edge, float] = {"rise": -inf, "fall": -inf}
        self.transition_s: dict[Edge, float] = {"rise": 0.0, "fall": 0.0}
        self.previous: dict[Edge, tuple[int, Arc, Edge]] = {}


def analyse(
    netlist: Netlist,
    library: Library,
    memory_reads: Sequence[str] = (),
    memory_writes: Sequence[str] = (),
    wire_f: float = 0.0,
) -> Timing:
    """Analyse a netlist.

    Parameters
    ----------
    netlist : Netlist
        Mapped to cells of the library.
    library : Library
        With delay tables.
    memory_reads : sequence of str
        Input ports that carry data read from a memory.
    memory_writes : sequence of str
        Output ports that go to a memory: addresses, data to write, enables.
    wire_f : float, default: 0.0
        Capacitance of the wire to each cell pin that a net drives, in F.

    Raises
    ------
    InputError
        If a cell is not in the library, a named port does not exist, a net has two drivers, the
        logic has a loop, or a clock is neither an input port nor gated, or not used by its
        rising edge.
    """
    for names, direction in ((memory_reads, "input"), (memory_writes, "output")):
        for name in names:
            port = netlist.ports.get(name)
            if port is None or port.direction != direction:
                raise InputError(f"netlist of {netlist.name}: no {direction} port {name}")
    ports = frozenset(memory_reads), frozenset(memory_writes)
    return _Analysis(netlist, library, *ports, wire_f).timing()


class _Analysis:
    """The graph of one netlist: drivers, loads, order, arrivals."""

    def __init__(
        self,
        netlist: Netlist,
        library: Library,
        memory_reads: frozenset[str],
        memory_writes: frozenset[str],
        wire_f: float,
    ) -> None:
        self.netlist = netlist
        self.wire_f = wire_f
        self.memory_writes = memory_writes
        self.instances = netlist.instances
        types = {name: library.cell(name) for name in netlist.counts()}
        self.cells: list[Cell] = [types[instance.cell] for instance in self.instances]
        self.driver = self._drivers()
        self.load_f = self._loads()
        self.arrivals: dict[Net, _Arrival] = {}
        for name, port in netlist.ports.items():
            if port.direction == "input":
                for net in port.nets:
                    arrival = self.arrivals[net] = _Arrival()
                    for edge in _EDGES:
                        arrival.latest_s[edge] = 0.0
                        if name in memory_reads:
                            arrival.from_memory_s[edge] = 0.0
        for instance, cell in zip(self.instances, self.cells, strict=True):
            if cell.clock_gate:
                gated = [instance.nets.get(pin) for pin in cell.outputs]
                self.arrivals |= {net: _Arrival() for net in gated if net is not None}
        self._check_clocks()
        for index in self._order():
            self._propagate(index)

    def _error(self, problem: str) -> InputError:
        return InputError(f"netlist of {self.netlist.name}: {problem}")

    def _drivers(self) -> dict[Net, int]:
        drivers: dict[Net, int] = {}
        inputs = {
            net
            for port in self.netlist.ports.values()
            if port.direction == "input"
            for net in port.nets
        }
        for index, (instance, cell) in enumerate(zip(self.instances, self.cells, strict=True)):
            for pin in cell.outputs:
                net = instance.nets.get(pin)
                if net is None:
                    continue
                if net in drivers or net in inputs:
                    raise self._error(f"pin {pin} of {instance.name} drives a net already driven")
                drivers[net] = index
        return drivers

    def _loads(self) -> dict[Net, dict[Edge, float]]:
        loads: dict[Net, dict[Edge, float]] = {
            net: {"rise": 0.0, "fall": 0.0} for net in self.driver
        }
        for instance, cell in zip(self.instances, self.cells, strict=True):
            for pin in cell.inputs:
                load = loads.get(instance.nets.get(pin, "x"))
                if load is not None:
                    capacitance = cell.pins[pin].capacitance_f
                    load["rise"] += capacitance["rise"] + self.wire_f
                    load["fall"] += capacitance["fall"] + self.wire_f
        return loads

    def _check_clocks(self) -> None:
        for instance, cell in zip(self.instances, self.cells, strict=True):
            clocks = [(check.clock, check.clock_edge) for check in cell.constraints]
            clocks += [(arc.source, arc.clock_edge) for arc in cell.arcs if arc.clock_edge]
            for pin, edge in clocks:
                place = f"clock pin {pin} of {instance.name} ({cell.name})"
                if edge != "rise":
                    raise self._error(f"{place} acts on the falling edge; use the rising edge")
                if instance.nets.get(pin) not in self.arrivals:
                    raise self._error(f"{place} must be driven by an input port or a clock gate")

    def _order(self) -> Iterator[int]:
        """Yield every instance after those that drive its combinational arcs."""
        waiting = [0] * len(self.instances)
        readers: dict[int, list[int]] = {}
        for index, (instance, cell) in enumerate(zip(self.instances, self.cells, strict=True)):
            sources = {arc.source for arc in cell.arcs if arc.clock_edge is None}
            for source in sources:
                driver = self.driver.get(instance.nets.get(source, "x"))
                if driver is not None:
                    waiting[index] += 1
                    readers.setdefault(driver, []).append(index)
        ready = [index for index, count in enumerate(waiting) if not count]
        done = 0
        while ready:
            index = ready.pop()
            done += 1
            yield index
            for reader in readers.get(index, ()):
                waiting[reader] -= 1
                if not waiting[reader]:
                    ready.append(reader)
        if done < len(waiting):
            stuck = next(i for i, count in enumerate(waiting) if count)
            raise self._error(f"combinational loop at or before {self.instances[stuck].name}")

    def _propagate(self, index: int) -> None:
        nets = self.instances[index].nets
        if self.cells[index].clock_gate:
            return
        for arc in self.cells[index].arcs:
            target = nets.get(arc.target)
            source = self.arrivals.get(nets.get(arc.source, "x"))
            if target is None or source is None:
                continue
            arrival = self.arrivals.setdefault(target, _Arrival())
            load = self.load_f[target]
            for edge, delay in arc.delay.items():
                for cause in _causes(arc, edge):
                    start = 0.0 if arc.clock_edge else source.latest_s[cause]
                    if start == -inf:
                        continue
                    # The clock is ideal: it arrives at 0 and switches at once.
                    slew = 0.0 if arc.clock_edge else source.transition_s[cause]
                    time = delay(slew, load[edge])
                    if start + time > arrival.latest_s[edge]:
                        arrival.latest_s[edge] = start + time
                        arrival.previous[edge] = (index, arc, cause)
                    slope = arc.transition[edge](slew, load[edge])
                    if slope > arrival.transition_s[edge]:
                        arrival.transition_s[edge] = slope
                    if not arc.clock_edge:
                        memory = source.from_memory_s[cause] + time
                        if memory > arrival.from_memory_s[edge]:
                            arrival.from_memory_s[edge] = memory

    def timing(self) -> Timing:
        """Find the latest ends of all paths."""
        period_s = from_memory_s = to_memory_s = 0.0
        worst: tuple[Net, Edge, PathStep] | None = None
        for net, edge, extra_s, end in self._ends():
            arrival = self.arrivals[net]
            latest_s = arrival.latest_s[edge] + extra_s
            if latest_s > period_s or (worst is None and latest_s == period_s):
                period_s = latest_s
                worst = net, edge, PathStep(end[0], end[1], end[2], edge, latest_s)
            from_memory_s = max(from_memory_s, arrival.from_memory_s[edge] + extra_s)
            if end[1] == "output" and end[0].partition("[")[0] in self.memory_writes:
                to_memory_s = max(to_memory_s, latest_s)
        path = () if worst is None else (*self._trace(worst[0], worst[1]), worst[2])
        return Timing(period_s, from_memory_s, to_memory_s, path)

    def _ends(self) -> Iterator[tuple[Net, Edge, float, tuple[str, str, str]]]:
        """Yield net, edge, setup time and (place, cell, pin) of every end of a path."""
        for instance, cell in zip(self.instances, self.cells, strict=True):
            for check in cell.constraints:
                net = instance.nets.get(check.data, "x")
                arrival = self.arrivals.get(net)
                if arrival is None:
                    continue
                for edge, setup in check.setup.items():
                    time = setup(0.0, arrival.transition_s[edge])
                    yield net, edge, time, (instance.name, cell.name, check.data)
        for name, port in self.netlist.ports.items():
            if port.direction != "output":
                continue
            for bit, net in enumerate(port.nets):
                if net in self.arrivals:
                    for edge in _EDGES:
                        yield net, edge, 0.0, (f"{name}[{bit}]", "output", "")

    def _trace(self, net: Net, edge: Edge) -> list[PathStep]:
        """Walk back from a net to where its latest arrival began."""
        steps: list[PathStep] = []
        while True:
            arrival = self.arrivals[net]
            before = arrival.previous.get(edge)
            if before is None:
                steps.append(PathStep(self._port_of(net), "input", "", edge, 0.0))
                break
            index, arc, cause = before
            instance = self.instances[index]
            time = arrival.latest_s[edge]
            steps.append(PathStep(instance.name, instance.cell, arc.target, edge, time))
            if arc.clock_edge:
                break
            net, edge = instance.nets[arc.source], cause
        steps.reverse()
        return steps

    def _port_of(self, net: Net) -> str:
        return next(
            f"{name}[{port.nets.index(net)}]"
            for name, port in self.netlist.ports.items()
            if port.direction == "input" and net in port.nets
        )


def _causes(arc: Arc, edge: Edge) -> tuple[Edge, ...]:
    """Return the input edges that can cause an output edge."""
    if arc.clock_edge:
        return (arc.clock_edge,)
    if arc.sense == "positive_unate":
        return (edge,)
    if arc.sense == "negative_unate":
        return (_OPPOSITE[edge],)
    return _EDGES
