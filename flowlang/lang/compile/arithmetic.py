"""Lowering of binary operators: Python's own operation behind a type guard, else the operator's slow way.

Integers are bounded: a sum or product that may be large is compared with a bound before it is used, and `$large`
charges or refuses what lies beyond. Long chains (`a + b + c + …`) are cut into pieces that follow one another in a
tuple, so that the depth of the generated tree does not grow with the length of the chain.
"""

from __future__ import annotations

import ast
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import Pair, bind_codes, known_type
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, lowers
from flowlang.lang.syntax import nodes

SMALL: Final = 1 << 62
CHAIN_PIECE: Final = 40

DIRECT: Final[dict[str, ast.operator]] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(),
    "&": ast.BitAnd(), "|": ast.BitOr(), "^": ast.BitXor(), ">>": ast.RShift(),
}  # fmt: skip
COMPARISONS: Final[dict[str, ast.cmpop]] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
}  # fmt: skip
SLOW: Final[dict[str, str]] = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo",
    "&": "bit_and", "|": "bit_or", "^": "bit_xor", "<<": "shift_left", ">>": "shift_right",
    "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip
IN_PLACE: Final[dict[str, str]] = SLOW | {
    "+": "add_in_place", "|": "or_in_place", "&": "and_in_place", "^": "xor_in_place", "-": "subtract_in_place",
}  # fmt: skip
FLOAT_OPERATORS: Final = frozenset("+-*")
GROWING: Final = frozenset("+-*")


@lowers(nodes.Binary)
def lower_binary(unit: Unit, node: nodes.Binary) -> ast.expr:
    spine = _spine(node)
    if len(spine) <= CHAIN_PIECE:
        return _fold(unit, spine, None)
    return _lower_long_chain(unit, spine)


def _spine(node: nodes.Binary) -> list[nodes.Binary]:
    """The left-deep chain that ends in `node`, innermost first."""
    spine = [node]
    while isinstance(spine[-1].left, nodes.Binary):
        spine.append(spine[-1].left)
    spine.reverse()
    return spine


def _fold(unit: Unit, spine: list[nodes.Binary], start: ast.expr | None) -> ast.expr:
    result = start
    for node in spine:
        unit.charge.nodes += 1
        if result is None:
            result = _operation(unit, node, node.left, unit.expression(node.left))
        else:
            result = _operation(unit, node, None, result)
    assert result is not None
    return result


def _lower_long_chain(unit: Unit, spine: list[nodes.Binary]) -> ast.expr:
    at = tree.place(spine[-1].span)
    total = unit.label("chain")
    pieces: list[ast.expr] = []
    start: ast.expr | None = None
    for begin in range(0, len(spine), CHAIN_PIECE):
        piece = _fold(unit, spine[begin : begin + CHAIN_PIECE], start)
        pieces.append(tree.walrus(total, piece, at))
        start = tree.name(total, at)
    return tree.subscript(ast.Tuple(pieces, tree.LOAD, **at), tree.constant(-1, at), at)


def _operation(unit: Unit, node: nodes.Binary, left: nodes.Expr | None, left_code: ast.expr) -> ast.expr:
    at = tree.place(node.span)
    right_code = unit.expression(node.right)
    if node.op in ("in", "not in"):
        pair = bind_codes(unit, left, left_code, node.right, right_code, at)
        return _membership(node, pair, left, unit, at)
    if node.op in ("==", "!=") and _decides_equality(node.right):
        return tree.compare(left_code, [COMPARISONS[node.op]], [right_code], at)
    left_type = known_type(unit, left) if left is not None else ""
    right_type = known_type(unit, node.right)
    if node.op == "<<":
        return tree.operator("shift_left", [left_code, right_code], at)
    pair = bind_codes(unit, left, left_code, node.right, right_code, at)
    return guarded(node.op, pair, left_type, right_type, SLOW[node.op], at)


def guarded(op: str, pair: Pair, left_type: str, right_type: str, slow_name: str, at: Place) -> ast.expr:
    """One operation on bound operands; the types are what inference knows of them."""
    slow: ast.expr = tree.operator(slow_name, [pair.left_use, pair.right_use], at)
    plain = _direct(op, pair, at)
    if "float" in (left_type, right_type) and op in FLOAT_OPERATORS | COMPARISONS.keys():
        test = _same_type_test(pair, "float", at)
        if op in COMPARISONS:
            test = tree.both(test, _not_nan(pair, at), at)
        return tree.if_expression(test, plain, slow, at)
    fast = _bounded(plain, at) if op in GROWING and not _grows_slowly(op, pair) else plain
    if left_type == right_type == "int":
        return fast
    if op in FLOAT_OPERATORS:
        slow = tree.if_expression(_uses_are(pair, "float", at), plain, slow, at)
    elif op in COMPARISONS:
        slow = tree.if_expression(_uses_are(pair, "str", at), plain, slow, at)
    return tree.if_expression(_int_test(pair, left_type, right_type, at), fast, slow, at)


