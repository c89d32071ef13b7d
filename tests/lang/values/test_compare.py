"""Equality and ordering."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_calls import cost_of, fault_of, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.compare import compare, equal
from flowlang.lang.values.container import List
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.list import append as append_method

NAN = float("nan")
BIG = 9007199254740993
"""The smallest int above zero that no float equals."""

EQUAL = [
    (1, 1.0),
    (0.0, -0.0),
    (NAN, float("nan")),
    (BIG - 1, float(BIG - 1)),
    (List([1, "a"]), List([1.0, "a"])),
    ((1, (2,)), (1.0, (2.0,))),
    (List([NAN]), List([float("nan")])),
    (make_dict((1, 2), (3, 4)), make_dict((3, 4), (1.0, 2.0))),
    (make_dict((True, 1)), make_dict((True, 1))),
    (make_set(1, 2), make_set(2, 1.0)),
    (b"a", b"a"),
    (None, None),
    (slug_of, slug_of),
]
UNEQUAL: list[tuple[Any, Any]] = [
    (1, True),
    (0, False),
    (1.0, True),
    (0, None),
    ("", None),
    ("a", b"a"),
    ("1", 1),
    (BIG, float(BIG)),
    (NAN, 1.0),
    (List(), ()),
    (List([1]), List([True])),
    (List([0] * 20), List([0] * 19 + [False])),
    ((1,), (True,)),
    (make_dict((1, 2)), make_dict((True, 2))),
    (make_dict((1, 2)), make_dict((1, 3))),
    (make_dict((1, 2)), make_set(1)),
    (make_set(1), make_set(True)),
    (range(3), List([0, 1, 2])),
]


@pytest.mark.parametrize(("left", "right"), EQUAL)
def test_equal(left: Any, right: Any) -> None:
    assert operators.equal(left, right) is True
    assert operators.equal(right, left) is True
    assert operators.not_equal(left, right) is False
    assert operators.equal(List([left]), List([right])) is True


@pytest.mark.parametrize(("left", "right"), UNEQUAL)
def test_unequal(left: Any, right: Any) -> None:
    assert operators.equal(left, right) is False
    assert operators.equal(right, left) is False
    assert operators.not_equal(left, right) is True
    assert operators.equal(List([left]), List([right])) is False


def test_a_frozen_value_equals_a_free_one() -> None:
    frozen = List([1, make_dict(("a", List()))])
    freeze(frozen)
    assert operators.equal(frozen, List([1, make_dict(("a", List()))]))


def test_a_value_that_contains_itself_is_refused() -> None:
    value, other = List([1]), List([1])
    value.append(value)
    other.append(other)
    for operation in (operators.equal, operators.less, operators.not_equal):
        assert slug_of(operation, value, other) == "too-deep"
        assert slug_of(operation, value, value) == "too-deep"


def test_nesting_up_to_the_limit_is_compared() -> None:
    left, right = List(), List()
    for _ in range(99):
        left, right = List([left]), List([right])
    assert operators.equal(left, right)
    assert slug_of(operators.equal, List([List([left])]), List([List([right])])) == "too-deep"


def test_shared_structures_are_compared_in_little_time() -> None:
    def doubled(levels: int) -> List:
        value = List([0])
        for _ in range(levels):
            value = List([value, value])
        return value

    assert operators.equal(doubled(60), doubled(60))
    assert cost_of(lambda: operators.equal(doubled(60), doubled(60)))[0] < 10_000


ASCENDING: list[list[Any]] = [
    [-math.inf, -(10**400), -1, -0.5, 0, 0.5, 1, float(BIG - 1), BIG, 10**400, math.inf, NAN],
    [False, True],
    ["", "a", "ab", "b", "é", "😿"],
    [b"", b"a", b"ab", b"\xff"],
    [(), (1,), (1, "a"), (1, "b"), (2,)],
    [List(), List([False]), List([False, 0]), List([True])],
    [make_set(), make_set(1), make_set(1, 2)],
]


@pytest.mark.parametrize("values", ASCENDING)
def test_order(values: list[Any]) -> None:
    for place, left in enumerate(values):
        for other, right in enumerate(values):
            assert operators.less(left, right) is (place < other)
            assert operators.less_equal(left, right) is (place <= other)
            assert operators.greater(left, right) is (place > other)
            assert operators.greater_equal(left, right) is (place >= other)
            assert compare(left, right) == (place > other) - (place < other)


@pytest.mark.parametrize(
    ("left", "right"),
    [
        (1, "a"),
        (1, True),
        (None, None),
        ("a", b"a"),
        (List(), ()),
        (List([1]), List(["a"])),
        (make_dict(), make_dict()),
        (make_set(), List()),
        (range(1), range(2)),
    ],
)
def test_no_order(left: Any, right: Any) -> None:
    for operation in (operators.less, operators.less_equal, operators.greater, operators.greater_equal):
        assert slug_of(operation, left, right) == "type-mismatch"


def test_the_message_names_the_values_that_were_compared() -> None:
    fault = fault_of(operators.less, List([1, 2]), List([1, "a"]))
    assert fault.message == "unsupported comparison: int < string"


def test_equal_beginnings_hide_what_comes_after() -> None:
    assert operators.less(List([1, "a"]), List([2, 5]))


atoms = st.none() | st.booleans() | st.integers(-2, 2) | st.sampled_from([0.5, 1.0, NAN, -0.0]) | st.sampled_from("ab")
trees = st.recursive(
    atoms, lambda child: st.lists(child, max_size=3) | st.lists(child, max_size=3).map(tuple), max_leaves=8
)


def model(value: Any) -> Any:
    """The value with its type beside each atom, so that the host's equality is the language's."""
    if type(value) in (int, float):
        return ("number", "nan" if value != value else value)
    if type(value) in (list, List, tuple):
        return (type(value) is tuple, [model(element) for element in value])
    return (type(value), value)


def script_value(value: Any) -> Any:
    """The same with lists of the language."""
    if type(value) is list:
        return List(map(script_value, value))
    return tuple(map(script_value, value)) if type(value) is tuple else value


@given(trees, trees)
def test_equality_agrees_with_a_model(left: Any, right: Any) -> None:
    one, other = script_value(left), script_value(right)
    assert equal(one, other) is (model(one) == model(other))
    assert equal(one, script_value(left)) is True


numbers = st.integers() | st.floats() | st.integers(-(2**70), 2**70)


@given(st.lists(numbers, max_size=4), st.lists(numbers, max_size=4), st.lists(numbers, max_size=4))
def test_order_of_numbers_is_total(first: list[Any], second: list[Any], third: list[Any]) -> None:
    one, two, three = List(first), List(second), List(third)
    assert [operators.less(one, two), operators.equal(one, two), operators.greater(one, two)].count(True) == 1
    if operators.less_equal(one, two) and operators.less_equal(two, three):
        assert operators.less_equal(one, three)


def test_long_texts_are_charged() -> None:
    left, right = "a" * 100_000, "a" * 99_999 + "b"
    assert cost_of(lambda: operators.equal(left, right))[0] >= 100_000 // 256
    assert cost_of(lambda: operators.less(left, right))[0] >= 100_000 // 256
    pairs = List([left] * 100), List([right.replace("b", "a")] * 100)
    assert cost_of(lambda: operators.equal(*pairs))[0] >= 100 * (100_000 // 256)


def test_methods_can_be_compared() -> None:
    value = List()
    bound = operators.attribute(value, "append")
    assert operators.equal(bound, bound)
    assert operators.not_equal(bound, operators.attribute(value, "append"))
    assert bound.function is append_method
