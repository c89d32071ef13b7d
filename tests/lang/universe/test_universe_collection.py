"""Builtins that make collections or look at their elements."""

from __future__ import annotations

from typing import Any

import pytest
from universe_call import cost_of, fault_of, run, seen, slug_of, value

from flowlang.lang.values.container import EXOTIC, Dict, List, Set, state_of
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import METER, Budget, Meter

TABLE = value({"a": 1, "b": 2})


@pytest.mark.parametrize(
    ("name", "arguments", "result"),
    [
        ("len", ("😿a",), 2),
        ("len", (b"abc",), 3),
        ("len", (value([1, 2]),), 2),
        ("len", (TABLE,), 2),
        ("len", (value({1, 2}),), 2),
        ("len", (range(1 << 40),), 1 << 40),
        ("list", (), List()),
        ("list", ((1, 2),), List([1, 2])),
        ("list", (TABLE,), List(["a", "b"])),
        ("list", (range(3),), List([0, 1, 2])),
        ("tuple", (), ()),
        ("tuple", (value([1, 2]),), (1, 2)),
        ("tuple", (TABLE,), ("a", "b")),
        ("enumerate", (value(["a", "b"]),), List([(0, "a"), (1, "b")])),
        ("enumerate", (value(["a"]), 1 << 60), List([(1 << 60, "a")])),
        ("enumerate", ((),), List()),
        ("zip", (), List()),
        ("zip", (value([1, 2, 3]), ("a", "b")), List([(1, "a"), (2, "b")])),
        ("zip", (value([1]),), List([(1,)])),
        ("zip", (TABLE, range(9)), List([("a", 0), ("b", 1)])),
        ("reversed", (value([1, 2, 3]),), List([3, 2, 1])),
        ("reversed", (TABLE,), List(["b", "a"])),
        ("all", (value([]),), True),
        ("all", (value([1, "a", True]),), True),
        ("all", (value([1, 0]),), False),
        ("any", (value([]),), False),
        ("any", (value([0, "", None, 0.5]),), True),
        ("any", (range(1 << 60),), True),
        ("all", (range(1 << 60),), False),
        ("any", (value([0] * 2000 + [1]),), True),
        ("all", (value([1] * 2000 + [0]),), False),
    ],
)
def test_collection(name: str, arguments: tuple[Any, ...], result: Any) -> None:
    assert seen(run(name, *arguments)) == seen(result)


def test_views_of_text_are_iterable() -> None:
    view = run("getattr", "ab", "elems")(0)
    assert list(run("list", view)) == ["a", "b"]
    ords = run("getattr", "ab", "elem_ords")(0)
    assert run("tuple", ords) == (97, 98)
    assert list(run("zip", ords, view)) == [(97, "a"), (98, "b")]


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("list", ("ab",)),
        ("tuple", ("ab",)),
        ("set", ("ab",)),
        ("dict", ("ab",)),
        ("any", ("ab",)),
        ("all", (b"ab",)),
        ("zip", ("ab",)),
        ("zip", ((1,), "ab")),
        ("reversed", ("ab",)),
        ("enumerate", ("ab",)),
        ("sorted", ("ab",)),
        ("max", ("ab",)),
        ("list", (5,)),
        ("len", (5,)),
        ("len", (None,)),
    ],
)
def test_strings_and_scalars_are_not_iterable(name: str, arguments: tuple[Any, ...]) -> None:
    fault = fault_of(name, *arguments)
    assert fault.slug == "type-mismatch"
    if "ab" in arguments:
        assert ".elems()" in str(fault.hint)


def test_a_new_list_is_another_list() -> None:
    items = value([1])
    copied = run("list", items)
    assert copied is not items
    assert type(copied) is List
    assert run("tuple", (1, 2)) == (1, 2)


@pytest.mark.parametrize(
    ("elements", "result"),
    [
        ((), []),
        ((3, 1, 3, 2), [3, 1, 2]),
        ((True, 1, 1.0, "1"), [True, 1, "1"]),
        ((float("nan"), float("nan")), [float("nan")]),
        (((1, True), (1, 1), (1.0, 1)), [(1, True), (1, 1)]),
    ],
)
def test_sets_keep_the_first_of_equal_elements(elements: tuple[Any, ...], result: list[Any]) -> None:
    given = run("set", elements)
    assert type(given) in (Set, type(given))
    assert [seen(element) for element in run("list", given)] == [seen(element) for element in result]
    again = run("set", given)
    assert again is not given
    assert seen(run("list", again)) == seen(run("list", given))
    assert state_of(again) & EXOTIC == state_of(given) & EXOTIC


