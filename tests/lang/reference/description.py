"""A text that tells any two different values apart: types exactly, floats to the last bit, sharing and cycles.

`repr` is not enough: NaN and -NaN, or two equal lists and one list twice, look the same. Lists and dicts of CPython are
described as those of the language that they correspond to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import FunctionType
from typing import Any

from flowlang.lang.values.container import ITERATION, AnyDict, AnySet, state_of
from flowlang.lang.values.display import function_name
from flowlang.lang.values.key import dict_items, dict_keys
from flowlang.lang.values.protocol import BoundMethod, type_name
from flowlang.lang.values.struct import Struct


class Describer:
    """Describes values; what several of them share gets one number. `with_locks`: iterations that never ended are
    shown, which an error may leave behind and nothing else."""

    def __init__(self, *, with_locks: bool) -> None:
        self.with_locks = with_locks
        self.numbers: dict[int, int] = {}
        self.kept: list[Any] = []

    def names(self, values: Mapping[str, Any]) -> str:
        """Describes named values, one a line."""
        return "\n".join(f"{name} = {self.value(value)}" for name, value in sorted(values.items()))

    def value(self, value: Any) -> str:
        """Describes one value."""
        match value:
            case int() if type(value) is int and value.bit_length() > 64:
                return f"int {value:#x}"
            case float():
                return f"float {value.hex()}"
            case tuple():
                return f"({self._list(value)})"
            case BoundMethod():
                return f"method {value.name} of {self.value(value.receiver)}"
            case list() | dict() | Struct() | FunctionType():
                return self._shared(value)
        return f"{type_name(value)} {value!r}"

    def _shared(self, value: Any) -> str:
        if id(value) in self.numbers:
            return f"#{self.numbers[id(value)]}"
        self.numbers[id(value)] = number = len(self.numbers)
        self.kept.append(value)
        return f"#{number} {self._inside(value)}"

    def _inside(self, value: Any) -> str:
        if isinstance(value, FunctionType):
            return f"{type_name(value)} {function_name(value).strip('<>')}"
        if isinstance(value, Struct):
            return f"struct({self.names(value.fields)})"
        lock = f" iterated {state_of(value) // ITERATION}" if self.with_locks else ""
        if isinstance(value, AnySet):
            return f"set{lock} [{self._list(dict_keys(value))}]"
        if isinstance(value, dict):
            pairs = dict_items(value) if isinstance(value, AnyDict) else value.items()
            entries = ", ".join(f"{self.value(key)}: {self.value(item)}" for key, item in pairs)
            return f"dict{lock} {{{entries}}}"
        return f"list{lock} [{self._list(value)}]"

    def _list(self, values: Iterable[Any]) -> str:
        return ", ".join(map(self.value, values))
