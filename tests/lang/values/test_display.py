"""Texts of values: literals, cycles, limits, and no trace of the host."""

from __future__ import annotations

import ast
from functools import partial
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from value_calls import cost_of, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.universe.core import UNIVERSE
from flowlang.lang.values.container import FROZEN, Dict, List, Set, hold
from flowlang.lang.values.display import DEPTH_MAX, preview, repr_value, str_value
from flowlang.lang.values.fault import BudgetExceeded
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.result import Err, Ok
from flowlang.lang.values.struct import Struct


def script_function(depth: int) -> None:
    """Stands for a compiled function, which is a host function named like the script's."""


def nested_list(levels: int) -> List:
    value = List()
    for _ in range(levels):
        value = List([value])
    return value


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        (-5, "-5"),
        (1e6, "1e+06"),
        ("a", '"a"'),
        ('say "hi"\\', r'"say \"hi\"\\"'),
        ("it's", '"it\'s"'),
        ("\a\b\f\n\r\t\v", r'"\a\b\f\n\r\t\v"'),
        ("\x00\x1b\x7f", r'"\x00\x1b\x7f"'),
        ("é😿", '"é😿"'),
        ("\x80\u2028\U000e0001", r'"\u0080\u2028\U000e0001"'),
        ("é\n", r'"é\n"'),
        (b"abc\n", r'b"abc\n"'),
        (b'"\x00', r'b"\"\x00"'),
        (b"\xff\xc3\xa9\xc3", r'b"\xffé\xc3"'),
        (List(), "[]"),
        (List([1, "a", None]), '[1, "a", None]'),
        ((), "()"),
        ((1,), "(1,)"),
        ((1, (2, 3)), "(1, (2, 3))"),
        (Dict(), "{}"),
        (make_dict(("a", List([1])), (2, ())), '{"a": [1], 2: ()}'),
        (make_dict((True, 1), (1, 2), (float("nan"), 3)), "{True: 1, 1: 2, nan: 3}"),
        (Set(), "set([])"),
        (make_set(1, "a"), 'set([1, "a"])'),
        (make_set(True, (False, 1)), "set([True, (False, 1)])"),
        (range(3), "range(3)"),
        (range(1, 3), "range(1, 3)"),
        (range(0, 10, 2), "range(0, 10, 2)"),
        (range(3, 0, -1), "range(3, 0, -1)"),
        (Struct({"b": 2, "a": "x"}), 'struct(a = "x", b = 2)'),
        (Ok(List([1])), "Ok([1])"),
        (Err("x"), 'Err("x")'),
        (script_function, "<function script_function>"),
        (UNIVERSE["len"], "<built-in function len>"),
        (operators.attribute(List(), "append"), "<built-in method append of list value>"),
    ],
)
def test_repr(value: Any, text: str) -> None:
    assert repr_value(value) == text
    assert repr_value(List([value])) == f"[{text}]"
    assert preview(value) == text
    if type(value) not in (str, bytes):
        assert str_value(value) == text


def test_str_of_text_is_the_text() -> None:
    assert str_value('a"\n') == 'a"\n'
    assert str_value("é".encode()) == "é"
    assert str_value(b"a\xff") == "a\ufffd"


def test_a_container_that_contains_itself() -> None:
    items = List([1])
    items.append(items)
    assert repr_value(items) == "[1, [...]]"
    table = Dict()
    table["self"] = table
    table["items"] = List([table, (table,)])
    assert repr_value(table) == '{"self": {...}, "items": [{...}, ({...},)]}'
    shared = List([0])
    assert repr_value(List([shared, shared])) == "[[0], [0]]"
    through = List()
    through.append(Struct({"a": Ok(through)}))
    assert repr_value(through) == "[struct(a = Ok([...]))]"


def test_frozen_containers_look_the_same() -> None:
    items = List([1, make_dict(("a", make_set(True)))])
    text = repr_value(items)
    for container in (items, items[1], items[1]["a"]):
        hold(container, FROZEN)
    assert repr_value(items) == text == '[1, {"a": set([True])}]'


def test_nesting_is_bounded() -> None:
    assert repr_value(nested_list(DEPTH_MAX)) == "[" * (DEPTH_MAX + 1) + "]" * (DEPTH_MAX + 1)
    assert slug_of(repr_value, nested_list(DEPTH_MAX + 1)) == "too-deep"
    assert slug_of(repr_value, nested_list(100_000)) == "too-deep"
    deep: Any = 1
    for _ in range(1000):
        deep = Struct({"a": deep})
    assert slug_of(repr_value, deep) == "too-deep"
    assert preview(nested_list(100_000)).startswith("[[[")


def test_shared_parts_meet_the_budget() -> None:
    value = List([0])
    for _ in range(60):
        value = List([value, value])
    meter = Meter(Budget(steps=100_000))
    token = METER.set(meter)
    try:
        with pytest.raises(BudgetExceeded):
            repr_value(value)
    finally:
        METER.reset(token)
    assert len(preview(value)) < 100


def test_texts_are_charged_by_their_length() -> None:
    for value in (List(["x" * 100] * 1000), List(range(20_000)), "x" * 100_000, List([Ok("x" * 100)] * 1000)):
        steps, memory = cost_of(partial(repr_value, value))
        length = len(repr_value(value))
        assert steps >= 0.49 * length
        assert memory >= length


@pytest.mark.parametrize(
    "value",
    ["x" * 10_000, List(range(10_000)), Ok(List(["y" * 1000] * 10)), make_dict(*enumerate(range(1000))), 7**30_000],
    ids=["string", "list", "result", "dict", "int"],
)
def test_previews_are_short_and_free(value: Any) -> None:
    assert len(preview(value)) <= 70
    assert cost_of(lambda: preview(value)) == (0, 0)


@settings(deadline=None)
@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_quoted_text_reads_back(text: str) -> None:
    # Escapes are the same in the host's literals, so the host can read them back.
    quoted = repr_value(text)
    assert ast.literal_eval(quoted) == text
    assert all(character.isprintable() for character in quoted)
