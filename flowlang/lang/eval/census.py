"""The census: how much memory the script still reaches.

Charges only grow. When they pass the limit, the values that module globals, closures and the locals of all fibers
reach are counted by the fixed table of sizes; what is not reached was garbage and is credited.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from types import FrameType
from typing import Any

from flowlang.lang.eval.module import Module
from flowlang.lang.eval.traceback import is_generated
from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.container import AnyDict, AnyList, AnySet
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.size import OBJECT, bytes_size, int_size, list_size, table_size, text_size, tuple_size


def take_census(modules: Iterable[Module], frames: Iterable[FrameType | None], more: Iterable[Any]) -> tuple[int, int]:
    """The bytes reached, and how many values were visited."""
    waiting: list[Any] = list(more)
    for module in modules:
        waiting += module.own_values()
    for frame in frames:
        waiting += _locals(frame)
    seen: set[int] = set()
    total = 0
    while waiting:
        value = waiting.pop()
        if id(value) in seen:
            continue
        seen.add(id(value))
        total += _size(value)
        if type(value) not in ATOMS:
            found = VALUE_TYPES.get(type(value))
            if found is not None and found.children is not None:
                waiting += found.children(value)
    return total, len(seen)


def _locals(frame: FrameType | None) -> Iterator[Any]:
    while frame is not None:
        if is_generated(frame):
            yield from frame.f_locals.values()
        frame = frame.f_back


def _size(value: Any) -> int:
    match value:
        case str():
            return text_size(value)
        case bool() | float() | None:
            return 0
        case int():
            return int_size(value)
        case bytes():
            return bytes_size(len(value))
        case AnyList():
            return list_size(len(value))
        case list():
            return list_size(len(value))
        case tuple():
            return tuple_size(len(value))
        case AnyDict() | AnySet():
            return table_size(len(value))
    return OBJECT
