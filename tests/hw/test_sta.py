"""Static timing by hand on small netlists, and against enumerating every path."""

import json
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.hw.tech.cell import Arc, Cell, Constraint, Edge, Library, Pin, Sense, Table
from bosquet.hw.tech.logical_effort import builtin_library
from bosquet.hw.tech.netlist import Instance, Net, Netlist, Port
from bosquet.hw.tech.sta import Timing, analyse


def flat(time_s: float) -> Table:
    return Table((0.0,), (0.0,), (time_s,))


def pin(name: str, direction: str, load_f: float = 0.0) -> Pin:
    return Pin(name, direction, {"rise": load_f, "fall": load_f})


def gate(name: str, sense: Sense, rise: Table, fall: Table, slew: Table, load_f: float) -> Cell:
    pins = {"A": pin("A", "input", load_f), "Y": pin("Y", "output")}
    delay: dict[Edge, Table] = {"rise": rise, "fall": fall}
    arc = Arc("A", "Y", sense, None, delay, {"rise": slew, "fall": slew})
    return Cell(name, 1.0, pins, (arc,), ())


def register(clock_edge: Edge = "rise") -> Cell:
    """Clock to output 10, setup 3 plus half of the data's transition."""
    pins = {p.name: p for p in (pin("C", "input"), pin("D", "input", 1.0), pin("Q", "output"))}
    delay: dict[Edge, Table] = {"rise": flat(10.0), "fall": flat(10.0)}
    launch = Arc("C", "Q", "non_unate", clock_edge, delay, delay)
    setup = Table((0.0,), (0.0, 2.0), (3.0, 4.0))
    check = Constraint("C", "D", clock_edge, {"rise": setup, "fall": setup})
    return Cell("FF", 5.0, pins, (launch,), (check,))


# Delays in whole seconds, loads in whole farads, so that sums are exact.
PER_LOAD = Table((0.0,), (0.0, 1.0), (0.0, 2.0))  # 2 s per F
OF_SLEW = Table((0.0, 1.0), (0.0,), (0.0, 1.0))  # as slow as its input is
SLOW_RISE = gate("SLOW_RISE", "negative_unate", flat(7.0), flat(1.0), flat(0.0), 1.0)
BUFFER = gate("BUFFER", "positive_unate", PER_LOAD, PER_LOAD, flat(4.0), 1.0)
ECHO = gate("ECHO", "positive_unate", OF_SLEW, OF_SLEW, flat(0.0), 1.0)
ANY = gate("ANY", "non_unate", flat(1.0), flat(2.0), flat(0.0), 1.0)
CELLS = {cell.name: cell for cell in (SLOW_RISE, BUFFER, ECHO, ANY, register())}
LIBRARY = Library("hand", CELLS, "")


def netlist(
    inputs: Mapping[str, Sequence[Net]],
    outputs: Mapping[str, Sequence[Net]],
    *instances: tuple[str, str, Mapping[str, Net]],
) -> Netlist:
    ports = {name: Port("input", tuple(nets)) for name, nets in inputs.items()}
    ports |= {name: Port("output", tuple(nets)) for name, nets in outputs.items()}
    return Netlist("top", ports, tuple(Instance(*instance) for instance in instances))


def steps(timing: Timing) -> list[tuple[str, str, str, str, float]]:
    return [(s.place, s.cell, s.pin, s.edge, s.arrival_s) for s in timing.critical_path]


def test_register_to_register() -> None:
    timing = analyse(
        netlist(
            {"clk": [1]},
            {},
            ("a", "FF", {"C": 1, "Q": 2}),
            ("b", "BUFFER", {"A": 2, "Y": 3}),
            ("c", "FF", {"C": 1, "D": 3}),
        ),
        LIBRARY,
    )
    # clock to output 10, buffer into a load of 1: 2, setup of a transition of 4: 3 + 2
    assert timing.period_s == 17
    assert steps(timing) == [
        ("a", "FF", "Q", "rise", 10),
        ("b", "BUFFER", "Y", "rise", 12),
        ("c", "FF", "D", "rise", 17),
    ]


def test_loads_of_all_readers_add_up() -> None:
    readers = [(f"r{i}", "ANY", {"A": 2, "Y": 10 + i}) for i in range(3)]
    timing = analyse(
        netlist({"x": [1]}, {"y": [2]}, ("b", "BUFFER", {"A": 1, "Y": 2}), *readers), LIBRARY
    )
    assert timing.period_s == 6  # the readers drive no end


def test_an_inverting_gate_swaps_edges() -> None:
    chain = netlist(
        {"x": [1]},
        {"y": [3]},
        ("a", "SLOW_RISE", {"A": 1, "Y": 2}),
        ("b", "SLOW_RISE", {"A": 2, "Y": 3}),
    )
    timing = analyse(chain, LIBRARY)
    assert timing.period_s == 8  # one of the two is always the fast edge: 7 + 1, never 7 + 7
    assert [step[3] for step in steps(timing)] == ["rise", "fall", "rise", "rise"]


