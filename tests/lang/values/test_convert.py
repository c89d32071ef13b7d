"""The gate between the host and scripts."""

from __future__ import annotations

import collections
import dataclasses
import datetime
import decimal
import enum
from typing import Any

import attrs
import pytest
from data_strategy import DATA, anatomy
from hypothesis import given, settings
from hypothesis import strategies as st
from value_calls import call, fault_of, make_dict, make_set, slug_of

from flowlang.lang.values.container import Dict, List, Set
from flowlang.lang.values.convert import from_host, to_host
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.scalar import INT_BITS_MAX
from flowlang.lang.values.struct import Struct


@attrs.frozen
class Point:
    x: int
    tags: list[str]


@dataclasses.dataclass
class Box:
    corner: Point


class Color(enum.IntEnum):
    RED = 1


class Word(str):
    """Text of a library that thinks it knows better."""

    def __str__(self) -> str:
        return "lies"


Row = collections.namedtuple("Row", ["a", "b"])


@pytest.mark.parametrize(
    ("given_by_host", "value"),
    [
        (None, None),
        (True, True),
        (1, 1),
        (1.5, 1.5),
        ("é", "é"),
        (b"x", b"x"),
        ([1, [2]], List([1, List([2])])),
        ((1, [2]), (1, List([2]))),
        ({"a": {"b": [1]}}, make_dict(("a", make_dict(("b", List([1])))))),
        ({1: "int", (1, 2): [None]}, make_dict((1, "int"), ((1, 2), List([None])))),
        (collections.OrderedDict(b=1, a=2), make_dict(("b", 1), ("a", 2))),
        (collections.defaultdict(list, a=[1]), make_dict(("a", List([1])))),
        ({3}, make_set(3)),
        (frozenset({2, "b", "a"}), make_set(2, "a", "b")),
        (Point(1, ["t"]), make_dict(("x", 1), ("tags", List(["t"])))),
        ([Box(Point(1, []))], List([make_dict(("corner", make_dict(("x", 1), ("tags", List()))))])),
        (Color.RED, 1),
        ([Color.RED, 2], List([1, 2])),
        (Word("truth"), "truth"),
        ({Word("a"): Word("b")}, make_dict(("a", "b"))),
        (Row(1, [2]), (1, List([2]))),
        (range(3), range(3)),
        (Ok([1]), Ok(List([1]))),
        (Err({"a": 1}), Err(make_dict(("a", 1)))),
    ],
)
def test_from_host(given_by_host: Any, value: Any) -> None:
    assert anatomy(from_host(given_by_host)) == anatomy(value)


@settings(deadline=None)
@given(DATA)
def test_values_of_scripts_pass_as_copies(value: Any) -> None:
    assert anatomy(from_host(value)) == anatomy(value)


def test_neither_side_sees_changes_of_the_other() -> None:
    rows = [{"a": [1]}]
    value = from_host(rows)
    rows[0]["a"].append(2)
    assert list(value[0]["a"]) == [1]
    back = to_host(value)
    back[0]["a"].append(3)
    assert list(value[0]["a"]) == [1]


@pytest.mark.parametrize(
    ("refused", "path", "hint"),
    [
        (datetime.datetime(2020, 1, 1), "result", "isoformat"),
        ({"rows": [{"when": datetime.date(2020, 1, 1)}]}, 'result["rows"][0]["when"]', "isoformat"),
        ([decimal.Decimal(1)], "result[0]", "str(...)"),
        ((1, object()), "result[1]", "give text"),
        (Point(1, [datetime.timedelta(1)]), "result.tags[0]", "total_seconds"),  # type: ignore[list-item]
        ({5: [object]}, "result[int][0]", "give text"),
        (bytearray(b"x"), "result", "bytes(...)"),
        (iter([1]), "result", "give text"),
        (len, "result", "give text"),
        (Ok([1, 1j]), "result.value[1]", "give text"),
        (Struct({"a": 1j}), "result.a", "give text"),
    ],
)
def test_what_is_not_data_is_named(refused: Any, path: str, hint: str) -> None:
    fault = fault_of(from_host, refused, "result")
    assert fault.slug == "not-data"
    assert fault.message.startswith(f"`{path}` is a ")
    assert hint in str(fault.hint)


def test_functions_of_scripts_do_not_pass() -> None:
    def script_function(depth: int) -> None: ...

    for carry in (from_host, to_host):
        fault = fault_of(carry, List([script_function]), "x")
        assert fault.message == "`x[0]` is a function, which is not data"
    assert slug_of(to_host, call("a", "elems")) == "not-data"


def test_limits() -> None:
    cyclic: list[Any] = []
    cyclic.append(cyclic)
    assert slug_of(from_host, cyclic) == "too-deep"
    ours = List()
    ours.append(ours)
    assert slug_of(to_host, ours) == "too-deep"
    assert slug_of(from_host, [1 << INT_BITS_MAX]) == "integer-too-large"
    assert from_host([1 << 100]) == [1 << 100]
    assert slug_of(from_host, {"a": ["\ud800"]}) == "not-data"
    assert slug_of(from_host, {"\ud800": 1}) == "not-data"
    assert slug_of(from_host, "\udfff") == "not-data"


def test_sets_of_the_host_arrive_in_one_order() -> None:
    elements = {f"element {number}" for number in range(50)}
    assert list(from_host(elements)) == sorted(elements)


@pytest.mark.parametrize(
    ("value", "host"),
    [
        (List([1, (2, List())]), [1, (2, [])]),
        (make_dict(("a", make_dict((1, None)))), {"a": {1: None}}),
        (make_dict(((True, 2), "x")), {(True, 2): "x"}),
        (make_set(1, "a"), {1, "a"}),
        (Struct({"a": List()}), {"a": []}),
        (range(3), range(3)),
    ],
)
def test_to_host(value: Any, host: Any) -> None:
    given = to_host(value)
    assert given == host
    assert type(given) is type(host)


def test_a_result_stays_a_result() -> None:
    given = to_host(Ok(List([1])))
    assert type(given) is Ok
    assert type(given.value) is list
    failed = Err(make_dict(("a", 1)))
    assert to_host(failed).error == {"a": 1}
    assert to_host(failed).failure is failed.failure


def test_keys_that_the_host_confuses() -> None:
    assert to_host(make_dict((True, "x"))) == {True: "x"}
    for value in (make_dict((True, "a"), (1, "b")), make_set(0, False)):
        assert slug_of(to_host, List([value])) == "not-data"
    assert slug_of(to_host, make_set(Struct({"a": 1}))) == "not-data"


@settings(deadline=None)
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(st.characters(codec="utf-8")),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(codec="utf-8")), inner),
    )
)
def test_plain_data_passes_both_ways(host: Any) -> None:
    value = from_host(host)
    assert to_host(value) == host
    assert type(value) in (type(host), List, Dict, Set)
