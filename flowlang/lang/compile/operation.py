"""One binary operation on bound operands: Python's own behind a test of the operands' types, else the slow way.

When inference is certain of both operands and Python means the same, the operation is Python's (`_certain`). Else for
each kind of operands that is possible and that Python treats as the language does there is a test; the likeliest comes
first and also evaluates operands that had to be bound.

Sizes of ints. An operation on two small ints needs no look at its result (`static_type.py`). Other results that may be
large are compared with a limit and charged.
"""

from __future__ import annotations

import ast
from itertools import islice
from typing import Final

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import Pair, bind_codes
from flowlang.lang.compile.static_type import SHORT_MAX, Type, of_operation
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple
from flowlang.lang.syntax import nodes

SMALL: Final = 1 << 62
FREE_BITS: Final = 128
"""Ints of so many bits are no larger than what containers are charged for each element."""
DIGIT: Final = (1 << 30) - 1
SHORT_TEXT: Final = 64
"""Strings whose sum is shorter are added directly; their memory is part of the static charge (`SHORT_BYTES`)."""
SHORT_BYTES: Final = SHORT_TEXT + 56
"""What a sum is paid with beforehand: a text of less than SHORT_TEXT, or a list of few elements."""
ADDED: Final = frozenset({"str", "list", "sequence", "?", ""})
"""Types whose sums may be such."""
SUM_MAX: Final = 8
SUM_BYTES: Final = 152
"""What a list of SUM_MAX elements takes."""
SPLICED_BYTES: Final = 216
"""What a list of two short slices takes."""
DISPLAY_NODES: Final = 24
"""A list display of more nodes is not written twice."""

DIRECT: Final[dict[str, ast.operator]] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(),
    "&": ast.BitAnd(), "|": ast.BitOr(), "^": ast.BitXor(), ">>": ast.RShift(), "<<": ast.LShift(),
}  # fmt: skip
COMPARISONS: Final[dict[str, ast.cmpop]] = {
    "==": ast.Eq(), "!=": ast.NotEq(), "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(),
}  # fmt: skip
NUMBERS: Final = frozenset({"int", "float"})
FLOAT_OPERATORS: Final = frozenset("+-*/")
BOUNDED: Final = frozenset(["+", "-", "*", "//", "%", "&", "|", "^", ">>"])
"""Operators whose result may be a large int, which is charged."""
DIVISIONS: Final = frozenset(["//", "%"])


SHIFT_MAX: Final = 64


def operate(
    unit: Unit, op: str, left: nodes.Expr | None, left_code: ast.expr, right: nodes.Expr, right_code: ast.expr,
    types: tuple[Type, Type], slow_name: str, at: Place,
) -> ast.expr:  # fmt: skip
    """`left op right`; `left` is None when the left side is a running result."""
    result = of_operation(op, *types)
    if result.is_bounded and result.bits > FREE_BITS:
        unit.spend_memory(result.bits >> 3)
    plain = _certain(op, left_code, right_code, types, at)
    if plain is not None:
        return plain
    if op == "<<":
        pair = bind_codes(unit, left, left_code, right, right_code, at)
        return tree.operator("shift_left", [pair.left, pair.right], at)
    if op == "+" and all(kind.name in ADDED for kind in types):
        if left is not None and (joined := _joined(unit, left, left_code, right, right_code, at)) is not None:
            return joined
        if (spliced := _spliced(unit, left, left_code, right, right_code, at)) is not None:
            return spliced
        unit.spend_memory(SHORT_BYTES)
        if isinstance(left_code, ast.Constant) and isinstance(right_code, ast.Constant):
            return tree.operator(slow_name, [left_code, right_code], at)
    pair = bind_codes(unit, left, left_code, right, right_code, at)
    return guarded(op, pair, types, slow_name, at)


def _joined(
    unit: Unit, left: nodes.Expr, left_code: ast.expr, right: nodes.Expr, right_code: ast.expr, at: Place
) -> ast.expr | None:
    """`[x, …] + local` and `local + [x, …]` as one display, `[x, …, *local]`, while the other list is short; None for
    sums of other kinds. The local has a value, so nobody notices that it is looked at first."""
    display, other, other_code = (left, right, right_code)
    if isinstance(right, nodes.ListExpr):
        display, other, other_code = right, left, left_code
        if not all(map(is_plain, right.elements)):
            # They may change the other list, which would be spread before.
            return None
    if not (isinstance(display, nodes.ListExpr) and isinstance(other, nodes.Name) and isinstance(other_code, ast.Name)):
        return None
    code = left_code if display is left else right_code
    elements = (
        code.args[0].elts if isinstance(code, ast.Call) and code.args and isinstance(code.args[0], ast.Tuple) else []
    )
    room = SUM_MAX - len(elements)
    is_certain = is_simple(other) and other.binding in unit.assigned
    if not elements or room < 1 or not is_certain or any(True for _ in islice(ast.walk(code), DISPLAY_NODES, None)):
        return None
    unit.spend_memory(SUM_BYTES)
    spread = ast.Starred(other_code, tree.LOAD, **at)
    parts = [*elements, spread] if display is left else [spread, *elements]
    direct = tree.operator("List", [ast.List(parts, tree.LOAD, **at)], at)
    length = tree.call(tree.name("$len", at), [other_code], at)
    is_short = tree.compare(length, [ast.LtE()], [tree.constant(room, at)], at)
    test = tree.both(tree.is_type(other_code, "List", at), is_short, at)
    return tree.if_expression(test, direct, tree.operator("add", [left_code, right_code], at), at)


