"""Liberty functions as truth tables, by hand and against Python's own operators."""

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bosquet.errors import InputError
from bosquet.hw.tech.function import truth_table

NAND2 = (True, True, True, False)


@pytest.mark.parametrize(
    "function",
    [
        "!(A&B)",
        "(A B)'",
        "(!A) | (!B)",
        "A'+B'",
        "!(A * B)",
        "!A + A B'",
        "1 ^ (A B)",
        "  !( A&B ) ",
    ],
)
def test_spellings_of_nand(function: str) -> None:
    assert truth_table(function, ("A", "B")) == NAND2


def test_last_input_changes_fastest() -> None:
    assert truth_table("A & !B", ("A", "B")) == (False, False, True, False)


@pytest.mark.parametrize(
    ("function", "means"),
    [("A | B C", "A | (B & C)"), ("A B ^ C", "A & (B ^ C)"), ("!A ^ B'", "(!A) ^ (!B)")],
)
def test_precedence(function: str, means: str) -> None:
    assert truth_table(function, "ABC") == truth_table(means, "ABC")


def test_constant_without_inputs() -> None:
    assert truth_table("1", ()) == (True,)


# The text of a function, and the same in Python.
Expression = tuple[str, str]


def binary(sign: str, python: str) -> st.SearchStrategy[Expression]:
    def join(pair: tuple[Expression, Expression]) -> Expression:
        (left, python_left), (right, python_right) = pair
        return f"({left}){sign}({right})", f"(({python_left}){python}({python_right}))"

    return st.tuples(EXPRESSIONS, EXPRESSIONS).map(join)


EXPRESSIONS: st.SearchStrategy[Expression] = st.deferred(
    lambda: (
        st.sampled_from(["A", "B", "C"]).map(lambda name: (name, f"row['{name}']"))
        | EXPRESSIONS.map(lambda one: (f"!({one[0]})", f"(not ({one[1]}))"))
        | EXPRESSIONS.map(lambda one: (f"({one[0]})'", f"(not ({one[1]}))"))
        | binary("&", " and ")
        | binary(" ", " and ")
        | binary("|", " or ")
        | binary("+", " or ")
        | binary("^", " != ")
    )
)


@given(EXPRESSIONS)
def test_agrees_with_python(expression: Expression) -> None:
    liberty, python = expression
    rows = [dict(zip("ABC", row, strict=True)) for row in product((False, True), repeat=3)]
    expected = tuple(bool(eval(python, {"row": row})) for row in rows)
    assert truth_table(liberty, ("A", "B", "C")) == expected


@pytest.mark.parametrize(
    ("function", "message"),
    [
        ("A &", "unexpected 'end'"),
        ("(A", "unexpected 'end'"),
        ("A)", r"unexpected '\)'"),
        ("A & Q", "unexpected 'Q'; inputs: A B"),
        ("A # B", "unexpected character '#'"),
        ("", "unexpected 'end'"),
    ],
)
def test_rejects(function: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        truth_table(function, ("A", "B"))