def test_a_gate_of_no_sense_takes_the_worse_edge() -> None:
    timing = analyse(
        netlist(
            {"x": [1]},
            {"y": [3]},
            ("a", "SLOW_RISE", {"A": 1, "Y": 2}),
            ("b", "ANY", {"A": 2, "Y": 3}),
        ),
        LIBRARY,
    )
    assert timing.period_s == 9  # slow rise 7, then a fall of 2
    assert steps(timing)[-2:] == [("b", "ANY", "Y", "fall", 9), ("y[0]", "output", "", "fall", 9)]


def test_transitions_travel() -> None:
    timing = analyse(
        netlist(
            {"x": [1]},
            {"y": [3]},
            ("a", "BUFFER", {"A": 1, "Y": 2}),
            ("b", "ECHO", {"A": 2, "Y": 3}),
        ),
        LIBRARY,
    )
    assert timing.period_s == 2 + 4  # load of 1, then the buffer's transition


def test_memory_paths() -> None:
    paths = netlist(
        {"clk": [1], "data": [2, 3], "other": [4]},
        {"address": [7], "rest": [8]},
        ("r", "FF", {"C": 1, "D": 5, "Q": 6}),
        ("a", "ANY", {"A": 3, "Y": 5}),  # data[1] -> register: 2 + setup 3
        ("b", "ANY", {"A": 6, "Y": 7}),  # register -> address: 10 + 2
        ("c", "SLOW_RISE", {"A": 6, "Y": 8}),  # register -> rest: 10 + 7
        ("d", "SLOW_RISE", {"A": 4, "Y": 9}),  # other -> nothing
    )
    timing = analyse(paths, LIBRARY, memory_reads=["data"], memory_writes=["address"])
    assert timing.from_memory_s == 5
    assert timing.to_memory_s == 12
    assert timing.period_s == 17


def test_no_memory_no_memory_paths() -> None:
    timing = analyse(netlist({"x": [1]}, {"y": [2]}, ("a", "ANY", {"A": 1, "Y": 2})), LIBRARY)
    assert (timing.from_memory_s, timing.to_memory_s, timing.period_s) == (0, 0, 2)


def test_from_memory_straight_to_an_output() -> None:
    timing = analyse(netlist({"data": [1]}, {"address": [1]}), LIBRARY, ["data"], ["address"])
    assert timing == Timing(0.0, 0.0, 0.0, timing.critical_path)
    assert [step[0] for step in steps(timing)] == ["data[0]", "address[0]"]


def test_constants_start_no_path() -> None:
    timing = analyse(
        netlist(
            {"clk": [1]},
            {"y": [3]},
            ("a", "SLOW_RISE", {"A": "0", "Y": 2}),
            ("b", "SLOW_RISE", {"A": 2, "Y": 3}),
            ("r", "FF", {"C": 1, "D": "x", "Q": 4}),
        ),
        LIBRARY,
    )
    assert timing == Timing(0.0, 0.0, 0.0, ())


def test_long_chains_need_no_recursion() -> None:
    length = 20_000
    instances = [(f"i{n}", "ANY", {"A": n, "Y": n + 1}) for n in range(1, length + 1)]
    timing = analyse(netlist({"x": [1]}, {"y": [length + 1]}, *reversed(instances)), LIBRARY)
    assert timing.period_s == 2 * length
    assert len(timing.critical_path) == length + 2


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        (
            netlist({}, {}, ("a", "ANY", {"A": 2, "Y": 3}), ("b", "ANY", {"A": 3, "Y": 2})),
            "combinational loop at or before a",
        ),
        (netlist({}, {}, ("a", "NAND9", {"A": 1})), "library hand has no cell NAND9"),
        (
            netlist({"x": [1]}, {}, ("a", "ANY", {"Y": 2}), ("b", "ANY", {"Y": 2})),
            "pin Y of b drives a net already driven",
        ),
        (netlist({"x": [1]}, {}, ("a", "ANY", {"Y": 1})), "pin Y of a drives a net already driven"),
        (
            netlist({"x": [1]}, {}, ("a", "ANY", {"A": 1, "Y": 2}), ("r", "FF", {"C": 2, "Q": 3})),
            r"clock pin C of r \(FF\) must be driven by an input port or a clock gate",
        ),
    ],
)
def test_rejects(broken: Netlist, message: str) -> None:
    with pytest.raises(InputError, match=message):
        analyse(broken, LIBRARY)