def _direct(op: str, pair: Pair, at: Place) -> ast.expr:
    if op in COMPARISONS:
        return tree.compare(pair.left_use, [COMPARISONS[op]], [pair.right_use], at)
    return ast.BinOp(pair.left_use, DIRECT[op], pair.right_use, **at)


def _not_nan(pair: Pair, at: Place) -> ast.expr:
    """Neither operand is NaN, which the language orders and Python does not."""
    sides = [tree.compare(use, [ast.Eq()], [use], at) for use in (pair.left_use, pair.right_use)]
    return tree.both(sides[0], sides[1], at)


def _int_test(pair: Pair, left_type: str, right_type: str, at: Place) -> ast.expr:
    """Evaluates both operands, then says whether both are ints."""
    if right_type == "int":
        return tree.is_type(pair.left, "int", at)
    if left_type == "int":
        return tree.is_type(pair.right, "int", at)
    return _same_type_test(pair, "int", at)


def _same_type_test(pair: Pair, kind: str, at: Place) -> ast.expr:
    return tree.compare(
        tree.type_of(pair.left, at),
        [ast.Is(), ast.Is()],
        [tree.type_of(pair.right, at), tree.name("$" + kind, at)],
        at,
    )


def _uses_are(pair: Pair, kind: str, at: Place) -> ast.expr:
    return tree.both(tree.is_type(pair.left_use, kind, at), tree.is_type(pair.right_use, kind, at), at)


def _bounded(value: ast.expr, at: Place) -> ast.expr:
    """`r if -SMALL < (r := value) < SMALL else $large(r)`."""
    result = tree.name("%r", at)
    test = tree.compare(
        tree.constant(-SMALL, at),
        [ast.Lt(), ast.Lt()],
        [tree.walrus("%r", value, at), tree.constant(SMALL, at)],
        at,
    )
    return tree.if_expression(test, result, tree.operator("large", [result], at), at)


def _grows_slowly(op: str, pair: Pair) -> bool:
    """A sum with a small constant grows by less than a bit in 2**60 turns."""
    if op == "*":
        return False
    constants = [use.value for use in (pair.left_use, pair.right_use) if isinstance(use, ast.Constant)]
    return any(type(value) is int and abs(value) < SMALL for value in constants)


def _decides_equality(node: nodes.Expr) -> bool:
    """Whether `x == node` means for every x what Python means: a string or None on the right."""
    if isinstance(node, nodes.Constant):
        return type(node.value) is str
    return isinstance(node, nodes.Name) and node.name == "None" and node.binding.kind.value == "universal"


def _membership(node: nodes.Binary, pair: Pair, left: nodes.Expr | None, unit: Unit, at: Place) -> ast.expr:
    op: ast.cmpop = ast.In() if node.op == "in" else ast.NotIn()
    slow = tree.operator("contains" if node.op == "in" else "not_contains", [pair.left_use, pair.right_use], at)
    direct = tree.compare(pair.left_use, [op], [pair.right_use], at)
    if left is not None and known_type(unit, left) == "str":
        return tree.if_expression(tree.is_type(pair.right, "Dict", at), direct, slow, at)
    test = tree.compare(
        tree.is_type(pair.left, "str", at),
        [ast.Is(), ast.Is()],
        [tree.is_type(pair.right, "Dict", at), tree.constant(True, at)],
        at,
    )
    return tree.if_expression(test, direct, slow, at)


def augmented(unit: Unit, op: str, target: ast.expr, target_type: str, node: nodes.Expr, at: Place) -> ast.expr:
    """`target op node` for `op=`, where `target` may be evaluated twice; lists, dicts and sets change in place."""
    value = unit.expression(node)
    if op == "<<":
        return tree.operator("shift_left", [target, value], at)
    pair = bind_codes(unit, None, target, node, value, at)
    if isinstance(target, ast.Name) and isinstance(pair.left, ast.NamedExpr):
        pair = Pair(target, pair.right, target, pair.right_use, pair.right_is_bound)
    return guarded(op, pair, target_type, known_type(unit, node), IN_PLACE[op], at)
