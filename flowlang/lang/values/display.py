"""The text of a value: `repr` and `str`, and a short form for messages.

One writer walks the value and appends pieces (`text_writer.py`). It is bounded in three ways, because a script can
build what has no reasonable text: a container that contains itself is written as `[...]` or `{...}` where it comes
around again, a nesting of more than DEPTH_MAX levels is refused, and every block of characters is charged to the meter
while the walk goes on.

Functions show their name and nothing else: a text must be the same on every machine and in every replay.
"""

from __future__ import annotations

from collections.abc import Iterable
from types import FunctionType
from typing import Any, Final

from flowlang.lang.values.argument import NAME_MARK
from flowlang.lang.values.container import EXOTIC, Dict, HeldDict, HeldList, HeldSet, List, Set
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.meter import Holding, charge
from flowlang.lang.values.protocol import VALUE_TYPES, BoundMethod, builtin_info, type_name
from flowlang.lang.values.quote import clip, quote, quote_bytes
from flowlang.lang.values.scalar import BLOCK_BITS, float_text, int_text
from flowlang.lang.values.size import text_size
from flowlang.lang.values.text_writer import BLOCK, TextWriter

DEPTH_MAX: Final = 100
SHORT: Final = 50
SMALL: Final = 1 << 64
LAMBDA: Final = "%lambda"
PREVIEW_MAX: Final = 60


