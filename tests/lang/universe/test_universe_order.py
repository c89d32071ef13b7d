"""`sorted`, `min`, `max`: the order, stability, and what callbacks may do."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from universe_call import DEPTH, cost_of, fault_of, run, seen, slug_of, value

from flowlang.lang.universe.callback import IN_CALLBACK
from flowlang.lang.values.compare import less
from flowlang.lang.values.container import List, state_of
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.mutation import check_mutable

NAN = float("nan")


def by(function: Any) -> Any:
    """A function of a script: its first parameter is the depth."""

    def script_function(depth: int, item: Any) -> Any:
        return function(item)

    return script_function


@pytest.mark.parametrize(
    ("items", "result"),
    [
        ([], []),
        ([3, 1, 2], [1, 2, 3]),
        (["b", "a", "C"], ["C", "a", "b"]),
        ([2.5, 1, 2], [1, 2, 2.5]),
        ([NAN, 1, float("inf"), NAN, -1], [-1, 1, float("inf"), NAN, NAN]),
        ([True, False, True], [False, True, True]),
        ([(2, "a"), (1, "b"), (1, "a")], [(1, "a"), (1, "b"), (2, "a")]),
        ([(1, 2), (1,), ()], [(), (1,), (1, 2)]),
        ([[2], [1, 5]], [[1, 5], [2]]),
        ([b"b", b"a"], [b"a", b"b"]),
        ([(1, NAN), (1, 2.0)], [(1, 2.0), (1, NAN)]),
        ([9007199254740993, 9007199254740992.0], [9007199254740992.0, 9007199254740993]),
    ],
)
def test_sorted(items: list[Any], result: list[Any]) -> None:
    assert seen(run("sorted", value(items))) == seen(value(result))


@pytest.mark.parametrize(
    "items", [[1, "a"], [1, True], [None, None], [{}, {}], [(1, "a"), (1, 2)], [[1], (1,)], [True, 1.0]]
)
def test_what_has_no_order(items: list[Any]) -> None:
    with pytest.raises(Fault) as caught:
        run("sorted", value(items))
    assert caught.value.slug == "type-mismatch"


def test_sorting_is_stable_in_both_directions() -> None:
    words = value(["two", "one", "three", "six", "five"])
    assert list(run("sorted", words, key=by(len))) == ["two", "one", "six", "five", "three"]
    assert list(run("sorted", words, key=by(len), reverse=True)) == ["three", "five", "two", "one", "six"]
    slow = by(lambda word: List([len(word)]))
    assert list(run("sorted", words, key=slow)) == ["two", "one", "six", "five", "three"]
    assert list(run("sorted", words, key=slow, reverse=True)) == ["three", "five", "two", "one", "six"]


NUMBERS = st.integers(-5, 5) | st.floats() | st.sampled_from([2**53, 2**53 + 1, float(2**53)])


@settings(deadline=None)
@given(st.lists(NUMBERS) | st.lists(st.tuples(NUMBERS, NUMBERS)), st.booleans())
def test_any_numbers_are_sorted_by_the_order_of_the_language(items: list[Any], is_descending: bool) -> None:
    result = run("sorted", value(items), reverse=is_descending)
    assert sorted(map(repr, result)) == sorted(map(repr, items))
    for left, right in itertools.pairwise(result):
        assert not (less(left, right) if is_descending else less(right, left))


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("max", (1, 3, 2), 3),
        ("min", (1, 3, 2), 1),
        ("max", (value([1, 3, 2]),), 3),
        ("min", (("b", "a"),), "a"),
        ("max", (1, NAN, 3), NAN),
        ("min", (NAN, 3), 3),
        ("max", (1, 1.0), 1),
        ("min", (1.0, 1), 1.0),
        ("max", (range(1 << 60),), (1 << 60) - 1),
        ("min", (range(10, 0, -3),), 1),
        ("max", (value({"a": 1, "b": 0}),), "b"),
        ("max", ((1, 2), (1, 3)), (1, 3)),
        ("min", (value([[2], [1]]),), List([1])),
    ],
)
def test_extremes(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    assert seen(run(name, *arguments)) == seen(result)


def test_extremes_by_key_take_the_first() -> None:
    words = value(["two", "three", "seven", "one"])
    assert run("max", words, key=by(len)) == "three"
    assert run("min", words, key=by(len)) == "two"
    assert run("max", "ab", "cde", "f", key=by(len)) == "cde"
    assert run("min", words, key=by(lambda word: List([len(word)]))) == "two"


@pytest.mark.parametrize(
    ("name", "arguments", "keywords", "slug"),
    [
        ("max", (), {}, "wrong-argument"),
        ("min", (List(),), {}, "wrong-argument"),
        ("max", (range(0),), {}, "wrong-argument"),
        ("max", (1,), {}, "type-mismatch"),
        ("sorted", (List([1]),), {"key": None}, "type-mismatch"),
        ("sorted", (List([1]),), {"key": 5}, "type-mismatch"),
        ("max", (1, 2), {"key": None}, "type-mismatch"),
        ("sorted", (List([1]),), {"reverse": 1}, "type-mismatch"),
        ("sorted", (List([1]),), {"reverse": None}, "type-mismatch"),
    ],
)
def test_wrong_arguments(name: str, arguments: tuple[Any, ...], keywords: dict[str, Any], slug: str) -> None:
    assert slug_of(name, *arguments, **keywords) == slug


def test_mixed_types_name_both() -> None:
    with pytest.raises(Fault) as caught:
        run("max", 1, "a")
    assert "string" in caught.value.message
    assert "int" in caught.value.message
    assert fault_of("max", List()).hint == "check that it has elements first"


@pytest.mark.parametrize("name", ["sorted", "min", "max"])
def test_callbacks(name: str) -> None:
    items = value([3, 1, 2])
    calls: list[Any] = []

    def key(depth: int, item: Any) -> Any:
        with pytest.raises(Fault) as caught:
            check_mutable(items, "append to")
        calls.append((depth, item, IN_CALLBACK.get(), caught.value.slug))
        return -item

    run(name, items, key=key)
    assert calls == [(DEPTH + 1, item, name, "mutated-during-iteration") for item in (3, 1, 2)]
    assert IN_CALLBACK.get() is None
    assert state_of(items) == 0
    assert type(items) is List


@pytest.mark.parametrize("name", ["sorted", "min", "max"])
def test_everything_is_released_when_a_callback_fails(name: str) -> None:
    items = value({"a": 1, "b": 2})

    def key(depth: int, item: Any) -> Any:
        raise Fault("boom", "boom")

    with pytest.raises(Fault, match="boom"):
        run(name, items, key=key)
    assert state_of(items) == 0
    assert IN_CALLBACK.get() is None


def test_callbacks_nest() -> None:
    inner_names: list[Any] = []

    def inner(depth: int, item: Any) -> Any:
        inner_names.append((depth, IN_CALLBACK.get()))
        return item

    def outer(depth: int, item: Any) -> Any:
        from flowlang.lang.universe.core import UNIVERSE

        UNIVERSE["max"](depth, item, item, key=inner)
        return IN_CALLBACK.get()

    run("sorted", value([1]), key=outer)
    assert inner_names == [(DEPTH + 2, "max")] * 2


def test_sorting_is_charged_more_than_linearly() -> None:
    small, large = (List(range(size, 0, -1)) for size in (1_000, 100_000))
    assert cost_of(lambda: run("sorted", large))[0] > 120 * cost_of(lambda: run("sorted", small))[0]
    tuples = List([(number, List()) for number in range(1_000)])
    assert cost_of(lambda: run("sorted", tuples))[0] > 4 * cost_of(lambda: run("sorted", small))[0]
