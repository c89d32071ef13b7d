"""Loops that need no lock, because nothing in them could change what they go through.

A loop locks what it iterates against changes, which takes longer than going through a short list. Where its body only
computes (it calls no function of a script, stores into nothing but locals and plain containers, which cannot be what
the loop goes through, and grows nothing in place), nobody could tell whether there is a lock. A walk over the body says
so; whatever it does not know needs one.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from flowlang.lang.compile.inference import STRING_METHODS
from flowlang.lang.compile.unit import Unit, universal_name
from flowlang.lang.syntax import nodes

COMPUTING: Final = frozenset({"abs", "chr", "float", "int", "len", "ord", "range", "str", "type"})
"""Universal functions that change nothing and call nothing of a script's or a host's."""
SCALARS: Final = frozenset({"int", "float", "bool", "str"})
"""Types whose values do not change in place."""


def is_quiet_block(unit: Unit, body: Iterable[nodes.Statement]) -> bool:
    """Whether no statement of a block can change a value that a loop may go through."""
    return all(_is_quiet_statement(unit, statement) for statement in body)


def _is_quiet_statement(unit: Unit, statement: nodes.Statement) -> bool:
    match statement:
        case nodes.ExprStatement(value=value):
            return is_quiet(unit, value)
        case nodes.Assign(targets=targets, value=value):
            return is_quiet(unit, value) and all(is_quiet_target(unit, target) for target in targets)
        case nodes.AugmentedAssign(target=nodes.Name() as target, value=value):
            return unit.type_of(target).name in SCALARS and is_quiet(unit, value)
        case nodes.If(branches=branches, orelse=orelse):
            tests = all(is_quiet(unit, branch.test) for branch in branches)
            return tests and all(is_quiet_block(unit, part) for part in (*(b.body for b in branches), orelse))
        case nodes.Return(value=value):
            return value is None or is_quiet(unit, value)
        case nodes.Break() | nodes.Continue() | nodes.Pass():
            return True
    return False


def is_quiet_target(unit: Unit, target: nodes.Expr) -> bool:
    """Whether binding a target can change no value."""
    match target:
        case nodes.Name():
            return True
        case nodes.TupleExpr(elements=elements) | nodes.ListExpr(elements=elements):
            return all(is_quiet_target(unit, element) for element in elements)
        case nodes.Index(value=value, index=index):
            return unit.inference.is_plain(value) and is_quiet(unit, value) and is_quiet(unit, index)
    return False


def is_quiet_clauses(unit: Unit, clauses: Iterable[nodes.ForClause | nodes.IfClause]) -> bool:
    """As `is_quiet_block`, for what follows in a comprehension."""
    return all(
        is_quiet(unit, clause.test if isinstance(clause, nodes.IfClause) else clause.iterable)
        and (isinstance(clause, nodes.IfClause) or is_quiet_target(unit, clause.target))
        for clause in clauses
    )


def is_quiet(unit: Unit, node: nodes.Expr) -> bool:
    """Whether evaluating an expression can change no value."""
    waiting = [node]
    while waiting:
        match waiting.pop():
            case nodes.Name() | nodes.Constant():
                pass
            case nodes.Binary(left=left, right=right):
                waiting += (left, right)
            case nodes.Unary(operand=operand):
                waiting.append(operand)
            case nodes.Conditional(test=test, then=then, orelse=orelse):
                waiting += (test, then, orelse)
            case nodes.Index(value=value, index=index):
                waiting += (value, index)
            case nodes.Slice(value=value, start=start, stop=stop, step=step):
                waiting += (part for part in (value, start, stop, step) if part is not None)
            case nodes.BoolOp(operands=parts) | nodes.TupleExpr(elements=parts) | nodes.ListExpr(elements=parts):
                waiting += parts
            case nodes.DictExpr(entries=entries):
                waiting += (part for entry in entries for part in (entry.key, entry.value))
            case nodes.Call() as call if _is_quiet_call(unit, call):
                waiting += (argument.value for argument in call.arguments)
            case _:
                return False
    return True


def _is_quiet_call(unit: Unit, node: nodes.Call) -> bool:
    if any(argument.kind != "positional" for argument in node.arguments):
        return False
    if not isinstance(node.function, nodes.Dot):
        return universal_name(node.function) in COMPUTING
    receiver, name = node.function.value, node.function.name
    if not isinstance(receiver, nodes.Name):
        return False
    if unit.inference.is_plain(receiver):
        return name in ("append", "pop", "get")
    return unit.type_of(receiver).name == "str" and name in STRING_METHODS
