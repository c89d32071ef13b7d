"""The module `json`."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from universe_call import cost_of, run, seen, value

from flowlang.lang.universe.json_module import JSON
from flowlang.lang.values.canonical import copy_by_value
from flowlang.lang.values.container import Dict, List
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.struct import Struct


def call(name: str, *arguments: Any, **keywords: Any) -> Any:
    return JSON.members[name](0, *arguments, **keywords)


def fault_of(name: str, *arguments: Any, **keywords: Any) -> Fault:
    with pytest.raises(Fault) as caught:
        call(name, *arguments, **keywords)
    return caught.value


@pytest.mark.parametrize(
    ("given_value", "text"),
    [
        (None, "null"),
        (True, "true"),
        (-12, "-12"),
        (10**30, "1" + "0" * 30),
        (1.0, "1.0"),
        (1e6, "1e+06"),
        (1e20, "1e+20"),
        ('a"\\\n\x01é😿<', '"a\\"\\\\\\n\\u0001é😿<"'),
        (value([]), "[]"),
        (value([1, [2, "x"]]), '[1,[2,"x"]]'),
        ((1, ()), "[1,[]]"),
        (range(3), "[0,1,2]"),
        (value({2}), "[2]"),
        (value({}), "{}"),
        (value({"b": 1, "a": {"d": [], "c": None}}), '{"a":{"c":null,"d":[]},"b":1}'),
        (Struct({"y": 1, "x": [2][0]}), '{"x":2,"y":1}'),
        (run("getattr", "ab", "elems")(0), '["a","b"]'),
    ],
)
def test_encode(given_value: Any, text: str) -> None:
    assert call("encode", given_value) == text


@pytest.mark.parametrize(
    ("refused", "message"),
    [
        (math.inf, "`json.encode`: `x` is +inf, which JSON cannot write"),
        (value({"a": [1, math.nan]}), '`json.encode`: `x["a"][1]` is nan, which JSON cannot write'),
        (value([{1: 2}]), "`json.encode`: `x[0]` has a key that is an int, and keys in JSON are strings"),
        (value({"f": (b"x",)}), '`json.encode`: `x["f"][0]` is bytes, which JSON has not'),
        (List([call]), "`json.encode`: `x[0]` is a function, which JSON has not"),
    ],
)
def test_encode_refuses(refused: Any, message: str) -> None:
    fault = fault_of("encode", refused)
    assert (fault.slug, fault.message) == ("wrong-argument", message)


def test_encode_is_bounded_and_charged() -> None:
    cyclic = List()
    cyclic.append(cyclic)
    assert fault_of("encode", cyclic).slug == "too-deep"
    shared = List([1])
    for _ in range(60):
        shared = List([shared, shared])
    token = METER.set(Meter(Budget(steps=100_000)))
    try:
        with pytest.raises(BudgetExceeded):
            call("encode", shared)
    finally:
        METER.reset(token)
    long = value(["x" * 50] * 2000)
    assert cost_of(lambda: call("encode", long))[0] > 50_000


@pytest.mark.parametrize(
    ("text", "result"),
    [
        (" null ", None),
        ("true", True),
        ("-0", 0),
        ("1.5e3", 1500.0),
        ("1e2", 100.0),
        ('"a\\u00e9\\ud83d\\ude3f\\/"', "aé😿/"),
        ('"\\ud800"', "\ufffd"),
        ('"\\udc00\\ud800x\\\\ud800"', "\ufffd\ufffdx\\ud800"),
        ("[]", List()),
        ('[[1, [2]], {"a": [3, [4]]}]', value([[1, [2]], {"a": [3, [4]]}])),
        ('{"b": 1, "a": {}}', value({"b": 1, "a": {}})),
        ('{"$tuple": [1]}', value({"$tuple": [1]})),
    ],
)
def test_decode(text: str, result: Any) -> None:
    assert seen(call("decode", text)) == seen(result)


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "line 1, column 1, at the end: a value is expected"),
        ("[1,\n 2", "line 2, column 3, at the end: `,` or the end of the array or object is expected"),
        ('{"a" 1}', 'line 1, column 6, at "1}": `:` is expected'),
        ("{a: 1}", 'line 1, column 2, at "a: 1}": a key in double quotes is expected'),
        ("[1] 2", 'line 1, column 5, at "2": the text goes on after the value'),
        ('"abc', 'line 1, column 1, at "\\"abc": the string that begins there has no end'),
        ('"a\nb"', "a control character stands in a string"),
        ('"\\x41"', "an escape is expected"),
        ("'a'", "a value is expected"),
        ("[1,]", "a value is expected"),
        ("01", "the text goes on after the value"),
        ("1_0", "the text goes on after the value"),
        ("٣", "a value is expected"),
        ("NaN", "`NaN` is not JSON"),
        ("[-Infinity]", "`-Infinity` is not JSON"),
        ("1E400", 'the number "1E400" is too large for a float'),
        ('{"a": 1, "a": 2}', 'the key "a" stands twice in an object'),
        ("\ufeff1", ""),
    ],
)
def test_decode_refuses(text: str, part: str) -> None:
    fault = fault_of("decode", text)
    assert fault.slug == "wrong-argument"
    assert part in fault.message
    assert call("decode", text, "default") == "default"


def test_decode_limits() -> None:
    assert call("decode", "[" + "1" * 5000 + "]")[0] == (10**5000 - 1) // 9
    assert fault_of("decode", "9" * 50_000).slug == "integer-too-large"
    assert fault_of("decode", "[" * 200 + "]" * 200).slug == "too-deep"
    assert fault_of("decode", '{"a":' * 100_000).slug == "too-deep"
    assert call("decode", "[" * 100 + "]" * 100) is not None
    assert len(call("decode", "[" + ",".join(["[]"] * 5000) + ',"[[["]')) == 5001
    assert fault_of("decode", 1, "default").slug == "type-mismatch"
    text = '["' + "x" * 100_000 + '"]'
    assert cost_of(lambda: call("decode", text)) > (20_000, 100_000)


JSON_DATA = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text('aé"\\\n😿'),
    lambda inner: st.lists(inner) | st.dictionaries(st.text("ab$"), inner),
)


@settings(deadline=None)
@given(JSON_DATA)
def test_what_is_encoded_is_decoded(host: Any) -> None:
    original = value(host)
    text = call("encode", original)
    assert json.loads(text) == host
    ours, theirs = call("decode", text), call("decode", json.dumps(host, sort_keys=True))
    assert seen(ours) == seen(theirs)


@settings(deadline=None)
@given(JSON_DATA)
def test_indenting_changes_only_blanks(host: Any) -> None:
    text = call("encode_indent", value(host), indent="  ")
    assert text == json.dumps(json.loads(text), indent=2, ensure_ascii=False) or "e" in text
    assert json.loads(text) == host
    assert call("indent", text) == call("indent", json.dumps(json.loads(text), ensure_ascii=False)) or "e" in text


def test_indent() -> None:
    text = call("indent", ' {"a":[1,{}, []],"b":"[,{"} ', prefix="# ", indent="  ")
    assert text == '{\n#   "a": [\n#     1,\n#     {},\n#     []\n#   ],\n#   "b": "[,{"\n# }'
    assert call("encode_indent", value({"b": 1, "a": 2})) == '{\n\t"a": 2,\n\t"b": 1\n}'
    assert fault_of("indent", "[1").message.startswith("`json.indent`: line 1")
    assert fault_of("indent", "[1]", indent=2).slug == "type-mismatch"
    assert fault_of("encode_indent", value([]), prefix=None).slug == "type-mismatch"


def test_long_indents_are_paid_before_they_are_written() -> None:
    text = "[" * 50 + ",".join("1" * 400) + "]" * 50
    _, memory = cost_of(lambda: call("indent", text, indent=" " * 10_000))
    assert memory > 400 * 50 * 10_000


def test_the_module_is_a_value() -> None:
    assert run("type", JSON) == "module"
    assert run("str", JSON) == '<module "json">'
    assert list(run("dir", JSON)) == ["decode", "encode", "encode_indent", "indent"]
    assert run("str", run("getattr", JSON, "encode")) == "<built-in function json.encode>"
    assert copy_by_value(Dict({"json": JSON}))["json"] is JSON
