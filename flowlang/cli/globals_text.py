"""The public globals of a module as JSON: what makes flowlang a language for configuration.

    {
      "port": 8080,
      "hosts": ["a", "b"]
    }

Names stand in the order in which the module binds them, and so do the keys of dicts. This is JSON for other programs,
so tuples, ranges and sets are arrays, structs are objects, times and durations are strings. What JSON has no form for
at all, bytes, infinite floats, keys that are no strings, appears as in journals, as an object with one tag. Functions
and whatever else is no data are left out, and a global that holds some is left out as a whole.

The text is bounded: a value that takes little memory because its parts are shared can be without end as text.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from json.encoder import encode_basestring, encode_basestring_ascii
from math import isfinite
from typing import Any, Final

import attrs

from flowlang.lang.values.canonical import encode
from flowlang.lang.values.container import Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.duration import Duration, duration_text
from flowlang.lang.values.fault import BudgetExceeded, Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.meter import METER, Budget, Meter
from flowlang.lang.values.protocol import VALUE_TYPES
from flowlang.lang.values.refusal import DEPTH_MAX
from flowlang.lang.values.scalar import float_text, int_text
from flowlang.lang.values.struct import Struct
from flowlang.lang.values.time import RFC3339_EXACT, Time
from flowlang.lang.values.time_layout import format_time

ELEMENTS_MAX: Final = 1_000_000
LINE_LENGTH: Final = 100
"""An array or object that fits into a line of this length is written on one."""


class TooLong(Exception):
    """The text would be longer than allowed."""


class _NoData(Exception):
    """A value holds something that is no data."""


@attrs.frozen
class GlobalsText:
    """`text`: one JSON object. `left_out`: the names of globals that are data except for something inside."""

    text: str
    left_out: tuple[str, ...]


def globals_text(values: Mapping[str, Any], length_max: int, *, is_ascii: bool = False) -> GlobalsText:
    """The JSON of a module's public globals. Raises TooLong when it has more than `length_max` characters, or more
    elements than can be meant."""
    left_out = []
    writer = _Writer(length_max, is_ascii)
    members = []
    before = METER.set(Meter(Budget(steps=None, memory_bytes=4 * length_max)))
    try:
        for name, value in values.items():
            try:
                members.append(writer.member(name, writer.value(value, 1)))
            except _NoData:
                if not _is_callable(value):
                    left_out.append(name)
    except BudgetExceeded:
        raise TooLong from None
    finally:
        METER.reset(before)
    text = "{\n" + ",\n".join(f"  {member}" for member in members) + "\n}" if members else "{}"
    return GlobalsText(text, tuple(left_out))


def _is_callable(value: Any) -> bool:
    found = VALUE_TYPES.get(type(value))
    return found is not None and found.callable


class _Writer:
    """Writes values; `length` counts the characters so far, over all of them."""

    def __init__(self, length_max: int, is_ascii: bool) -> None:
        self.length = 0
        self.elements = 0
        self._length_max = length_max
        self._quote = encode_basestring_ascii if is_ascii else encode_basestring

    def member(self, name: str, text: str) -> str:
        """One member of an object."""
        return f"{self.counted(self._quote(name))}: {text}"

    def counted(self, text: str) -> str:
        """The text, counted."""
        self.length += len(text) + 1
        self.elements += 1
        if self.length > self._length_max or self.elements > ELEMENTS_MAX:
            raise TooLong
        return text

    def value(self, value: Any, depth: int) -> str:
        """The text of a value that stands `depth` levels deep."""
        kind = type(value)
        if kind is str:
            if len(value) > self._length_max:
                raise TooLong
            return self.counted(self._quote(value))
        if value is None or kind is bool:
            return self.counted("null" if value is None else "true" if value else "false")
        if kind is int:
            return self.counted(int_text(value))
        if kind is float and isfinite(value):
            return self.counted(float_text(value))
        if depth > DEPTH_MAX:
            raise _NoData
        if kind in (Dict, HeldDict):
            if all(type(key) is str for key in value):
                return self.object(value.items(), depth)
            return self.object([("$dict", [(unkey(key), child) for key, child in value.items()])], depth)
        if kind is Struct:
            return self.object(value.fields.items(), depth)
        if kind in (List, HeldList, tuple, range, list):
            return self.array(value, depth)
        if kind in (Set, HeldSet):
            return self.array((unkey(stored) for stored in value), depth)
        if kind is Time:
            return self.counted(self._quote(format_time(value.clock(), RFC3339_EXACT)))
        if kind is Duration:
            return self.counted(self._quote(duration_text(value.nanoseconds)))
        return self.tagged(value)

    def tagged(self, value: Any) -> str:
        """A value that JSON has not, in its canonical form."""
        try:
            text = encode(value).decode()
        except Fault:
            raise _NoData from None
        return self.counted(text)

    def object(self, items: Iterable[tuple[str, Any]], depth: int) -> str:
        """An object."""
        return self._enclosed("{}", [self.member(key, self.value(value, depth + 1)) for key, value in items], depth)

    def array(self, values: Iterable[Any], depth: int) -> str:
        """An array."""
        return self._enclosed("[]", [self.value(value, depth + 1) for value in values], depth)

    def _enclosed(self, brackets: str, parts: list[str], depth: int) -> str:
        opening, closing = brackets[0], brackets[1]
        if sum(map(len, parts)) + 2 * len(parts) + 2 * depth <= LINE_LENGTH and not any("\n" in part for part in parts):
            return f"{opening}{', '.join(parts)}{closing}"
        indentation = "\n" + "  " * (depth + 1)
        self.length += len(indentation) * len(parts)
        self.counted(indentation)
        return f"{opening}{indentation}{f',{indentation}'.join(parts)}\n{'  ' * depth}{closing}"