def test_gated_clock_is_the_clock() -> None:
    pins = {p.name: p for p in (pin("C", "input"), pin("E", "input", 1.0), pin("G", "output"))}
    setup: dict[Edge, Table] = {"rise": flat(6.0), "fall": flat(6.0)}
    icg = Cell("ICG", 4.0, pins, (), (Constraint("C", "E", "rise", setup),), clock_gate=True)
    timing = analyse(
        netlist(
            {"clk": [1], "enable": [2], "x": [7]},
            {"y": [6]},
            ("a", "ANY", {"A": 2, "Y": 3}),
            ("g", "ICG", {"C": 1, "E": 3, "G": 4}),
            ("r", "FF", {"C": 4, "D": 7, "Q": 5}),
            ("b", "ANY", {"A": 5, "Y": 6}),
        ),
        Library("hand", {**CELLS, "ICG": icg}, ""),
    )
    assert timing.period_s == 10 + 2
    gated = netlist({"clk": [1], "enable": [2]}, {}, ("a", "ANY", {"A": 2, "Y": 3}),
                    ("g", "ICG", {"C": 1, "E": 3}))  # fmt: skip
    assert analyse(gated, Library("hand", {**CELLS, "ICG": icg}, "")).period_s == 2 + 6


def test_rejects_falling_edge() -> None:
    library = Library("hand", {"FF": register("fall")}, "")
    with pytest.raises(InputError, match="acts on the falling edge; use the rising edge"):
        analyse(netlist({"clk": [1]}, {}, ("r", "FF", {"C": 1, "Q": 2})), library)


def test_rejects_unknown_ports() -> None:
    one = netlist({"x": [1]}, {"y": [1]})
    with pytest.raises(InputError, match=r"^netlist of top: no input port y$"):
        analyse(one, LIBRARY, memory_reads=["y"])
    with pytest.raises(InputError, match=r"^netlist of top: no output port z$"):
        analyse(one, LIBRARY, memory_writes=["z"])


# Against enumeration: in the built-in library delays depend on loads alone, so the latest arrival
# is the longest of all paths, each walked by itself.
BUILTIN = builtin_library(20e-12)
GATES = ("INV_X1", "NAND2_X2", "XOR2_X1", "AOI21_X4", "MUX2_X1")


@st.composite
def circuits(draw: st.DrawFn) -> Netlist:
    inputs = draw(st.integers(1, 3))
    instances: list[tuple[str, str, dict[str, Net]]] = []
    nets = inputs
    for index in range(draw(st.integers(1, 12))):
        cell = BUILTIN.cell(draw(st.sampled_from(GATES)))
        pins: dict[str, Net] = {p: draw(st.integers(1, nets)) for p in cell.inputs}
        nets += 1
        instances.append((f"g{index}", cell.name, {**pins, "Y": nets}))
    instances = draw(st.permutations(instances))
    return netlist({"x": list(range(1, inputs + 1))}, {"y": [nets]}, *instances)


def longest_s(circuit: Netlist, net: Net) -> float:
    instance = next((i for i in circuit.instances if i.nets["Y"] == net), None)
    if instance is None:
        return 0.0
    load_f = sum(
        BUILTIN.cell(reader.cell).pins[name].capacitance_f["rise"]
        for reader in circuit.instances
        for name, source in reader.nets.items()
        if name != "Y" and source == net
    )
    return max(
        arc.delay["rise"](0.0, load_f) + longest_s(circuit, instance.nets[arc.source])
        for arc in BUILTIN.cell(instance.cell).arcs
    )


@given(circuits())
def test_agrees_with_enumerating_all_paths(circuit: Netlist) -> None:
    timing = analyse(circuit, BUILTIN, memory_reads=["x"], memory_writes=["y"])
    (end,) = circuit.ports["y"].nets
    assert timing.period_s == pytest.approx(longest_s(circuit, end))
    assert timing.from_memory_s == timing.to_memory_s == timing.period_s
    arrivals = [step.arrival_s for step in timing.critical_path]
    assert arrivals == sorted(arrivals)
    assert arrivals[-1] == timing.period_s


def test_netlist_from_yosys() -> None:
    text = json.dumps(
        {
            "modules": {
                "top": {
                    "ports": {"x": {"direction": "input", "bits": [2, "0"]}},
                    "cells": {
                        "a": {"type": "ANY", "connections": {"A": [2], "Y": [3], "N": []}},
                        "names": {"type": "$scopeinfo", "connections": {}},
                        "b": {"type": "ANY", "connections": {"A": [3], "Y": [4]}},
                    },
                }
            }
        }
    )
    read = Netlist.from_yosys_json(text, "top")
    assert read.ports == {"x": Port("input", (2, "0"))}
    assert read.instances == (
        Instance("a", "ANY", {"A": 2, "Y": 3}),
        Instance("b", "ANY", {"A": 3, "Y": 4}),
    )
    assert read.counts() == {"ANY": 2}
    assert read.area(LIBRARY) == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "netlist of top: not JSON"),
        ("{}", "not a Yosys netlist: no 'modules'"),
        ('{"modules": {}}', "not a Yosys netlist: no 'top'"),
        (
            '{"modules": {"top": {"ports": {}, "cells":'
            ' {"m": {"type": "$add", "connections": {"A": [1, 2]}}}}}}',
            r"pin A of m \(\$add\) has 2 bits",
        ),
    ],
)
def test_rejects_other_json(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        Netlist.from_yosys_json(text, "top")