def _spliced(
    unit: Unit, left: nodes.Expr | None, left_code: ast.expr, right: nodes.Expr, right_code: ast.expr, at: Place
) -> ast.expr | None:
    """`xs[:i] + ys[j:]` of short lists, joined as lists of the host; None for sums of other kinds. The slices are
    guarded already (`expressions.lower_slice`); nobody notices when their parts are evaluated."""
    if not (isinstance(left, nodes.Slice) and isinstance(right, nodes.Slice)):
        return None
    parts: list[ast.expr] = []
    for code in (left_code, right_code):
        if not (isinstance(code, ast.IfExp) and isinstance(code.body, ast.Call) and code.body.args):
            return None
        parts.append(code.body.args[0])
    assert isinstance(left_code, ast.IfExp)
    assert isinstance(right_code, ast.IfExp)
    unit.spend_memory(SPLICED_BYTES)
    test: ast.expr = tree.both(left_code.test, right_code.test, at)
    if isinstance(left.value, nodes.Name) and isinstance(right.value, nodes.Name):
        test = left_code.test if left.value.binding is right.value.binding else test
    joined = tree.operator("List", [ast.BinOp(parts[0], ast.Add(), parts[1], **at)], at)
    return tree.if_expression(test, joined, tree.operator("add", [left_code.orelse, right_code.orelse], at), at)


def _certain(op: str, left: ast.expr, right: ast.expr, types: tuple[Type, Type], at: Place) -> ast.expr | None:
    """The operation without any test of types, if none is needed; its operands are used once, in order."""
    names = types[0].name, types[1].name
    if names == ("int", "int"):
        return _of_ints(op, left, right, types, at)
    if "float" in names and NUMBERS.issuperset(names):
        if op in FLOAT_OPERATORS:
            return _direct(op, left, right, at)
        constants = isinstance(left, ast.Constant), isinstance(right, ast.Constant)
        # A number that is no NaN leaves one side on which the order of the two languages differs.
        if op in COMPARISONS and (all(constants) or (constants[1] and op in ("<", "<=", "==", "!="))):
            return _direct(op, left, right, at)
        return _direct(op, left, right, at) if op in COMPARISONS and constants[0] and op in (">", ">=") else None
    if names == ("bool", "bool") and op in ("==", "!="):
        return _direct(op, left, right, at)
    is_short = types[0].is_short or types[1].is_short
    return _direct(op, left, right, at) if names == ("str", "str") and is_short and op in COMPARISONS else None


def _of_ints(op: str, left: ast.expr, right: ast.expr, types: tuple[Type, Type], at: Place) -> ast.expr | None:
    left_is_small, right_is_small = types[0].is_small, types[1].is_small
    plain = _direct(op, left, right, at) if op != "<<" else None
    if op == "//":
        return plain if left_is_small else None
    if op == "%":
        return plain if (left_is_small and right_is_small) or _is_small_constant(right) else None
    if op == "<<":
        is_short = isinstance(right, ast.Constant) and type(right.value) is int and right.value <= SHIFT_MAX
        return _direct(op, left, right, at) if left_is_small and is_short else None
    is_small = (left_is_small and (right_is_small or op == ">>")) or op == "/" or op in COMPARISONS
    if op == "&":
        is_small = is_small or _is_small_constant(right) or _is_small_constant(left)
    assert plain is not None
    return plain if is_small else bounded(plain, at)


def guarded(op: str, pair: Pair, types: tuple[Type, Type], slow_name: str, at: Place) -> ast.expr:
    """`left op right` on bound operands; the types are what inference knows of them."""
    names = types[0].name, types[1].name
    if op in COMPARISONS and "float" in names and NUMBERS.issuperset(names):
        return _compare_floats(op, pair.left, pair.right, pair, at)
    kinds = _kinds(op, types)
    if not kinds:
        return tree.operator(slow_name, [pair.left, pair.right], at)
    code: ast.expr = tree.operator(slow_name, [pair.left_use, pair.right_use], at)
    for position in reversed(range(len(kinds))):
        kind = kinds[position]
        test = _test(op, kind, pair, types, at, is_first=position == 0)
        fast = _fast(op, kind, pair, types, at)
        code = fast if test is None else tree.if_expression(test, fast, code, at)
    return code


