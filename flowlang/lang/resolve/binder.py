"""Which names a block binds: the first of the two passes over every scope.

A scope's names are collected from its whole body before any use in it is looked up, because a binding holds for the
whole scope: a function may use a global that is bound further down, and a local that is assigned anywhere in a function
is local everywhere in it. The walk goes into the bodies of `if`, `for` and `while`, which have no scope of their own,
and not into functions, lambdas and comprehensions, which have.

Writing a binding occurrence's `binding` happens here as well, so the second pass only has uses to look up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import Enum

import attrs

from flowlang.lang.resolve.constant import CONSTANTS, refuse_constant
from flowlang.lang.resolve.dialect import Dialect
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.resolve.scope import Binding, BindingKind, ModuleScope, Scope
from flowlang.lang.source import Span
from flowlang.lang.syntax.nodes import (
    Assign,
    AugmentedAssign,
    Def,
    Expr,
    For,
    If,
    ListExpr,
    Load,
    Name,
    Statement,
    TupleExpr,
    While,
)


class How(Enum):
    """The statement that binds a name."""

    ASSIGNMENT = "assignment"
    AUGMENTED = "augmented"
    FUNCTION = "function"
    NESTED_FUNCTION = "nested function"
    LOAD = "load"


@attrs.frozen
class Place:
    """One binding occurrence."""

    span: Span
    how: How


def target_names(target: Expr) -> Iterator[Name]:
    """The names that an assignment to `target` binds, from left to right."""
    pending = [target]
    while pending:
        node = pending.pop()
        if isinstance(node, Name):
            yield node
        elif isinstance(node, ListExpr | TupleExpr):
            pending.extend(reversed(node.elements))


def block_names(body: list[Statement]) -> Iterator[tuple[Name, How]]:
    """Every binding occurrence of a block in the order of the text."""
    pending: list[Iterator[Statement]] = [iter(body)]
    while pending:
        statement = next(pending[-1], None)
        if statement is None:
            pending.pop()
            continue
        match statement:
            case Assign(targets=targets):
                for target in targets:
                    for name in target_names(target):
                        yield name, How.ASSIGNMENT
            case AugmentedAssign(target=Name() as name):
                yield name, How.AUGMENTED
            case Def(name=name):
                yield name, How.FUNCTION if len(pending) == 1 else How.NESTED_FUNCTION
            case Load(bindings=bindings):
                for binding in bindings:
                    yield binding.local, How.LOAD
            case For(target=target, body=inner):
                for name in target_names(target):
                    yield name, How.ASSIGNMENT
                pending.append(iter(inner))
            case While(body=inner):
                pending.append(iter(inner))
            case If(branches=branches, orelse=orelse):
                pending.append(iter(orelse))
                pending.extend(iter(branch.body) for branch in reversed(branches))


def bind_locals(scope: Scope, names: Iterable[Name], findings: Findings) -> None:
    """Bind parameters or the targets of a comprehension in `scope`."""
    for name in names:
        _bind(scope, name, BindingKind.LOCAL, findings)


def bind_function(scope: Scope, body: list[Statement], findings: Findings) -> list[Name]:
    """Bind what a function's body binds. Gives the places of names that the function only ever augments: they
    cannot have a value to start from."""
    assigned = set(scope.names)
    augmented: list[Name] = []
    for name, how in block_names(body):
        _bind(scope, name, BindingKind.LOCAL, findings)
        if how is How.AUGMENTED:
            augmented.append(name)
        else:
            assigned.add(name.name)
    return [name for name in augmented if name.name not in assigned]


def bind_module(scope: ModuleScope, body: list[Statement], dialect: Dialect, findings: Findings) -> list[Name]:
    """Bind the module's globals and loaded names, refuse what the dialect forbids to bind again, and find the functions
    that exist from the module's start. Gives the places of names that the module only ever augments."""
    first_places: dict[str, Place] = {}
    augmented: list[Name] = []
    assigned: set[str] = set()
    for name, how in block_names(body):
        kind = BindingKind.LOADED if how is How.LOAD else BindingKind.GLOBAL
        if not _bind(scope, name, kind, findings):
            continue
        first = first_places.setdefault(name.name, Place(name.span, how))
        if name.binding.is_rebound:
            _check_rebinding(name, how, first, dialect, findings)
        if how is How.AUGMENTED:
            augmented.append(name)
        else:
            assigned.add(name.name)
    if dialect.hoisted_functions:
        for text, place in first_places.items():
            if place.how is How.FUNCTION and not scope.names[text].is_rebound:
                scope.names[text].is_function = True
                scope.hoisted.append(text)
    return [name for name in augmented if name.name not in assigned]


def _bind(scope: Scope, name: Name, kind: BindingKind, findings: Findings) -> bool:
    if name.name in CONSTANTS:
        refuse_constant(name.name, name.span, findings)
        return False
    binding = scope.names.get(name.name)
    if binding is None:
        binding = scope.names[name.name] = Binding(name.name, kind, name.span)
    else:
        binding.is_rebound = True
    name.binding = binding
    return True


def _check_rebinding(name: Name, how: How, first: Place, dialect: Dialect, findings: Findings) -> None:
    hows = {how, first.how}
    text = name.name
    if hows == {How.LOAD}:
        slug, message = "repeated-load", f"`{text}` is loaded twice"
        hint = f'drop one of the two, or load it under another name: `load("…", other = "{text}")`'
    elif How.LOAD in hows:
        slug, message = "rebound-load", f"`{text}` comes from a `load` and cannot be bound again"
        hint = f'choose another name here, or load it under another name: `load("…", other = "{text}")`'
    elif hows & {How.FUNCTION, How.NESTED_FUNCTION} and (dialect.hoisted_functions or not dialect.global_reassign):
        slug, message = "rebound-function", f"`{text}` is the name of a function and cannot be bound again"
        hint = "give one of the two another name"
    elif not dialect.global_reassign:
        slug, message = "rebound-global", f"the global `{text}` cannot be bound again"
        hint = "use a new name, or do the work inside a function, where names may be bound again"
    else:
        return
    findings.add(slug, message, name.span, "bound again here", hint=hint, others=[(first.span, "first bound here")])
