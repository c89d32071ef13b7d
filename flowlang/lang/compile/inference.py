"""Local type inference: which locals and expressions can only be an int, a float, a string, a bool, a list or a dict.

Flow-insensitive: a local has a type when everything that binds it has that type. It starts from the assumption that
every local not bound in an unknown way has whatever type its bindings give, and repeats until nothing changes.
Parameters are unknown. The result only removes guards that cannot fail: an expression of type `int` either gives an
int or does not give anything. `list` and `dict` say nothing about being held, so stores keep their guards.

No function can rebind a variable of an outer one, so the types of an outer function's locals hold inside as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from flowlang.lang.resolve.scope import BindingKind
from flowlang.lang.syntax import nodes

UNKNOWN: Final = "?"
NUMBERS: Final = frozenset({"int", "float"})
RESULTS: Final = {
    "len": "int", "int": "int", "str": "str", "float": "float", "repr": "str", "type": "str", "bool": "bool",
    "ord": "int", "chr": "str", "list": "list", "sorted": "list", "enumerate": "list", "zip": "list",
    "reversed": "list", "dict": "dict", "hash": "int", "dir": "list", "all": "bool", "any": "bool", "hasattr": "bool",
}  # fmt: skip
"""Types that universal functions give."""
PASSES_MAX: Final = 50
"""Assignments that lead from one name to the next, last to first, need a pass each; nobody writes so many of them, and
what is assumed before the last pass is certain of nothing."""
INT_OPERATORS: Final = frozenset(["+", "-", "*", "//", "%", "&", "|", "^", "<<", ">>"])
FLOAT_OPERATORS: Final = frozenset(["+", "-", "*", "/"])
COMPARISONS: Final = frozenset(["==", "!=", "<", "<=", ">", ">=", "in", "not in"])

Bindings = dict[str, list[nodes.Expr | str]]


def infer_types(
    parameters: Iterable[nodes.Parameter], body: list[nodes.Statement], outer: Mapping[str, str]
) -> dict[str, str]:
    """The types of what a function's names mean, as far as they are certain. `outer`: those of the scope around."""
    bindings: Bindings = {}
    for parameter in parameters:
        if parameter.name is not None:
            bindings[parameter.name.name] = [UNKNOWN]
    _collect(body, bindings)
    return _solve(bindings, outer)


def infer_clauses(clauses: Iterable[nodes.ForClause | nodes.IfClause], outer: Mapping[str, str]) -> dict[str, str]:
    """The types of what the names of a comprehension mean."""
    bindings: Bindings = {}
    for clause in clauses:
        if isinstance(clause, nodes.ForClause):
            _bind(clause.target, "int" if _is_range(clause.iterable) else UNKNOWN, bindings)
    return _solve(bindings, outer)


def _solve(bindings: Bindings, outer: Mapping[str, str]) -> dict[str, str]:
    types: dict[str, str] = {**outer, **dict.fromkeys(bindings, "")}
    for _ in range(PASSES_MAX):
        changed = False
        for name, sources in bindings.items():
            found = _meet(sources, types)
            if found != types[name]:
                types[name] = found
                changed = True
        if not changed:
            return {name: kind for name, kind in types.items() if kind not in (UNKNOWN, "")}
    return {name: kind for name, kind in outer.items() if name not in bindings}


def _meet(sources: Iterable[nodes.Expr | str], types: Mapping[str, str]) -> str:
    """The one type of all sources; empty while nothing is known yet, UNKNOWN when they differ."""
    result = ""
    for source in sources:
        kind = source if isinstance(source, str) else type_of(source, types)
        if kind == "":
            continue
        if result not in ("", kind) or kind == UNKNOWN:
            return UNKNOWN
        result = kind
    return result