def _kinds(op: str, types: tuple[Type, Type]) -> list[str]:
    """The kinds to test for, the likeliest first."""
    names = {types[0].name, types[1].name}
    kinds = ["int"]
    if op in FLOAT_OPERATORS or (op in COMPARISONS and "float" in names):
        kinds.append("float")
    if op == "+" or op in COMPARISONS:
        kinds.append("str")
    return [kind for kind in kinds if names <= {"?", "", kind}]


def _fast(op: str, kind: str, pair: Pair, types: tuple[Type, Type], at: Place) -> ast.expr:
    if kind == "float" and op in COMPARISONS:
        return _compare_floats(op, pair.left_use, pair.right_use, pair, at)
    plain = _direct(op, pair.left_use, pair.right_use, at)
    if kind != "int":
        return plain
    left_is_small = types[0].is_small or _is_small_constant(pair.left_use)
    right_is_small = types[1].is_small or _is_small_constant(pair.right_use)
    is_small = (
        (left_is_small and right_is_small)
        or (right_is_small and op == "%")
        or (op == "&" and (_is_small_constant(pair.right_use) or _is_small_constant(pair.left_use)))
        or (left_is_small and op in (">>", "//"))
    )
    return bounded(plain, at) if op in BOUNDED and not is_small else plain


def _direct(op: str, left: ast.expr, right: ast.expr, at: Place) -> ast.expr:
    if op in COMPARISONS:
        return tree.compare(left, [COMPARISONS[op]], [right], at)
    return ast.BinOp(left, DIRECT[op], right, **at)


def _compare_floats(op: str, left: ast.expr, right: ast.expr, pair: Pair, at: Place) -> ast.expr:
    """A comparison of numbers one of which may be NaN: the language puts NaN above all others and makes it equal to
    itself. `left` and `right` evaluate the operands, in the first comparison."""
    plain = tree.compare(left, [COMPARISONS[op]], [right], at)
    left_is_nan = tree.compare(pair.left_use, [ast.NotEq()], [pair.left_use], at)
    right_is_nan = tree.compare(pair.right_use, [ast.NotEq()], [pair.right_use], at)
    left_is_number = tree.compare(pair.left_use, [ast.Eq()], [pair.left_use], at)
    right_is_number = tree.compare(pair.right_use, [ast.Eq()], [pair.right_use], at)
    match op:
        case "==":
            more: ast.expr = tree.both(left_is_nan, right_is_nan, at)
        case "!=":
            return tree.both(plain, ast.BoolOp(ast.Or(), [left_is_number, right_is_number], **at), at)
        case "<":
            more = tree.both(right_is_nan, left_is_number, at)
        case ">":
            more = tree.both(left_is_nan, right_is_number, at)
        case "<=":
            more = right_is_nan
        case _:
            more = left_is_nan
    return ast.BoolOp(ast.Or(), [plain, more], **at)


def _test(op: str, kind: str, pair: Pair, types: tuple[Type, Type], at: Place, *, is_first: bool) -> ast.expr | None:
    """Whether both operands are of `kind`; None when that is certain. The first test evaluates what is bound."""
    left, right = (pair.left, pair.right) if is_first else (pair.left_use, pair.right_use)
    if kind == "str" and op == "+" and types[0].name == types[1].name == kind:
        return _are_short(left, right, at)
    left_open = types[0].name != kind or left is not pair.left_use
    right_open = types[1].name != kind or right is not pair.right_use
    test: ast.expr | None = None
    if left_open and right_open:
        sides = [tree.type_of(right, at), tree.name("$" + kind, at)]
        test = tree.compare(tree.type_of(left, at), [ast.Is(), ast.Is()], sides, at)
    elif left_open or right_open:
        test = tree.is_type(left if left_open else right, kind, at)
    extra: ast.expr | None = None
    if kind == "str" and op == "+":
        extra = _are_short(pair.left_use, pair.right_use, at)
    elif kind == "str" and not (types[0].is_short or types[1].is_short):
        # One short side is enough: what differs in length is not read.
        length = tree.call(tree.name("$len", at), [pair.left_use], at)
        extra = tree.compare(length, [ast.Lt()], [tree.constant(SHORT_MAX, at)], at)
    elif kind == "int" and op in DIVISIONS and not (types[0].is_small or _is_small_constant(pair.right_use)):
        # The work of other divisions has to be charged before.
        extra = _within(pair.left_use, pair.left_use, SMALL, at)
    if test is None or extra is None:
        return test or extra
    return tree.both(test, extra, at)


def _are_short(left: ast.expr, right: ast.expr, at: Place) -> ast.expr:
    known = 0
    lengths: list[ast.expr] = []
    for use in (left, right):
        if isinstance(use, ast.Constant):
            known += len(str(use.value))
        else:
            lengths.append(tree.call(tree.name("$len", at), [use], at))
    total = lengths[0] if len(lengths) == 1 else ast.BinOp(lengths[0], ast.Add(), lengths[-1], **at)
    return tree.compare(total, [ast.Lt()], [tree.constant(SHORT_TEXT - known, at)], at)


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
