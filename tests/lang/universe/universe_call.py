"""How tests call builtins as a script would, and what they look at afterwards."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from flowlang.lang.universe.core import UNIVERSE
from flowlang.lang.values.container import Dict, List, Set
from flowlang.lang.values.convert import from_host
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import unkey
from flowlang.lang.values.meter import METER, Budget, Meter

DEPTH = 3


def run(name: str, *arguments: Any, **keywords: Any) -> Any:
    """The result of a builtin, called at depth DEPTH."""
    return UNIVERSE[name](DEPTH, *arguments, **keywords)


def fault_of(name: str, *arguments: Any, **keywords: Any) -> Fault:
    """The Fault that a builtin ends with."""
    with pytest.raises(Fault) as caught:
        run(name, *arguments, **keywords)
    message = caught.value.message
    assert f"`{name}`" in message or caught.value.slug in ("unhashable", "float-overflow", "integer-too-large")
    assert not message.endswith(".")
    return caught.value


def slug_of(name: str, *arguments: Any, **keywords: Any) -> str:
    """The slug of the Fault that a builtin ends with."""
    return fault_of(name, *arguments, **keywords).slug


def value(host: Any) -> Any:
    """A value of a script."""
    return from_host(host)


def seen(result: Any) -> Any:
    """A result with types, so that True differs from 1 and a list of the host from one of a script."""
    if type(result) in (List, tuple):
        return type(result), [seen(element) for element in result]
    if type(result) is Dict:
        return Dict, [(seen(unkey(key)), seen(child)) for key, child in result.items()]
    if type(result) is Set:
        return Set, [seen(unkey(key)) for key in result]
    return type(result), result if result == result else "nan"


def cost_of(function: Callable[[], Any]) -> tuple[int, int]:
    """The steps and bytes that a call charges."""
    meter = Meter(Budget(memory_bytes=1 << 50))
    token = METER.set(meter)
    try:
        function()
    finally:
        METER.reset(token)
    return meter.steps, meter.memory