def test_dicts() -> None:
    assert seen(run("dict")) == seen(Dict())
    assert seen(run("dict", value([("a", 1), ["b", 2]]))) == seen(value({"a": 1, "b": 2}))
    assert seen(run("dict", TABLE, b=3, pairs=4, depth=5)) == seen(value({"a": 1, "b": 3, "pairs": 4, "depth": 5}))
    assert run("dict", TABLE) is not TABLE
    exotic = run("dict", ((True, "x"), (1, "y")))
    assert seen(run("list", run("dict", exotic))) == seen(List([True, 1]))
    assert seen(run("dict", ((1, "x"), (1.0, "y")))) == seen(value({1: "y"}))


@pytest.mark.parametrize(
    ("pairs", "slug"),
    [
        ((1,), "type-mismatch"),
        (("ab",), "type-mismatch"),
        (((1,),), "wrong-argument"),
        (((1, 2, 3),), "wrong-argument"),
        ((((), 1), (List(), 1)), "unhashable"),
    ],
)
def test_dicts_are_made_of_pairs(pairs: Any, slug: str) -> None:
    assert slug_of("dict", pairs) == slug


def test_message_for_a_bad_pair_says_which() -> None:
    assert fault_of("dict", ((1, 2), (3,))).message == "`dict`: element 1 has 1 element, a pair has 2"


@pytest.mark.parametrize(
    ("arguments", "result"),
    [
        ((3,), range(3)),
        ((1, 3), range(1, 3)),
        ((5, 0, -2), range(5, 0, -2)),
        (((1 << 63) - 1,), range((1 << 63) - 1)),
        ((1 << 62, (1 << 62) + 2), range(1 << 62, (1 << 62) + 2)),
        ((-5,), range(-5)),
    ],
)
def test_range(arguments: tuple[Any, ...], result: range) -> None:
    given = run("range", *arguments)
    assert (given.start, given.stop, given.step) == (result.start, result.stop, result.step)


@pytest.mark.parametrize(
    ("arguments", "slug"),
    [
        ((1, 2, 0), "wrong-argument"),
        ((1 << 63,), "wrong-argument"),
        ((0, -(1 << 64), -1), "wrong-argument"),
        ((1 << 70, (1 << 70) + 2), "wrong-argument"),
        ((1.0,), "type-mismatch"),
        ((True,), "type-mismatch"),
        (("3",), "type-mismatch"),
        ((1, None), "type-mismatch"),
    ],
)
def test_range_refuses(arguments: tuple[Any, ...], slug: str) -> None:
    assert slug_of("range", *arguments) == slug


@pytest.mark.parametrize("name", ["list", "tuple", "set", "reversed", "enumerate", "zip", "sorted"])
def test_endless_ranges_end_at_the_budget_and_not_in_memory(name: str) -> None:
    for budget in (Budget(steps=1_000_000), Budget(memory_bytes=1 << 20)):
        token = METER.set(Meter(budget))
        try:
            with pytest.raises(BudgetExceeded):
                run(name, range(1 << 40))
        finally:
            METER.reset(token)


@pytest.mark.parametrize(
    "name", ["list", "tuple", "set", "dict", "reversed", "enumerate", "zip", "sorted", "all", "min", "max"]
)
def test_work_is_charged_by_length(name: str) -> None:
    def argument(count: int) -> Any:
        return List([(1, 2)] * count) if name == "dict" else List([1] * count)

    small, large = argument(1_000), argument(100_000)
    assert cost_of(lambda: run(name, large))[0] >= 50 * cost_of(lambda: run(name, small))[0] > 0


def test_any_charges_what_it_looks_at() -> None:
    assert cost_of(lambda: run("any", range(1 << 60)))[0] < 1000


def test_enumerate_takes_its_start_by_position() -> None:
    with pytest.raises(TypeError, match=r"^enumerate\(\)"):
        run("enumerate", value([1]), start=5)
    assert slug_of("enumerate", value([1]), "5") == "type-mismatch"
    with pytest.raises(Fault):
        run("enumerate", value([1]), True)
