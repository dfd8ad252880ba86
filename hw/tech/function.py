"""The Boolean function of a cell pin, as Liberty writes it, turned into a truth table.

Only so can a NAND2 or an inverter be found in a library whose names and spelling are unknown:
``!(A&B)``, ``(A B)'`` and ``(!A) | (!B)`` are one function. Operators, strongest first:
``!`` before or ``'`` after an operand; ``^``; ``*``, ``&`` or nothing between operands; ``+``
or ``|`` (Liberty reference manual, attribute *function*).
"""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

from ...errors import InputError

__all__ = ["truth_table"]

Value = Callable[[Mapping[str, bool]], bool]

TOKEN = re.compile(r"\s*([A-Za-z_][\w\[\]]*|[01]|[!'^*&+|()])")


def truth_table(function: str, inputs: Sequence[str]) -> tuple[bool, ...]:
    """Evaluate a function for every value of its inputs.

    Parameters
    ----------
    function : str
        The text of a Liberty ``function`` attribute.
    inputs : sequence of str
        The input pins; the last one changes fastest.

    Returns
    -------
    tuple of bool (2 ** len(inputs),)
        The output for inputs 0..0 to 1..1.

    Raises
    ------
    InputError
        If the text is not a function of these inputs.
    """
    value = _Parser(function, inputs).parse()
    rows = product((False, True), repeat=len(inputs))
    return tuple(value(dict(zip(inputs, row, strict=True))) for row in rows)


class _Parser:
    """Recursive descent over the tokens, one method per level of precedence."""

    def __init__(self, function: str, inputs: Sequence[str]) -> None:
        self.function = function
        self.inputs = inputs
        self.tokens: list[str] = []
        at, text = 0, function.rstrip()
        while at < len(text):
            match = TOKEN.match(text, at)
            if match is None:
                raise self.error(f"character {text[at:].lstrip()[0]!r}")
            self.tokens.append(match[1])
            at = match.end()
        self.tokens.reverse()  # the next token is the last one

    def error(self, found: str) -> InputError:
        names = " ".join(self.inputs) or "none"
        return InputError(f"function {self.function!r}: unexpected {found}; inputs: {names}")

    @property
    def next(self) -> str:
        return self.tokens[-1] if self.tokens else "end"

    def parse(self) -> Value:
        value = self.any_of()
        if self.tokens:
            raise self.error(repr(self.next))
        return value

    def any_of(self) -> Value:
        value = self.all_of()
        while self.next in ("+", "|"):
            self.tokens.pop()
            value = _or(value, self.all_of())
        return value

    def all_of(self) -> Value:
        value = self.odd_of()
        while self.tokens and self.next not in ("+", "|", ")"):
            if self.next in ("*", "&"):
                self.tokens.pop()
            value = _and(value, self.odd_of())
        return value

    def odd_of(self) -> Value:
        value = self.operand()
        while self.next == "^":
            self.tokens.pop()
            value = _xor(value, self.operand())
        return value

    def operand(self) -> Value:
        token = self.tokens.pop() if self.tokens else "end"
        if token == "!":
            value = _not(self.operand())
        elif token == "(":
            value = self.any_of()
            if self.next != ")":
                raise self.error(repr(self.next))
            self.tokens.pop()
        elif token in ("0", "1"):
            value = _constant(token == "1")
        elif token in self.inputs:
            value = _input(token)
        else:
            raise self.error(repr(token))
        while self.next == "'":
            self.tokens.pop()
            value = _not(value)
        return value


def _or(left: Value, right: Value) -> Value:
    return lambda row: left(row) or right(row)


def _and(left: Value, right: Value) -> Value:
    return lambda row: left(row) and right(row)


def _xor(left: Value, right: Value) -> Value:
    return lambda row: left(row) != right(row)


def _not(value: Value) -> Value:
    return lambda row: not value(row)


def _constant(value: bool) -> Value:
    return lambda row: value


def _input(name: str) -> Value:
    return lambda row: row[name]
