"""Builtins that call functions of the script: `sorted(key = f)`, `max(key = f)`, `min(key = f)`.

While a builtin has called back, two things must not happen. The container it works through must not change: it is
held like during a loop. And no action may be performed: between the script and the function stands a frame of the
host, which can neither be suspended nor rebuilt in a replay; so IN_CALLBACK is set, and whoever performs actions
refuses them with the name of the builtin.
"""

from __future__ import annotations

from itertools import islice, repeat
from types import FunctionType
from typing import Any, Final

from flowlang.lang.eval.callback import IN_CALLBACK, passes_calls_on
from flowlang.lang.values.argument import wrong_type
from flowlang.lang.values.container import FREE, HELD, ITERATION, hold, release
from flowlang.lang.values.meter import charge, look
from flowlang.lang.values.protocol import VALUE_TYPES

SLICE: Final = 1 << 12


def is_callable(value: Any) -> bool:
    """Whether a script may call `value`."""
    if type(value) is FunctionType:
        return True
    found = VALUE_TYPES.get(type(value))
    return found is not None and found.callable


@passes_calls_on
def call_for_each(name: str, depth: int, function: Any, source: Any, items: list[Any]) -> list[Any]:
    """The results of `function` for all items, in order, each called once. `source` is the container that the items
    come from; it is held meanwhile. `depth` is the builtin's own."""
    if not is_callable(function):
        raise wrong_type(name, "key", "a function", function)
    token = IN_CALLBACK.set(name)
    is_container = type(source) in HELD or type(source) in FREE
    if is_container:
        hold(source, ITERATION)
    try:
        charge(len(items))
        # In a variable, for the census of memory to find them: the function may be called while most are there.
        results: list[Any] = []
        elements = iter(items)
        for _ in range(0, len(items), SLICE):
            # Small functions do not charge by themselves.
            look()
            results.extend(map(function, repeat(depth + 1), islice(elements, SLICE)))
        return results
    finally:
        if is_container:
            release(source)
        IN_CALLBACK.reset(token)
