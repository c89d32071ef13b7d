"""How tests call what a script would call: methods by name through the type tables, and errors as Faults."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest

from flowlang.lang.eval import operators
from flowlang.lang.values.container import ITERATION, AnyDict, AnyList, AnySet, Dict, Set, hold, release
from flowlang.lang.values.fault import Fault
from flowlang.lang.values.key import dict_set
from flowlang.lang.values.meter import METER, Budget, Meter


def call(value: Any, method: str, /, *arguments: Any, **keywords: Any) -> Any:
    """`value.method(*arguments)` at call depth 0."""
    return operators.attribute(value, method)(0, *arguments, **keywords)


def fault_of(function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> Fault:
    """The Fault that the call ends with."""
    with pytest.raises(Fault) as caught:
        function(*arguments, **keywords)
    fault = caught.value
    assert not fault.message[0].isupper()
    assert not fault.message.endswith(".")
    return fault


def slug_of(function: Callable[..., Any], /, *arguments: Any, **keywords: Any) -> str:
    """The slug of the Fault that the call ends with."""
    return fault_of(function, *arguments, **keywords).slug


def make_dict(*pairs: tuple[Any, Any]) -> Dict:
    """A dict of the language with these entries."""
    result = Dict()
    for wanted, value in pairs:
        dict_set(result, wanted, value)
    return result


def make_set(*elements: Any) -> Set:
    """A set of the language with these elements."""
    result = Set()
    for element in elements:
        dict_set(result, element, None)
    return result


def elements(value: Any) -> list[Any]:
    """The elements of an iterable value, as a host list."""
    return list(operators.iterate(value))


def during_iteration(container: AnyList | AnyDict | AnySet, function: Callable[[], Any]) -> str:
    """The slug of the Fault that `function` ends with while the container is being iterated."""
    hold(container, ITERATION)
    try:
        return slug_of(function)
    finally:
        release(container)


def typed(values: Iterable[Any]) -> list[tuple[type, Any]]:
    """Values with their types, so that True and 1 differ in assertions."""
    return [(type(value), value) for value in values]


def cost_of(function: Callable[[], Any]) -> tuple[int, int]:
    """The steps and the bytes that a call charges."""
    meter = Meter(Budget(memory_bytes=1 << 50))
    token = METER.set(meter)
    try:
        function()
    finally:
        METER.reset(token)
    return meter.steps, meter.memory
