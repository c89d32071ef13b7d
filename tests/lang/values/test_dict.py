"""Dicts: methods, operators, literals, and what they refuse."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from value_calls import call, during_iteration, elements, fault_of, make_dict, slug_of, typed

from flowlang.lang.eval import operators
from flowlang.lang.values.container import Dict, List
from flowlang.lang.values.dict import dict_literal
from flowlang.lang.values.freeze import freeze

METHODS = ["clear", "get", "items", "keys", "pop", "popitem", "setdefault", "update", "values"]


def test_there_are_exactly_these_methods() -> None:
    assert operators.attribute_names(Dict()) == METHODS


@pytest.mark.parametrize(
    ("method", "arguments", "result", "after"),
    [
        ("clear", (), None, []),
        ("get", ("a",), 1, [("a", 1), ("b", 2)]),
        ("get", ("z",), None, [("a", 1), ("b", 2)]),
        ("get", ("z", 9), 9, [("a", 1), ("b", 2)]),
        ("items", (), [("a", 1), ("b", 2)], [("a", 1), ("b", 2)]),
        ("keys", (), ["a", "b"], [("a", 1), ("b", 2)]),
        ("values", (), [1, 2], [("a", 1), ("b", 2)]),
        ("pop", ("a",), 1, [("b", 2)]),
        ("pop", ("z", None), None, [("a", 1), ("b", 2)]),
        ("popitem", (), ("a", 1), [("b", 2)]),
        ("setdefault", ("a", 9), 1, [("a", 1), ("b", 2)]),
        ("setdefault", ("z",), None, [("a", 1), ("b", 2), ("z", None)]),
        ("update", (List([("a", 5), List(["c", 6])]),), None, [("a", 5), ("b", 2), ("c", 6)]),
        ("update", (make_dict(("a", 7)),), None, [("a", 7), ("b", 2)]),
        ("update", (), None, [("a", 1), ("b", 2)]),
    ],
)
def test_method(method: str, arguments: tuple[Any, ...], result: Any, after: list[Any]) -> None:
    value = make_dict(("a", 1), ("b", 2))
    assert call(value, method, *arguments) == result
    assert elements(call(value, "items")) == after


def test_update_takes_named_arguments_after_the_pairs() -> None:
    value = make_dict(("a", 1))
    call(value, "update", List([("b", 2)]), b=3, self=4, pairs=5)
    assert elements(call(value, "items")) == [("a", 1), ("b", 3), ("self", 4), ("pairs", 5)]


@pytest.mark.parametrize(
    ("method", "arguments", "slug"),
    [
        ("get", (List(),), "unhashable"),
        ("pop", ("z",), "missing-key"),
        ("pop", (Dict(),), "unhashable"),
        ("setdefault", (List(), 1), "unhashable"),
        ("update", (List([1]),), "type-mismatch"),
        ("update", (List(["ab"]),), "type-mismatch"),
        ("update", (List([(1, 2, 3)]),), "wrong-argument"),
        ("update", ("ab",), "type-mismatch"),
        ("update", (3,), "type-mismatch"),
    ],
)
def test_method_refuses(method: str, arguments: tuple[Any, ...], slug: str) -> None:
    value = make_dict(("a", 1))
    assert slug_of(call, value, method, *arguments) == slug
    assert elements(call(value, "items")) == [("a", 1)]


def test_get_has_no_named_default() -> None:
    with pytest.raises(TypeError, match=r"dict\.get\(\)"):
        call(make_dict(), "get", "a", default=1)


def test_popitem_of_an_empty_dict_says_so() -> None:
    assert fault_of(call, Dict(), "popitem").message == "cannot pop from an empty dict"


def test_views_are_lists_of_their_own() -> None:
    value = make_dict(("a", 1))
    for view in ("keys", "values", "items"):
        found = call(value, view)
        assert type(found) is List
        call(found, "clear")
    assert len(value) == 1


def test_a_missing_key_is_named_and_a_similar_one_suggested() -> None:
    fault = fault_of(operators.index, make_dict(("price", 1), ("name", 2)), "prize")
    assert fault.slug == "missing-key"
    assert fault.message == 'key "prize" is not in the dict'
    assert fault.hint is not None
    assert 'did you mean "price"?' in fault.hint
    assert ".get" in fault.hint


MUTATIONS: dict[str, Callable[[Dict], Any]] = {
    "clear": lambda value: call(value, "clear"),
    "pop": lambda value: call(value, "pop", "a"),
    "pop of nothing": lambda value: call(value, "pop", "z", None),
    "popitem": lambda value: call(value, "popitem"),
    "setdefault": lambda value: call(value, "setdefault", "a", 1),
    "update": lambda value: call(value, "update"),
    "overwrite": lambda value: operators.set_index(value, "a", 2),
    "insert": lambda value: operators.set_index(value, "b", 2),
    "|=": lambda value: operators.or_in_place(value, Dict()),
}


@pytest.mark.parametrize("mutation", MUTATIONS.values(), ids=MUTATIONS.keys())
@pytest.mark.parametrize("exotic", [False, True])
def test_frozen_and_iterated_dicts_do_not_change(mutation: Callable[[Dict], Any], exotic: bool) -> None:
    value = make_dict(("a", 1), *([(True, 0)] if exotic else []))
    count = len(value)
    assert during_iteration(value, lambda: mutation(value)) == "mutated-during-iteration"
    freeze(value)
    assert slug_of(mutation, value) == "frozen-value"
    assert len(value) == count
    assert operators.index(value, "a") == 1


def test_merging() -> None:
    left, right = make_dict(("a", 1), ("b", 1)), make_dict((True, 3), ("b", 2))
    merged = operators.bit_or(left, right)
    assert typed(elements(merged)) == typed(["a", "b", True])
    assert operators.index(merged, "b") == 2
    assert operators.index(left, "b") == 1
    assert operators.or_in_place(left, right) is left
    assert operators.equal(left, merged)
    assert typed(elements(left)) == typed(["a", "b", True])


@pytest.mark.parametrize(("symbol", "other"), [("+", Dict()), ("|", List()), ("-", Dict()), ("&", Dict())])
def test_other_operators_are_refused(symbol: str, other: Any) -> None:
    operation = {"+": operators.add, "|": operators.bit_or, "-": operators.subtract, "&": operators.bit_and}[symbol]
    assert slug_of(operation, Dict(), other) == "type-mismatch"


def test_adding_dicts_gets_a_hint() -> None:
    assert fault_of(operators.add, Dict(), Dict()).hint == "use `|` to merge dicts"


def test_a_literal_refuses_a_key_twice() -> None:
    value = dict_literal("a", 1, True, 2, 1, 3, (True, 1), 4)
    assert typed(elements(value)) == typed(["a", True, 1, (True, 1)])
    assert slug_of(dict_literal, "a", 1, "a", 2) == "duplicate-key"
    assert slug_of(dict_literal, 1, 1, 1.0, 2) == "duplicate-key"
    assert slug_of(dict_literal, float("nan"), 1, float("nan"), 2) == "duplicate-key"
    assert slug_of(dict_literal, List(), 1) == "unhashable"


def test_membership_needs_a_hashable_value() -> None:
    value = make_dict(("a", 1))
    assert operators.contains("a", value)
    assert operators.not_contains("b", value)
    assert slug_of(operators.contains, List(), Dict()) == "unhashable"


def test_a_dict_is_not_sliced_nor_a_key() -> None:
    assert slug_of(operators.slice_value, Dict(), 0, 1, None) == "type-mismatch"
    assert slug_of(operators.index, make_dict(("a", 1)), Dict()) == "unhashable"
