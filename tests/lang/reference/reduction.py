"""Makes a program smaller that shows a problem, so that a person can see why.

The syntax of generated programs is CPython's as well, so its own trees serve: a statement is left out or replaced by
its body, an expression by one of its parts or by a constant, as long as the problem stays. A comment in the first line
is kept.
"""

from __future__ import annotations

import ast
import time
from collections.abc import Callable, Iterator
from typing import Any

SECONDS_MAX = 60


def reduced(text: str, has_problem: Callable[[str], bool]) -> str:
    """The smallest program that can be found from `text`, step by step and in a minute, and still has the problem."""
    end = time.monotonic() + SECONDS_MAX
    while time.monotonic() < end:
        changed = False
        position = 0
        while True:
            smaller = _variant(text, position)
            if smaller is None or time.monotonic() > end:
                break
            if smaller != text and len(smaller) <= len(text) and has_problem(smaller):
                text, changed = smaller, True
            else:
                position += 1
        if not changed:
            break
    return text


def _variant(text: str, position: int) -> str | None:
    """The program with the change number `position`; None when there are not so many, or it is not CPython's syntax."""
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return None
    header = f"{text.partition(chr(10))[0]}\n" if text.startswith("#") else ""
    for number, change in enumerate(_changes(tree)):
        if number == position:
            change()
            return header + ast.unparse(tree) + "\n"
    return None


def _changes(tree: ast.AST) -> Iterator[Callable[[], None]]:
    """All changes: the large ones first, because nodes come from the outside in."""
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                yield from _statement_changes(node, field, value)
    for node in ast.walk(tree):
        for field, value in ast.iter_fields(node):
            if isinstance(value, ast.expr) and isinstance(getattr(value, "ctx", ast.Load()), ast.Load):
                yield from _expression_changes(node, field, value)
            elif isinstance(value, list):
                yield from _list_changes(node, field, value)


def _statement_changes(node: ast.AST, field: str, body: list[Any]) -> Iterator[Callable[[], None]]:
    for position, statement in enumerate(body):
        rest = [*body[:position], *body[position + 1 :]]
        if rest or field in ("orelse", "finalbody"):
            yield lambda rest=rest: setattr(node, field, rest)
        else:
            yield lambda: setattr(node, field, [ast.Pass()])
        for inner in ("body", "orelse"):
            block = getattr(statement, inner, None)
            if isinstance(block, list) and block:
                whole = [*body[:position], *block, *body[position + 1 :]]
                yield lambda whole=whole: setattr(node, field, whole)


def _expression_changes(node: ast.AST, field: str, value: ast.expr) -> Iterator[Callable[[], None]]:
    for part in ast.iter_child_nodes(value):
        if isinstance(part, ast.expr):
            yield lambda part=part: setattr(node, field, part)
    if not isinstance(value, ast.Constant):
        for constant in (0, "", None):
            yield lambda constant=constant: setattr(node, field, ast.Constant(constant))


def _list_changes(node: ast.AST, field: str, values: list[Any]) -> Iterator[Callable[[], None]]:
    if values and isinstance(values[0], ast.expr | ast.keyword | ast.comprehension) and field != "targets":
        for position, value in enumerate(values):
            rest = [*values[:position], *values[position + 1 :]]
            yield lambda rest=rest: setattr(node, field, rest)
            if isinstance(value, ast.expr):
                for part in ast.iter_child_nodes(value):
                    if isinstance(part, ast.expr):
                        whole = [*values[:position], part, *values[position + 1 :]]
                        yield lambda whole=whole: setattr(node, field, whole)
