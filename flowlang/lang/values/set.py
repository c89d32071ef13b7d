"""Sets: the table of their operations and their methods.

A set is a host dict from stored keys to None, so its elements keep the order in which they came. Results keep the
order of the left operand; elements that come from the right follow in its order. Operators (`|`, `&`, `-`, `^`) need
sets on both sides, methods take any iterable of hashable elements.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import islice
from typing import Any, Final

from flowlang.lang.values.argument import SLICE, count_elements, elements_argument, new_elements
from flowlang.lang.values.compare import equal_sets
from flowlang.lang.values.container import EXOTIC, FROZEN, AnySet, HeldSet, Set, hold
from flowlang.lang.values.display import preview
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import (
    dict_has,
    dict_keys,
    dict_pop,
    dict_set,
    first_key,
    is_exotic,
    key,
    need_care,
    note_removal,
    unkey,
)
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.mutation import check_mutable, method, methods
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import MISSING, ValueType, register
from flowlang.lang.values.size import list_size, table_size

SETS: Final = (Set, HeldSet)

Stored = dict[Any, None]


def stored_elements(function: str, elements: Any) -> Stored:
    """The stored keys of an iterable's elements, in order. A set gives its own table, which must not be changed."""
    if type(elements) in SETS:
        charge((len(elements) >> 3) + 1)
        return elements  # type: ignore[no-any-return]
    count = count_elements(elements)
    charge((count >> 2) + 1, table_size(count) + new_elements(elements))
    iterator = map(key, elements_argument(function, "elements", elements))
    stored = dict.fromkeys(islice(iterator, SLICE))
    while count > SLICE and (part := dict.fromkeys(islice(iterator, SLICE))):
        look()
        stored |= part
    return stored


def all_stored(function: str, others: Iterable[Any]) -> list[Stored]:
    """The stored keys of several iterables."""
    result: list[Stored] = []
    for other in others:
        # In a variable, where the census of memory finds what is there already.
        result.append(stored_elements(function, other))
    return result


def make_set(stored: Iterable[Any], may_be_exotic: bool = True) -> Set:
    """A new set of stored keys."""
    result = Set()
    result.update(dict.fromkeys(stored))
    if may_be_exotic and need_care(result):
        hold(result, EXOTIC)
    return result


def copy_set(source: AnySet) -> Set:
    """A new set with the same elements."""
    charge(len(source) >> 3, table_size(len(source)))
    return make_set(source, is_exotic(source))


def add_stored(target: AnySet, stored: Stored) -> None:
    """Adds stored keys; whether the target may change is the caller's check."""
    charge(len(stored) >> 3, table_size(len(stored)))
    before = len(target)
    target.update(stored)
    if len(target) > before and need_care(stored):
        hold(target, EXOTIC)


def lookup_shift(source: Stored) -> int:
    """How many look-ups of its stored keys a step pays for, as a power of two. The host compares wrapped keys by a
    function of ours."""
    return 1 if is_exotic(source) else 3


def chosen(source: AnySet, others: Iterable[Stored], *, are_in: bool) -> list[Any]:
    """The stored keys of a set that are in all of the others (or in none of them), in order."""
    shift = lookup_shift(source)
    charge(len(source) >> 3, 2 * list_size(len(source)))
    kept = list(source)
    for other in others:
        charge((len(kept) >> shift) + 1)
        before, kept = kept, []
        for start in range(0, len(before), SLICE):
            look()
            part = before[start : start + SLICE]
            kept += [stored for stored in part if (stored in other) is are_in]
    return kept


def new_set(source: AnySet, stored: list[Any]) -> Set:
    """A new set of stored keys that come from `source`."""
    charge(len(stored) >> 3, table_size(len(stored)))
    return make_set(stored, is_exotic(source))


def keep_only(target: AnySet, stored: list[Any]) -> None:
    """Removes all stored keys but these; whether the target may change is the caller's check."""
    if len(stored) < len(target):
        charge(len(stored) >> 3, table_size(len(stored)))
        kept = dict.fromkeys(stored)
        target.clear()
        target.update(kept)
        target.gaps = 0


@method("set.add")
def add(depth: int, self: AnySet, element: Any, /) -> None:
    """Adds an element, if it is not there yet."""
    if type(self) is not Set:
        check_mutable(self, "add to")
    dict_set(self, element, None)


@method("set.clear")
def clear(depth: int, self: AnySet, /) -> None:
    """Removes all elements."""
    check_mutable(self, "clear")
    self.clear()


@method("set.difference")
def difference(depth: int, self: AnySet, /, *others: Any) -> Set:
    """A new set of the elements that are in none of the others."""
    return new_set(self, chosen(self, all_stored("set.difference", others), are_in=False))


@method("set.difference_update")
def difference_update(depth: int, self: AnySet, /, *others: Any) -> None:
    """Removes the elements of the others."""
    check_mutable(self, "remove from")
    keep_only(self, chosen(self, all_stored("set.difference_update", others), are_in=False))


@method("set.discard")
def discard(depth: int, self: AnySet, element: Any, /) -> None:
    """Removes an element, if it is there."""
    check_mutable(self, "discard from")
    dict_pop(self, element)


@method("set.intersection")
def intersection(depth: int, self: AnySet, /, *others: Any) -> Set:
    """A new set of the elements that are in all of the others."""
    return new_set(self, chosen(self, all_stored("set.intersection", others), are_in=True))


@method("set.intersection_update")
def intersection_update(depth: int, self: AnySet, /, *others: Any) -> None:
    """Removes the elements that are not in all of the others."""
    check_mutable(self, "remove from")
    keep_only(self, chosen(self, all_stored("set.intersection_update", others), are_in=True))


