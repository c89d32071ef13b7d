"""Ranges: the host's range is the value. It is never expanded: index, slice, length, membership and equality are
computed.

The host answers `x in range(...)` for anything but an int by walking the whole range, so floats are turned into the
int that they equal first, and other types are refused.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.sequence import place, span
from flowlang.lang.values.size import ELEMENT, OBJECT
from flowlang.lang.values.wording import kind_of


def _index(value: range, index: Any) -> int:
    return value[place(value, index)]


def _slice(value: range, start: Any, stop: Any, step: Any) -> range:
    return value[span(len(value), start, stop, step)]


def _contains(value: range, element: Any) -> bool:
    if type(element) is float:
        return element.is_integer() and int(element) in value
    if type(element) is not int:
        raise Fault(
            "type-mismatch",
            f"a range has only ints as elements, so `in` needs an int, not {kind_of(element)}",
            hint="convert it with `int(...)`" if type(element) in (str, bool) else None,
        )
    return element in value


def _iterate(value: range) -> Iterable[int]:
    return value


def _equal(left: range, right: range, test: Callable[[Any, Any], bool]) -> bool:
    return left == right


register(
    range,
    ValueType(
        "range",
        equal=_equal,
        hashable=False,
        length=len,
        iterate=_iterate,
        index=_index,
        slice=_slice,
        contains=_contains,
        size=lambda value: OBJECT + 2 * ELEMENT,
    ),
)
