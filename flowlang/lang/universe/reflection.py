"""Builtins that ask what a value is and has: `type`, `dir`, `getattr`, `hasattr`, and `struct`, which makes one.

All of them look into the table of the value's exact type and nowhere else, so they reach exactly what a dot in the
script reaches.
"""

from __future__ import annotations

from typing import Any

from flowlang.lang.eval.operators import attribute, attribute_names, has_attribute
from flowlang.lang.values.argument import given_names, string_argument
from flowlang.lang.values.container import List
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import MISSING, builtin, type_name
from flowlang.lang.values.size import list_size, table_size
from flowlang.lang.values.struct import Struct


@builtin("type", "x")
def type_(depth: int, x: Any, /) -> str:
    """The name of the type of a value."""
    return type_name(x)


@builtin("dir", "x")
def dir_(depth: int, x: Any, /) -> List:
    """The names of the fields and methods of a value, sorted."""
    names = attribute_names(x)
    charge(len(names), list_size(len(names)) + table_size(2 * len(names)))
    return List(names)


@builtin("getattr", "x, name[, default]")
def getattr_(depth: int, x: Any, name: Any, default: Any = MISSING, /) -> Any:
    """The field or method `name` of a value, or `default` when it has none."""
    string_argument("getattr", "name", name)
    if default is not MISSING and not has_attribute(x, name):
        return default
    return attribute(x, name)


@builtin("hasattr", "x, name")
def hasattr_(depth: int, x: Any, name: Any, /) -> bool:
    """Whether a value has a field or method `name`."""
    return bool(has_attribute(x, string_argument("hasattr", "name", name)))


@builtin("struct", "**fields")
def struct_(depth: int, /, **fields: Any) -> Struct:
    """A struct with the named fields."""
    return Struct(given_names(fields))