def type_of(node: nodes.Expr, types: Mapping[str, str]) -> str:
    """The type of an expression: UNKNOWN, or empty while it depends on locals not yet known."""
    match node:
        case nodes.Constant():
            return type(node.value).__name__
        case nodes.Name():
            if node.binding.kind is BindingKind.LOCAL:
                return types.get(node.name, UNKNOWN)
            is_bool = node.name in ("True", "False") and node.binding.kind is BindingKind.UNIVERSAL
            return "bool" if is_bool else UNKNOWN
        case nodes.Unary():
            kind = "bool" if node.op == "not" else type_of(node.operand, types)
            return kind if node.op == "not" or kind in NUMBERS or kind == "" else UNKNOWN
        case nodes.Binary():
            return _binary(node, types)
        case nodes.Conditional():
            return _meet([node.then, node.orelse], types)
        case nodes.ListExpr():
            return "list"
        case nodes.DictExpr():
            return "dict"
        case nodes.Comprehension():
            return node.kind
        case nodes.Call(function=nodes.Name() as function):
            if function.binding.kind is BindingKind.UNIVERSAL:
                return RESULTS.get(function.name, UNKNOWN)
    return UNKNOWN


def _binary(node: nodes.Binary, types: Mapping[str, str]) -> str:
    """Walks the left spine in a loop: sums may be thousands of terms long."""
    spine = [node]
    while isinstance(spine[-1].left, nodes.Binary):
        spine.append(spine[-1].left)
    kind = type_of(spine[-1].left, types)
    for part in reversed(spine):
        kind = type_of_result(part.op, kind, type_of(part.right, types))
    return kind


def type_of_result(op: str, left: str, right: str) -> str:
    """The type of an operation that succeeds."""
    if op in COMPARISONS:
        return "bool"
    if "" in (left, right):
        return ""
    if left == right == "int" and op in INT_OPERATORS:
        return "int"
    if (left == "float" and op in FLOAT_OPERATORS) or (right == "float" and op in "+-"):
        return "float"
    if left in NUMBERS and ((right == "float" and op in FLOAT_OPERATORS) or op == "/"):
        return "float"
    if ("str" in (left, right) and op == "+") or (left == "str" and op == "%"):
        return "str"
    if left == "list" and op in "+*":
        return "list"
    return UNKNOWN


def _collect(body: list[nodes.Statement], bindings: Bindings) -> None:
    for statement in body:
        match statement:
            case nodes.Assign():
                for target in statement.targets:
                    _bind(target, statement.value, bindings)
            case nodes.AugmentedAssign(target=nodes.Name() as target):
                operation = nodes.Binary(statement.span, statement.op[:-1], target, statement.value, statement.span)
                _bind(target, operation, bindings)
            case nodes.If():
                for branch in statement.branches:
                    _collect(branch.body, bindings)
                _collect(statement.orelse, bindings)
            case nodes.For():
                is_range = _is_range(statement.iterable)
                _bind(statement.target, "int" if is_range else UNKNOWN, bindings)
                _collect(statement.body, bindings)
            case nodes.While():
                _collect(statement.body, bindings)
            case nodes.Def():
                _bind(statement.name, UNKNOWN, bindings)


def _is_range(node: nodes.Expr) -> bool:
    return (
        isinstance(node, nodes.Call)
        and isinstance(node.function, nodes.Name)
        and node.function.name == "range"
        and node.function.binding.kind is BindingKind.UNIVERSAL
    )


def _bind(target: nodes.Expr, source: nodes.Expr | str, bindings: Bindings) -> None:
    if isinstance(target, nodes.Name):
        bindings.setdefault(target.name, []).append(source)
    elif isinstance(target, (nodes.TupleExpr, nodes.ListExpr)):
        matching = isinstance(source, nodes.TupleExpr) and len(source.elements) == len(target.elements)
        for index, element in enumerate(target.elements):
            part = source.elements[index] if matching and isinstance(source, nodes.TupleExpr) else UNKNOWN
            _bind(element, part, bindings)
