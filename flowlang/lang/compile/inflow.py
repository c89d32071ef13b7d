"""Where a value comes from: the sources that a dataflow notes for a name or a cell, and what builtins do with the
containers that they are given."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import attrs

from flowlang.lang.compile.static_type import UNKNOWN, Type, of_constant
from flowlang.lang.resolve.scope import BindingKind
from flowlang.lang.syntax import nodes

READERS: Final = frozenset([
    "abs", "all", "any", "bool", "enumerate", "float", "hash", "int", "len", "list", "max", "min", "range", "repr",
    "reversed", "sorted", "str", "tuple", "type", "zip",
])  # fmt: skip
"""Universal functions that keep no container that they are given."""
COPIERS: Final = frozenset({"list", "sorted", "reversed"})
"""Those that give a new list of the same elements."""
DICT_READS: Final = frozenset({"keys", "values", "items", "get"})
CHOOSERS: Final = frozenset({"max", "min"})
"""Those that give one of several arguments."""


@attrs.frozen(eq=False)
class ItemOf:
    """What iterating over the value of an expression gives."""

    iterable: nodes.Expr


@attrs.frozen(eq=False)
class PartOf:
    """Part `index` of a value that is unpacked into `count`."""

    whole: Any
    index: int
    count: int


@attrs.frozen(eq=False)
class ArgumentOf:
    """An argument that another function, or this one, gives to a clone (`clones.py`)."""

    flow: Any
    node: nodes.Expr


Source = nodes.Expr | ItemOf | PartOf | ArgumentOf | Type


def is_literal(node: nodes.Name) -> bool:
    """Whether the name is one of the three for values."""
    return node.binding.kind is BindingKind.UNIVERSAL and node.name in ("None", "True", "False")


def literal_type(node: nodes.Expr | None) -> Type:
    """The type of a literal; UNKNOWN of anything else."""
    match node:
        case nodes.Constant(value=value):
            return of_constant(value)
        case nodes.Unary(op="-", operand=nodes.Constant(value=value)):
            return of_constant(value)
    return UNKNOWN


def is_setdefault(node: nodes.Expr) -> bool:
    """Whether the node is a call `name.setdefault(key, new)`."""
    match node:
        case nodes.Call(function=nodes.Dot(value=nodes.Name(), name="setdefault"), arguments=[key, new]):
            return key.kind == new.kind == "positional"
    return False


def parallel(target: nodes.Expr, value: nodes.Expr) -> list[tuple[nodes.Expr, nodes.Expr]]:
    """The single assignments that `a, b = x, y` stands for; none if it does not stand for any."""
    if not isinstance(target, (nodes.TupleExpr, nodes.ListExpr)) or not isinstance(value, nodes.TupleExpr):
        return []
    if len(target.elements) != len(value.elements):
        return []
    return list(zip(target.elements, value.elements, strict=True))


def always_returns(body: Sequence[nodes.Statement]) -> bool:
    """Whether a block is certain not to reach its end."""
    match body[-1] if body else None:
        case nodes.Return():
            return True
        case nodes.If(branches=branches, orelse=orelse):
            return always_returns(orelse) and all(always_returns(branch.body) for branch in branches)
    return False
