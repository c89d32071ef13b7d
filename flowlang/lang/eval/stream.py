"""Streams: sequences that are fetched page by page while a loop goes through them.

`stream(fetch)` is a value that a `for` loop can iterate. `fetch(cursor)` gives `(item, next cursor)`, or None at the
end; the first cursor is None. The function may act, so each page of a large file is an action of its own, recorded
like any other. A stream holds no page and has no length.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, builtin, register, type_name


@attrs.frozen(eq=False)
class Stream:
    """A stream: the function that fetches, and the depth of the call that made it."""

    fetch: Any
    depth: int


@builtin("stream", "stream(fetch)")
def stream(depth: int, fetch: Any, /) -> Stream:
    """Makes a stream from a function of a cursor."""
    found = VALUE_TYPES.get(type(fetch))
    if found is None or not found.callable:
        raise Fault("type-mismatch", f"`stream` takes a function, not {type_name(fetch)}")
    return Stream(fetch, depth)


@passes_calls_on
def items_of(source: Stream) -> Iterator[Any]:
    """The items, page by page."""
    cursor = None
    while True:
        page = source.fetch(source.depth + 1, cursor)
        if page is None:
            return
        if type(page) is not tuple or len(page) != 2:
            raise Fault("type-mismatch", "the function of a stream gives `(item, next cursor)` or None")
        item, cursor = page
        yield item
        if cursor is None:
            return


register(
    Stream,
    ValueType(
        name="stream",
        iterate=items_of,
        children=lambda source: (source.fetch,),
        display=lambda source, nested: "<stream>",
    ),
)
