"""Lowering of names, literals, selections and the simple operators. Binary operators are in `arithmetic.py`, calls
in `calls.py`, comprehensions and lambdas in `functions.py`."""

from __future__ import annotations

import ast

from flowlang.lang.compile import tree
from flowlang.lang.compile.derived import is_list_slice, lower_list_slice
from flowlang.lang.compile.guards import (
    Pair,
    bind_codes,
    first_type,
    flowing_operands,
    is_certain,
    is_unnoticed,
    operands,
)
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.operation import FREE_BITS, bounded
from flowlang.lang.compile.static_type import Type
from flowlang.lang.compile.targets import plain_key
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, is_simple, lowers
from flowlang.lang.resolve.scope import BindingKind
from flowlang.lang.syntax import nodes

LIST_BYTES, DICT_BYTES, TUPLE_BYTES = 88, 96, 48
ITEM_BYTES, ENTRY_BYTES, SMALL_TABLE_BYTES = 8, 80, 240
SLICE_BYTES = 152
"""A short slice (`indexing.SHORT_SLICE`); longer ones charge for themselves."""
SHORT_LIST_SLICED, SHORT_TEXT_SLICED = 8, 24
"""Lengths at which any slice is short."""
LITERAL_NAMES = {"None": None, "True": True, "False": False}


@lowers(nodes.Name)
def lower_name(unit: Unit, node: nodes.Name) -> ast.expr:
    at = tree.place(node.span)
    kind = node.binding.kind
    if kind is BindingKind.UNIVERSAL:
        if node.name in LITERAL_NAMES:
            return tree.constant(LITERAL_NAMES[node.name], at)
        return unit.universal(node.name, at)
    if kind is BindingKind.PREDECLARED:
        unit.predeclared.add(node.name)
        return tree.name("&" + node.name, at)
    return tree.name(python_name(node.name), at)


@lowers(nodes.Constant)
def lower_constant(unit: Unit, node: nodes.Constant) -> ast.expr:
    return tree.constant(node.value, tree.place(node.span))


@lowers(nodes.ListExpr)
def lower_list(unit: Unit, node: nodes.ListExpr) -> ast.expr:
    at = tree.place(node.span)
    unit.spend_memory(LIST_BYTES + ITEM_BYTES * len(node.elements))
    if unit.inference.is_plain(node):
        return ast.List(flowing_operands(unit, node.elements), tree.LOAD, **at)
    if not node.elements:
        return tree.operator("List", [], at)
    elements = flowing_operands(unit, node.elements)
    return tree.operator("List", [ast.Tuple(elements, tree.LOAD, **at)], at)


@lowers(nodes.TupleExpr)
def lower_tuple(unit: Unit, node: nodes.TupleExpr) -> ast.expr:
    unit.spend_memory(TUPLE_BYTES + ITEM_BYTES * len(node.elements))
    elements = operands(unit, node.elements)
    return ast.Tuple(elements, tree.LOAD, **tree.place(node.span))


@lowers(nodes.DictExpr)
def lower_dict(unit: Unit, node: nodes.DictExpr) -> ast.expr:
    at = tree.place(node.span)
    table = max(SMALL_TABLE_BYTES, ENTRY_BYTES * len(node.entries)) if node.entries else 0
    unit.spend_memory(DICT_BYTES + table)
    is_plain_dict = unit.inference.is_plain(node)
    if not node.entries:
        return ast.Dict([], [], **at) if is_plain_dict else tree.operator("Dict", [], at)
    texts = [entry.key.value for entry in node.entries if isinstance(entry.key, nodes.Constant)]
    is_record = len(texts) == len(node.entries) and all(type(text) is str for text in texts)
    flat = flowing_operands(unit, [part for entry in node.entries for part in (entry.key, entry.value)])
    if is_record and len(set(texts)) == len(texts):
        display = ast.Dict([*flat[::2]], flat[1::2], **at)
        return display if is_plain_dict else tree.operator("Dict", [display], at)
    literal = tree.operator("dict_literal", [ast.Tuple(flat, tree.LOAD, **at)], at)
    return tree.operator("plain", [literal], at) if is_plain_dict else literal


