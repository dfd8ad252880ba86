"""A circuit as and-gates, and its unrolling over the cycles into clauses for a SAT solver.

The circuit comes as ASCII AIGER 1.9 (Biere et al., "AIGER 1.9 and beyond", FMV report 11/2, JKU
Linz 2011), written by Yosys. A literal is twice a variable's number, plus 1 if negated; 0 is false.
"""

from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Circuit", "Unrolling"]


@dataclass(frozen=True)
class Circuit:
    """Latches and and-gates.

    Attributes
    ----------
    inputs : tuple of int
    latches : tuple of (literal, next literal, initial literal)
        A latch whose initial literal is its own may start as anything.
    gates : tuple of (literal, left, right)
    outputs : dict
        Literals of the outputs by name, ``broken[3]``.
    input_names : tuple of str
    """

    inputs: tuple[int, ...]
    latches: tuple[tuple[int, int, int], ...]
    gates: tuple[tuple[int, int, int], ...]
    outputs: dict[str, int]
    input_names: tuple[str, ...]

    @classmethod
    def parse(cls, text: str) -> "Circuit":
        """Read ASCII AIGER with symbols."""
        lines = text.splitlines()
        counts = [int(word) for word in lines[0].split()[1:]]
        body = iter(lines[1:])
        inputs, latches, outputs, gates = counts[1:5]
        read_inputs = tuple(int(next(body)) for _ in range(inputs))
        read_latches = []
        for _ in range(latches):
            latch, following, *initial = (int(word) for word in next(body).split())
            read_latches.append((latch, following, initial[0] if initial else 0))
        read_outputs = [int(next(body)) for _ in range(outputs)]
        read_gates = []
        for _ in range(gates):
            gate, left, right = (int(word) for word in next(body).split())
            read_gates.append((gate, left, right))
        names = {words[0]: words[1] for line in body if len(words := line.split(" ", 1)) == 2}
        return cls(
            read_inputs,
            tuple(read_latches),
            tuple(sorted(read_gates)),
            {names[f"o{i}"]: literal for i, literal in enumerate(read_outputs)},
            tuple(names.get(f"i{i}", f"input {i}") for i in range(inputs)),
        )


class Unrolling:
    """The circuit's cycles, one after the other, as clauses; shared and constant gates fold.

    In clauses a literal is a signed number as solvers have it; ``TRUE`` stands for true.

    Parameters
    ----------
    circuit : Circuit
    solver : a solver with ``add_clause``
    start : {"initial", "anywhere"}
        State of the first cycle: the initial one, or any (for induction).
    """

    TRUE = 1

    def __init__(
        self, circuit: Circuit, solver: Any, start: Literal["initial", "anywhere"] = "initial"
    ) -> None:
        self._circuit, self._solver = circuit, solver
        self._last = self.TRUE
        self._gates: dict[tuple[int, int], int] = {}
        solver.add_clause([self.TRUE])
        self._state = [
            self._variable() if start == "anywhere" or initial == latch
            else (self.TRUE if initial else -self.TRUE)
            for latch, _, initial in circuit.latches
        ]  # fmt: skip
        self.inputs: list[list[int]] = []

    def _variable(self) -> int:
        self._last += 1
        return self._last

    def _and(self, left: int, right: int) -> int:
        if left > right:
            left, right = right, left
        if -self.TRUE in (left, right) or left == -right:
            return -self.TRUE
        if left == self.TRUE or left == right:
            return right
        if right == self.TRUE:
            return left
        found = self._gates.get((left, right))
        if found is None:
            found = self._gates[left, right] = self._variable()
            add = self._solver.add_clause
            add([-found, left])
            add([-found, right])
            add([found, -left, -right])
        return found

    def any_of(self, literals: list[int]) -> int:
        """Return a literal that is true where one of these is."""
        nothing = self.TRUE
        for literal in literals:
            nothing = self._and(nothing, -literal)
        return -nothing

    def cycle(self) -> dict[str, int]:
        """Add a cycle; return the literals of the outputs in it."""
        value = {0: -self.TRUE}
        chosen = [self._variable() for _ in self._circuit.inputs]
        self.inputs.append(chosen)
        for name, literal in zip(self._circuit.inputs, chosen, strict=True):
            value[name] = literal
        for (latch, _, _), literal in zip(self._circuit.latches, self._state, strict=True):
            value[latch] = literal

        def of(literal: int) -> int:
            found = value[literal & ~1]
            return -found if literal & 1 else found

        for gate, left, right in self._circuit.gates:
            value[gate] = self._and(of(left), of(right))
        self._state = [of(following) for _, following, _ in self._circuit.latches]
        return {name: of(literal) for name, literal in self._circuit.outputs.items()}
