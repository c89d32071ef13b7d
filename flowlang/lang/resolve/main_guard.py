"""The main guard: the top-level `if __name__ == "__flow__":` of a script that is run and not loaded.

Outside of it nothing tells the two apart, so a guard with a slip in its text is silently never true. Any comparison
of `__name__` with a text that looks like a guard, of this language or of Python, is therefore reported.
"""

from __future__ import annotations

from typing import Final

from flowlang.lang.diagnostics.diagnostic import Severity, replacement
from flowlang.lang.diagnostics.suggest import nearest
from flowlang.lang.resolve.findings import Findings
from flowlang.lang.resolve.scope import BindingKind, MainGuard, ModuleScope
from flowlang.lang.syntax.nodes import Binary, Call, Constant, Expr, ExprStatement, File, If, Name

NAME: Final = "__name__"
"""Predeclared in every module: `__flow__` in the script that runs, the module's own name in one that is loaded."""

ROOT_NAME: Final = "__flow__"


def find_main_guard(file: File) -> MainGuard | None:
    """The first top-level main guard."""
    scope = file.scope
    assert isinstance(scope, ModuleScope)
    if NAME in scope.names:
        return None
    for statement in file.body:
        if not isinstance(statement, If):
            continue
        branch = statement.branches[0]
        compared = _compared_text(branch.test, "==")
        if compared is None or compared.value != ROOT_NAME:
            continue
        guard = MainGuard(statement.span, None)
        if len(branch.body) == 1 and isinstance(branch.body[0], ExprStatement):
            call = branch.body[0].value
            if isinstance(call, Call) and isinstance(call.function, Name) and _is_own(call.function, scope):
                guard.flow, guard.call = call.function.name, call
        return guard
    return None


def check_guard_text(test: Binary, findings: Findings) -> None:
    """Warn when `test` compares `__name__` with a text that was surely meant to be the guard's."""
    compared = _compared_text(test, test.op)
    if compared is None or not isinstance(compared.value, str) or compared.value == ROOT_NAME:
        return
    text = compared.value
    bare = text.strip("_ ").lower()
    if bare in {"flow", "main", "name"} or nearest(text, [ROOT_NAME, "__main__"]) is not None:
        findings.add(
            "main-guard-typo",
            f'`__name__` is never `"{text}"`',
            compared.span,
            "so this is never reached" if test.op == "==" else "so this is always reached",
            hint=f'compare with `"{ROOT_NAME}"`, the name of the script that is run',
            severity=Severity.WARNING,
            fix=replacement(compared.span, f'"{ROOT_NAME}"'),
        )


def _compared_text(test: Expr, op: str) -> Constant | None:
    if not isinstance(test, Binary) or test.op != op or op not in ("==", "!="):
        return None
    for name, constant in ((test.left, test.right), (test.right, test.left)):
        if isinstance(name, Name) and name.name == NAME and isinstance(constant, Constant):
            return constant
    return None


def _is_own(name: Name, scope: ModuleScope) -> bool:
    binding = scope.names.get(name.name)
    return binding is not None and binding.kind in (BindingKind.GLOBAL, BindingKind.LOADED)
