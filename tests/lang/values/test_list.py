"""Lists: methods, operators, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from value_calls import call, during_iteration, fault_of, slug_of, typed

from flowlang.lang.eval import operators
from flowlang.lang.values.container import Dict, List, Set
from flowlang.lang.values.freeze import freeze

METHODS = ["append", "clear", "extend", "index", "insert", "pop", "remove"]


def test_there_are_exactly_these_methods() -> None:
    assert operators.attribute_names(List()) == METHODS


@pytest.mark.parametrize(
    ("start", "method", "arguments", "result", "after"),
    [
        ([1, 2], "append", (3,), None, [1, 2, 3]),
        ([1, 2], "clear", (), None, []),
        ([1], "extend", (List([2, 3]),), None, [1, 2, 3]),
        ([1], "extend", ((2, 3),), None, [1, 2, 3]),
        ([1], "extend", (range(2),), None, [1, 0, 1]),
        ([1, 2, 1], "index", (1,), 0, [1, 2, 1]),
        ([1, 2, 1], "index", (1, 1), 2, [1, 2, 1]),
        ([1, 2, 1], "index", (1, -1), 2, [1, 2, 1]),
        ([1, 2, 1], "index", (1, None, 2), 0, [1, 2, 1]),
        ([True, 1], "index", (1,), 1, [True, 1]),
        ([1, True], "index", (True,), 1, [1, True]),
        ([1, 2], "insert", (0, 0), None, [0, 1, 2]),
        ([1, 2], "insert", (-1, 0), None, [1, 0, 2]),
        ([1, 2], "insert", (10**40, 3), None, [1, 2, 3]),
        ([1, 2], "insert", (-(10**40), 3), None, [3, 1, 2]),
        ([1, 2, 3], "pop", (), 3, [1, 2]),
        ([1, 2, 3], "pop", (0,), 1, [2, 3]),
        ([1, 2, 3], "pop", (-2,), 2, [1, 3]),
        ([1, 2, 1], "remove", (1,), None, [2, 1]),
        ([1, 1.5, "a"], "remove", (1.0,), None, [1.5, "a"]),
        ([True, 1], "remove", (1,), None, [True]),
    ],
)
def test_method(start: list[Any], method: str, arguments: tuple[Any, ...], result: Any, after: list[Any]) -> None:
    value = List(start)
    assert call(value, method, *arguments) == result
    assert typed(value) == typed(after)


@pytest.mark.parametrize(
    ("method", "arguments", "slug"),
    [
        ("extend", ("ab",), "type-mismatch"),
        ("extend", (5,), "type-mismatch"),
        ("index", (9,), "missing-element"),
        ("index", (1, True), "type-mismatch"),
        ("index", (1, 1, 1), "missing-element"),
        ("insert", ("0", 1), "type-mismatch"),
        ("insert", (True, 1), "type-mismatch"),
        ("pop", (3,), "index-out-of-range"),
        ("pop", (-4,), "index-out-of-range"),
        ("pop", (True,), "type-mismatch"),
        ("remove", (True,), "missing-element"),
        ("remove", (9,), "missing-element"),
    ],
)
def test_method_refuses(method: str, arguments: tuple[Any, ...], slug: str) -> None:
    value = List([1, 2, 3])
    assert slug_of(call, value, method, *arguments) == slug
    assert list(value) == [1, 2, 3]


def test_pop_of_an_empty_list_says_so() -> None:
    assert fault_of(call, List(), "pop").message == "cannot pop from an empty list"


@pytest.mark.parametrize(
    ("method", "keywords"), [("append", {"value": 1}), ("pop", {"index": 0}), ("insert", {"index": 0, "value": 1})]
)
def test_arguments_have_no_names(method: str, keywords: dict[str, Any]) -> None:
    with pytest.raises(TypeError, match=rf"list\.{method}\(\)"):
        call(List([1]), method, **keywords)


MUTATIONS: dict[str, Callable[[List], Any]] = {
    "append": lambda value: call(value, "append", 1),
    "clear": lambda value: call(value, "clear"),
    "extend": lambda value: call(value, "extend", List()),
    "insert": lambda value: call(value, "insert", 0, 1),
    "pop": lambda value: call(value, "pop"),
    "remove": lambda value: call(value, "remove", 1),
    "assign": lambda value: operators.set_index(value, 0, 2),
    "+=": lambda value: operators.add_in_place(value, List([2])),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
def test_frozen_and_iterated_lists_do_not_change(mutation: Callable[[List], Any]) -> None:
    value = List([1])
    assert during_iteration(value, lambda: mutation(value)) == "mutated-during-iteration"
    assert list(value) == [1]
    freeze(value)
    fault = fault_of(mutation, value)
    assert (fault.slug, list(value)) == ("frozen-value", [1])
    assert fault.message.startswith("cannot ")
    assert fault.message.endswith(" a frozen list")
    assert fault.hint


def test_mutation_is_allowed_again_after_the_iteration() -> None:
    value = List([1])
    assert during_iteration(value, lambda: call(value, "append", 2)) == "mutated-during-iteration"
    call(value, "append", 2)
    assert list(value) == [1, 2]
    assert type(value) is List


def test_operators_make_new_lists() -> None:
    left, right = List([1]), List([2])
    freeze(left)
    joined = operators.add(left, right)
    assert type(joined) is List
    assert list(joined) == [1, 2]
    repeated = operators.multiply(left, 3)
    assert type(repeated) is List
    assert list(repeated) == [1, 1, 1]
    assert list(operators.multiply(2, right)) == [2, 2]
    assert operators.multiply(left, -1) == []
    assert operators.multiply(List(), 10**30) == []
    assert type(operators.slice_value(left, None, None, None)) is List


@pytest.mark.parametrize("other", [(1,), "a", 1, None, Dict(), Set(), True, 1.0])
def test_lists_add_only_lists(other: Any) -> None:
    assert slug_of(operators.add, List(), other) == "type-mismatch"
    assert slug_of(operators.add, other, List()) == "type-mismatch"


@pytest.mark.parametrize("times", [True, 1.0, "2", None, List()])
def test_lists_are_repeated_by_ints_only(times: Any) -> None:
    assert slug_of(operators.multiply, List([1]), times) == "type-mismatch"


def test_membership_knows_types() -> None:
    value = List([1, "a", None, float("nan"), List([2]), True])
    assert operators.contains(1.0, value)
    assert operators.contains(True, value)
    assert not operators.contains(False, List([0]))
    assert not operators.contains(1, List([True]))
    assert operators.contains(float("nan"), value)
    assert operators.contains(List([2]), value)
    assert operators.contains(None, value)
    assert not operators.contains("b", value)
    assert operators.contains(10**30, List([1, 10**30]))
