"""Modules whose functions are builtins: `json`, `math`. To a script they are values with fields.

They hold nothing that can change, so they may stand in every module and cross every boundary.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final

from flowlang.lang.values.canonical import REFERENCES
from flowlang.lang.values.protocol import MISSING, ValueType, builtin_info, register
from flowlang.lang.values.size import OBJECT


class NativeModule:
    """A name and its members: builtins, and numbers."""

    __slots__ = ("members", "name")

    def __init__(self, name: str, members: Mapping[str, Any]) -> None:
        self.name: Final = name
        self.members: Final = MappingProxyType(dict(sorted(members.items())))


def native_module(name: str, functions: Sequence[Any], constants: Mapping[str, Any]) -> NativeModule:
    """The module of builtins that are named `name.member`."""
    members = dict(constants)
    for function in functions:
        info = builtin_info(function)
        assert info is not None
        members[info.name.removeprefix(f"{name}.")] = function
    return NativeModule(name, members)


register(
    NativeModule,
    ValueType(
        "module",
        field_names=lambda module: tuple(module.members),
        get_field=lambda module, name: module.members.get(name, MISSING),
        display=lambda module, nested: f'<module "{module.name}">',
        size=lambda module: OBJECT,
    ),
)
REFERENCES.add(NativeModule)
