"""Scopes and bindings: what the resolver finds out about names.

A `Name` node's `binding` after resolution says where the name lives. The lowering needs no more than the kind:
Python's own scoping then agrees with the language's, because both are lexical.
"""

from __future__ import annotations

from enum import Enum
from typing import Any

import attrs

from flowlang.lang.source import Span


class BindingKind(Enum):
    LOCAL = "local"
    """Bound in a function, lambda or comprehension (also when used from an inner function)."""
    GLOBAL = "global"
    """Bound by the module's own top level."""
    LOADED = "loaded"
    """Bound by a `load`; local to the file."""
    PREDECLARED = "predeclared"
    """Given by the host or the prelude."""
    UNIVERSAL = "universal"
    """A name of the language."""


@attrs.define(eq=False)
class Binding:
    """One binding. `first` is the span that binds first (None outside the file). `is_function`: the only binding
    of this global is one top-level `def`, so it exists from the module's start. `is_rebound`: bound in more than one
    place. `is_captured`: a local that an inner function or comprehension uses."""

    name: str
    kind: BindingKind
    first: Span | None = None
    is_function: bool = False
    is_rebound: bool = False
    is_captured: bool = False


@attrs.define(eq=False)
class Scope:
    """The names bound by one function, lambda, comprehension or module."""

    parent: Scope | None
    names: dict[str, Binding] = attrs.field(factory=dict)


@attrs.define(eq=False)
class MainGuard:
    """`if __name__ == "__flow__":` at top level. `flow`: the global called when the guard's body is exactly one
    call of a name, else None. `call` is that Call node."""

    span: Span
    flow: str | None
    call: Any = None


@attrs.define(eq=False)
class ModuleScope(Scope):
    """The module's scope. `loads`: its Load statements in order. `hoisted`: names of top-level functions that exist
    from the module's start. `guard`: the main guard, if there is one."""

    loads: list[Any] = attrs.field(factory=list)
    hoisted: list[str] = attrs.field(factory=list)
    guard: MainGuard | None = None
