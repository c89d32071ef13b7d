"""Index, slice, length, iteration and unpacking, by the table of the value's exact type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from flowlang.lang.eval.mismatch import RESULT_HINT
from flowlang.lang.values.container import HeldList, List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import VALUE_TYPES, type_name
from flowlang.lang.values.wording import kind_of

CALL_HINT: Final = "it is a function: call it, with `(...)` behind its name"
NONE_HINT: Final = "a function that ends without `return` gives None"
ITERATION_HINTS: Final = {
    "string": "use `.elems()` for the characters, or `.split(...)` or `.splitlines()`",
    "bytes": "use `.elems()` for the numbers",
    "int": "use `range(...)` to count",
    "float": "use `range(int(...))` to count",
    "struct": "use `dir(...)` for the names of its fields",
    "function": CALL_HINT,
    "builtin_function_or_method": CALL_HINT,
    "Result": RESULT_HINT,
    "NoneType": NONE_HINT,
}
UNPACKING_HINTS: Final = {
    **ITERATION_HINTS,
    "string": "for keys and values of a dict loop over `.items()`; for the characters of a text use `.elems()`",
    "int": "one value belongs to one name; only collections have parts to unpack",
    "float": "one value belongs to one name; only collections have parts to unpack",
}
VALUE_HINTS: Final = {
    "int": "a number has no parts; `str(...)` gives its digits as text",
    "float": "a number has no parts; `str(...)` gives its digits as text",
    "set": "a set has no first element: loop over it, or make a list of it with `list(...)`",
    "struct": "take a field with a dot: `value.name`",
    "function": CALL_HINT,
    "builtin_function_or_method": CALL_HINT,
    "Result": RESULT_HINT,
    "NoneType": NONE_HINT,
}
ASSIGNMENT_HINTS: Final = {
    **VALUE_HINTS,
    "string": "strings never change: put a new one together, such as `text[:2] + new + text[3:]`",
    "bytes": "bytes never change: put new ones together, such as `data[:2] + new + data[3:]`",
    "tuple": "make a list of it with `list(...)`",
    "range": "make a list of it with `list(...)`",
    "set": "use `add` and `remove`",
}


def index(value: Any, position: Any) -> Any:
    """`value[position]`."""
    found = VALUE_TYPES.get(type(value))
    if found is None or found.index is None:
        raise Fault("type-mismatch", f"{kind_of(value)} has no elements to index", hint=hint_for(value))
    return found.index(value, position)


def set_index(value: Any, position: Any, element: Any) -> None:
    """`value[position] = element`."""
    found = VALUE_TYPES.get(type(value))
    if found is None or found.set_index is None:
        hint = ASSIGNMENT_HINTS.get(type_name(value))
        raise Fault("type-mismatch", f"cannot assign to an element of {kind_of(value)}", hint=hint)
    found.set_index(value, position, element)


SHORT_SLICE: Final = 8
"""Slices of so few elements are paid for by the code that makes them."""


def slice_value(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]`; None stands for a part that is not given."""
    kind = type(value)
    if step is None and (start is None or type(start) is int) and (stop is None or type(stop) is int):
        if kind is List or kind is HeldList:
            if len(value) <= SHORT_SLICE:
                return List(value[start:stop])
            first, last, _ = slice(start, stop).indices(len(value))
            if last - first <= SHORT_SLICE:
                return List(value[first:last])
        elif kind is str:
            if len(value) <= SHORT_SLICE:
                return value[start:stop]
            first, last, _ = slice(start, stop).indices(len(value))
            if last - first <= SHORT_SLICE:
                return value[first:last]
    found = VALUE_TYPES.get(type(value))
    if found is None or found.slice is None:
        raise Fault("type-mismatch", f"{kind_of(value)} cannot be sliced", hint=hint_for(value))
    return found.slice(value, start, stop, step)


def hint_for(value: Any) -> str | None:
    """The hint for a value that is probably not the one that the author had in mind."""
    return VALUE_HINTS.get(type_name(value))


def length(value: Any) -> int:
    """`len(value)`."""
    found = VALUE_TYPES.get(type(value))
    if found is None or found.length is None:
        raise Fault("type-mismatch", f"{kind_of(value)} has no length", hint=hint_for(value))
    return found.length(value)


def iterate(value: Any) -> Iterable[Any]:
    """The elements of `value`, in order: the container itself or a host sequence. Whoever runs code of a script
    between two elements must hold the container meanwhile."""
    found = VALUE_TYPES.get(type(value))
    if found is None or found.iterate is None:
        raise not_iterable(value)
    return found.iterate(value)


def not_iterable(value: Any, hints: Mapping[str, str] = ITERATION_HINTS) -> Fault:
    """The Fault for a loop over something that has no elements."""
    return Fault("not-iterable", f"{kind_of(value)} is not iterable", hint=hints.get(type_name(value)))


def unpack(value: Any, count: int) -> tuple[Any, ...]:
    """The elements of `value` for an assignment to `count` targets."""
    kind = type(value)
    if kind is not tuple and kind is not List and kind is not HeldList:
        found = VALUE_TYPES.get(kind)
        if found is None or found.iterate is None:
            raise not_iterable(value, UNPACKING_HINTS)
        iterable = found.iterate(value)
        if length(value) != count:
            raise unpack_mismatch(value, count)
        return tuple(iterable)
    if len(value) != count:
        raise unpack_mismatch(value, count)
    return value if kind is tuple else tuple(value)


def unpacking_hint(*, is_too_many: bool) -> str:
    """What to do when the numbers of elements and of targets differ."""
    return "name more targets, or take a part of it" if is_too_many else "name fewer targets, or give more values"


def unpack_mismatch(value: Any, count: int) -> Fault:
    """The Fault for an assignment of the wrong number of elements."""
    has = length(value)
    return Fault(
        "unpack-mismatch",
        f"cannot unpack {kind_of(value)} of {has} into {count} target{'' if count == 1 else 's'}",
        hint=unpacking_hint(is_too_many=has > count),
    )
