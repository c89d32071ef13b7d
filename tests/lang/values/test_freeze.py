"""Freezing reaches everything that a value holds, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from types import FunctionType
from typing import Any

import pytest
from value_calls import call, cost_of, elements, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import ITERATION, List, hold, release
from flowlang.lang.values.freeze import freeze, freeze_all, is_frozen
from flowlang.lang.values.protocol import builtin
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct


def capturing(value: Any) -> Any:
    """A function whose closure holds `value`."""

    def function(depth: int) -> Any:
        return value

    return function


def with_defaults(value: Any, other: Any) -> Any:
    """A function with `value` and `other` as defaults."""

    def function(depth: int, first: Any = value, *, second: Any = other) -> Any:
        return first, second

    return function


HOLDERS: dict[str, Callable[[Any], Any]] = {
    "list": lambda value: List([value]),
    "tuple": lambda value: (value,),
    "dict": lambda value: make_dict(("a", value)),
    "struct": lambda value: Struct({"a": value}),
    "ok": Ok,
    "err": Err,
    "closure": capturing,
    "default": lambda value: with_defaults(value, None),
    "keyword default": lambda value: with_defaults(None, value),
    "method": lambda value: operators.attribute(value, "append"),
    "key of a dict": lambda value: make_dict((capturing(value), 1)),
    "key inside a tuple": lambda value: make_dict(((True, capturing(value)), 1)),
    "element of a set": lambda value: make_set(capturing(value)),
    "deep": lambda value: List([make_dict(("a", (Struct({"b": Ok(capturing(value))}),)))]),
}


@pytest.mark.parametrize("holder", HOLDERS.values(), ids=HOLDERS.keys())
def test_freezing_reaches_through(holder: Callable[[Any], Any]) -> None:
    inner = List([1])
    freeze(holder(inner))
    assert is_frozen(inner)
    assert slug_of(call, inner, "append", 2) == "frozen-value"


def test_freezing_has_no_depth() -> None:
    inner = List()
    value: Any = inner
    for _ in range(100_000):
        value = List([value])
    freeze(value)
    assert is_frozen(inner)


def test_freezing_ends_on_cycles_and_visits_shared_parts_once() -> None:
    value = List()
    value.append(value)
    freeze(value)
    assert is_frozen(value)
    shared: Any = (List(),)
    for _ in range(60):
        shared = (shared, shared)
    assert cost_of(lambda: freeze(shared))[0] < 200


def test_frozen_values_can_be_used() -> None:
    value = make_dict(("a", List([1])))
    freeze(value)
    assert elements(value) == ["a"]
    assert operators.add(operators.index(value, "a"), List([2])) == [1, 2]


def test_iteration_of_a_frozen_value_leaves_it_frozen() -> None:
    value = List([1])
    freeze(value)
    hold(value, ITERATION)
    release(value)
    assert is_frozen(value)
    other = List([1])
    hold(other, ITERATION)
    freeze(other)
    release(other)
    assert is_frozen(other)


def test_functions_are_reported_and_builtins_left_alone() -> None:
    inner = List()

    @builtin("probe")
    def probe(depth: int) -> Any:
        return inner

    script_function = capturing(List())
    found: list[FunctionType] = []
    freeze_all([List([probe, script_function]), script_function], found.append)
    assert sorted(function.__qualname__ for function in found) == sorted(["probe", script_function.__qualname__])
    assert not is_frozen(inner)


def test_a_variable_without_value_is_passed_over() -> None:
    def outer() -> Any:
        def inner() -> Any:
            return later

        freeze(inner)
        later = List()
        return inner, later

    function, later = outer()
    assert function() is later
    assert not is_frozen(later)


def test_atoms_are_frozen() -> None:
    for value in (None, 1, "a", (1,), range(3)):
        freeze(value)
        assert is_frozen(value)
    assert not is_frozen(List())