def str_value(value: Any) -> str:
    """The text that `str(value)` gives: strings as they are, bytes decoded, anything else as `repr`."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is int and -SMALL < value < SMALL:
        return str(value)
    if kind is bytes:
        charge(len(value) >> 8, len(value))
        return value.decode("utf-8", "replace")  # type: ignore[no-any-return]
    return repr_value(value)


def repr_value(value: Any) -> str:
    """The text that `repr(value)` gives: a literal, where the type has literals."""
    kind = type(value)
    if kind is int:
        return int_text(value)
    if kind is float:
        return float_text(value)
    if value is None or kind is bool:
        return str(value)
    with Holding():
        writer = _Writer()
        writer.write(value, 0)
        return writer.finish()


def preview(value: Any, limit: int = PREVIEW_MAX) -> str:
    """A short `repr` for messages: never longer than about `limit`, never an error, never charged."""
    writer = _Preview(limit)
    try:
        writer.write(value, 0)
    except (_Full, Fault):
        writer.pieces.append("…")
    text = "".join(writer.pieces)
    return text if len(text) <= limit + 1 else text[:limit] + "…"


def function_name(function: FunctionType) -> str:
    """The name that a script gave a function, without the marks of compiled code (`compile/naming.py`)."""
    name = function.__name__
    return "lambda" if name.startswith(LAMBDA) else name.removeprefix(NAME_MARK)


class _Full(Exception):
    """A preview is long enough."""


class _Writer(TextWriter):
    """Writes the text of values. `open` are the containers that are being written."""

    __slots__ = ("open",)

    def __init__(self) -> None:
        super().__init__()
        self.open: set[int] = set()

    def text(self, text: str) -> str:
        """The quoted form of a string, charged before it is made when it is long."""
        if len(text) > BLOCK:
            charge(len(text) >> 2, text_size(text))
        return quote(text)

    def number(self, number: int) -> str:
        return int_text(number)

    def write(self, value: Any, depth: int) -> None:
        kind = type(value)
        if kind is str:
            self.add(self.text(value))
        elif kind is int:
            self.add(self.number(value))
        elif value is None or kind is bool:
            self.add(str(value))
        elif kind is float:
            self.add(float_text(value))
        elif depth > DEPTH_MAX:
            raise Fault("too-deep", f"the value is nested more than {DEPTH_MAX} levels deep")
        elif kind is List or kind is HeldList:
            if self.enter(value, "[...]"):
                self.elements("[", value, "]", depth)
                self.open.discard(id(value))
        elif kind is Dict or kind is HeldDict:
            if self.enter(value, "{...}"):
                self.entries(value, depth)
                self.open.discard(id(value))
        elif kind is tuple:
            self.elements("(", value, ",)" if len(value) == 1 else ")", depth)
        elif kind is Set or kind is HeldSet:
            self.elements("set([", _keys(value), "])", depth)
        elif kind is bytes:
            charge(len(value) >> 1, 4 * len(value))
            self.add(quote_bytes(value))
        else:
            self.add_other(value, depth)

    def enter(self, container: Any, mark: str) -> bool:
        """Whether to write a container; when it is already being written further out, writes `mark` instead."""
        if id(container) in self.open:
            self.add(mark)
            return False
        self.open.add(id(container))
        return True

    def elements(self, opening: str, values: Iterable[Any], closing: str, depth: int) -> None:
        separator = opening
        pieces = self.pieces
        for value in values:
            kind = type(value)
            if kind is str and len(value) < SHORT:
                text = quote(value)
            elif kind is int and -SMALL < value < SMALL:
                text = str(value)
            else:
                self.add(separator)
                separator = ", "
                self.write(value, depth + 1)
                continue
            pieces.append(separator)
            self.length += 2
            separator = ", "
            self.add(text)
        self.add(closing if separator is not opening else opening + closing)

    def entries(self, entries: Any, depth: int) -> None:
        separator = "{"
        for key, value in zip(_keys(entries), entries.values(), strict=True):
            self.add(separator)
            separator = ", "
            self.write(key, depth + 1)
            self.pieces.append(": ")
            self.length += 2
            self.write(value, depth + 1)
        self.add("}" if separator == ", " else "{}")

    def add_other(self, value: Any, depth: int) -> None:
        """Functions, ranges and the types that bring their own `display`."""
        kind = type(value)
        found = VALUE_TYPES.get(kind)
        if kind is FunctionType:
            info = builtin_info(value)
            self.add(f"<function {function_name(value)}>" if info is None else f"<built-in function {info.name}>")
        elif kind is BoundMethod:
            self.add(f"<built-in method {value.name} of {type_name(value.receiver)} value>")
        elif kind is range:
            self.add(_range_text(value))
        elif found is not None and found.display is not None:
            # Two levels, because the detour through `display` takes more of the host's stack than a container does.
            self.add(found.display(value, lambda child: self.nested(child, depth + 2)))
        else:
            self.add(f"<{type_name(value)}>")

    def nested(self, value: Any, depth: int) -> str:
        """The text of a child, as a string of its own, for the `display` of its parent."""
        charge(2)
        outer, packed = self.pieces, self.packed
        self.pieces, self.packed = [], 0
        try:
            self.write(value, depth)
            return "".join(self.pieces)
        finally:
            self.pieces, self.packed = outer, packed


class _Preview(_Writer):
    """A writer that stops when it has written enough, and charges nothing."""

    __slots__ = ("limit",)

    def __init__(self, limit: int) -> None:
        super().__init__()
        self.limit = limit

    def add(self, text: str) -> None:
        self.pieces.append(text)
        self.length += len(text)
        if self.length > self.limit:
            raise _Full

    def nested(self, value: Any, depth: int) -> str:
        outer, before = self.pieces, self.length
        self.pieces = []
        try:
            self.write(value, depth)
        except _Full:
            self.pieces.append("…")
        text = "".join(self.pieces)
        self.pieces, self.length = outer, before
        return text

    def text(self, text: str) -> str:
        return clip(text, self.limit)

    def number(self, number: int) -> str:
        bits = number.bit_length()
        return str(number) if bits < BLOCK_BITS else f"<int of {bits} bits>"


def _keys(container: Any) -> Iterable[Any]:
    """The keys of a dict or set as the script sees them."""
    if type(container) in (HeldDict, HeldSet) and container.state & EXOTIC:
        return map(unkey, container)
    return container  # type: ignore[no-any-return]


def _range_text(value: range) -> str:
    if value.step != 1:
        return f"range({value.start}, {value.stop}, {value.step})"
    return f"range({value.stop})" if value.start == 0 else f"range({value.start}, {value.stop})"
