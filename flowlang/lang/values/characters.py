"""What strings and bytes are iterated through: `"abc".elems()`, `.codepoints()`, `.elem_ords()`, `b"abc".elems()`.

A string is not iterable itself, because iterating over one is nearly always a mistake (`list("abc")` for
`["abc"]`). These values are: small, immutable views that hold the text and give its characters or code points.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any, Final

from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.quote import quote, quote_bytes
from flowlang.lang.values.sequence import place, span, span_length

VIEW_SIZE: Final = 56


class View:
    """Some text or bytes, and the name of the method that gives its elements."""

    __slots__ = ("method", "text")

    def __len__(self) -> int:
        return len(self.text)

    def __init__(self, text: Any, method: str) -> None:
        self.text = text
        self.method = method

    @property
    def is_numeric(self) -> bool:
        """Whether the elements are numbers rather than characters."""
        return self.method.endswith("_ords")


class Elements(View):
    """`elems()` and `elem_ords()` of a string. An element is a code point."""

    __slots__ = ()


class Codepoints(View):
    """`codepoints()` and `codepoint_ords()` of a string; the same elements under the other type name."""

    __slots__ = ()


class ByteElements(View):
    """`elems()` of bytes: numbers from 0 to 255."""

    __slots__ = ()


def _iterate(view: Any) -> Iterable[Any]:
    return map(ord, view.text) if view.is_numeric else view.text


def _index(view: Any, position: Any) -> Any:
    element = view.text[place(view, position)]
    return ord(element) if view.is_numeric else element


def _slice(view: Any, start: Any, stop: Any, step: Any) -> Any:
    part = span(len(view), start, stop, step)
    count = span_length(len(view), part)
    charge(count >> 8, VIEW_SIZE + count)
    return type(view)(view.text[part], view.method)


def _contains(view: Any, item: Any) -> bool:
    charge(len(view.text) >> 8)
    if type(view) is ByteElements or view.is_numeric:
        if type(item) is not int:
            return False
        limit = 0x100 if type(view) is ByteElements else 0x110000
        return 0 <= item < limit and (item if type(view) is ByteElements else chr(item)) in view.text
    return type(item) is str and len(item) == 1 and item in view.text


def _display(view: Any, nested: Callable[[Any], str]) -> str:
    charge(len(view.text) >> 2, len(view.text))
    literal = quote_bytes(view.text) if type(view) is ByteElements else quote(view.text)
    return f"{literal}.{view.method}()"


def _equal(left: Any, right: Any, equal: Callable[[Any, Any], bool]) -> bool:
    """Whether both give the same kind of elements of the same text."""
    return left.method == right.method and equal(left.text, right.text)


def _truth(view: Any) -> bool:
    return len(view.text) > 0


def _children(view: Any) -> Iterable[Any]:
    return (view.text,)


NAMES: Final = {Elements: "string.elems", Codepoints: "string.codepoints", ByteElements: "bytes.elems"}

for _type, _type_name in NAMES.items():
    register(
        _type,
        ValueType(
            _type_name,
            display=_display,
            equal=_equal,
            hashable=False,
            truth=_truth,
            length=len,
            iterate=_iterate,
            index=_index,
            slice=_slice,
            contains=_contains,
            children=_children,
            size=lambda view: VIEW_SIZE,
        ),
    )
