"""Arithmetic and bitwise operators."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_calls import fault_of, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List
from flowlang.lang.values.scalar import INT_BITS_MAX

BINARY: dict[str, Callable[[Any, Any], Any]] = {
    "+": operators.add,
    "-": operators.subtract,
    "*": operators.multiply,
    "/": operators.divide,
    "//": operators.floor_divide,
    "%": operators.modulo,
    "&": operators.bit_and,
    "|": operators.bit_or,
    "^": operators.bit_xor,
    "<<": operators.shift_left,
    ">>": operators.shift_right,
}
INFINITY = math.inf


@pytest.mark.parametrize(
    ("left", "symbol", "right", "result"),
    [
        (1, "+", 2, 3),
        (1, "+", 0.5, 1.5),
        (0.5, "-", 1, -0.5),
        (2, "*", 1.5, 3.0),
        (1 << 31, "*", 4, 1 << 33),
        (7, "/", 2, 3.5),
        (6, "/", 2, 3.0),
        (1, "/", 0.5, 2.0),
        (7, "//", 2, 3),
        (-7, "//", 2, -4),
        (7, "//", -2, -4),
        (-1.5, "//", 1, -2.0),
        (7, "//", 2.0, 3.0),
        (7, "%", 3, 1),
        (-7, "%", 3, 2),
        (7, "%", -3, -2),
        (-5.5, "%", 2, 0.5),
        (INFINITY, "//", 1, INFINITY),
        (-INFINITY, "//", 1, -INFINITY),
        (1e308, "*", 10, INFINITY),
        (6, "&", 3, 2),
        (6, "|", 3, 7),
        (6, "^", 3, 5),
        (-1, "&", 255, 255),
        (1, "<<", 31, 1 << 31),
        (1, "<<", 511, 1 << 511),
        (-5, ">>", 1, -3),
        (-5, ">>", 10**30, -1),
        ("ab", "+", "c", "abc"),
        ("ab", "*", 2, "abab"),
        (2, "*", "é", "éé"),
        ("ab", "*", -1, ""),
        ("", "*", 10**30, ""),
        (b"a", "+", b"b", b"ab"),
        (b"ab", "*", 2, b"abab"),
        (0, "*", b"ab", b""),
        ("%s = %d", "%", ("a", 1), "a = 1"),
    ],
)
def test_result(left: Any, symbol: str, right: Any, result: Any) -> None:
    found = BINARY[symbol](left, right)
    assert type(found) is type(result)
    assert found == result


@pytest.mark.parametrize("symbol", ["/", "//", "%"])
@pytest.mark.parametrize("zero", [0, 0.0, -0.0])
@pytest.mark.parametrize("left", [1, 1.0, 0])
def test_division_by_zero(symbol: str, zero: Any, left: Any) -> None:
    assert slug_of(BINARY[symbol], left, zero) == "division-by-zero"


SAMPLES: list[Any] = [None, True, 1, 1.5, "a", b"a", (1,), List([1]), make_dict(), make_set(), range(2), slug_of]
LEGAL = {
    "+": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float"), ("str", "str"), ("bytes", "bytes")}
    | {("tuple", "tuple"), ("List", "List")},
    "-": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float"), ("Set", "Set")},
    "*": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float")}
    | {(kind, "int") for kind in ("str", "bytes", "tuple", "List")}
    | {("int", kind) for kind in ("str", "bytes", "tuple", "List")},
    "/": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float")},
    "//": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float")},
    "%": {("int", "int"), ("int", "float"), ("float", "int"), ("float", "float")},
    "&": {("int", "int"), ("Set", "Set")},
    "|": {("int", "int"), ("Set", "Set"), ("Dict", "Dict")},
    "^": {("int", "int"), ("Set", "Set")},
    "<<": {("int", "int")},
    ">>": {("int", "int")},
}


@pytest.mark.parametrize("symbol", BINARY)
def test_every_other_pair_of_types_is_refused(symbol: str) -> None:
    for left in SAMPLES:
        for right in SAMPLES:
            if symbol == "%" and type(left) is str:
                continue
            if (type(left).__name__, type(right).__name__) in LEGAL[symbol]:
                BINARY[symbol](left, right)
                continue
            fault = fault_of(BINARY[symbol], left, right)
            assert fault.slug == "type-mismatch"
            assert fault.message.startswith("unsupported operation: ")


@pytest.mark.parametrize(
    ("operation", "legal", "illegal"),
    [
        (operators.negate, [(1, -1), (1.5, -1.5)], [True, "a", None, List()]),
        (operators.positive, [(1, 1), (-1.5, -1.5)], [True, "a", None, List()]),
        (operators.invert, [(1, -2), (-1, 0)], [True, 1.5, "a", None, make_set()]),
    ],
)
def test_unary(operation: Callable[[Any], Any], legal: list[tuple[Any, Any]], illegal: list[Any]) -> None:
    for operand, result in legal:
        assert operation(operand) == result
    for operand in illegal:
        assert slug_of(operation, operand) == "type-mismatch"


@pytest.mark.parametrize(
    ("symbol", "left", "right", "hint"),
    [
        ("+", 1, "a", "use `str(...)` to turn the int into text"),
        ("+", "a", 1.5, "use `str(...)` to turn the float into text"),
        ("+", List(), (1,), "use `list(...)` to turn the tuple into a list"),
        ("-", "3", 1, "use `int(...)` or `float(...)` to read the string as a number"),
        ("*", "ab", 1.5, "use `int(...)` or `float(...)` to read the string as a number"),
        ("*", List(), 1.5, "the right side of `*` needs to be an int here"),
        ("+", True, 1, "a bool is not a number: use `int(...)` to make 0 or 1 of it"),
    ],
)
def test_hint(symbol: str, left: Any, right: Any, hint: str) -> None:
    assert fault_of(BINARY[symbol], left, right).hint == hint


def test_none_gets_a_hint() -> None:
    assert "return" in (fault_of(operators.add, None, 1).hint or "")


def test_ints_have_a_largest_size() -> None:
    largest = (1 << INT_BITS_MAX) - 1
    assert operators.subtract(largest, 1) == largest - 1
    assert operators.floor_divide(largest, 3) == largest // 3
    assert operators.multiply(1 << (INT_BITS_MAX // 2), 1 << (INT_BITS_MAX // 2 - 1)) == 1 << (INT_BITS_MAX - 1)
    for operation, left, right in (
        (operators.add, largest, 1),
        (operators.subtract, -largest, 1),
        (operators.multiply, largest, largest),
        (operators.multiply, largest, 2),
        (operators.shift_left, largest, 1),
    ):
        assert slug_of(operation, left, right) == "integer-too-large"


def test_shifts_have_limits() -> None:
    for operation, count in ((operators.shift_left, 512), (operators.shift_left, -1), (operators.shift_right, -1)):
        assert slug_of(operation, 1, count) == "invalid-shift"


def test_ints_beyond_the_largest_float_are_refused() -> None:
    huge = 1 << 1100
    for symbol in ("+", "-", "*", "/", "//", "%"):
        assert slug_of(BINARY[symbol], huge, 1.0) == "float-overflow"
        assert slug_of(BINARY[symbol], 1.0, huge) == "float-overflow"
    assert slug_of(operators.divide, huge, 1) == "float-overflow"
    assert operators.divide(huge, huge) == 1.0


@given(st.integers(), st.integers().filter(bool))
def test_floored_division_law(left: int, right: int) -> None:
    quotient, remainder = operators.floor_divide(left, right), operators.modulo(left, right)
    assert quotient * right + remainder == left
    assert remainder == 0 or (remainder < 0) is (right < 0)
