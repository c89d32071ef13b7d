"""Structs: named fields that never change. `struct(a = 1)`.

The fields are kept sorted by name, which is the order of the repr and of `dir`. A struct is immutable, its fields'
values need not be. It is a key of dicts when all of them are; `key.py` makes the key, so the host's hash and
equality of a Struct (identity) are never asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

from flowlang.lang.values.meter import charge
from flowlang.lang.values.operation import register_operation
from flowlang.lang.values.protocol import MISSING, ValueType, register
from flowlang.lang.values.size import OBJECT, table_size, tuple_size

FEW: Final = 16
"""Sorting so few fields takes no memory worth charging."""
PIECE: Final = 96
"""What the text of a field takes while that of the struct is made."""


class Struct:
    """A struct value. `fields` is sorted by name; nobody changes it after the constructor."""

    __slots__ = ("fields",)

    def __init__(self, fields: Mapping[str, Any]) -> None:
        count = len(fields)
        charge(count >> 1, size_of_fields(count) + (tuple_size(2) * count if count > FEW else 0))
        self.fields: Final[dict[str, Any]] = dict(sorted(fields.items()))


def size_of_fields(count: int) -> int:
    """Bytes of a struct with `count` fields."""
    return OBJECT + table_size(count)


def merge(left: Struct, right: Struct) -> Struct:
    """`left + right`: the fields of both; where both have a field, the right one counts."""
    charge(0, table_size(len(left.fields) + len(right.fields)))
    return Struct(left.fields | right.fields)


def _names(value: Struct) -> Sequence[str]:
    return tuple(value.fields)


def _field(value: Struct, name: str) -> Any:
    return value.fields.get(name, MISSING)


def _display(value: Struct, nested: Callable[[Any], str]) -> str:
    charge(len(value.fields) >> 2, PIECE * len(value.fields))
    return f"struct({', '.join(f'{name} = {nested(field)}' for name, field in value.fields.items())})"


def _equal(left: Struct, right: Struct, equal: Callable[[Any, Any], bool]) -> bool:
    if len(left.fields) != len(right.fields):
        return False
    charge((len(left.fields) >> 2) + 1)
    if left.fields.keys() != right.fields.keys():
        return False
    return all(equal(field, right.fields[name]) for name, field in left.fields.items())


def _children(value: Struct) -> Iterable[Any]:
    return value.fields.values()


def _size(value: Struct) -> int:
    return size_of_fields(len(value.fields))


register(
    Struct,
    ValueType(
        "struct",
        field_names=_names,
        get_field=_field,
        display=_display,
        equal=_equal,
        children=_children,
        size=_size,
    ),
)
register_operation("+", [Struct], [Struct], merge)
