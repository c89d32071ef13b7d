"""Small values and short texts of JSON give what all others give, and the same errors."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowlang.lang.universe import json_module
from flowlang.lang.universe.json_short import CONTAINERS_MAX, LENGTH_MAX, TEXT_MAX, short_text, short_value
from flowlang.lang.values import registration as registration
from flowlang.lang.values.container import EXOTIC, Dict, HeldDict, List, hold
from flowlang.lang.values.key import dict_set
from flowlang.lang.values.protocol import MISSING

LEAVES = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner).map(List) | st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner).map(Dict),
    max_leaves=12,
)


def slow_text(value: Any) -> str:
    """The text as the writer makes it that is for every value."""
    writer = json_module._Writer(value)
    writer.write(value, 0)
    return writer.finish()


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_a_small_value_has_the_text_that_it_has_anyway(value: Any) -> None:
    text = short_text(value)
    assert text is None or text == slow_text(value)


@given(VALUES)
@settings(max_examples=200, deadline=None)
def test_a_short_text_has_the_value_that_it_has_anyway(value: Any) -> None:
    text = slow_text(value)
    found = short_value(text)
    assert found is MISSING or (repr(found), type(found)) == (repr(slow := json_module._parse("f", text)), type(slow))


def test_what_is_small_is_done_here() -> None:
    order = Dict({"b": List([1, "x", None, True, -0.0, (1, 2)]), "a": Dict({"é": 0.5})})
    text = '{"a":{"é":0.5},"b":[1,"x",null,true,-0.0,[1,2]]}'
    assert short_text(order) == text
    found = short_value(text)
    assert type(found) is Dict
    assert type(found["a"]) is Dict
    assert type(found["b"]) is type(found["b"][5]) is List
    assert json.loads(text) == json.loads(slow_text(found))


def exotic() -> Dict:
    table = Dict()
    dict_set(table, True, 1)
    return table


def cyclic() -> List:
    items = List()
    items.append(items)
    return items


@pytest.mark.parametrize(
    "value",
    [
        "x", 1, None, Dict({1: 2}), exotic(), List([1e6]), List([1e-5]), List([float("nan")]), List([1 << 70]),
        List([b"x"]), List([range(3)]), cyclic(), List([0] * (LENGTH_MAX + 1)), List(["x" * (LENGTH_MAX + 1)]),
        List([List()] * CONTAINERS_MAX), List([print]),
    ],
)  # fmt: skip
def test_other_values_are_left_to_the_writer(value: Any) -> None:
    assert short_text(value) is None


def test_frozen_values_are_written_here() -> None:
    table = Dict({"a": 1})
    hold(table, EXOTIC)
    assert type(table) is HeldDict
    assert short_text(table) == '{"a":1}'


@pytest.mark.parametrize(
    "text",
    [
        "", " 1", "1 ", "[1,]", '{"a":1,"a":2}', "NaN", "-Infinity", "[1e400]", '"\\ud800"', '"a\nb"', "{'a':1}",
        "[" * 65 + "]" * 65, "[" + "1," * TEXT_MAX + "1]", "[1]x", '{"a" 1}', '["a',
    ],
)  # fmt: skip
def test_other_texts_are_left_to_the_decoder(text: str) -> None:
    assert short_value(text) is MISSING
