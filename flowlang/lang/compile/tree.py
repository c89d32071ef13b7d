"""Small constructors for Python `ast` nodes at a place of the script.

Every node carries the span of the script's text that it stands for, so that CPython's own position tables lead
from a failing instruction back to the exact caret range.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any, TypedDict

from flowlang.lang.source import Span


class Place(TypedDict):
    """Where a node stands, as the keyword arguments of `ast` nodes."""

    lineno: int
    col_offset: int
    end_lineno: int
    end_col_offset: int


LOAD = ast.Load()
STORE = ast.Store()


def place(span: Span) -> Place:
    """The keyword arguments that put an `ast` node at `span`."""
    return {"lineno": span[0], "col_offset": span[1], "end_lineno": span[2], "end_col_offset": span[3]}


def name(identifier: str, at: Place) -> ast.Name:
    return ast.Name(identifier, LOAD, **at)


def store(identifier: str, at: Place) -> ast.Name:
    return ast.Name(identifier, STORE, **at)


def constant(value: Any, at: Place) -> ast.Constant:
    return ast.Constant(value, **at)


def call(
    function: ast.expr, arguments: Sequence[ast.expr], at: Place, keywords: Sequence[ast.keyword] = ()
) -> ast.Call:
    return ast.Call(function, list(arguments), list(keywords), **at)


def operator(identifier: str, arguments: Sequence[ast.expr], at: Place) -> ast.Call:
    """A call of `$identifier`."""
    return ast.Call(ast.Name("$" + identifier, LOAD, **at), list(arguments), [], **at)


def walrus(identifier: str, value: ast.expr, at: Place) -> ast.NamedExpr:
    return ast.NamedExpr(store(identifier, at), value, **at)


def assign(identifier: str, value: ast.expr, at: Place) -> ast.Assign:
    return ast.Assign([store(identifier, at)], value, **at)


def if_expression(test: ast.expr, then: ast.expr, orelse: ast.expr, at: Place) -> ast.IfExp:
    return ast.IfExp(test, then, orelse, **at)


def compare(left: ast.expr, operators: Sequence[ast.cmpop], rights: Sequence[ast.expr], at: Place) -> ast.Compare:
    return ast.Compare(left, list(operators), list(rights), **at)


def type_of(value: ast.expr, at: Place) -> ast.Call:
    return ast.Call(ast.Name("$type", LOAD, **at), [value], [], **at)


def is_type(value: ast.expr, type_name: str, at: Place) -> ast.Compare:
    """`type(value) is $type_name`."""
    return ast.Compare(type_of(value, at), [ast.Is()], [ast.Name("$" + type_name, LOAD, **at)], **at)


def is_instance(value: ast.expr, type_name: str, at: Place) -> ast.Call:
    """`isinstance(value, $type_name)`."""
    return ast.Call(ast.Name("$isinstance", LOAD, **at), [value, ast.Name("$" + type_name, LOAD, **at)], [], **at)


def both(left: ast.expr, right: ast.expr, at: Place) -> ast.BoolOp:
    return ast.BoolOp(ast.And(), [left, right], **at)


def attribute(value: ast.expr, identifier: str, at: Place) -> ast.Attribute:
    return ast.Attribute(value, identifier, LOAD, **at)


def subscript(value: ast.expr, index: ast.expr, at: Place) -> ast.Subscript:
    return ast.Subscript(value, index, LOAD, **at)


def expression(value: ast.expr, at: Place) -> ast.Expr:
    return ast.Expr(value, **at)


def add_to_attribute(target: str, field: str, amount: int, at: Place) -> ast.AugAssign:
    """`target.field += amount`."""
    return ast.AugAssign(ast.Attribute(name(target, at), field, STORE, **at), ast.Add(), constant(amount, at), **at)
