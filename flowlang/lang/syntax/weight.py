"""How much work a tree makes for the compiler, and a limit on it.

A few characters of source can become a hundred nodes of generated code (`a+` tests the types of its operands in four
ways), so neither bytes nor tokens say what compiling a module will cost. The weight does: it is an upper bound of the
nodes that the lowering makes, taken from the constructs of the source alone. So the same source is refused on every
machine, and before anything large is built. Small functions may be made several times (`compile/versions.py`) and count
for `VERSIONS`: fewer than there can be, since in all but one of them less is tested. Modules that are heavy without
that are made in one version.

Functions inside each other cost more than their nodes: CPython looks at all names of the functions around each one. A
statement with `f` functions, lambdas and comprehensions and `n` names weighs `f * (f + n) / PAIRS_PER_UNIT` more. And
since every call of a function makes room for all its names, it weighs another `n * n / NAME_PAIRS_PER_UNIT`: a function
has some 19,000 names at most, and two hundred calls inside each other take no more than 30 MB of that kind.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from flowlang.lang.diagnostics.diagnostic import Diagnostic, Label
from flowlang.lang.source import SourceFile
from flowlang.lang.syntax import nodes
from flowlang.lang.syntax.limit import MODULE_WEIGHT_MAX, STATEMENT_WEIGHT_MAX

PAIRS_PER_UNIT: Final = 16
NAME_PAIRS_PER_UNIT: Final = 256
RETURN_PER_LOOP: Final = 16
"""A `return` leaves every loop around it."""
UNPACKING: Final = 26
"""A tuple or list as target, on top of its own weight."""
CHAINED: Final = 4
"""Each target of an assignment to several."""
STORE: Final = 44
"""An element or field as target."""
_WEIGHTS: Final[dict[type, int]] = {
    nodes.Name: 2, nodes.Constant: 1, nodes.ListExpr: 6, nodes.TupleExpr: 6, nodes.DictEntry: 1, nodes.DictExpr: 6,
    nodes.Unary: 60, nodes.Binary: 0, nodes.BoolOp: 4, nodes.Conditional: 4, nodes.Argument: 4, nodes.Call: 16,
    nodes.Dot: 36, nodes.Index: 78, nodes.Slice: 12, nodes.ForClause: 36, nodes.IfClause: 4, nodes.Comprehension: 72,
    nodes.Lambda: 70, nodes.Parameter: 8, nodes.ExprStatement: 8, nodes.Assign: 6, nodes.AugmentedAssign: 20,
    nodes.IfBranch: 8, nodes.If: 8, nodes.For: 60, nodes.While: 36, nodes.Def: 70, nodes.Return: 6, nodes.Break: 12,
    nodes.Continue: 4, nodes.Pass: 1, nodes.Load: 2, nodes.LoadBinding: 4,
}  # fmt: skip
_OPERATORS: Final = {
    "+": 134, "-": 104, "*": 104, "/": 64, "//": 160, "%": 160, "&": 114, "|": 114, "^": 114, ">>": 114, "<<": 20,
    "==": 66, "!=": 66, "<": 66, "<=": 66, ">": 66, ">=": 66, "in": 66, "not in": 66,
}  # fmt: skip
CONSTANT_OPERATION_MAX: Final = 106
"""A literal as operand leaves fewer types to test."""
FUSED_CALL: Final = 80
"""What `len(x)` and `x.append(y)` weigh on top, which are written out."""
_FUSED: Final = frozenset({"append", "get", "items", "len", "setdefault"})
ARGUMENT_PAIRS_PER_UNIT: Final = 256
"""CPython compares the keywords of a call with each other."""
CHANGED_ELEMENT: Final = 110
"""`x[i] += y` on top of `x[i]` and `+`."""
VERSIONS: Final = 3
VERSIONED_WEIGHT_MAX: Final = 1_500_000
"""Heavier modules, of some 5,000 lines and more, are made in one version."""
VERSIONS_PARTS_MAX: Final = 2_000
"""Functions of more parts are made once. The compiler counts fewer parts than are counted here."""
_FUNCTIONS: Final = (nodes.Def, nodes.Lambda, nodes.Comprehension)
_LOOPS: Final = (nodes.For, nodes.ForClause)
_PARTS: Final = {
    nodes.ListExpr: ("elements",), nodes.TupleExpr: ("elements",), nodes.DictExpr: ("entries",),
    nodes.DictEntry: ("key", "value"), nodes.Unary: ("operand",), nodes.Binary: ("left", "right"),
    nodes.BoolOp: ("operands",), nodes.Conditional: ("test", "then", "orelse"), nodes.Argument: ("value",),
    nodes.Call: ("function", "arguments"), nodes.Dot: ("value",), nodes.Index: ("value", "index"),
    nodes.Slice: ("value", "start", "stop", "step"), nodes.ForClause: ("target", "iterable"), nodes.IfClause: ("test",),
    nodes.Comprehension: ("key", "element", "clauses"), nodes.Lambda: ("parameters", "body"),
    nodes.Parameter: ("name", "default", "annotation"), nodes.ExprStatement: ("value",),
    nodes.Assign: ("targets", "value", "annotation"), nodes.AugmentedAssign: ("target", "value"),
    nodes.IfBranch: ("test", "body"), nodes.If: ("branches", "orelse"), nodes.For: ("target", "iterable", "body"),
    nodes.While: ("test", "body"), nodes.Def: ("name", "parameters", "returns", "body"), nodes.Return: ("value",),
    nodes.Load: ("bindings",), nodes.LoadBinding: ("local",),
}  # fmt: skip
"""Where the parts of a node are: nodes, lists of nodes or None."""


def weight_of(statement: nodes.Statement, versions: int = VERSIONS) -> int:
    """The weight of a statement with all that it holds. `versions`: what a small function counts for."""
    single, repeated = weights_of(statement)
    return single + (versions - 1) * repeated


def weights_of(statement: nodes.Statement) -> tuple[int, int]:
    """The weight of a statement whose functions are made once, and what is added for each other version of those that
    are small."""
    names: set[str] = set()
    total, repeated, _, functions = _walk(statement, names)
    around = functions * (functions + len(names)) // PAIRS_PER_UNIT + len(names) ** 2 // NAME_PAIRS_PER_UNIT
    return total + around, repeated


def _walk(root: Any, names: set[str]) -> tuple[int, int, int, int]:
    """The weight of a node, that of the small functions in it without their `def`, the number of parts, and that of
    functions. Adds to the names."""
    total = repeated = count = functions = 0
    waiting: list[tuple[Any, int]] = [(root, 0)]
    while waiting:
        node, loops = waiting.pop()
        kind = type(node)
        total += _WEIGHTS[kind]
        if kind is nodes.Name:
            names.add(node.name)
            continue
        if kind is nodes.Constant:
            continue
        if kind is nodes.Return:
            total += loops * RETURN_PER_LOOP
        elif kind is nodes.Assign:
            total += sum(map(_target, node.targets))
        elif kind in _LOOPS:
            total += _target(node.target)
            loops += 1
        elif kind in _EXTRA:
            total += _EXTRA[kind](node)
        elif kind in _FUNCTIONS:
            functions += 1
            loops = 0
        parts = _parts(node)
        count += len(parts)
        if kind is not nodes.Def:
            waiting += [(part, loops) for part in parts]
            continue
        found = [_walk(part, names) for part in parts]
        inside, inside_count = sum(each[0] for each in found), len(parts) + sum(each[2] for each in found)
        is_small = inside_count <= VERSIONS_PARTS_MAX
        total += inside
        repeated += inside if is_small else sum(each[1] for each in found)
        count += inside_count - len(parts)
        functions += sum(each[3] for each in found)
    return total, repeated, count, functions


def _parts(node: Any) -> list[Any]:
    """The nodes directly in a node."""
    parts: list[Any] = []
    for field in _PARTS.get(type(node), ()):
        part = getattr(node, field)
        if type(part) is list:
            parts += part
        elif part is not None:
            parts.append(part)
    return parts


def calls_something(node: Any) -> bool:
    """Whether there is a call in a node."""
    waiting: list[Any] = [node]
    while waiting:
        found = waiting.pop()
        if type(found) is nodes.Call:
            return True
        waiting += _parts(found)
    return False


def _target(target: nodes.Expr) -> int:
    """What a target weighs more than the same expression that is read."""
    total = CHAINED
    waiting = [target]
    while waiting:
        node = waiting.pop()
        if isinstance(node, (nodes.TupleExpr, nodes.ListExpr)):
            total += UNPACKING
            waiting += node.elements
        elif not isinstance(node, nodes.Name):
            total += STORE
    return total


def _binary(node: nodes.Binary) -> int:
    weight = _OPERATORS[node.op]
    has_constant = isinstance(node.left, nodes.Constant) or isinstance(node.right, nodes.Constant)
    return min(weight, CONSTANT_OPERATION_MAX) if has_constant else weight


def _augmented(node: nodes.AugmentedAssign) -> int:
    weight = _OPERATORS[node.op[:-1]]
    return weight if isinstance(node.target, nodes.Name) else weight + CHANGED_ELEMENT


def _call(node: nodes.Call) -> int:
    function = node.function
    is_fused = isinstance(function, (nodes.Name, nodes.Dot)) and function.name in _FUSED
    keywords = sum(argument.kind == "keyword" for argument in node.arguments)
    return (FUSED_CALL if is_fused else 0) + keywords * keywords // ARGUMENT_PAIRS_PER_UNIT


_EXTRA: Final[dict[type, Callable[[Any], int]]] = {
    nodes.Binary: _binary, nodes.AugmentedAssign: _augmented, nodes.Call: _call
}  # fmt: skip


def has_versions(file: nodes.File) -> bool:
    """Whether functions of a module are made in several versions: not those of very large modules."""
    return sum(weight_of(statement, 1) for statement in file.body) <= VERSIONED_WEIGHT_MAX


def too_heavy(source: SourceFile, file: nodes.File) -> Diagnostic | None:
    """What is wrong when one top-level statement, or the module, is more than the compiler takes."""
    weights = [weights_of(statement) for statement in file.body]
    more = VERSIONS - 1 if sum(single for single, _ in weights) <= VERSIONED_WEIGHT_MAX else 0
    total = 0
    for statement, (single, repeated) in zip(file.body, weights, strict=True):
        weight = single + more * repeated
        total += weight
        if weight > STATEMENT_WEIGHT_MAX:
            is_function = isinstance(statement, nodes.Def)
            return Diagnostic(
                "source-too-large",
                f"this {'function' if is_function else 'statement'} is {_times(weight, STATEMENT_WEIGHT_MAX)} as large "
                "as the compiler takes",
                Label(source, statement.header_span if isinstance(statement, nodes.Def) else statement.span),
                hint="split it into several functions" if is_function else "split it into several statements",
            )
        if total > MODULE_WEIGHT_MAX:
            return Diagnostic(
                "source-too-large",
                "this module is larger than the compiler takes",
                Label(source, statement.span, "it ends about here"),
                hint="split it into several modules, or read large data with an action",
            )
    return None


def _times(weight: int, limit: int) -> str:
    return f"{weight / limit:.1f} times"
