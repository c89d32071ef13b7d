"""How operands are bound so that a guard can test them and then use them, each evaluated once and in order.

An operand that is a local or a constant may stand in the code twice. Any other is bound to a temporary inside the
test. When both must be bound, the test has to evaluate both before it can fail: `type(%1 := a) is type(%2 := b) is
int` does, because both sides of its first comparison come before the verdict.
"""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Final

import attrs

from flowlang.lang.compile import tree
from flowlang.lang.compile.static_type import UNKNOWN, Type
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple
from flowlang.lang.syntax import nodes

SMALL_TYPES: Final = frozenset({"int", "float", "bool"})


@attrs.frozen
class Pair:
    """Two operands. `left` and `right` evaluate them, binding temporaries where needed, and must each occur once,
    in this order and unconditionally; `left_use` and `right_use` may follow any number of times."""

    left: ast.expr
    right: ast.expr
    left_use: ast.expr
    right_use: ast.expr
    right_is_bound: bool


def bind_codes(
    unit: Unit, left: nodes.Expr | None, left_code: ast.expr, right: nodes.Expr, right_code: ast.expr, at: Place
) -> Pair:
    """As `bind_pair`, for operands lowered already; `left` is None when the left side is a running result."""
    right_is_direct = is_plain(right) or is_repeatable(unit, right)
    left_is_direct = left is not None and (is_simple(left) or (is_plain(left) and right_is_direct))
    left_use, right_use = left_code, right_code
    if not left_is_direct:
        temporary = unit.temporary()
        left_use, left_code = tree.name(temporary, at), tree.walrus(temporary, left_code, at)
    if not right_is_direct:
        temporary = unit.temporary()
        right_use, right_code = tree.name(temporary, at), tree.walrus(temporary, right_code, at)
    return Pair(left_code, right_code, left_use, right_use, not right_is_direct)


def is_repeatable(unit: Unit, node: nodes.Expr) -> bool:
    """Whether the node is a sum of two ints of the kind `i - 1`, which nobody can tell when or how often it is
    evaluated."""
    return (
        isinstance(node, nodes.Binary)
        and node.op in ("+", "-")
        and is_simple(node.left)
        and is_simple(node.right)
        and unit.type_of(node.left).is_small
        and unit.type_of(node.right).is_small
    )


def is_unnoticed(unit: Unit, node: nodes.Expr) -> bool:
    """Whether nobody can tell when the node is evaluated: arithmetic on small ints that cannot fail."""
    if isinstance(node, nodes.Name):
        return is_simple(node) and node.binding in unit.assigned
    if not isinstance(node, nodes.Binary):
        return isinstance(node, nodes.Constant)
    if not (unit.type_of(node.left).is_small and unit.type_of(node.right).is_small):
        return False
    is_total = node.op in ("+", "-", "*") or (node.op in ("//", "%") and isinstance(node.right, nodes.Constant))
    divides_by_zero = isinstance(node.right, nodes.Constant) and not node.right.value
    return is_total and not divides_by_zero and is_unnoticed(unit, node.left) and is_unnoticed(unit, node.right)


def operands(unit: Unit, parts: Sequence[nodes.Expr]) -> list[ast.expr]:
    """Lowers expressions whose values lie on the host's stack until all of them are evaluated (`kept_visible`)."""
    return kept_visible(unit, parts, [unit.expression(part) for part in parts])


def flowing_operands(unit: Unit, parts: Sequence[nodes.Expr]) -> list[ast.expr]:
    """As `operands`, for places that take plain lists as they are."""
    return kept_visible(unit, parts, [unit.flowing(part) for part in parts])


def kept_visible(unit: Unit, parts: Sequence[nodes.Expr], codes: Sequence[ast.expr]) -> list[ast.expr]:
    """The lowered `parts`, with a temporary for each that may be large and is followed by one that may allocate: the
    census of memory sees variables, but not the stack."""
    last = max((place for place, part in enumerate(parts) if not is_plain(part)), default=0)
    result = list(codes)
    for place, part in enumerate(parts[:last]):
        if not _is_small(unit, part):
            at = tree.place(part.span)
            result[place] = tree.walrus(unit.temporary(), codes[place], at)
    return result


def _is_small(unit: Unit, node: nodes.Expr) -> bool:
    """Whether the census need not see the value: a variable shows it, or it takes a few words."""
    if isinstance(node, nodes.TupleExpr):
        return all(map(is_plain, node.elements))
    return is_plain(node) or unit.type_of(node).name in SMALL_TYPES


def first_type(unit: Unit, left: nodes.Expr, right: nodes.Expr) -> Type:
    """What is known of the left of two operands, for a guard that may leave out its test. When evaluating the right one
    can be noticed, a name on the left that may have no value yet must be looked at before, so nothing is known."""
    if not is_plain(right) and not is_certain(unit, left):
        return UNKNOWN
    return unit.type_of(left)


def is_certain(unit: Unit, node: nodes.Expr) -> bool:
    """Whether the node is not a name that may have no value yet."""
    return not isinstance(node, nodes.Name) or node.binding in unit.assigned
