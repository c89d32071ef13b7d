"""Streams: sequences that are fetched page by page while a loop goes through them.

`stream(fetch)` is a value that a `for` loop can iterate. `fetch(cursor)` gives `(item, next cursor)`, or None at the
end; the first cursor is None. The function may act, so each page of a large file is an action of its own, recorded
like any other. A stream holds no page and has no length.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

import attrs

from flowlang.lang.eval.callback import passes_calls_on
from flowlang.lang.eval.failure import too_deep
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.meter import METER, UNLIMITED
from flowlang.lang.values.protocol import VALUE_TYPES, ValueType, builtin, register, type_name

FETCH_DEPTH: Final = 3
"""As many calls a fetch counts for, because of the frames of the host that stand between."""
DEPTH_NAMES: Final = frozenset({"%d", "depth"})
"""How the depth is called in compiled functions (`compile/unit.py`) and in builtins."""


@attrs.frozen(eq=False)
class Stream:
    """A stream: the function that fetches."""

    fetch: Any


@builtin("stream", "stream(fetch)")
def stream(depth: int, fetch: Any, /) -> Stream:
    """Makes a stream from a function of a cursor."""
    found = VALUE_TYPES.get(type(fetch))
    if found is None or not found.callable:
        raise Fault("type-mismatch", f"`stream` takes a function, not {type_name(fetch)}")
    return Stream(fetch)


@passes_calls_on
def items_of(source: Stream) -> Iterator[Any]:
    """The items, page by page."""
    cursor = None
    while True:
        depth = _depth_of(sys._getframe(1)) + FETCH_DEPTH
        if depth > (limit := METER.get(UNLIMITED).budget.call_depth):
            # A function that only loops calls nothing, so it does not look at its depth.
            raise too_deep(limit)
        page = source.fetch(depth, cursor)
        if page is None:
            return
        if type(page) is not tuple or len(page) != 2:
            raise Fault("type-mismatch", "the function of a stream gives `(item, next cursor)` or None")
        item, cursor = page
        yield item
        if cursor is None:
            return


def _depth_of(frame: FrameType | None) -> int:
    """The depth of the call that takes an item. Whoever iterates does not say, so the frames are asked: the first
    parameter of all that takes part in calls is the depth. A fetch may iterate its own stream, or another."""
    while frame is not None:
        names = frame.f_code.co_varnames
        if names and names[0] in DEPTH_NAMES:
            variables = frame.f_locals
            depth: int = variables[names[0]]
            if type(variables) is dict:
                # Until CPython 3.12 this is a copy, which the frame would keep.
                variables.clear()
            return depth
        frame = frame.f_back
    return 0


register(
    Stream,
    ValueType(
        name="stream",
        iterate=items_of,
        children=lambda source: (source.fetch,),
        display=lambda source, nested: "<stream>",
    ),
)
