"""Tuples: the table of their operations. The host's tuple is the value; it has no methods."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from flowlang.lang.values.compare import equal_sequences
from flowlang.lang.values.meter import charge
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.sequence import find, place, span, span_length
from flowlang.lang.values.size import tuple_size

AnyTuple = tuple[Any, ...]


def concatenate(left: AnyTuple, right: AnyTuple) -> AnyTuple:
    """`left + right`."""
    count = len(left) + len(right)
    charge(count >> 3, tuple_size(count))
    return left + right


def repeat(left: AnyTuple, times: int) -> AnyTuple:
    """`left * times`."""
    if times <= 0 or not left:
        return ()
    count = len(left) * times
    charge(count >> 3, tuple_size(count))
    return left * times


def _index(value: AnyTuple, index: Any) -> Any:
    return value[place(value, index)]


def _slice(value: AnyTuple, start: Any, stop: Any, step: Any) -> AnyTuple:
    part = span(len(value), start, stop, step)
    count = span_length(len(value), part)
    charge(count >> 3, tuple_size(count))
    return value[part]


def _contains(value: AnyTuple, element: Any) -> bool:
    return find(value, element) >= 0


def _elements(value: AnyTuple) -> Iterable[Any]:
    return value


def _size(value: AnyTuple) -> int:
    return tuple_size(len(value))


register(
    tuple,
    ValueType(
        "tuple",
        equal=equal_sequences,
        length=len,
        iterate=_elements,
        index=_index,
        slice=_slice,
        contains=_contains,
        children=_elements,
        size=_size,
    ),
)
register_operation("+", [tuple], [tuple], concatenate)
register_operation("*", [tuple], [int], repeat)
register_operation("*", [int], [tuple], lambda times, right: repeat(right, times))
