"""Freezing: making a value and everything it holds immutable for good.

The walk is iterative, with a list of what is still to do, because nesting has no bound. It goes through containers,
tuples, structs, results, bound methods and the closures and defaults of functions, and visits each value once. A
container that is frozen already is not entered: what a frozen container holds was frozen with it.

Global variables of a function's module are not followed: they freeze when their module ends. Who needs more (a flow
that is called before its module ended) learns of every function on the way through `on_function`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from sys import getrefcount
from types import FunctionType
from typing import Any, Final

from flowlang.lang.values.atom import ATOMS
from flowlang.lang.values.container import FREE, FROZEN, HELD, AnyDict, AnyList, AnySet, hold, state_of
from flowlang.lang.values.meter import charge
from flowlang.lang.values.protocol import VALUE_TYPES


def _references_of_one_holder() -> int:
    """How many references a value has for the host when one container holds it and the walk has taken it up."""
    waiting = [object()]
    holder = list(waiting)
    value = waiting.pop()
    return getrefcount(value) if holder else 0


ONE_HOLDER: Final = _references_of_one_holder()
"""A value with no more references cannot be met again, so it need not be remembered: there may be millions of them."""


def freeze(value: Any, on_function: Callable[[FunctionType], None] | None = None) -> None:
    """Freezes `value` and what it reaches. `on_function` is called once for each function of a script or builtin
    that is reached."""
    freeze_all((value,), on_function)


def freeze_all(values: Iterable[Any], on_function: Callable[[FunctionType], None] | None = None) -> None:
    """Freezes several values in one walk."""
    waiting = [value for value in values if type(value) not in ATOMS]
    # The values are kept with their identities, which are only unique as long as the value is alive.
    seen: dict[int, Any] = {}
    while waiting:
        value = waiting.pop()
        kind = type(value)
        found = VALUE_TYPES.get(kind)
        if found is None:
            continue
        if kind in HELD or kind in FREE:
            if state_of(value) & FROZEN:
                continue
            charge((len(value) >> 3) + 1)
            if holds_only_atoms(value):
                hold(value, FROZEN)
                continue
        else:
            if getrefcount(value) > ONE_HOLDER:
                if id(value) in seen:
                    continue
                seen[id(value)] = value
            charge(1)
            if kind is tuple and ATOMS.issuperset(map(type, value)):
                continue
        if kind is FunctionType and on_function is not None:
            on_function(value)
        if found.freeze is not None:
            found.freeze(value)
        if found.children is not None:
            waiting.extend([child for child in found.children(value) if type(child) not in ATOMS])


def holds_only_atoms(container: AnyList | AnyDict | AnySet) -> bool:
    """Whether nothing in the container can hold anything: so it is with most rows of data."""
    if isinstance(container, AnyDict) and not ATOMS.issuperset(map(type, container.values())):
        return False
    return ATOMS.issuperset(map(type, container))


def is_frozen(value: Any) -> bool:
    """Whether this one value (not what it holds) can never change again: a frozen container, or not a container."""
    kind = type(value)
    return bool(state_of(value) & FROZEN) if kind in HELD or kind in FREE else True
