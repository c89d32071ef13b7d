"""Lowering of binary operators and augmented assignments; the guards are in `operation.py`.

Long chains (`a + b + c + …`) are cut into pieces that follow one another in a
tuple, so that the depth of the generated tree does not grow with the length of the chain.
"""

from __future__ import annotations

import ast
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.derived import is_list_sum, lower_list_sum
from flowlang.lang.compile.formats import lower_percent
from flowlang.lang.compile.guards import Pair, bind_codes, first_type
from flowlang.lang.compile.operation import COMPARISONS, operate
from flowlang.lang.compile.static_type import SHORT_MAX, Type
from flowlang.lang.compile.targets import plain_key
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, lowers
from flowlang.lang.syntax import nodes

CHAIN_PIECE: Final = 40

SLOW: Final[dict[str, str]] = {
    "+": "add", "-": "subtract", "*": "multiply", "/": "divide", "//": "floor_divide", "%": "modulo",
    "&": "bit_and", "|": "bit_or", "^": "bit_xor", "<<": "shift_left", ">>": "shift_right",
    "==": "equal", "!=": "not_equal", "<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal",
}  # fmt: skip
IN_PLACE: Final[dict[str, str]] = SLOW | {
    "+": "add_in_place", "|": "or_in_place", "&": "and_in_place", "^": "xor_in_place", "-": "subtract_in_place",
}  # fmt: skip


@lowers(nodes.Binary)
def lower_binary(unit: Unit, node: nodes.Binary) -> ast.expr:
    if is_list_sum(unit, node):
        return lower_list_sum(unit, node)
    spine = _spine(node)
    if len(spine) <= CHAIN_PIECE:
        return _fold(unit, spine, None, unit.type_of(spine[0].left))[0]
    return _lower_long_chain(unit, spine)


def _spine(node: nodes.Binary) -> list[nodes.Binary]:
    """The left-deep chain that ends in `node`, innermost first."""
    spine = [node]
    while isinstance(spine[-1].left, nodes.Binary):
        spine.append(spine[-1].left)
    spine.reverse()
    return spine


def _fold(unit: Unit, spine: list[nodes.Binary], start: ast.expr | None, kind: Type) -> tuple[ast.expr, Type]:
    """Lowers the operations of a spine one after the other; `start` is the running result, `kind` its type. Gives
    both for what comes next, so that no type is worked out again for each longer part of a chain."""
    left = spine[0].left if start is None else None
    result = _repeated(unit, spine[0]) if start is None else start
    for node in spine:
        unit.charge.nodes += 1
        left_type = kind if left is None else first_type(unit, left, node.right)
        result = _operation(unit, node, left, result, (left_type, unit.type_of(node.right)))
        kind = unit.inference.of_part(node, kind)
        left = None
    return result, kind


def _lower_long_chain(unit: Unit, spine: list[nodes.Binary]) -> ast.expr:
    at = tree.place(spine[-1].span)
    total = unit.label("chain")
    pieces: list[ast.expr] = []
    start: ast.expr | None = None
    kind = unit.type_of(spine[0].left)
    for begin in range(0, len(spine), CHAIN_PIECE):
        piece, kind = _fold(unit, spine[begin : begin + CHAIN_PIECE], start, kind)
        pieces.append(tree.walrus(total, piece, at))
        start = tree.name(total, at)
    return tree.subscript(ast.Tuple(pieces, tree.LOAD, **at), tree.constant(-1, at), at)


def _operation(
    unit: Unit, node: nodes.Binary, left: nodes.Expr | None, left_code: ast.expr, types: tuple[Type, Type]
) -> ast.expr:
    """One operation; `left` is None when the left side is a running result. `types`: what is known of both sides."""
    at = tree.place(node.span)
    if unit.inference.is_plain(node):
        return tree.operator("repeat", [left_code, unit.flowing(node.right)], at)
    if node.op in ("in", "not in") and unit.inference.is_plain(node.right) and unit.type_of(node.right).name == "dict":
        op: ast.cmpop = ast.In() if node.op == "in" else ast.NotIn()
        key = plain_key(unit, node.left, left_code, at)
        return tree.compare(key, [op], [unit.flowing(node.right)], at)
    right_code = unit.expression(node.right)
    if node.op in ("in", "not in"):
        pair = bind_codes(unit, left, left_code, node.right, right_code, at)
        return _membership(node, pair, types, at)
    if node.op in ("==", "!=") and _decides_equality(node.right):
        return tree.compare(left_code, [COMPARISONS[node.op]], [right_code], at)
    code = operate(unit, node.op, left, left_code, node.right, right_code, types, SLOW[node.op], at)
    if node.op == "%" and isinstance(left, nodes.Constant) and type(left.value) is str:
        codes = right_code.elts if isinstance(right_code, ast.Tuple) else [right_code]
        return lower_percent(unit, node, codes, code, at)
    return code


def _decides_equality(node: nodes.Expr) -> bool:
    """Whether `x == node` means for every x what Python means: a string or None on the right."""
    if isinstance(node, nodes.Constant):
        return type(node.value) is str and len(node.value) < SHORT_MAX
    return isinstance(node, nodes.Name) and node.name == "None" and node.binding.kind.value == "universal"


def _membership(node: nodes.Binary, pair: Pair, types: tuple[Type, Type], at: Place) -> ast.expr:
    """A short string is looked up in a dict of any state, other strings and ints in a free one, which holds no long
    key and none in a wrapper."""
    op: ast.cmpop = ast.In() if node.op == "in" else ast.NotIn()
    slow: ast.expr = tree.operator(
        "contains" if node.op == "in" else "not_contains", [pair.left_use, pair.right_use], at
    )
    direct = tree.compare(pair.left_use, [op], [pair.right_use], at)
    key, container = types[0].name, types[1].name
    left_is_free = pair.left is pair.left_use
    if types[0].is_short and left_is_free:
        if container == "dict":
            return tree.compare(pair.left, [op], [pair.right], at)
        return tree.if_expression(tree.is_instance(pair.right, "AnyDict", at), direct, slow, at)
    if key in ("int", "str") and left_is_free:
        return tree.if_expression(tree.is_type(pair.right, "Dict", at), direct, slow, at)
    by_int = tree.both(tree.is_type(pair.left_use, "int", at), tree.is_type(pair.right_use, "Dict", at), at)
    slow = tree.if_expression(by_int, direct, slow, at)
    test = tree.compare(
        tree.is_type(pair.left, "str", at),
        [ast.Is(), ast.Is()],
        [tree.is_type(pair.right, "Dict", at), tree.constant(True, at)],
        at,
    )
    return tree.if_expression(test, direct, slow, at)


def _repeated(unit: Unit, node: nodes.Binary) -> ast.expr:
    """The left operand of an operation; a list display that is repeated as a plain list is a plain one itself."""
    return unit.flowing(node.left) if unit.inference.is_plain(node) else unit.expression(node.left)


def augmented(unit: Unit, op: str, target: ast.expr, target_type: Type, node: nodes.Expr, at: Place) -> ast.expr:
    """`target op node` for `op=`, where `target` may be evaluated twice; lists, dicts and sets change in place."""
    value = unit.expression(node)
    types = target_type, unit.type_of(node)
    return operate(unit, op, None, target, node, value, types, IN_PLACE[op], at)