@method("set.isdisjoint")
def isdisjoint(depth: int, self: AnySet, other: Any, /) -> bool:
    """Whether no element is in the other."""
    charge((len(self) >> lookup_shift(self)) + 1)
    stored = stored_elements("set.isdisjoint", other)
    charge(len(stored) >> lookup_shift(stored))
    return self.keys().isdisjoint(stored.keys())


@method("set.issubset")
def issubset(depth: int, self: AnySet, other: Any, /) -> bool:
    """Whether all elements are in the other."""
    charge((len(self) >> lookup_shift(self)) + 1)
    return self.keys() <= stored_elements("set.issubset", other).keys()


@method("set.issuperset")
def issuperset(depth: int, self: AnySet, other: Any, /) -> bool:
    """Whether all elements of the other are in this set."""
    stored = stored_elements("set.issuperset", other)
    charge(len(stored) >> lookup_shift(stored))
    return self.keys() >= stored.keys()


@method("set.pop")
def pop(depth: int, self: AnySet, /) -> Any:
    """Removes the first element and gives it."""
    check_mutable(self, "pop from")
    if not self:
        raise Fault("missing-key", "cannot pop from an empty set", hint="check first whether it is empty")
    stored = first_key(self)
    del self[stored]
    note_removal(self)
    return unkey(stored)


@method("set.remove")
def remove(depth: int, self: AnySet, element: Any, /) -> None:
    """Removes an element, which must be there."""
    check_mutable(self, "remove from")
    if dict_pop(self, element) is MISSING:
        raise Fault(
            "missing-key",
            f"element {preview(element)} is not in the set",
            hint="use `.discard(...)` to remove an element that may be missing",
        )


@method("set.symmetric_difference")
def symmetric_difference(depth: int, self: AnySet, other: Any, /) -> Set:
    """A new set of the elements that are in exactly one of the two."""
    return exclusive(self, stored_elements("set.symmetric_difference", other))


@method("set.symmetric_difference_update")
def symmetric_difference_update(depth: int, self: AnySet, other: Any, /) -> None:
    """Removes the elements that the other has too, and adds those that only the other has."""
    check_mutable(self, "update")
    exclusive_in_place(self, stored_elements("set.symmetric_difference_update", other))


@method("set.union")
def union(depth: int, self: AnySet, /, *others: Any) -> Set:
    """A new set of the elements of this set and of the others."""
    result = copy_set(self)
    for other in others:
        add_stored(result, stored_elements("set.union", other))
    return result


@method("set.update")
def update(depth: int, self: AnySet, /, *others: Any) -> None:
    """Adds the elements of the others."""
    check_mutable(self, "update")
    for other in others:
        add_stored(self, stored_elements("set.update", other))


def unite(left: AnySet, right: AnySet) -> Set:
    """`left | right`."""
    result = copy_set(left)
    add_stored(result, right)
    return result


def intersect(left: AnySet, right: AnySet) -> Set:
    """`left & right`."""
    return new_set(left, chosen(left, [right], are_in=True))


def subtract(left: AnySet, right: AnySet) -> Set:
    """`left - right`."""
    return new_set(left, chosen(left, [right], are_in=False))


def exclusive(left: AnySet, right: Stored) -> Set:
    """`left ^ right`."""
    result = copy_set(left)
    exclusive_in_place(result, right)
    return result


def unite_in_place(left: AnySet, right: AnySet) -> None:
    """`left |= right`."""
    check_mutable(left, "update")
    add_stored(left, right)


def intersect_in_place(left: AnySet, right: AnySet) -> None:
    """`left &= right`."""
    check_mutable(left, "remove from")
    keep_only(left, chosen(left, [right], are_in=True))


def subtract_in_place(left: AnySet, right: AnySet) -> None:
    """`left -= right`."""
    check_mutable(left, "remove from")
    keep_only(left, chosen(left, [right], are_in=False))


def exclusive_in_place(left: AnySet, right: Stored) -> None:
    """`left ^= right` without the check whether the left may change."""
    charge((len(right) >> lookup_shift(right)) + 1, table_size(len(right)))
    new = {stored: None for stored in right if stored not in left}
    keep_only(left, chosen(left, [right], are_in=False))
    add_stored(left, new)


def _iterate(value: AnySet) -> Iterable[Any]:
    return dict_keys(value) if is_exotic(value) else value


def _children(value: AnySet) -> Iterable[Any]:
    return map(unkey, value)


def _equal(left: AnySet, right: AnySet, test: Callable[[Any, Any], bool]) -> bool:
    return equal_sets(left, right)


def _freeze(value: AnySet) -> None:
    hold(value, FROZEN)


def _size(value: AnySet) -> int:
    return table_size(len(value))


SET: Final = ValueType(
    "set",
    methods=methods(
        add,
        clear,
        difference,
        difference_update,
        discard,
        intersection,
        intersection_update,
        isdisjoint,
        issubset,
        issuperset,
        pop,
        remove,
        symmetric_difference,
        symmetric_difference_update,
        union,
        update,
    ),
    equal=_equal,
    hashable=False,
    length=len,
    iterate=_iterate,
    contains=dict_has,
    children=_children,
    freeze=_freeze,
    size=_size,
)

for _kind in SETS:
    register(_kind, SET)
register_operation("|", SETS, SETS, unite)
register_operation("&", SETS, SETS, intersect)
register_operation("-", SETS, SETS, subtract)
register_operation("^", SETS, SETS, exclusive)
