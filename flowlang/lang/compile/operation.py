"""One binary operation on bound operands: Python's own behind a test of the operands' types, else the slow way.

For each kind of operands that inference leaves possible and that Python treats as the language does there is a test;
the likeliest comes first and also evaluates operands that had to be bound. What inference is sure of is not tested.
"""

from __future__ import annotations

import ast
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import Pair
from flowlang.lang.compile.tree import Place

SMALL: Final = 1 << 62
DIGIT: Final = (1 << 30) - 1
SHORT_TEXT: Final = 64
"""Strings whose sum is shorter are added directly; their memory is part of the static charge (`SHORT_BYTES`)."""
SHORT_BYTES: Final = SHORT_TEXT + 56

DIRECT: Final[dict[str, ast.operator]] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(),
    "&": ast.BitAnd(), "|": ast.BitOr(), "^": ast.BitXor(), ">>": ast.RShift(),
}  # fmt: skip
COMPARISONS: Final[dict[str, ast.cmpop]] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
}  # fmt: skip
NUMBERS: Final = frozenset({"int", "float"})
FLOAT_OPERATORS: Final = frozenset("+-*/")
BOUNDED: Final = frozenset(["*", "//", "%", "&", "|", "^", ">>"])
"""Operators whose result may be a large int, which is charged."""
DIVISIONS: Final = frozenset(["//", "%"])


def guarded(op: str, pair: Pair, left_type: str, right_type: str, slow_name: str, at: Place) -> ast.expr:
    """`left op right`; the types are what inference knows of the operands."""
    types = (left_type, right_type)
    if op in FLOAT_OPERATORS and NUMBERS.issuperset(types) and "float" in types and not _is_bound(pair):
        return _direct(op, pair, at)
    kinds = _kinds(op, types)
    if not kinds:
        return tree.operator(slow_name, [pair.left, pair.right], at)
    code: ast.expr = tree.operator(slow_name, [pair.left_use, pair.right_use], at)
    for position in reversed(range(len(kinds))):
        kind = kinds[position]
        test = _test(op, kind, pair, types, at, is_first=position == 0)
        fast = _fast(op, kind, pair, at)
        code = fast if test is None else tree.if_expression(test, fast, code, at)
    return code


def _is_bound(pair: Pair) -> bool:
    return pair.left is not pair.left_use or pair.right is not pair.right_use


def _kinds(op: str, types: tuple[str, str]) -> list[str]:
    """The kinds to test for, the likeliest first."""
    kinds = ["int"]
    if op in FLOAT_OPERATORS or (op in COMPARISONS and "float" in types):
        kinds.append("float")
    if op == "+" or op in COMPARISONS:
        kinds.append("str")
    return [kind for kind in kinds if all(known in ("", kind) for known in types)]


def _fast(op: str, kind: str, pair: Pair, at: Place) -> ast.expr:
    plain = _direct(op, pair, at)
    if kind != "int":
        return plain
    right_is_small, left_is_small = _is_small_constant(pair.right_use), _is_small_constant(pair.left_use)
    if op in "+-":
        return bounded(plain, at)
    is_small = (right_is_small and op in ("%", "&")) or (left_is_small and op in ("&", ">>"))
    return bounded(plain, at) if op in BOUNDED and not is_small else plain


def _direct(op: str, pair: Pair, at: Place) -> ast.expr:
    if op in COMPARISONS:
        return tree.compare(pair.left_use, [COMPARISONS[op]], [pair.right_use], at)
    return ast.BinOp(pair.left_use, DIRECT[op], pair.right_use, **at)


def _test(op: str, kind: str, pair: Pair, types: tuple[str, str], at: Place, *, is_first: bool) -> ast.expr | None:
    """Whether both operands are of `kind`; None when that is certain. The first test evaluates what is bound."""
    left, right = (pair.left, pair.right) if is_first else (pair.left_use, pair.right_use)
    left_open = types[0] != kind or left is not pair.left_use
    right_open = types[1] != kind or right is not pair.right_use
    test: ast.expr | None = None
    if left_open and right_open:
        sides = [tree.type_of(right, at), tree.name("$" + kind, at)]
        test = tree.compare(tree.type_of(left, at), [ast.Is(), ast.Is()], sides, at)
    elif left_open or right_open:
        test = tree.is_type(left if left_open else right, kind, at)
    extra: ast.expr | None = None
    if kind == "str" and op == "+":
        extra = _are_short(pair, at)
    elif kind == "float" and op in COMPARISONS:
        extra = _are_not_nan(pair, at)
    elif kind == "int" and op in DIVISIONS and not _is_small_constant(pair.right_use):
        # The work of other divisions has to be charged before.
        extra = _within(pair.left_use, pair.left_use, SMALL, at)
    if test is None or extra is None:
        return test or extra
    return tree.both(test, extra, at)


def _are_short(pair: Pair, at: Place) -> ast.expr:
    lengths = [tree.call(tree.name("$len", at), [use], at) for use in (pair.left_use, pair.right_use)]
    total = ast.BinOp(lengths[0], ast.Add(), lengths[1], **at)
    return tree.compare(total, [ast.Lt()], [tree.constant(SHORT_TEXT, at)], at)


def _are_not_nan(pair: Pair, at: Place) -> ast.expr:
    """Neither operand is NaN, which the language orders and Python does not."""
    sides = [tree.compare(use, [ast.Eq()], [use], at) for use in (pair.left_use, pair.right_use)]
    return tree.both(sides[0], sides[1], at)


def bounded(value: ast.expr, at: Place) -> ast.expr:
    """`value`, if it is small; integers are bounded. Comparing with an int of one CPython digit is much the fastest,
    so ordinary results take one cheap look, and larger ones a second before `$large`."""
    result = tree.name("%r", at)
    second = tree.if_expression(_within(result, result, SMALL, at), result, tree.operator("large", [result], at), at)
    first = _within(tree.walrus("%r", value, at), result, DIGIT, at)
    return tree.if_expression(first, result, second, at)


def _within(first: ast.expr, again: ast.expr, bound: int, at: Place) -> ast.expr:
    """`first < bound and again > -bound`: two comparisons cost half of a chained one."""
    below = tree.compare(first, [ast.Lt()], [tree.constant(bound, at)], at)
    return tree.both(below, tree.compare(again, [ast.Gt()], [tree.constant(-bound, at)], at), at)


def _is_small_constant(code: ast.expr) -> bool:
    return isinstance(code, ast.Constant) and type(code.value) is int and abs(code.value) < SMALL
