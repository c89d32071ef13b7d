"""Keys: what is one key and what are two, and that no key can crash or stall the host."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_calls import call, cost_of, elements, make_dict, make_set, slug_of, typed

from flowlang.lang.eval import operators
from flowlang.lang.values.compare import equal
from flowlang.lang.values.container import EXOTIC, Dict, HeldDict, List, state_of
from flowlang.lang.values.key import (
    ExoticKey,
    dict_get,
    dict_has,
    dict_items,
    dict_keys,
    dict_pop,
    dict_set,
    key,
    unkey,
)
from flowlang.lang.values.protocol import MISSING
from flowlang.lang.values.result import Ok
from flowlang.lang.values.struct import Struct

NAN = float("nan")
PRIME = 2**61 - 1

ONE_KEY: list[tuple[Any, Any]] = [
    (1, 1.0),
    (0, -0.0),
    (NAN, float("nan")),
    ((1, 2), (1.0, 2.0)),
    ((0.0,), (-0.0,)),
    ((NAN,), (float("nan"),)),
    ((1, (2, "a")), (1.0, (2.0, "a"))),
    (2**70, float(2**70)),
    (PRIME, PRIME + 0),
    ((2**40, 1), (float(2**40), 1)),
    ((1, 2, 3, 4, 5, 6), (1, 2, 3, 4, 5, 6.0)),
    (float("inf"), float("inf")),
    ((float("inf"), 1), (float("inf"), 1.0)),
    ((), ()),
    (Struct({"a": (1, 2)}), Struct({"a": (1, 2.0)})),
    (1e300, int(1e300)),
]
TWO_KEYS: list[tuple[Any, Any]] = [
    (True, 1),
    (False, 0),
    (True, 1.0),
    (False, 0.0),
    ("1", 1),
    ("a", b"a"),
    (None, 0),
    (None, False),
    ((True,), (1,)),
    ((1, (True,)), (1, (1,))),
    ((1,), 1),
    ((), None),
    (9007199254740993, 9007199254740992.0),
    (2**70 + 1, float(2**70)),
    (PRIME, 0),
    (PRIME, 2 * PRIME),
    (Struct({"a": 1}), Struct({"b": 1})),
    (Struct({"a": 1}), (1,)),
    ("nan", NAN),
    ("true", True),
    (((1,),), ((1, 1),)),
]


@pytest.mark.parametrize(("left", "right"), ONE_KEY)
def test_equal_values_are_one_key(left: Any, right: Any) -> None:
    assert equal(left, right)
    assert hash(key(left)) == hash(key(right))
    assert key(left) == key(right)
    table = make_dict((left, 1))
    operators.set_index(table, right, 2)
    assert len(table) == 1
    assert dict_get(table, left) == 2
    assert len(make_set((left,), (right,))) == 1


@pytest.mark.parametrize(("left", "right"), TWO_KEYS)
def test_unequal_values_are_two_keys(left: Any, right: Any) -> None:
    assert not equal(left, right)
    table = make_dict((left, 1))
    assert not dict_has(table, right)
    operators.set_index(table, right, 2)
    first, second = elements(table)
    assert (type(first), type(second)) == (type(left), type(right))
    assert equal((first, second), (left, right))
    assert (operators.index(table, left), operators.index(table, right)) == (1, 2)
    assert len(make_set((left,), (right,))) == 2


@pytest.mark.parametrize(
    "value", [List(), make_dict(), make_set(), range(3), (1, List()), Ok(1), Struct({"a": List()})]
)
def test_unhashable(value: Any) -> None:
    table = Dict()
    for operation in (key, lambda found: dict_set(table, found, 1), lambda found: dict_has(table, found)):
        assert slug_of(operation, value) == "unhashable"


def test_functions_are_keys_by_identity() -> None:
    def function() -> None:
        """Stands for a function of a script."""

    table = make_dict((function, 1), ((function, True), 2))
    assert operators.index(table, function) == 1
    assert operators.index(table, (function, True)) == 2
    assert operators.not_contains((function, 1), table)


def test_primitives_show_the_script_its_own_values() -> None:
    table = make_dict((True, 1), ((1, True), 2), ("a", 3), (10**30, 4))
    assert isinstance(table, HeldDict)
    assert state_of(table) == EXOTIC
    assert typed(dict_keys(table)) == typed([True, (1, True), "a", 10**30])
    assert dict_items(table)[1] == ((1, True), 2)
    assert typed(elements(table)) == typed([True, (1, True), "a", 10**30])
    assert dict_pop(table, (1.0, True)) == 2
    assert dict_pop(table, (1.0, True)) is MISSING
    assert call(table, "popitem") == (True, 1)
    assert [unkey(stored) for stored in table] == ["a", 10**30]


def test_the_first_of_equal_keys_stays() -> None:
    table = make_dict((1, "a"), (1.0, "b"), ((NAN, 0.0), "c"), ((NAN, False), "d"))
    assert typed(elements(table))[0] == (int, 1)
    assert len(table) == 3


def test_common_tuples_stay_as_they_are() -> None:
    for value in ((1, 2), ("a", "b", "c", "d", "e", "f"), (None, "x", 3), (1.0, 2), ()):
        assert key(value) is value
    other: Any
    for other in ((True,), (0.5,), (None, b"x", 3), (1, 2, 3, 4, 5), ((1,),), (2**20,)):
        assert type(key(other)) is ExoticKey


def test_deep_tuples_are_refused() -> None:
    value: Any = ()
    for _ in range(99):
        value = (value,)
    assert dict_has(make_dict((value, 1)), value)
    assert slug_of(key, ((value,),)) == "too-deep"
    for _ in range(200_000):
        value = (value,)
    assert slug_of(operators.contains, value, make_dict()) == "too-deep"


def test_shared_tuples_do_not_explode() -> None:
    def doubled(levels: int) -> Any:
        value: Any = (0,)
        for _ in range(levels):
            value = (value, value)
        return value

    assert dict_has(make_dict((doubled(15), 1)), doubled(15))
    assert cost_of(lambda: key(doubled(15)))[0] >= 2**15 // 2
    assert slug_of(key, doubled(60)) == "too-large"


def test_numbers_that_collide_in_the_host_do_not_collide() -> None:
    hashes = {hash(key(place * PRIME)) for place in range(1, 2000)}
    assert len(hashes) == 1999
    hashes = {hash(key(float(2 ** (61 * place)))) for place in range(1, 16)}
    assert len(hashes) == 15


def test_many_bad_keys_take_little_time() -> None:
    before = time.process_time()
    table = make_dict(*((place * PRIME, place) for place in range(20_000)))
    assert len(table) == 20_000
    assert time.process_time() - before < 2.0


def test_growth_is_charged() -> None:
    steps, memory = cost_of(lambda: make_dict(*((place, place) for place in range(10_000))))
    assert memory >= 10_000 * 48
    assert steps == 0


atoms = (
    st.none()
    | st.booleans()
    | st.integers(-2, 2)
    | st.sampled_from([0.0, 1.0, 0.5, NAN, -0.0, 2.0**62, 2.0**100])
    | st.sampled_from([2**62, 2**100, 2**100 + 1, PRIME])
    | st.sampled_from(["", "a", b"", b"a"])
)
keys = st.recursive(atoms, lambda child: st.lists(child, max_size=5).map(tuple), max_leaves=8)


@given(keys, keys)
def test_keys_agree_with_equality(left: Any, right: Any) -> None:
    same = equal(left, right)
    assert (key(left) == key(right)) is same
    assert typed([unkey(key(left))]) == typed([left]) or left != left
    if same:
        assert hash(key(left)) == hash(key(right))


@given(st.lists(st.tuples(keys, st.integers(0, 3)), max_size=12))
def test_a_dict_agrees_with_a_list_of_pairs(operations: list[tuple[Any, int]]) -> None:
    table = Dict()
    pairs: list[tuple[Any, int]] = []
    for wanted, value in operations:
        place = next((place for place, (found, _) in enumerate(pairs) if equal(found, wanted)), None)
        if value == 0:
            assert dict_pop(table, wanted) == (MISSING if place is None else pairs.pop(place)[1])
        else:
            dict_set(table, wanted, value)
            if place is None:
                pairs.append((wanted, value))
            else:
                pairs[place] = (pairs[place][0], value)
    assert equal(List(dict_items(table)), List(pairs))
