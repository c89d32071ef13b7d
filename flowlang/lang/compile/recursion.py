"""The check that a dialect without recursion puts at the start of functions.

A function must not be called while a call of the same text is still running. Texts and not function values are
compared, for a fixed-point combinator makes a new function value for each of its turns:

    fix = lambda f: (lambda x: x(x))(lambda y: f(lambda *a: y(y)(*a)))

Whether it is running is found on the Python stack (`$once`), so nothing has to be undone when a call ends. That takes
time in proportion to the depth, so it is not done when it cannot be: a call inside a call is deeper than it. Each
function notes the depth at which it was entered last, and only one that is entered at a greater depth may be running:

    if %once7_0 != %d:
        if %once7_0 < %d: $once(%d, "%once7_0")
        %once7_0 = %d

The notes are globals of the module, and modules belong to one evaluation. A function that can call nothing but
builtins which call nothing back cannot come round to itself and needs no check. Code for a dialect with recursion has
no trace of all this.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.calls import PURE
from flowlang.lang.compile.unit import DEEPER, DEPTH

LAMBDA: Final = "%lambda"
UNIVERSAL: Final = "@"
NOTE: Final = "%once"
NEVER: Final = 1 << 62
"""The depth noted for a function that was not called yet: deeper than any call."""


def refuse_recursion(body: list[ast.stmt]) -> list[str]:
    """Puts the check into every function of a generated module that might call itself. Gives the names of the globals
    that it uses, which begin as `NEVER`."""
    notes: list[str] = []
    waiting: list[ast.stmt] = list(body)
    while waiting:
        statement = waiting.pop()
        waiting += [inner for inner in ast.iter_child_nodes(statement) if isinstance(inner, ast.stmt)]
        if isinstance(statement, ast.FunctionDef) and _is_scripts(statement.name) and _may_call(statement):
            note = f"{NOTE}{statement.lineno}_{statement.col_offset}"
            notes.append(note)
            statement.body[:0] = _check(note, statement)
    return notes


def _check(note: str, function: ast.FunctionDef) -> list[ast.stmt]:
    at = tree.Place(
        lineno=function.lineno, col_offset=function.col_offset,
        end_lineno=function.end_lineno or function.lineno, end_col_offset=function.end_col_offset or 0,
    )  # fmt: skip
    depth, noted = tree.name(DEPTH, at), tree.name(note, at)
    search = ast.If(
        tree.compare(noted, [ast.Lt()], [depth], at),
        [tree.expression(tree.operator("once", [depth, tree.constant(note, at)], at), at)],
        [],
        **at,
    )
    differs = tree.compare(noted, [ast.NotEq()], [depth], at)
    return [ast.Global([note], **at), ast.If(differs, [search, tree.assign(note, depth, at)], [], **at)]


def _is_scripts(name: str) -> bool:
    """Whether a generated function is a `def` or a lambda of the script, and not a part of one."""
    return name[0] != "%" or name.startswith(LAMBDA)


def _may_call(function: ast.FunctionDef) -> bool:
    """Whether the function's own code, comprehensions included, calls something that may call a function."""
    return any(isinstance(node, ast.Call) and _passes_on(node) for node in _own_nodes(function))


def _own_nodes(function: ast.FunctionDef) -> Iterator[ast.AST]:
    waiting: list[ast.AST] = list(function.body)
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.FunctionDef) and _is_scripts(node.name):
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def _passes_on(call: ast.Call) -> bool:
    """Callables receive the call depth first; services of the evaluator that receive none call no script."""
    if not call.args or not isinstance(call.args[0], ast.Name) or call.args[0].id not in (DEEPER, DEPTH):
        return False
    callee = call.func
    return not (isinstance(callee, ast.Name) and callee.id[0] == UNIVERSAL and callee.id[1:] in PURE)