@lowers(nodes.Unary)
def lower_unary(unit: Unit, node: nodes.Unary) -> ast.expr:
    at = tree.place(node.span)
    if node.op == "not":
        return ast.UnaryOp(ast.Not(), unit.flowing(node.operand), **at)
    if node.op == "-" and isinstance(node.operand, nodes.Constant) and type(node.operand.value) in (int, float):
        return tree.constant(-node.operand.value, at)  # type: ignore[operator]
    names = {"-": "negate", "+": "positive", "~": "invert"}
    operand = unit.expression(node.operand)
    kind = unit.type_of(node.operand)
    if kind.is_bounded and kind.bits > FREE_BITS:
        unit.spend_memory(kind.bits >> 3)
    if node.op == "-" and (kind.name == "float" or kind.is_small):
        return ast.UnaryOp(ast.USub(), operand, **at)
    if node.op == "-" and is_plain(node.operand):
        negated = bounded(ast.UnaryOp(ast.USub(), operand, **at), at)
        slow = tree.operator("negate", [operand], at)
        return tree.if_expression(tree.is_type(operand, "int", at), negated, slow, at)
    return tree.operator(names[node.op], [operand], at)


@lowers(nodes.BoolOp)
def lower_bool_op(unit: Unit, node: nodes.BoolOp) -> ast.expr:
    op: ast.boolop = ast.And() if node.op == "and" else ast.Or()
    return ast.BoolOp(op, [unit.expression(operand) for operand in node.operands], **tree.place(node.span))


@lowers(nodes.Conditional)
def lower_conditional(unit: Unit, node: nodes.Conditional) -> ast.expr:
    test, then, orelse = unit.flowing(node.test), unit.expression(node.then), unit.expression(node.orelse)
    return tree.if_expression(test, then, orelse, tree.place(node.span))


@lowers(nodes.Dot)
def lower_dot(unit: Unit, node: nodes.Dot) -> ast.expr:
    """Fields of structs are read in place; a struct without the field, and all else, go the slow way."""
    at = tree.place(node.span)
    value = unit.expression(node.value)
    use = value
    if not is_plain(node.value):
        temporary = unit.temporary()
        value, use = tree.walrus(temporary, value, at), tree.name(temporary, at)
    name = tree.constant(node.name, at)
    fields = tree.attribute(use, "fields", at)
    has_field = tree.compare(name, [ast.In()], [fields], at)
    test = tree.both(tree.is_type(value, "Struct", at), has_field, at)
    return tree.if_expression(test, tree.subscript(fields, name, at), tree.operator("attribute", [use, name], at), at)


@lowers(nodes.Index)
def lower_index(unit: Unit, node: nodes.Index) -> ast.expr:
    at = tree.place(node.span)
    container = unit.flowing(node.value)
    types = first_type(unit, node.value, node.index), unit.type_of(node.index)
    if unit.inference.is_plain(node.value):
        return _of_plain(unit, node, container, at)
    index = unit.expression(node.index)
    if _is_direct(*types):
        return tree.subscript(container, index, at)
    pair = bind_codes(unit, node.value, container, node.index, index, at)
    return index_of(pair, *types, at)


def _is_direct(container: Type, index: Type) -> bool:
    """Whether indexing means the same in Python, in every state of the container."""
    return (container.name in ("list", "str", "sequence") and index.name == "int") or (
        container.name == "dict" and index.is_short
    )


def _of_plain(unit: Unit, node: nodes.Index, container: ast.expr, at: Place) -> ast.expr:
    """An element of a plain list or dict."""
    index = unit.expression(node.index)
    if unit.type_of(node.value).name == "dict":
        return tree.subscript(container, plain_key(unit, node.index, index, at), at)
    if unit.type_of(node.index).name == "int":
        return tree.subscript(container, index, at)
    pair = bind_codes(unit, node.value, container, node.index, index, at)
    direct = tree.subscript(pair.left_use, pair.right_use, at)
    slow = tree.operator("index", [tree.operator("listed", [pair.left_use], at), pair.right_use], at)
    is_int: ast.expr = tree.is_type(pair.right, "int", at)
    if pair.left is not pair.left_use or not is_certain(unit, node.value):
        both = ast.Tuple([pair.left, is_int], tree.LOAD, **at)
        is_int = tree.subscript(both, tree.constant(1, at), at)
    return tree.if_expression(is_int, direct, slow, at)


