"""Structs."""

from __future__ import annotations

from value_calls import fault_of, make_dict, slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List
from flowlang.lang.values.display import repr_value
from flowlang.lang.values.struct import Struct


def test_fields_are_sorted_and_shown() -> None:
    value = Struct({"b": List([1]), "a": "x"})
    assert operators.attribute_names(value) == ["a", "b"]
    assert repr_value(value) == 'struct(a = "x", b = [1])'
    assert repr_value(Struct({})) == "struct()"
    assert operators.attribute(value, "a") == "x"
    assert operators.has_attribute(value, "b")
    assert not operators.has_attribute(value, "fields")


def test_an_unknown_field_gets_a_suggestion() -> None:
    fault = fault_of(operators.attribute, Struct({"name": 1}), "nmae")
    assert fault.message == "a struct has no attribute `nmae`"
    assert fault.hint == "did you mean `name`?"


def test_fields_are_not_assigned() -> None:
    value = Struct({"a": 1})
    assert slug_of(operators.set_attribute, value, "a", 2) == "type-mismatch"
    assert slug_of(operators.set_index, value, "a", 2) == "type-mismatch"
    assert slug_of(operators.index, value, "a") == "type-mismatch"
    assert operators.attribute(value, "a") == 1


def test_merging_prefers_the_right() -> None:
    merged = operators.add(Struct({"a": 1, "b": 1}), Struct({"b": 2, "c": 3}))
    assert repr_value(merged) == "struct(a = 1, b = 2, c = 3)"
    assert slug_of(operators.add, Struct({}), make_dict()) == "type-mismatch"


def test_equality_is_by_fields() -> None:
    assert operators.equal(Struct({"a": 1, "b": List([2])}), Struct({"b": List([2]), "a": 1.0}))
    assert operators.not_equal(Struct({"a": 1}), Struct({"a": True}))
    assert operators.not_equal(Struct({"a": 1}), Struct({"b": 1}))
    assert operators.not_equal(Struct({"a": 1}), Struct({"a": 1, "b": 1}))
    assert operators.not_equal(Struct({}), make_dict())
    assert slug_of(operators.less, Struct({}), Struct({})) == "type-mismatch"


def test_a_struct_is_a_key_when_its_fields_are() -> None:
    table = make_dict((Struct({"a": 1}), "one"), (Struct({"a": True}), "true"))
    assert operators.index(table, Struct({"a": 1.0})) == "one"
    assert operators.index(table, Struct({"a": True})) == "true"
    assert operators.not_contains((1,), table)
    assert slug_of(operators.index, table, Struct({"a": List()})) == "unhashable"
