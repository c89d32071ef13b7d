"""Bytes: immutable sequences of numbers from 0 to 255, the form in which files and messages arrive.

Like strings they are not iterable; `.elems()` is. Indexing gives a number, slicing gives bytes.
"""

from __future__ import annotations

from typing import Any

from flowlang.lang.values.characters import ByteElements
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import ValueType, register
from flowlang.lang.values.quote import quote_bytes
from flowlang.lang.values.search import charge_search
from flowlang.lang.values.sequence import place, span, span_length
from flowlang.lang.values.size import bytes_size
from flowlang.lang.values.wording import kind_of


def elems(depth: int, self: bytes, /) -> ByteElements:
    """The numbers, as something to iterate over."""
    return ByteElements(self, "elems")


elems.__qualname__ = "bytes.elems"


def _slice(data: Any, start: Any, stop: Any, step: Any) -> bytes:
    part = span(len(data), start, stop, step)
    length = span_length(len(data), part)
    charge(length >> 8, bytes_size(length))
    return data[part]  # type: ignore[no-any-return]


def _contains(data: Any, item: Any) -> bool:
    if type(item) is int:
        if not 0 <= item <= 0xFF:
            raise Fault("wrong-argument", "`in` on bytes needs an int from 0 to 255")
    elif type(item) is not bytes:
        raise Fault("type-mismatch", f"`in` on bytes needs bytes or an int on its left, not {kind_of(item)}")
    charge_search(len(data), len(item) if type(item) is bytes else 1)
    return item in data


register(
    bytes,
    ValueType(
        "bytes",
        methods={"elems": elems},
        display=lambda data, nested: quote_bytes(data),
        equal=lambda left, right, equal: left == right,
        less=lambda left, right, less: left < right,
        truth=lambda data: len(data) > 0,
        length=len,
        index=lambda data, position: data[place(data, position)],
        slice=_slice,
        contains=_contains,
        size=lambda data: bytes_size(len(data)),
    ),
)
