"""Lowering of names, literals, selections and the simple operators. Binary operators are in `arithmetic.py`, calls
in `calls.py`, comprehensions and lambdas in `functions.py`."""

from __future__ import annotations

import ast

from flowlang.lang.compile import tree
from flowlang.lang.compile.guards import Pair, bind_pair, first_type, known_type, operands
from flowlang.lang.compile.naming import python_name
from flowlang.lang.compile.operation import bounded
from flowlang.lang.compile.tree import Place
from flowlang.lang.compile.unit import Unit, is_plain, lowers
from flowlang.lang.resolve.scope import BindingKind
from flowlang.lang.syntax import nodes

LIST_BYTES, DICT_BYTES, TUPLE_BYTES = 64, 96, 48
ITEM_BYTES, ENTRY_BYTES = 8, 64
POSITIONS = {"list": "int", "dict": "str"}
"""By a container's type, the type of index that Python treats as the language does."""
CONTAINERS = {"int": "List", "str": "Dict"}
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
    if not node.elements:
        return tree.operator("List", [], at)
    elements = operands(unit, node.elements)
    return tree.operator("List", [ast.List(elements, tree.LOAD, **at)], at)


@lowers(nodes.TupleExpr)
def lower_tuple(unit: Unit, node: nodes.TupleExpr) -> ast.expr:
    unit.spend_memory(TUPLE_BYTES + ITEM_BYTES * len(node.elements))
    elements = operands(unit, node.elements)
    return ast.Tuple(elements, tree.LOAD, **tree.place(node.span))


@lowers(nodes.DictExpr)
def lower_dict(unit: Unit, node: nodes.DictExpr) -> ast.expr:
    at = tree.place(node.span)
    unit.spend_memory(DICT_BYTES + ENTRY_BYTES * len(node.entries))
    if not node.entries:
        return tree.operator("Dict", [], at)
    texts = [entry.key.value for entry in node.entries if isinstance(entry.key, nodes.Constant)]
    is_record = len(texts) == len(node.entries) and all(type(text) is str for text in texts)
    flat = operands(unit, [part for entry in node.entries for part in (entry.key, entry.value)])
    if is_record and len(set(texts)) == len(texts):
        return tree.operator("Dict", [ast.Dict([*flat[::2]], flat[1::2], **at)], at)
    return tree.operator("dict_literal", [ast.Tuple(flat, tree.LOAD, **at)], at)


@lowers(nodes.Unary)
def lower_unary(unit: Unit, node: nodes.Unary) -> ast.expr:
    at = tree.place(node.span)
    if node.op == "not":
        return ast.UnaryOp(ast.Not(), unit.expression(node.operand), **at)
    if node.op == "-" and isinstance(node.operand, nodes.Constant) and type(node.operand.value) in (int, float):
        return tree.constant(-node.operand.value, at)  # type: ignore[operator]
    names = {"-": "negate", "+": "positive", "~": "invert"}
    operand = unit.expression(node.operand)
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
    test, then, orelse = unit.expression(node.test), unit.expression(node.then), unit.expression(node.orelse)
    return tree.if_expression(test, then, orelse, tree.place(node.span))


@lowers(nodes.Dot)
def lower_dot(unit: Unit, node: nodes.Dot) -> ast.expr:
    at = tree.place(node.span)
    return tree.operator("attribute", [unit.expression(node.value), tree.constant(node.name, at)], at)


@lowers(nodes.Index)
def lower_index(unit: Unit, node: nodes.Index) -> ast.expr:
    at = tree.place(node.span)
    pair = bind_pair(unit, node.value, node.index, at)
    return index_of(pair, first_type(unit, node.value, node.index), known_type(unit, node.index), at)


def index_of(pair: Pair, container: str, static: str, at: Place) -> ast.expr:
    """`container[position]`: list by int and dict by string directly, the rest the slow way. `container` and
    `static` are what is known of the types of the two."""
    direct = tree.subscript(pair.left_use, pair.right_use, at)
    slow = tree.operator("index", [pair.left_use, pair.right_use], at)
    if (container, static) in (("list", "int"), ("dict", "str")):
        return tree.subscript(pair.left, pair.right, at)
    if container in POSITIONS and pair.left is pair.left_use:
        return tree.if_expression(tree.is_type(pair.right, POSITIONS[container], at), direct, slow, at)
    if static in CONTAINERS and not pair.right_is_bound:
        return tree.if_expression(tree.is_type(pair.left, CONTAINERS[static], at), direct, slow, at)
    list_test: ast.expr = tree.is_type(pair.left, "List", at)
    int_test = tree.is_type(pair.right, "int", at)
    if pair.right_is_bound:
        list_test = tree.compare(list_test, [ast.Is(), ast.Is()], [int_test, tree.constant(True, at)], at)
    else:
        list_test = tree.both(list_test, int_test, at)
    dict_test = tree.both(tree.is_type(pair.left_use, "Dict", at), tree.is_type(pair.right_use, "str", at), at)
    return tree.if_expression(list_test, direct, tree.if_expression(dict_test, direct, slow, at), at)


@lowers(nodes.Slice)
def lower_slice(unit: Unit, node: nodes.Slice) -> ast.expr:
    at = tree.place(node.span)
    given = [part for part in (node.start, node.stop, node.step) if part is not None]
    value, *codes = operands(unit, [node.value, *given])
    parts = [tree.constant(None, at) if part is None else codes.pop(0) for part in (node.start, node.stop, node.step)]
    return tree.operator("slice", [value, *parts], at)
