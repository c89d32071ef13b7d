"""Long strings as keys: comparing them is charged, so a table that has one is no longer used directly."""

from __future__ import annotations

from value_calls import call, cost_of, make_dict, make_set

from flowlang.lang.eval import operators
from flowlang.lang.universe.json_module import JSON
from flowlang.lang.values.canonical import copy_by_value
from flowlang.lang.values.container import Dict, HeldDict, HeldSet, Set
from flowlang.lang.values.dict import copy_dict
from flowlang.lang.values.key import CARE_LENGTH
from flowlang.lang.values.set import copy_set

LONG = "k" * (CARE_LENGTH + 1)
SAME = "k" * CARE_LENGTH + "k"
SHORT = "k" * CARE_LENGTH


def test_a_table_with_a_long_key_is_held() -> None:
    assert type(make_dict((SHORT, 1))) is Dict
    assert type(make_dict((LONG, 1))) is HeldDict
    assert type(make_set(SHORT)) is Set
    assert type(make_set(LONG)) is HeldSet


def test_it_stays_so_in_copies() -> None:
    table = make_dict((LONG, 1), ("a", 2))
    assert type(copy_dict(table)) is HeldDict
    assert type(copy_set(make_set(LONG))) is HeldSet
    assert type(copy_by_value(table)) is HeldDict
    assert type(operators.bit_or(make_dict(), table)) is HeldDict
    assert type(JSON.members["decode"](0, f'{{"{LONG}": 1}}')) is HeldDict
    assert type(operators.subtract(make_set(LONG, "b"), make_set("b"))) is HeldSet


def test_its_entries_are_found() -> None:
    table = make_dict((LONG, 1), ("a", 2))
    assert operators.index(table, SAME) == 1
    assert call(table, "get", SAME) == 1
    assert operators.contains(SAME, table)
    assert list(call(table, "keys")) == [LONG, "a"]
    assert operators.equal(table, make_dict(("a", 2), (SAME, 1)))
    call(table, "pop", SAME)
    assert operators.equal(table, make_dict(("a", 2)))


def test_looking_it_up_is_charged() -> None:
    table = make_dict((LONG, 1))
    for look_up in (lambda: operators.index(table, SAME), lambda: call(table, "get", SAME)):
        assert cost_of(look_up)[0] >= CARE_LENGTH >> 8
