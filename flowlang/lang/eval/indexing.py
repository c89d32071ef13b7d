"""Index, slice, length, iteration and unpacking, by the table of the value's exact type."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from flowlang.lang.eval.mismatch import RESULT_HINT
from flowlang.lang.values.container import HeldList, List
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import VALUE_TYPES, type_name
from flowlang.lang.values.wording import kind_of

NONE_HINT: Final = "a function that ends without `return` gives None"
ITERATION_HINTS: Final = {
    "string": "use `.elems()` for the characters, or `.split(...)` or `.splitlines()`",
    "bytes": "use `.elems()` for the numbers",
    "int": "use `range(...)` to count",
    "Result": RESULT_HINT,
    "NoneType": NONE_HINT,
}
VALUE_HINTS: Final = {"Result": RESULT_HINT, "NoneType": NONE_HINT}


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
        hint = "make a list of it with `list(...)`" if type(value) in (tuple, range) else hint_for(value)
        raise Fault("type-mismatch", f"cannot assign to an element of {kind_of(value)}", hint=hint)
    found.set_index(value, position, element)


def slice_value(value: Any, start: Any, stop: Any, step: Any) -> Any:
    """`value[start:stop:step]`; None stands for a part that is not given."""
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


def not_iterable(value: Any) -> Fault:
    """The Fault for a loop over something that has no elements."""
    return Fault("not-iterable", f"{kind_of(value)} is not iterable", hint=ITERATION_HINTS.get(type_name(value)))


def unpack(value: Any, count: int) -> tuple[Any, ...]:
    """The elements of `value` for an assignment to `count` targets."""
    kind = type(value)
    if kind is not tuple and kind is not List and kind is not HeldList:
        iterable = iterate(value)
        if length(value) != count:
            raise unpack_mismatch(value, count)
        return tuple(iterable)
    if len(value) != count:
        raise unpack_mismatch(value, count)
    return value if kind is tuple else tuple(value)


def unpack_mismatch(value: Any, count: int) -> Fault:
    """The Fault for an assignment of the wrong number of elements."""
    has = length(value)
    return Fault(
        "unpack-mismatch",
        f"cannot unpack {kind_of(value)} of {has} into {count} target{'' if count == 1 else 's'}",
        hint=f"name {'more' if has > count else 'fewer'} targets, or take a part of it",
    )
