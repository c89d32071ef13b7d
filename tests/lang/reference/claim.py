"""A reference evaluator that holds the compiler's type inference to what it claims.

Wherever an expression is evaluated, inference is asked for its type, as the lowering does; a claim must be true of the
value. Generated code leaves out tests where a claim was made, so a wrong one may go unnoticed for long.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import attrs

from flowlang.lang.compile.inference import infer_clauses, infer_types, type_of
from flowlang.lang.resolve.scope import Scope
from flowlang.lang.syntax import nodes
from flowlang.lang.values.container import AnyDict, AnyList, AnySet
from reference.environment import Environment
from reference.expression import Walker

PYTHON_TYPES: dict[str, type] = {
    "int": int, "float": float, "str": str, "bool": bool, "bytes": bytes, "list": AnyList, "dict": AnyDict,
}  # fmt: skip
Function = nodes.Def | nodes.Lambda | nodes.Comprehension


def functions_in(part: Any) -> Iterator[Function]:
    """All nodes with a scope of their own."""
    waiting = [part]
    while waiting:
        part = waiting.pop()
        if isinstance(part, list):
            waiting += part
        elif attrs.has(type(part)) and type(part).__module__ == nodes.__name__:
            if isinstance(part, Function):
                yield part
            waiting += [getattr(part, field.name) for field in attrs.fields(type(part)) if field.name != "scope"]


class ClaimChecker(Walker):
    """Evaluates, and checks every claim. `checked` counts them."""

    def __init__(self, depth_limit: int, file: nodes.File) -> None:
        super().__init__(depth_limit)
        self.functions: dict[Scope, Function] = {function.scope: function for function in functions_in(file.body)}
        self.types: dict[Scope, dict[str, str]] = {file.scope: {}}
        self.checked = 0

    def evaluate(self, node: nodes.Expr, environment: Environment) -> Any:
        value = super().evaluate(node, environment)
        claim = type_of(node, self.types_in(environment.scope))
        expected = PYTHON_TYPES.get(claim)
        if expected is not None:
            self.checked += 1
            is_true = type(value) is expected or (expected is AnyList and isinstance(value, AnyList))
            is_true = is_true or (expected is AnyDict and isinstance(value, AnyDict) and not isinstance(value, AnySet))
            assert is_true, (claim, type(value), node)
        return value

    def types_in(self, scope: Scope) -> dict[str, str]:
        """What inference says of the names in a scope."""
        if scope not in self.types:
            assert scope.parent is not None
            outer, function = self.types_in(scope.parent), self.functions[scope]
            if isinstance(function, nodes.Comprehension):
                self.types[scope] = infer_clauses(function.clauses, outer)
            else:
                statements: list[nodes.Statement] = (
                    function.body
                    if isinstance(function, nodes.Def)
                    else [nodes.Return(function.body.span, function.body)]
                )
                self.types[scope] = infer_types(function.parameters, statements, outer)
        return self.types[scope]
