"""Index, slice, length, iteration, unpacking and attributes across types."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from value_calls import elements, fault_of, make_dict, make_set, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List

SEQUENCES: list[Any] = ["abcde", b"abcde", List("abcde"), tuple("abcde"), range(5)]


@pytest.mark.parametrize("value", SEQUENCES)
def test_index(value: Any) -> None:
    assert operators.index(value, 0) == operators.index(value, -5)
    assert operators.index(value, 4) == operators.index(value, -1)
    for outside in (5, -6, 10**30, -(10**30)):
        assert slug_of(operators.index, value, outside) == "index-out-of-range"
    for wrong in (True, 1.0, "1", None, List()):
        assert slug_of(operators.index, value, wrong) == "type-mismatch"


def test_the_message_of_an_index_names_place_and_length() -> None:
    assert fault_of(operators.index, List([1, 2, 3]), 5).message == "index 5 is out of range for a list of 3"


parts = st.none() | st.integers(-8, 8) | st.sampled_from([10**30, -(10**30)])


@given(st.sampled_from(SEQUENCES), parts, parts, parts.filter(lambda part: part != 0))
def test_slices_agree_with_the_host(value: Any, start: Any, stop: Any, step: Any) -> None:
    found = operators.slice_value(value, start, stop, step)
    assert type(found) is type(value)
    assert found == value[start:stop:step]


@pytest.mark.parametrize("value", SEQUENCES)
def test_slice_refuses(value: Any) -> None:
    assert slug_of(operators.slice_value, value, None, None, 0) == "zero-step"
    for wrong in (True, 1.0, "1"):
        assert slug_of(operators.slice_value, value, wrong, None, None) == "type-mismatch"


@pytest.mark.parametrize("value", [None, True, 1, 1.5, make_set(), elements])
def test_what_has_no_elements(value: Any) -> None:
    assert slug_of(operators.index, value, 0) == "type-mismatch"
    assert slug_of(operators.slice_value, value, None, None, None) == "type-mismatch"
    assert slug_of(operators.set_index, value, 0, 0) == "type-mismatch"


def test_assignment_to_an_element() -> None:
    value = List([1, 2])
    operators.set_index(value, -1, 3)
    assert value == [1, 3]
    assert slug_of(operators.set_index, value, 2, 0) == "index-out-of-range"
    assert slug_of(operators.set_index, value, True, 0) == "type-mismatch"
    assert slug_of(operators.set_index, "ab", 0, "c") == "type-mismatch"
    assert slug_of(operators.set_index, make_dict(), List(), 0) == "unhashable"


@pytest.mark.parametrize(
    ("value", "count"),
    [("añb", 3), (b"ab", 2), (List([1]), 1), ((), 0), (make_dict(("a", 1)), 1), (make_set(1, True), 2), (range(5), 5)],
)
def test_length(value: Any, count: int) -> None:
    assert operators.length(value) == count


@pytest.mark.parametrize("value", [None, True, 1, 1.5, elements])
def test_what_has_no_length_and_is_not_iterable(value: Any) -> None:
    assert slug_of(operators.contains, 1, value) == "type-mismatch"
    assert slug_of(operators.length, value) == "type-mismatch"
    assert slug_of(operators.iterate, value) == "not-iterable"


def test_strings_and_bytes_are_not_iterable() -> None:
    for value in ("ab", b"ab"):
        fault = fault_of(operators.iterate, value)
        assert fault.slug == "not-iterable"
        assert ".elems()" in (fault.hint or "")
        assert slug_of(operators.unpack, value, 2) == "not-iterable"
        assert slug_of(operators.add_in_place, List(), value) == "not-iterable"


def test_iteration_gives_keys_as_the_script_knows_them() -> None:
    assert elements(make_dict(("a", 1), ("b", 2))) == ["a", "b"]
    assert elements(make_set(True, (True,))) == [True, (True,)]
    assert elements(range(3)) == [0, 1, 2]


def test_unpack() -> None:
    for value in ((1, 2), List([1, 2]), range(1, 3), make_dict((1, 0), (2, 0)), make_set(1, 2)):
        assert operators.unpack(value, 2) == (1, 2)
        for count in (1, 3):
            fault = fault_of(operators.unpack, value, count)
            assert fault.slug == "unpack-mismatch"
            assert f" of 2 into {count} target" in fault.message
    assert operators.unpack((), 0) == ()
    assert slug_of(operators.unpack, 5, 2) == "not-iterable"


def test_adding_in_place_takes_any_iterable() -> None:
    value = List([1])
    assert operators.add_in_place(value, (2,)) is value
    assert operators.add_in_place(value, make_dict(("a", 1))) is value
    assert operators.add_in_place(value, value) is value
    assert value == [1, 2, "a", 1, 2, "a"]
    assert slug_of(operators.add_in_place, value, 1) == "not-iterable"
    assert operators.add_in_place((1,), (2,)) == (1, 2)
    assert operators.add_in_place(1, 2) == 3


APPEND = operators.attribute(List(), "append")
HOST_NAMES = [
    "__class__",
    "__init__",
    "__dict__",
    "__globals__",
    "__code__",
    "__closure__",
    "__call__",
    "__reduce__",
    "gi_frame",
    "f_back",
    "real",
    "bit_length",
    "to_bytes",
    "encode",
    "translate",
    "format_map",
    "fromkeys",
    "copy",
    "sort",
    "state",
    "fields",
    "receiver",
    "function",
    "value ",
    "",
]


@pytest.mark.parametrize(
    "value",
    [None, True, 1, 1.5, "a", b"a", (1,), List([1]), make_dict(), make_set(), range(2), elements, APPEND],
)
def test_no_name_of_the_host_is_an_attribute(value: Any) -> None:
    for name in HOST_NAMES:
        assert not operators.has_attribute(value, name)
        assert slug_of(operators.attribute, value, name) == "unknown-attribute"
        assert slug_of(operators.set_attribute, value, name, 1) == "type-mismatch"


@pytest.mark.parametrize(
    ("value", "name", "hint"),
    [
        ("a", "uper", "did you mean `upper`?"),
        (List(), "sort", "use `sorted(...)`, which gives a new list"),
        (make_dict(), "itms", "did you mean `items`?"),
        (make_dict(), "name", 'for the entry under a key write `["name"]`'),
        (None, "x", "a function that ends without `return` gives None"),
        (1, "x", "an int has no attributes at all; pass it to a builtin such as `str(x)`"),
    ],
)
def test_hint_for_an_unknown_attribute(value: Any, name: str, hint: str | None) -> None:
    assert fault_of(operators.attribute, value, name).hint == hint


def test_a_bound_method_can_be_kept() -> None:
    value = List()
    append = operators.attribute(value, "append")
    append(0, 1)
    append(0, 2)
    assert value == [1, 2]


def test_an_object_of_the_host_is_nothing() -> None:
    class Foreign:
        """Not a registered type."""

    foreign = Foreign()
    assert operators.attribute_names(foreign) == []
    assert slug_of(operators.attribute, foreign, "x") == "unknown-attribute"
    for operation in (operators.iterate, operators.length, operators.negate):
        assert slug_of(operation, foreign) in ("not-iterable", "type-mismatch")
    assert slug_of(operators.add, foreign, foreign) == "type-mismatch"
    assert not operators.equal(foreign, foreign)
