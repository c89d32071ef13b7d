"""Sets: methods, operators, order, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_calls import call, during_iteration, elements, fault_of, make_set, slug_of, typed

from flowlang.lang.eval import operators
from flowlang.lang.values.container import HeldSet, List, Set
from flowlang.lang.values.freeze import freeze

METHODS = [
    "add",
    "clear",
    "difference",
    "difference_update",
    "discard",
    "intersection",
    "intersection_update",
    "isdisjoint",
    "issubset",
    "issuperset",
    "pop",
    "remove",
    "symmetric_difference",
    "symmetric_difference_update",
    "union",
    "update",
]


def test_there_are_exactly_these_methods() -> None:
    assert operators.attribute_names(Set()) == METHODS


@pytest.mark.parametrize(
    ("method", "arguments", "result"),
    [
        ("difference", (List([2, 9]),), [3, 1]),
        ("difference", (List([2]), (1,)), [3]),
        ("difference", (), [3, 1, 2]),
        ("intersection", (List([1, 2, 9]),), [1, 2]),
        ("intersection", (List([1, 2]), range(2)), [1]),
        ("intersection", (), [3, 1, 2]),
        ("symmetric_difference", (List([9, 1, 8]),), [3, 2, 9, 8]),
        ("union", (List([9, 1]), make_set(8)), [3, 1, 2, 9, 8]),
        ("union", (), [3, 1, 2]),
    ],
)
def test_method_gives_a_new_set(method: str, arguments: tuple[Any, ...], result: list[Any]) -> None:
    value = make_set(3, 1, 2)
    freeze(value)
    found = call(value, method, *arguments)
    assert type(found) is Set
    assert elements(found) == result
    assert elements(value) == [3, 1, 2]


@pytest.mark.parametrize(
    ("method", "arguments", "result", "after"),
    [
        ("add", (4,), None, [3, 1, 2, 4]),
        ("add", (1,), None, [3, 1, 2]),
        ("add", (True,), None, [3, 1, 2, True]),
        ("clear", (), None, []),
        ("difference_update", (List([2]), (3,)), None, [1]),
        ("discard", (1,), None, [3, 2]),
        ("discard", (9,), None, [3, 1, 2]),
        ("intersection_update", (List([2, 3]), (3,)), None, [3]),
        ("pop", (), 3, [1, 2]),
        ("remove", (1,), None, [3, 2]),
        ("symmetric_difference_update", (List([1, 9]),), None, [3, 2, 9]),
        ("update", (List([9]), (8, True)), None, [3, 1, 2, 9, 8, True]),
        ("update", (), None, [3, 1, 2]),
    ],
)
def test_method_changes_the_set(method: str, arguments: tuple[Any, ...], result: Any, after: list[Any]) -> None:
    value = make_set(3, 1, 2)
    assert call(value, method, *arguments) == result
    assert typed(elements(value)) == typed(after)


@pytest.mark.parametrize(
    ("method", "other", "result"),
    [
        ("isdisjoint", List([9]), True),
        ("isdisjoint", List([1]), False),
        ("issubset", range(5), True),
        ("issubset", List([1, 2]), False),
        ("issuperset", List([1, 1.0]), True),
        ("issuperset", List([True]), False),
    ],
)
def test_question(method: str, other: Any, result: bool) -> None:
    assert call(make_set(3, 1, 2), method, other) is result


@pytest.mark.parametrize(
    ("method", "arguments", "slug"),
    [
        ("add", (List(),), "unhashable"),
        ("discard", (List(),), "unhashable"),
        ("remove", (9,), "missing-key"),
        ("remove", (True,), "missing-key"),
        ("union", ("ab",), "type-mismatch"),
        ("union", (List([List()]),), "unhashable"),
        ("difference", (1,), "type-mismatch"),
    ],
)
def test_method_refuses(method: str, arguments: tuple[Any, ...], slug: str) -> None:
    value = make_set(1)
    assert slug_of(call, value, method, *arguments) == slug
    assert elements(value) == [1]


def test_pop_of_an_empty_set_says_so() -> None:
    assert fault_of(call, Set(), "pop").message == "cannot pop from an empty set"


def test_operators_need_sets_and_keep_the_order_of_the_left() -> None:
    left, right = make_set(3, 1, 2), make_set(2, 9, 3)
    assert elements(operators.bit_or(left, right)) == [3, 1, 2, 9]
    assert elements(operators.bit_and(left, right)) == [3, 2]
    assert elements(operators.subtract(left, right)) == [1]
    assert elements(operators.bit_xor(left, right)) == [1, 9]
    assert elements(left) == [3, 1, 2]
    for operation in (operators.bit_or, operators.bit_and, operators.subtract, operators.bit_xor, operators.add):
        assert slug_of(operation, left, List([1])) == "type-mismatch"


def test_in_place_operators_change_the_left() -> None:
    for operation, after in (
        (operators.or_in_place, [3, 1, 2, 9]),
        (operators.and_in_place, [3, 2]),
        (operators.subtract_in_place, [1]),
        (operators.xor_in_place, [1, 9]),
    ):
        left = make_set(3, 1, 2)
        assert operation(left, make_set(2, 9, 3)) is left
        assert elements(left) == after
        assert operation(left, left) is left
        assert slug_of(operation, left, List()) == "type-mismatch"


def test_order_is_inclusion() -> None:
    small, large, other = make_set(1), make_set(2, 1), make_set(3)
    assert operators.less(small, large)
    assert operators.less_equal(small, make_set(1.0))
    assert operators.greater(large, small)
    assert not operators.less(small, small)
    assert not operators.less(small, other)
    assert not operators.greater_equal(small, other)


MUTATIONS: dict[str, Callable[[Set], Any]] = {
    "add": lambda value: call(value, "add", 1),
    "clear": lambda value: call(value, "clear"),
    "difference_update": lambda value: call(value, "difference_update"),
    "discard": lambda value: call(value, "discard", 9),
    "intersection_update": lambda value: call(value, "intersection_update"),
    "pop": lambda value: call(value, "pop"),
    "remove": lambda value: call(value, "remove", 1),
    "symmetric_difference_update": lambda value: call(value, "symmetric_difference_update", List()),
    "update": lambda value: call(value, "update"),
    "|=": lambda value: operators.or_in_place(value, Set()),
    "&=": lambda value: operators.and_in_place(value, Set()),
    "-=": lambda value: operators.subtract_in_place(value, Set()),
    "^=": lambda value: operators.xor_in_place(value, Set()),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_frozen_and_iterated_sets_do_not_change(mutation: Callable[[Set], Any]) -> None:
    value = make_set(1)
    assert during_iteration(value, lambda: mutation(value)) == "mutated-during-iteration"
    freeze(value)
    assert slug_of(mutation, value) == "frozen-value"
    assert elements(value) == [1]


def test_results_with_wrapped_elements_are_known_to_have_them() -> None:
    value = make_set(True, 1)
    assert isinstance(value, HeldSet)
    for made in (
        operators.bit_or(Set(), value),
        operators.bit_and(value, value),
        operators.bit_xor(Set(), value),
        call(Set(), "union", List([True, 1])),
    ):
        assert typed(elements(made)) == typed([True, 1])
    assert type(operators.subtract(value, make_set(True))) is Set


small_sets = st.lists(st.integers(0, 9), max_size=8)


@given(small_sets, small_sets)
def test_operators_agree_with_the_mathematical_ones(left: list[int], right: list[int]) -> None:
    one, other = make_set(*left), make_set(*right)
    assert set(elements(operators.bit_or(one, other))) == set(left) | set(right)
    assert set(elements(operators.bit_and(one, other))) == set(left) & set(right)
    assert set(elements(operators.subtract(one, other))) == set(left) - set(right)
    assert set(elements(operators.bit_xor(one, other))) == set(left) ^ set(right)
    assert operators.less_equal(one, other) is (set(left) <= set(right))
    assert operators.equal(one, other) is (set(left) == set(right))
