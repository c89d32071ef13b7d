"""Lists: the table of their operations and their methods.

The host's list does the work; what differs from it is checked before: frozen and iterated lists refuse to change,
indexes are ints by exact type, elements are compared as the language compares, and strings cannot be poured into a
list. Concatenation and repetition start from a copy and grow it in place, because the host's operators on a subclass
would give a plain host list.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flowlang.lang.values.argument import (
    SLICE,
    collected,
    count_elements,
    elements_argument,
    int_argument,
    new_elements,
)
from flowlang.lang.values.compare import equal_sequences
from flowlang.lang.values.container import FROZEN, AnyList, HeldList, List, hold
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.mutation import check_mutable, method, methods
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.sequence import bounds, find, place, span, span_length
from flowlang.lang.values.size import GROWTH_BLOCK, LIST_GROWTH, growth, list_size

LISTS: Final = (List, HeldList)
LAST: Final = -1
SHORT: Final = 64
"""Lists of fewer elements may be copied once more than needed."""


@method("list.append")
def append(depth: int, self: AnyList, value: Any, /) -> None:
    """Adds one element at the end."""
    if type(self) is not List:
        check_mutable(self, "append to")
    count = len(self)
    if (count < GROWTH_BLOCK or not count % GROWTH_BLOCK) and (more := growth(count)):
        charge(0, LIST_GROWTH * more)
    self.append(value)


@method("list.clear")
def clear(depth: int, self: AnyList, /) -> None:
    """Removes all elements."""
    check_mutable(self, "clear")
    self.clear()


@method("list.extend")
def extend(depth: int, self: AnyList, elements: Any, /) -> None:
    """Adds the elements of an iterable at the end."""
    extend_in_place(self, elements_argument("list.extend", "elements", elements), elements)


def extend_in_place(target: AnyList, elements: Iterable[Any], source: Any) -> None:
    """`target += elements`, which come from the value `source`."""
    check_mutable(target, "extend")
    count = count_elements(source)
    charge(count >> 3, list_size(count) + new_elements(source))
    target.extend(elements if count <= SLICE else collected(elements, count))


@method("list.index")
def index(depth: int, self: AnyList, value: Any, start: Any = None, stop: Any = None, /) -> int:
    """The first place of an equal element, from `start` to before `stop`."""
    first, last = bounds(
        len(self),
        None if start is None else int_argument("list.index", "start", start),
        None if stop is None else int_argument("list.index", "stop", stop),
    )
    found = find(self, value, first, last)
    if found < 0:
        raise missing_element(value)
    return found


@method("list.insert")
def insert(depth: int, self: AnyList, index: Any, value: Any, /) -> None:
    """Puts an element before the place `index`, or at the nearest end."""
    check_mutable(self, "insert into")
    count = len(self)
    wanted = int_argument("list.insert", "index", index)
    first = max(0, wanted + count) if wanted < 0 else min(wanted, count)
    charge(((count - first) >> 8) + 1, LIST_GROWTH * growth(count))
    self.insert(max(-count, min(wanted, count)), value)


@method("list.pop")
def pop(depth: int, self: AnyList, index: Any = LAST, /) -> Any:
    """Removes and gives the element at a place, by default the last."""
    if index is LAST and type(self) is List and self:
        return self.pop()
    check_mutable(self, "pop from")
    if not self:
        raise Fault("index-out-of-range", "cannot pop from an empty list", hint="check first whether it is empty")
    found = place(self, int_argument("list.pop", "index", index))
    charge((len(self) - found) >> 8)
    return self.pop(found)


@method("list.remove")
def remove(depth: int, self: AnyList, value: Any, /) -> None:
    """Removes the first equal element."""
    check_mutable(self, "remove from")
    found = find(self, value)
    if found < 0:
        raise missing_element(value)
    del self[found]


def missing_element(value: Any) -> Fault:
    """The Fault for an element that a list does not have."""
    return Fault("missing-element", f"the list has no element {preview(value)}", hint="check with `in` first")


def concatenate(left: AnyList, right: AnyList) -> List:
    """`left + right`."""
    count = len(left) + len(right)
    charge(count >> 3, list_size(count))
    if count < SHORT:
        # The host's sum is one of its own lists, and copying that is faster than growing; but then there are two.
        return List(list.__add__(left, right))
    result = List(left)
    result.extend(right)
    return result


def repeat(left: AnyList, times: int) -> List:
    """`left * times`."""
    if times <= 0 or not left:
        return List()
    count = len(left) * times
    charge(count >> 3, list_size(count))
    result = List(left)
    result *= times
    return result


def _index(value: AnyList, index: Any) -> Any:
    return value[place(value, index)]


def _set_index(value: AnyList, index: Any, element: Any) -> None:
    check_mutable(value, "assign to an element of")
    value[place(value, index)] = element


def _slice(value: AnyList, start: Any, stop: Any, step: Any) -> List:
    part = span(len(value), start, stop, step)
    count = span_length(len(value), part)
    charge(count >> 3, list_size(count))
    return List(value[part])


def _contains(value: AnyList, element: Any) -> bool:
    return find(value, element) >= 0


def _iterate(value: AnyList) -> Iterable[Any]:
    return value


def _children(value: AnyList) -> Iterable[Any]:
    return value


def _freeze(value: AnyList) -> None:
    hold(value, FROZEN)


def _size(value: AnyList) -> int:
    return list_size(len(value))


LIST: Final = ValueType(
    "list",
    methods=methods(append, clear, extend, index, insert, pop, remove),
    equal=equal_sequences,
    hashable=False,
    length=len,
    iterate=_iterate,
    index=_index,
    set_index=_set_index,
    slice=_slice,
    contains=_contains,
    children=_children,
    freeze=_freeze,
    size=_size,
)

for _kind in LISTS:
    register(_kind, LIST)
register_operation("+", LISTS, LISTS, concatenate)
register_operation("*", LISTS, [int], repeat)
register_operation("*", [int], LISTS, lambda times, right: repeat(right, times))
