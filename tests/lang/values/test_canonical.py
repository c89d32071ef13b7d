"""Canonical bytes: the exact form, the way back, what has none, and copies that must agree with them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from data_strategy import DATA, anatomy, containers
from hypothesis import given, settings
from value_calls import call, cost_of, fault_of, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.universe.core import UNIVERSE
from flowlang.lang.values.canonical import MalformedData, copy_by_value, decode, digest, encode
from flowlang.lang.values.container import FROZEN, Dict, List, hold, state_of
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.freeze import freeze
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.result import Err, Failure, Ok, trace_frame
from flowlang.lang.values.struct import Struct


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (12, "12"),
        (1.0, "1.0"),
        (1e16, "1e+16"),
        (-0.0, "-0.0"),
        ('é\n"', '"é\\n\\""'),
        (float("nan"), '{"$float":"nan"}'),
        (float("-inf"), '{"$float":"-inf"}'),
        (10**600, '{"$int":"' + hex(10**600) + '"}'),
        (b"ab\xff", '{"$bytes":"YWL/"}'),
        (List([1, List(), "x"]), '[1,[],"x"]'),
        (List([1.5, float("inf"), 10**400, True]), '[1.5,{"$float":"+inf"},1' + "0" * 400 + ",true]"),
        ((), '{"$tuple":[]}'),
        ((1, (2,)), '{"$tuple":[1,{"$tuple":[2]}]}'),
        (make_dict(("b", 1), ("a", List())), '{"b":1,"a":[]}'),
        (make_dict(("a$", 1)), '{"a$":1}'),
        (make_dict(("$a", 1)), '{"$dict":[["$a",1]]}'),
        (make_dict((True, 1), (1, "x"), ((1, True), None)), '{"$dict":[[true,1],[1,"x"],[{"$tuple":[1,true]},null]]}'),
        (make_set(2, True, "a"), '{"$set":[2,true,"a"]}'),
        (range(0, 10, 3), '{"$range":[0,10,3]}'),
        (Struct({"b": 1, "a": (2,)}), '{"$struct":{"a":{"$tuple":[2]},"b":1}}'),
        (Struct({"$tuple": 1}), '{"$struct":{"$dict":[["$tuple",1]]}}'),
        (Ok(List([1])), '{"$ok":[1]}'),
        (
            Err("no", Failure("timeout", "too slow", 5, True, [trace_frame("a.flow", 1, 2, "f")])),
            (
                '{"$err":"no","failure":{"kind":"timeout","message":"too slow","data":5,"retryable":true,'
                '"trace":[{"$struct":{"column":2,"line":1,"name":"f","path":"a.flow"}}]}}'
            ),
        ),
        (
            Err(Failure("k", "m")),
            '{"$err":{"$failure":{"kind":"k","message":"m","data":null,"retryable":false,"trace":[]}}}',
        ),
    ],
)
def test_form(value: Any, text: str) -> None:
    assert encode(value).decode() == text
    assert anatomy(decode(text.encode())) == anatomy(value)


@settings(deadline=None)
@given(DATA)
def test_values_come_back(value: Any) -> None:
    data = encode(value)
    back = decode(data)
    assert anatomy(back) == anatomy(value)
    assert encode(back) == data
    assert operators.equal(back, value)


@settings(deadline=None)
@given(DATA)
def test_the_bytes_are_strict_json(value: Any) -> None:
    def refuse(token: str) -> None:
        raise AssertionError(token)

    json.loads(encode(value).decode(), parse_constant=refuse)


@settings(deadline=None)
@given(DATA)
def test_copies_are_what_coding_gives(value: Any) -> None:
    copied = copy_by_value(value)
    assert anatomy(copied) == anatomy(decode(encode(value)))
    fresh = [id(container) for container in containers(copied)]
    assert len(fresh) == len(set(fresh))
    assert not set(fresh) & {id(container) for container in containers(value)}
    assert not any(state_of(container) & FROZEN for container in containers(copied))


@settings(deadline=None)
@given(DATA)
def test_frozen_values_come_back_mutable(value: Any) -> None:
    expected = anatomy(value)
    freeze(value)
    for back in (decode(encode(value)), copy_by_value(value)):
        assert anatomy(back) == expected
        assert not any(state_of(container) & FROZEN for container in containers(back))


def test_one_container_in_two_places_becomes_two() -> None:
    shared = List([1])
    for back in (decode(encode(List([shared, (shared,)]))), copy_by_value(List([shared, (shared,)]))):
        back[0].append(2)
        assert list(back[1][0]) == [1]


def test_keys_that_need_wrappers_still_work() -> None:
    table = make_dict((True, "bool"), (1, "int"), ((True,), "tuple"))
    for back in (decode(encode(table)), copy_by_value(table)):
        assert [operators.index(back, wanted) for wanted in (True, 1, (True,))] == ["bool", "int", "tuple"]
        assert list(call(back, "keys"))[:2] == [True, 1]
        assert type(next(iter(call(back, "keys")))) is bool


def script_function(depth: int) -> None:
    """Stands for a compiled function, which is a host function."""


@pytest.mark.parametrize(
    ("value", "path"),
    [
        (script_function, "result"),
        (make_dict(("rows", List([0, 1, (2, script_function)]))), 'result["rows"][2][1]'),
        (make_dict((7, Struct({"f": UNIVERSE["len"]}))), "result[7].f"),
        (Ok(List([operators.attribute("a", "upper")])), "result.value[0]"),
        (Err("e", Failure("k", "m", script_function)), "result.failure.data"),
        (make_dict((("a", script_function), 1)), "result.keys()[0][1]"),
        (List(["ok", call("abc", "elems")]), "result[1]"),
    ],
)
def test_what_is_not_data_is_named(value: Any, path: str) -> None:
    fault = fault_of(encode, value, "result")
    assert fault.slug == "not-data"
    assert fault.message.startswith(f"`{path}` is a ")


def test_functions_cross_by_reference_and_frozen() -> None:
    held = List([1])
    default = List([2])

    def captures(depth: int, items: Any = default) -> Any:
        return held

    copied = copy_by_value(make_dict(("f", captures), ("items", held)))
    assert copied["f"] is captures
    assert state_of(held) & FROZEN
    assert state_of(default) & FROZEN
    assert copied["items"] is not held
    assert not state_of(copied["items"]) & FROZEN
    method = operators.attribute(default, "append")
    assert copy_by_value(List([method]))[0] is method


def test_views_of_text_cross_neither_way() -> None:
    fault = fault_of(copy_by_value, List([call("abc", "elems")]), "argument")
    assert fault.message == "`argument[0]` is a string.elems, which is not data"


@pytest.mark.parametrize("carry", [encode, copy_by_value])
def test_nesting_is_bounded(carry: Any) -> None:
    value: Any = List()
    for _ in range(99):
        value = List([value])
    assert anatomy(decode(encode(value))) == anatomy(value)
    cyclic = List()
    cyclic.append(cyclic)
    table = Dict()
    table["self"] = Ok((table,))
    for deep in (List([List([value])]), cyclic, table):
        assert slug_of(carry, deep) == "too-deep"


@pytest.mark.parametrize("carry", [encode, copy_by_value])
def test_shared_parts_meet_the_budget(carry: Any) -> None:
    value = List([0])
    for _ in range(60):
        value = List([value, value])
    token = METER.set(Meter(Budget(steps=50_000)))
    try:
        with pytest.raises(BudgetExceeded):
            carry(value)
    finally:
        METER.reset(token)


def test_work_is_charged() -> None:
    rows = List([make_dict(("id", number), ("tags", List(["a"]))) for number in range(2000)])
    data = encode(rows)
    assert cost_of(lambda: encode(rows))[0] > 1000
    assert cost_of(lambda: decode(data)) > (1000, len(data))
    steps, memory = cost_of(lambda: copy_by_value(rows))
    assert steps > 1000
    assert memory > 2000 * 64


def test_half_characters_are_refused() -> None:
    for value in ("\ud800", List(["ok", "\udfff"]), make_dict(("\ud800", 1))):
        assert slug_of(encode, value) == "not-data"


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"[1",
        b"nan",
        b"NaN",
        b"[Infinity]",
        b'{"$unknown":1}',
        b'{"$tuple":5}',
        b'{"$dict":[[1]]}',
        b'{"$dict":[[[],1]]}',
        b'{"$bytes":"?"}',
        b'{"$float":"1"}',
        b'{"$struct":5}',
        b'{"$err":1,"failure":{}}',
        b'{"$range":["a"]}',
        b'"\xff"',
        b"[" * 100_000,
        b"9" * 5000,
    ],
)
def test_damaged_bytes(data: bytes) -> None:
    with pytest.raises(MalformedData):
        decode(data)


def test_digest_is_sha256() -> None:
    assert digest(b"abc") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


def test_frozen_constants_are_encoded_like_others() -> None:
    items = List([1])
    hold(items, FROZEN)
    assert encode(items) == b"[1]"
