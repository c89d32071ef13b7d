"""Checks of the arguments of builtins and methods, so that every one of them complains in the same words.

A builtin never lets the host judge an argument: host functions accept more than the language does (True as 1, any
object with `__index__`) and their messages speak of another language. So each argument passes one of the checks
below, by exact type, and a wrong one becomes a Fault that names the function and the parameter.

`function` is the name in messages (`sorted`, `string.split`), `parameter` what the argument is for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice
from typing import Any, Final

from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import VALUE_TYPES, type_name
from flowlang.lang.values.size import ELEMENT, GROWTH_BLOCK, SLOT
from flowlang.lang.values.wording import kind_of

NAME_MARK: Final = "!"
CONTAINERS: Final = frozenset({List, HeldList, tuple, Dict, HeldDict, Set, HeldSet})
SLICE: Final = 1 << 17
"""More elements are collected slice by slice, so that an interruption is noticed."""
ARGUMENT_HINTS: Final = {
    "NoneType": "a function that ends without `return` gives None",
    "Result": "calling a flow gives a Result: take the value out with `unwrap(...)` or `.value`",
}
"""By type, for values that are seldom meant to be an argument."""


def wrong_type(function: str, parameter: str, wanted: str, value: Any, hint: str | None = None) -> Fault:
    """The Fault for an argument of a wrong type; `wanted` reads like `a string`."""
    hint = hint or ARGUMENT_HINTS.get(type_name(value)) or _conversion_hint(wanted, value)
    return Fault("type-mismatch", f"`{function}` needs {wanted} for `{parameter}`, not {kind_of(value)}", hint=hint)


def _conversion_hint(wanted: str, value: Any) -> str | None:
    """The builtin that makes what is wanted of the value."""
    if type(value) is str and "number" in wanted and "string" not in wanted:
        return "use `int(...)` or `float(...)` to read the string as a number"
    if type(value) in (int, float, bool) and wanted.startswith("a string"):
        return "use `str(...)` to turn the value into text"
    if "function" in type_name(value):
        return "it is a function: call it, with `(...)` behind its name"
    return None


def wrong_value(function: str, problem: str, hint: str | None = None) -> Fault:
    """The Fault for an argument of the right type whose value makes no sense."""
    return Fault("wrong-argument", f"`{function}`: {problem}", hint=hint)


def string_argument(function: str, parameter: str, value: Any) -> str:
    """`value` itself, when it is a string."""
    if type(value) is str:
        return value
    hint = "use `str(...)` to turn a value into text" if type(value) in (int, float, bool) else None
    raise wrong_type(function, parameter, "a string", value, hint)


def int_argument(function: str, parameter: str, value: Any) -> int:
    """`value` itself, when it is an int; a bool is none."""
    if type(value) is int:
        return value
    hint = "use `int(...)` to turn it into an int" if type(value) in (str, float, bool) else None
    raise wrong_type(function, parameter, "an int", value, hint)


def bool_argument(function: str, parameter: str, value: Any) -> bool:
    """`value` itself, when it is True or False."""
    if type(value) is bool:
        return value
    raise wrong_type(function, parameter, "a bool", value, "use `bool(...)` to ask whether a value counts as true")


def elements_argument(function: str, parameter: str, value: Any) -> Iterable[Any]:
    """What iterating over `value` gives. Never a copy: whoever calls back into a script must hold the container."""
    found = VALUE_TYPES.get(type(value))
    if found is not None and found.iterate is not None:
        return found.iterate(value) if found.length is not None else drained(found.iterate(value))
    hint = None
    if type(value) is str:
        hint = "strings are not iterable: use `.elems()` for the characters, or `.split(...)` or `.splitlines()`"
    elif type(value) is bytes:
        hint = "bytes are not iterable: use `.elems()` for the numbers"
    elif type(value) is int:
        hint = "use `range(...)` to count"
    raise wrong_type(function, parameter, "an iterable", value, hint)


def drained(elements: Iterable[Any]) -> list[Any]:
    """The elements of something that does not know how many it has, and that may have no end."""
    result: list[Any] = []
    for element in elements:
        if not len(result) % GROWTH_BLOCK:
            charge(GROWTH_BLOCK >> 3, GROWTH_BLOCK * SLOT)
        result.append(element)
    return result


def given_names(named: Mapping[str, Any]) -> Mapping[str, Any]:
    """Arguments given by name, under the names that the script gave. Compiled code puts a mark in front of names that
    would mean something to the host (`compile/naming.py`)."""
    for given in named:
        if given.startswith(NAME_MARK):
            return {name.removeprefix(NAME_MARK): value for name, value in named.items()}
    return named


def count_elements(value: Any) -> int:
    """How many elements iterating over `value` gives, where that is known beforehand; 0 otherwise."""
    found = VALUE_TYPES.get(type(value))
    return found.length(value) if found is not None and found.length is not None else 0


def new_elements(value: Any) -> int:
    """Bytes of the elements that iterating over `value` makes; those of a container are there already."""
    return 0 if type(value) in CONTAINERS else ELEMENT * count_elements(value)


def collected(elements: Iterable[Any], count: int) -> List:
    """A new list of the elements. `count` of them are known to come, and are charged."""
    if count <= SLICE:
        return List(elements)
    result = List()
    iterator = iter(elements)
    while part := list(islice(iterator, SLICE)):
        result += part
        look()
    return result