def index_of(pair: Pair, container: Type, index: Type, at: Place) -> ast.expr:
    """`container[index]`: lists by int and dicts by a short string directly, in any state; free dicts also by other
    strings and by int, for they hold no long key and none in a wrapper."""
    direct = tree.subscript(pair.left_use, pair.right_use, at)
    slow = tree.operator("index", [pair.left_use, pair.right_use], at)
    left_is_free, right_is_free = pair.left is pair.left_use, not pair.right_is_bound
    if _is_direct(container, index) and left_is_free and right_is_free:
        return direct
    if container.name in ("list", "str", "sequence") and left_is_free:
        return tree.if_expression(tree.is_type(pair.right, "int", at), direct, slow, at)
    free_dict = tree.if_expression(tree.is_type(pair.left_use, "Dict", at), direct, slow, at)
    if index.name == "int" and right_is_free and container.name != "dict":
        return tree.if_expression(tree.is_instance(pair.left, "AnyList", at), direct, free_dict, at)
    if index.name in ("int", "str") and right_is_free:
        test = tree.is_instance(pair.left, "AnyDict", at) if index.is_short else tree.is_type(pair.left, "Dict", at)
        return tree.if_expression(test, direct, slow, at)
    key_kinds = [tree.is_type(pair.right_use, name, at) for name in ("str", "int")]
    in_dict = tree.both(tree.is_type(pair.left_use, "Dict", at), ast.BoolOp(ast.Or(), [*key_kinds], **at), at)
    is_list: ast.expr = tree.is_instance(pair.left, "AnyList", at)
    is_int = tree.is_type(pair.right, "int", at)
    if pair.right_is_bound:
        is_list = tree.compare(is_list, [ast.Is(), ast.Is()], [is_int, tree.constant(True, at)], at)
    else:
        is_list = tree.both(is_list, is_int, at)
    return tree.if_expression(is_list, direct, tree.if_expression(in_dict, direct, slow, at), at)


@lowers(nodes.Slice)
def lower_slice(unit: Unit, node: nodes.Slice) -> ast.expr:
    if is_list_slice(unit, node):
        return lower_list_slice(unit, node)
    at = tree.place(node.span)
    unit.spend_memory(SLICE_BYTES)
    given = [part for part in (node.start, node.stop, node.step) if part is not None]
    value, *codes = operands(unit, [node.value, *given])
    parts = [tree.constant(None, at) if part is None else codes.pop(0) for part in (node.start, node.stop, node.step)]
    slow = tree.operator("slice", [value, *parts], at)
    is_certain_name = is_simple(node.value) and is_certain(unit, node.value) and isinstance(value, ast.Name)
    if not is_certain_name or node.step is not None or not all(_is_quiet_int(unit, part) for part in given):
        return slow
    # Of a short list or text the host's slice cannot be long either.
    direct: ast.expr = tree.subscript(value, ast.Slice(*(_bound(part) for part in parts[:2]), **at), at)
    kind, length = "str", SHORT_TEXT_SLICED
    if unit.type_of(node.value).name != "str":
        kind, length, direct = "List", SHORT_LIST_SLICED, tree.operator("List", [direct], at)
    size = tree.call(tree.name("$len", at), [value], at)
    is_short = tree.compare(size, [ast.LtE()], [tree.constant(length, at)], at)
    return tree.if_expression(tree.both(tree.is_type(value, kind, at), is_short, at), direct, slow, at)


def _is_quiet_int(unit: Unit, node: nodes.Expr) -> bool:
    return unit.type_of(node).name == "int" and is_unnoticed(unit, node)


def _bound(code: ast.expr) -> ast.expr | None:
    """A bound of the host's slice."""
    return None if isinstance(code, ast.Constant) and code.value is None else code
