"""Functions and bound methods as values.

Functions of scripts and builtins are both host functions; what a script can see of them is their name. Their insides
(closure, defaults) are listed here for freezing and for the census of memory. Those of a builtin belong to the host
and are left alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any

from flowlang.lang.values.protocol import VALUE_TYPES, BoundMethod, ValueType, builtin_info, register
from flowlang.lang.values.size import CELL, FUNCTION, OBJECT, SLOT, table_size, tuple_size


def function_children(function: FunctionType) -> list[Any]:
    """The values that a function of a script holds: captured variables that have a value by now, and defaults.
    What the compiler keeps in cells for itself is not among them."""
    if builtin_info(function) is not None:
        return []
    held: list[Any] = []
    for cell in function.__closure__ or ():
        try:
            held.append(cell.cell_contents)
        except ValueError:
            # The variable is not assigned yet.
            continue
    held.extend(function.__defaults__ or ())
    held.extend((function.__kwdefaults__ or {}).values())
    return [value for value in held if type(value) in VALUE_TYPES]


def _function_size(function: FunctionType) -> int:
    size = FUNCTION
    if function.__closure__:
        size += tuple_size(0) + (SLOT + CELL) * len(function.__closure__)
    if function.__defaults__:
        size += tuple_size(len(function.__defaults__))
    return size + table_size(len(function.__kwdefaults__)) if function.__kwdefaults__ else size


def _receiver(value: BoundMethod) -> Iterable[Any]:
    return (value.receiver,)


register(
    FunctionType,
    ValueType(
        "function",
        children=function_children,
        size=_function_size,
        callable=True,
    ),
)
register(
    BoundMethod,
    ValueType(
        "builtin_function_or_method",
        children=_receiver,
        size=lambda value: OBJECT,
        callable=True,
    ),
)
