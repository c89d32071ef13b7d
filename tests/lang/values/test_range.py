"""Ranges and tuples: sequences that never change."""

from __future__ import annotations

from typing import Any

import pytest
from value_calls import slug_of

from flowlang.lang.eval import operators
from flowlang.lang.values.container import List


def test_a_range_is_never_expanded() -> None:
    huge = range(1 << 40)
    assert operators.length(huge) == 1 << 40
    assert operators.index(huge, -1) == (1 << 40) - 1
    assert operators.slice_value(huge, 10, None, 1 << 38) == range(10, 1 << 40, 1 << 38)
    assert operators.contains(float(1 << 39), huge)
    assert not operators.contains(0.5, huge)
    assert not operators.contains(float("nan"), huge)
    assert not operators.contains(float("inf"), huge)
    assert not operators.contains(1 << 40, huge)


@pytest.mark.parametrize("item", ["a", True, None, List(), (1,)])
def test_only_numbers_are_looked_for_in_a_range(item: Any) -> None:
    assert slug_of(operators.contains, item, range(3)) == "type-mismatch"


def test_ranges_are_equal_by_their_elements() -> None:
    assert operators.equal(range(0, 3, 2), range(0, 4, 2))
    assert operators.equal(range(0), range(5, 5))
    assert not operators.equal(range(3), List([0, 1, 2]))


@pytest.mark.parametrize("operation", [operators.add, operators.multiply, operators.less, operators.bit_or])
def test_ranges_have_no_operators(operation: Any) -> None:
    assert slug_of(operation, range(3), range(3)) == "type-mismatch"


def test_ranges_have_no_attributes_and_do_not_change() -> None:
    assert operators.attribute_names(range(3)) == []
    assert slug_of(operators.attribute, range(3), "start") == "unknown-attribute"
    assert slug_of(operators.set_index, range(3), 0, 1) == "type-mismatch"


def test_tuple_operators() -> None:
    assert operators.add((1,), (2,)) == (1, 2)
    assert operators.multiply((1, 2), 2) == (1, 2, 1, 2)
    assert operators.multiply(-1, (1,)) == ()
    assert operators.multiply((), 10**30) == ()
    assert operators.slice_value((1, 2, 3), None, None, -1) == (3, 2, 1)
    assert operators.index((1, 2), -2) == 1
    assert operators.contains(1.0, (1,))
    assert not operators.contains(1, (True,))
    assert operators.attribute_names((1,)) == []
    assert slug_of(operators.add, (1,), List([1])) == "type-mismatch"
    assert slug_of(operators.set_index, (1,), 0, 2) == "type-mismatch"
    assert slug_of(operators.attribute, (1,), "count") == "unknown-attribute"


def test_elements_of_a_frozen_kind_may_change() -> None:
    value = (List(),)
    operators.add_in_place(operators.index(value, 0), List([1]))
    assert value == ([1],)
