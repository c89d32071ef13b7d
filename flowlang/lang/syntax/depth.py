"""Checks that no expression nests deeper than later passes can follow.

Only what the lexer found long enough to be suspect is measured, so ordinary programs pay nothing. The measure is that
of the later passes, which recurse once for each level of the tree but walk the left side of a chain of binary
operators in a loop: such a chain counts as one level.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator
from typing import Any

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.limit import COMPREHENSION_DEPTH_MAX, EXPRESSION_DEPTH_MAX

# Nodes that a pass handles together with the one above them. A method call is one step as well.
_PART_OF_PARENT = (nodes.Argument, nodes.DictEntry, nodes.ForClause, nodes.IfClause)


def too_deep(source: SourceFile, file: nodes.File, suspects: list[tuple[int, int]]) -> list[Diagnostic]:
    """The expressions of the suspect lines that are nested too deep. Their statements are taken out of the tree."""
    diagnostics = []
    starts = [first for first, _last in suspects]

    def is_suspect(line: int) -> bool:
        place = bisect_right(starts, line) - 1
        return place >= 0 and line <= suspects[place][1]

    pending = [file.body]
    while pending:
        body = pending.pop()
        for position, statement in enumerate(body):
            pending.extend(_bodies(statement))
            for expression in _expressions(statement):
                found = _measure(source, expression) if is_suspect(expression.span[0]) else None
                if found is not None:
                    diagnostics.append(found)
                    body[position] = nodes.Pass(statement.span)
                    break
    return diagnostics


def _bodies(statement: nodes.Statement) -> list[list[nodes.Statement]]:
    match statement:
        case nodes.If(branches=branches, orelse=orelse):
            return [*(branch.body for branch in branches), orelse]
        case nodes.For(body=body) | nodes.While(body=body) | nodes.Def(body=body):
            return [body]
    return []


def _expressions(statement: nodes.Statement) -> Iterator[Any]:
    """The outermost expressions that belong to the statement itself."""
    match statement:
        case nodes.ExprStatement(value=value):
            yield value
        case nodes.Return(value=value) if value is not None:
            yield value
        case nodes.Assign(targets=targets, value=value, annotation=annotation):
            yield from targets
            yield value
            if annotation is not None:
                yield annotation
        case nodes.AugmentedAssign(target=target, value=value):
            yield target
            yield value
        case nodes.If(branches=branches):
            yield from (branch.test for branch in branches)
        case nodes.For(target=target, iterable=iterable):
            yield target
            yield iterable
        case nodes.While(test=test):
            yield test
        case nodes.Def(parameters=parameters, returns=returns):
            yield from _parameter_parts(parameters)
            if returns is not None:
                yield returns


def _parameter_parts(parameters: list[nodes.Parameter]) -> Iterator[Any]:
    for parameter in parameters:
        if parameter.default is not None:
            yield parameter.default
        if parameter.annotation is not None:
            yield parameter.annotation


def _measure(source: SourceFile, expression: Any) -> Diagnostic | None:
    """What is wrong with the depth of the expression. Walks with a stack of (node, depth, `for` clauses around)."""
    pending = [(expression, 1, 0)]
    while pending:
        node, depth, clauses = pending.pop()
        if depth > EXPRESSION_DEPTH_MAX:
            return Diagnostic(
                "too-deep",
                f"this expression is nested more than {EXPRESSION_DEPTH_MAX} deep",
                Label(source, node.span),
                hint="give parts of it names, in statements before",
            )
        if isinstance(node, nodes.Comprehension):
            clauses += sum(isinstance(clause, nodes.ForClause) for clause in node.clauses)
            if clauses > COMPREHENSION_DEPTH_MAX:
                return Diagnostic(
                    "too-deep",
                    f"more than {COMPREHENSION_DEPTH_MAX} `for` clauses are nested in each other here",
                    Label(source, node.span),
                    hint="write a function with `for` statements",
                )
        elif isinstance(node, nodes.Binary):
            while isinstance(node.left, nodes.Binary):
                pending.append((node.right, depth + 1, clauses))
                node = node.left
        below = depth if isinstance(node, _PART_OF_PARENT) or _is_method_call(node) else depth + 1
        pending.extend((part, below, clauses) for part in _parts(node))
    return None


def _is_method_call(node: Any) -> bool:
    return isinstance(node, nodes.Call) and isinstance(node.function, nodes.Dot)


def _parts(node: Any) -> Iterator[Any]:
    """The nodes directly below an expression."""
    match node:
        case nodes.Name() | nodes.Constant():
            return
        case nodes.Lambda(parameters=parameters, body=body):
            yield from _parameter_parts(parameters)
            yield body
            return
    for name in node.__slots__:
        value = getattr(node, name, None)
        if isinstance(value, list):
            yield from value
        elif hasattr(value, "span"):
            yield value
